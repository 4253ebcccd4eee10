"""The archive export: originals and nothing else, in the chosen order, named without people, complete and checkable."""

import hashlib
import io
import re
from collections.abc import Callable
from datetime import timedelta
from zipfile import ZipFile

import openpyxl
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from evaluations import archives, tasks
from evaluations.models import Bundle, Document, DocumentFile
from evaluations.models.archives import Sequence, campaign_archive, commune_archive
from evaluations.models.print_plans import Sheet
from members.models import AuditEvent, User
from members.roles import Action
from tests.conftest import Cast
from tests.season import Season, by

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning")]
SignIn = Callable[[User], Client]
YEAR = Season.YEAR


def opened(bundle: Bundle) -> dict[str, bytes]:
    with ZipFile(io.BytesIO(b"".join(bundle.content()))) as whole:
        assert whole.testzip() is None
        return {name: whole.read(name) for name in whole.namelist()}


def index(files: dict[str, bytes]) -> list[dict[str, object]]:
    sheet = openpyxl.load_workbook(io.BytesIO(files["muc-luc.xlsx"])).active
    assert sheet is not None
    head, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(map(str, head), row, strict=True)) for row in rows]


def made(cast: Cast, play: Season, sequence: str = "ngay") -> Bundle:
    matter = play.answered()
    assert matter.campaign
    order = campaign_archive(matter.campaign, sequence, cast.officer)
    bundle = Bundle.objects.order(order, "Nộp lưu", by=by(cast.officer, Action.EXPORT, cast.ministry))
    tasks.bundle(bundle.pk)
    return Bundle.objects.get(pk=bundle.pk)


def test_the_originals_come_out_byte_for_byte_with_an_index_and_sums(cast: Cast, play: Season) -> None:
    bundle = made(cast, play)
    files = opened(bundle)
    stored = DocumentFile.objects.filter(document__in=bundle.ids(Sheet.ORIGINALS)).order_by("document")

    papers = {name: content for name, content in files.items() if name.endswith(".pdf")}
    assert (bundle.state, bundle.done, bundle.pages, len(papers)) == ("ready", 3, 3, 3)
    assert sorted(map(bytes, papers.values())) == sorted(bytes(file.content) for file in stored)
    sums = dict(line.split("  ")[::-1] for line in files["sha256sums.txt"].decode().splitlines())
    assert sums == {name: hashlib.sha256(content).hexdigest() for name, content in papers.items()}
    rows = index(files)
    assert [row["Tệp"] for row in rows] == list(papers)
    assert [row["SHA-256"] for row in rows] == list(sums.values())
    assert [row["Số, ký hiệu"] for row in rows] == ["01-CV/ĐU", "01-CV/ĐU", None]
    assert [row["Đảng viên"] for row in rows] == [None, None, "Trần Thị Thử, 28/06/1980"]
    assert "Lý do: Nộp lưu" in files["DOC-TRUOC.txt"].decode()


def test_names_of_files_name_nobody(cast: Cast, play: Season) -> None:
    names = [name for name in opened(made(cast, play)) if name.endswith(".pdf")]

    assert names[0] == "00001_cong-van-de-nghi-nhan-xet_01-cv-du_dang-uy-so-thu-nghiem.pdf"
    assert re.fullmatch(r"00003_phieu-nhan-xet_chi-bo-to-dan-pho-7_D-[0-9A-Z-]+\.pdf", names[2])
    assert [name for name in names if "thu_" in name or "tran" in name] == []


def test_a_chosen_order_puts_letters_before_the_forms_that_go_with_them(cast: Cast, play: Season) -> None:
    matter = play.answered()
    assert matter.campaign
    genres = dict(Document.objects.values_list("pk", "genre"))

    def order(sequence: str) -> list[str]:
        plan = campaign_archive(matter.campaign, sequence, cast.officer).plan  # type: ignore[arg-type]
        return [genres[pk] for _, ids in plan for pk in ids]

    assert order(Sequence.COMMUNE) == ["request_letter", "reply_letter", "assessment_form"]
    assert order(Sequence.HOME) == ["request_letter", "reply_letter", "assessment_form"]
    assert order(Sequence.DAY)[0] == "request_letter"


def test_a_ward_takes_its_year_a_cell_of_it_or_one_workplace(cast: Cast, play: Season) -> None:
    play.answered()
    genres = dict(Document.objects.values_list("pk", "genre"))

    def taken(scope: object) -> list[str]:
        plan = commune_archive(cast.ward, YEAR, "chi-bo", cast.ward_officer, scope).plan  # type: ignore[arg-type]
        return [genres[pk] for _, ids in plan for pk in ids]

    assert taken(None) == taken(cast.ministry) == ["request_letter", "reply_letter", "assessment_form"]
    assert taken(cast.cell) == ["assessment_form"]
    assert taken(cast.other_cell) == taken(cast.other_ministry) == []


def test_a_paper_that_could_not_be_made_stands_in_the_index_without_a_file(cast: Cast, play: Season) -> None:
    matter = play.answered()
    Document.objects.get(genre=Document.Genre.ASSESSMENT_FORM).mark_unrenderable("Thiếu dữ liệu")
    assert matter.campaign
    order = campaign_archive(matter.campaign, "ngay", cast.officer)
    bundle = Bundle.objects.order(order, "Nộp lưu", by=by(cast.officer, Action.EXPORT, cast.ministry))

    tasks.bundle(bundle.pk)

    (row,) = [row for row in index(opened(Bundle.objects.get(pk=bundle.pk))) if not row["Tệp"]]
    assert (row["Bản"], row["Tên loại và trích yếu"]) == ("Thiếu dữ liệu", "Phiếu nhận xét năm 2026")


class Killed(BaseException):
    pass


def test_a_worker_that_dies_leaves_what_it_has_done(cast: Cast, play: Season, monkeypatch: pytest.MonkeyPatch) -> None:
    matter = play.answered()
    assert matter.campaign
    order = campaign_archive(matter.campaign, "ngay", cast.officer)
    plan = [[Sheet.ORIGINALS.value, [pk]] for _, ids in order.plan for pk in ids]
    bundle = Bundle.objects.order(order, "Nộp lưu", by=by(cast.officer, Action.EXPORT, cast.ministry))
    Bundle.objects.filter(pk=bundle.pk).update(plan=plan)
    whole = archives.part

    def die_at_the_last(ids: list[int], first: int) -> bytes:
        if first == 3:
            raise Killed
        return whole(ids, first)

    monkeypatch.setattr(archives, "part", die_at_the_last)
    with pytest.raises(Killed):
        tasks.bundle(bundle.pk)
    bundle.refresh_from_db()
    assert (bundle.state, bundle.done) == ("running", 2)
    Bundle.objects.filter(pk=bundle.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    monkeypatch.setattr(archives, "part", lambda ids, first: whole(ids, first) if first == 3 else 1 / 0)
    tasks.bundle(bundle.pk)

    names = [name[:5] for name in opened(Bundle.objects.get(pk=bundle.pk)) if name.endswith(".pdf")]
    assert names == ["00001", "00002", "00003"]


def test_a_paper_that_is_being_stored_is_waited_for(cast: Cast, play: Season) -> None:
    matter = play.answered()
    with pytest.raises(archives.NotStoredYet):
        archives.part([matter.letter_id or 0], 1)


def test_it_is_asked_for_with_a_reason_logged_and_loaded_down(cast: Cast, play: Season, sign_in: SignIn) -> None:
    matter = play.answered()
    client, page = sign_in(cast.officer), reverse("evaluations:campaign_print", args=[matter.campaign_id])
    url = reverse("evaluations:campaign_archive", args=[matter.campaign_id])
    shown = client.get(page).content.decode()
    assert f'action="{url}"' in shown
    assert "Theo chi bộ nơi công tác" in shown

    refused = client.post(url, {"luu-tru-sequence": "ngay", "luu-tru-reason": ""}, follow=True).content.decode()
    assert "Lý do xuất" in refused
    assert not Bundle.objects.exists()

    said = {"luu-tru-sequence": "xa-phuong", "luu-tru-reason": "Nộp lưu trữ cơ quan"}
    answer = client.post(url, said)
    bundle = Bundle.objects.get()
    assert answer["Location"] == reverse("evaluations:bundle_page", args=[bundle.pk])
    event = AuditEvent.objects.get(verb="export")
    assert (event.object_id, event.detail.changes) == (bundle.pk, {"reason": ["", "Nộp lưu trữ cơ quan"]})
    tasks.bundle(bundle.pk)
    assert "Tải về hồ sơ" in client.get(answer["Location"]).content.decode()
    file = client.get(reverse("evaluations:bundle_file", args=[bundle.pk]))
    assert (file["Content-Type"], "ho-so-" in file["Content-Disposition"]) == ("application/zip", True)
    assert b"".join(file.streaming_content)[:2] == b"PK"  # type: ignore[attr-defined]
    matter.refresh_from_db()
    assert matter.state == "received"
    assert AuditEvent.objects.filter(verb="Bundle.download").count() == 1


def test_who_only_configures_finds_no_archive(cast: Cast, play: Season, sign_in: SignIn) -> None:
    bundle = made(cast, play)

    for person in (cast.administrator, cast.overseer, cast.neighbour, cast.secretary):
        assert sign_in(person).get(reverse("evaluations:bundle_page", args=[bundle.pk])).status_code == 404


def test_one_own_form_waits_outside_until_it_has_gone_out(cast: Cast, play: Season) -> None:
    play.confirmed()
    cast.member_user.member = None
    cast.member_user.save()
    cast.ward_officer.member = cast.asked
    cast.ward_officer.save()
    assert commune_archive(cast.ward, YEAR, "ngay", cast.ward_officer).total == 1
