"""The guides: everybody gets his own first, and they speak of buttons that exist."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client

from evaluations.views.guides import GUIDES
from members.models import User
from members.navigation import _ENTRIES
from members.roles import Role
from tests import factories
from tests.conftest import Cast

TEMPLATES = Path(__file__).parent.parent.parent.parent / "templates"
OWN = {
    "secretary": "Chi bộ nơi cư trú",
    "ward_clerk": "Đảng ủy xã, phường, đặc khu",
    "ward_signer": "Đảng ủy xã, phường, đặc khu",
    "officer": "Cấp ủy nơi công tác",
    "member_user": "Đảng viên",
    "nobody": "Đảng viên",
    "overseer": "Theo dõi, quản trị, kiểm tra",
    "administrator": "Theo dõi, quản trị, kiểm tra",
    "auditor": "Theo dõi, quản trị, kiểm tra",
    "data_officer": "Theo dõi, quản trị, kiểm tra",
}


def test_everybody_opens_his_own_guide_first(cast: Cast, sign_in: Callable[[User], Client]) -> None:
    people = {**cast.people(), "committee": factories.official("committee", "Cao Thị", cast.cell, Role.CELL_COMMITTEE)}
    shown = {name: sign_in(people[name]).get("/huong-dan/").context["title"] for name in OWN}
    assert shown == OWN
    assert sign_in(people["committee"]).get("/huong-dan/").context["title"] == "Chi bộ nơi cư trú"
    client = sign_in(cast.nobody)
    assert [client.get(f"/huong-dan/?cua={word}").context["title"] for word in GUIDES] == list(GUIDES.values())
    assert client.get("/huong-dan/?cua=../x").context["title"] == "Đảng viên"
    assert 'href="/huong-dan/"' in client.get("/").content.decode()


def words_on_pages() -> str:
    """Everything our pages say, tags and icons left out, so that a button is its words."""
    pages = [path.read_text("utf-8") for path in sorted(TEMPLATES.rglob("*.html")) if path.parent.name != "guides"]
    said = [re.sub(r"<[^>]*>", "|", re.sub(r"\{% include \"includes/icon.html\"[^%]*%\}", "", page)) for page in pages]
    quoted = [match for page in pages for match in re.findall(r'(?:submit|action_label)="([^"]+)"', page)]
    return "|".join([*said, *quoted, *(label for _, label, _, _ in _ENTRIES), "Việc hôm nay|Của tôi", ""])


@pytest.mark.parametrize("word", [*GUIDES, "safety"])
def test_buttons_of_the_guides_exist(word: str) -> None:
    named = re.findall(r"<b>(.*?)</b>", (TEMPLATES / "evaluations" / "guides" / f"{word}.html").read_text("utf-8"))
    pages = words_on_pages()
    assert named
    assert [button for button in named if not re.search(rf"[|}}>]\s*{re.escape(button)}\s*[|{{]", pages)] == []
