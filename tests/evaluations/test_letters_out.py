"""Letters printed from what is known today, and what becomes of paper: rendered again, replaced, failed."""

import io
import re
from collections.abc import Callable
from datetime import date

import pytest
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from evaluations import documents, tasks
from evaluations.models import Document, EvaluationRequest, Letter
from evaluations.models.corrections import reopen
from evaluations.models.paper_codes import PaperKind, paper_facts
from evaluations.paper_words import long_date
from members.models import Activity, AuditEvent, JointReview, User
from members.roles import Action
from tests import factories
from tests.conftest import Cast
from tests.document_samples import SAMPLES, complete, fields
from tests.introducing import Introducing
from tests.season import Season, by

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning")]
SignIn = Callable[[User], Client]
# Kept in the facts for whoever reads them as data.
NOT_PRINTED = {".rows[].request", ".rows[].form", ".head.sign", ".copies", ".counts.corrected", ".counts.enclosed"}
NOT_PRINTED |= {".member.position", ".recipients", ".year"}


def text(content: bytes) -> str:
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(content)).pages]
    return re.sub(r"\s+", " ", " ".join(pages)).strip()


def test_a_reminder_names_the_letter_and_who_is_still_open(cast: Cast, play: Season, sign_in: SignIn) -> None:
    factories.member("Hồ Thử Chờ", workplace=cast.office_cell, commune=cast.ward)
    play.issued()
    matter = EvaluationRequest.objects.get(member__full_name="Hồ Thử Chờ")
    client = sign_in(cast.officer)
    url = reverse("evaluations:reminder_letter", args=[matter.campaign_id, cast.ward.pk])

    letter = text(client.get(url).content)

    assert "Ngày 05/10/2026, Đảng ủy có Công văn số 01-CV/ĐU đề nghị Đảng ủy phường An Hải" in letter
    assert "còn 02 đồng chí chưa có ý kiến của nơi cư trú" in letter
    assert "1 1 Hồ Thử Chờ" in letter
    assert "2 2 Trần Thị Thử 28/6/1980" in letter.replace("28/06/1980", "28/6/1980")
    event = AuditEvent.objects.filter(verb="read").order_by("-pk")[0]
    assert event.count == 2


def test_nobody_is_reminded_who_has_answered_everything(cast: Cast, play: Season, sign_in: SignIn) -> None:
    matter = play.answered()
    url = reverse("evaluations:reminder_letter", args=[matter.campaign_id, cast.ward.pk])

    answer = sign_in(cast.officer).get(url, follow=True)

    assert "đã trả lời đủ" in answer.content.decode()


def test_one_member_is_asked_about_on_form_3(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.issued()
    matter = EvaluationRequest.objects.get(member=cast.asked)
    client = sign_in(cast.officer)
    url = reverse("evaluations:opinion_request", args=[matter.pk])

    form = text(client.get(url).content)

    assert f'href="{url}"' in client.get(reverse("evaluations:request_page", args=[matter.pk])).content.decode()
    assert "PHIẾU XIN Ý KIẾN Chi ủy nơi cư trú" in form
    assert "Họ và tên: Trần Thị Thử" in form
    assert "chậm nhất ngày 15 tháng 11 năm 2026" in form


def test_minutes_of_a_visit_leave_room_to_write(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.issued()
    matter = EvaluationRequest.objects.get(member=cast.asked)
    client = sign_in(cast.officer)
    url = reverse("evaluations:working_minutes", args=[matter.pk])

    minutes = text(client.get(url).content)

    assert f'href="{url}"' in client.get(reverse("evaluations:request_page", args=[matter.pk])).content.decode()
    assert "BIÊN BẢN làm việc với cấp ủy nơi cư trú lấy ý kiến về đảng viên" in minutes
    assert "Đảng ủy Sở Thử Nghiệm làm việc với Đảng ủy phường An Hải" in minutes
    assert "Đồng chí Trần Thị Thử, sinh" in minutes
    assert "3. Tổng hợp ý kiến nhân dân (không ghi tên người nêu ý kiến)" in minutes
    event = AuditEvent.objects.filter(verb="read").order_by("-pk")[1]
    assert (event.object_id, event.fields) == (matter.pk, ["working_minutes"])


def test_the_ward_tells_a_workplace_who_came_and_nothing_of_what_was_said(
    cast: Cast, play: Season, sign_in: SignIn
) -> None:
    play.confirmed()
    meeting = play.meeting()
    placement = cast.asked.placements.get()
    seat = by(cast.secretary, Action.RECORD, cast.cell)
    meeting.attendances.create(placement=placement, status="present", recorded_by=seat)
    Activity.objects.create(placement=placement, on=date(2026, 9, 12), description="Dọn vệ sinh", recorded_by=seat)
    client = sign_in(cast.ward_officer)
    page = reverse("evaluations:returns_print", args=[cast.ward.pk, 2026])
    url = reverse("evaluations:information_letter", args=[cast.ward.pk, 2026])
    assert f'<option value="{cast.ministry.pk}">Đảng ủy Sở Thử Nghiệm</option>' in client.get(page).content.decode()

    letter = text(client.get(f"{url}?noi={cast.ministry.pk}").content)

    assert "1. Số đảng viên đang giữ mối liên hệ tại địa bàn: 01 đồng chí" in letter
    assert "đã mời họp 01 cuộc. Lượt có mặt: 1; vắng có lý do: 0" in letter
    assert "đã có Phiếu nhận xét năm 2026 được xác nhận: 01 đồng chí" in letter
    assert "Chi bộ Tổ dân phố 7 1 0 0 Dọn vệ sinh (12/09/2026)" in letter
    assert "Nêu gương" not in letter
    assert client.get(url)["Location"] == page
    assert client.get(f"{url}?noi={cast.other_ministry.pk}").status_code == 404


# --- What becomes of paper ---------------------------------------------------------------------------------------


def test_an_old_document_rendered_again_is_the_stored_one(cast: Cast, play: Season, sign_in: SignIn) -> None:
    """Byte for byte, and so in text and geometry: nothing of a document comes from anywhere but its facts."""
    play.far()
    campaign = play.answered().campaign
    assert campaign
    Introducing(cast).returned()
    sign_in(cast.officer).post(reverse("evaluations:campaign_report", args=[campaign.pk]))
    play.rendered()
    papers = list(Document.objects.filter(files__kind="issued"))
    # The minutes of a destruction are made again in test_retention.py.
    assert {paper.genre for paper in papers} == set(Document.Genre) - {Document.Genre.DESTRUCTION}
    # And every field of theirs is one that the samples have, which are tried with hostile words.
    real = {field for paper in papers for field in fields(paper.facts) - fields(complete(SAMPLES[paper.genre]))}
    assert real == NOT_PRINTED
    cast.ministry.name, cast.ministry.signer_name = "Đảng ủy Tên Khác", "Người Ký Khác"
    cast.ministry.save()

    assert [paper.genre for paper in papers if not is_same_when_made_again(paper)] == []


def is_same_when_made_again(paper: Document) -> bool:
    again = documents.render(
        paper.genre,
        paper.facts,
        number=paper.number or "",
        issued_on=paper.issued_on,
        access=tasks._access(paper),
        check=tasks._check(paper),
    )
    stored = paper.issued_file()
    assert stored is not None
    return again.content == bytes(stored.content)


def test_what_is_looked_at_before_is_what_goes_out(cast: Cast, play: Season, sign_in: SignIn) -> None:
    play.presented()
    letter = Document.objects.get(state=Document.State.FOR_SIGNATURE)
    preview = text(sign_in(cast.signer).get(reverse("evaluations:document_preview", args=[letter.pk])).content)

    play.issued()
    play.rendered()

    letter.refresh_from_db()
    stored = letter.issued_file()
    assert stored is not None
    issued = text(bytes(stored.content))
    given = {letter.numbered: f"-{letter.sign}", str(long_date(letter.issued_on)).replace("\xa0", " "): ""}
    for words, blank in given.items():
        assert words in issued
        issued = issued.replace(words, blank)
    code = paper_facts(PaperKind.DOCUMENT, letter.pk)["code"]
    preview = preview.replace("DỰ THẢO", "").replace("ngày …… tháng …… năm ………", "")
    issued = re.sub(rf"{code} trang \d", "", issued)
    assert words_of(preview) == words_of(issued)


def words_of(said: str) -> list[str]:
    return said.split()


def test_what_was_replaced_says_so_before_it_is_shown(cast: Cast, play: Season, sign_in: SignIn) -> None:
    matter = play.answered()
    play.rendered()
    old = matter.answering_version()
    assert old is not None
    officer = by(cast.ward_officer, Action.CONFIRM, cast.ward)
    draft = reopen(old, "mismatch", "Xem lại mục 3", by=officer)
    play.assessment().write({}, "Vắng một cuộc họp do ốm.", by=by(cast.secretary, Action.WRITE, cast.cell))
    draft.refresh_from_db()
    draft.submit(JointReview.objects.get(), by=by(cast.secretary, Action.SUBMIT, cast.cell), attendance={})
    draft.confirm(by=officer)
    play.rendered()
    client = sign_in(cast.ward_officer)
    url = reverse("evaluations:document_file", args=[old.form.pk])

    page = client.get(url)
    bytes_of_old = client.get(f"{url}?ban-cu")

    assert page["Content-Type"].startswith("text/html")
    assert "Văn bản này đã thay thế" in page.content.decode()
    assert reverse("evaluations:document_file", args=[draft.form.pk]) in page.content.decode()
    assert bytes_of_old.content[:5] == b"%PDF-"
    assert client.get(reverse("evaluations:document_file", args=[draft.form.pk])).content[:5] == b"%PDF-"


def test_a_scan_of_what_was_withdrawn_says_so_too(cast: Cast, sign_in: SignIn) -> None:
    row = Introducing(cast).issued()
    paper = row.document
    assert paper
    paper.store("issued", b"%PDF-1.7 as issued", 1)
    scan = paper.store("scan", b"\x89PNG\r\n\x1a\n a picture", 1)
    row.cancel("", by=by(cast.officer, Action.PREPARE, cast.ministry))
    client = sign_in(cast.officer)

    for url in (
        reverse("evaluations:document_file", args=[paper.pk]),
        reverse("evaluations:document_scan", args=[paper.pk, scan.pk]),
    ):
        page, old = client.get(url), client.get(f"{url}?ban-cu")
        assert "Văn bản này đã thu hồi" in page.content.decode()
        assert "Mở bản đang có hiệu lực" not in page.content.decode()
        assert old["Content-Type"] in ("application/pdf", "image/png")
    assert bytes(paper.issued_file().content) == b"%PDF-1.7 as issued"  # type: ignore[union-attr]


def test_one_that_cannot_be_made_fails_its_letter_and_disturbs_no_other(cast: Cast, play: Season) -> None:
    play.far()
    broken, whole = Document.objects.filter(genre="request_letter").order_by("pk")
    del broken.facts["purpose_text"]
    Document.objects.filter(pk=broken.pk).update(facts=broken.facts)

    play.rendered()

    reasons = dict(Document.objects.filter(genre="request_letter").values_list("pk", "render_error"))
    assert reasons == {broken.pk: "Thiếu dữ liệu để lập văn bản: purpose_text", whole.pk: ""}
    assert {letter.state for letter in broken.letters.all()} == {"failed"}
    assert {letter.last_error for letter in broken.letters.all()} == {reasons[broken.pk]}
    assert not Letter.objects.filter(document=whole, state="failed").exists()
    assert whole.issued_file() is not None
