"""How long what is kept, whom it is about, and what happens when the time is over or a person asks."""

import io
import json
import re
import zipfile
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import models
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from evaluations import tasks
from evaluations.models import (
    AssessmentVersion,
    DataRequest,
    Destruction,
    Document,
    DocumentFile,
)
from evaluations.models.data_requests import erase, events_about, people_within, secret_columns
from evaluations.models.destructions import cutoff, emptied, expired
from evaluations.person_file import sheets_about
from evaluations.retention import RetentionError, about_people, kinds, name_of, stored, table_of, tables, with_list
from members.models import (
    AuditDetail,
    AuditEvent,
    ContactMeeting,
    Member,
    Membership,
    Organization,
    Placement,
    Seat,
    User,
)
from members.models.sealing import seal_history, verify_history
from members.roles import Action
from members.states import Refused, WrongState
from tests import factories
from tests.conftest import Cast
from tests.evaluations.test_letters_out import is_same_when_made_again
from tests.season import Season, by

SignIn = Callable[[User], Client]
LONG_AGO = date(2010, 1, 1)
PEOPLE = (Member, User)


# Every table has its rules


def test_every_table_has_a_rule_of_retention_and_one_of_personal_data() -> None:
    """A new table fails here until evaluations/retention.toml says how long, about whom and what stays hidden."""
    assert [model._meta.label for model in stored() if model._meta.label not in tables()] == []
    assert [label for label, table in tables().items() if table.kind not in kinds()] == []


def test_a_table_that_points_to_people_says_so() -> None:
    """Whoever adds a foreign key to a person cannot say that the table is about nobody."""
    silent = [
        model._meta.label
        for model in stored()
        for column in model._meta.concrete_fields
        if column.related_model in PEOPLE and column.name not in ("declared_by", "ended_by")
        if not table_of(model).person
    ]
    assert silent == []


def test_every_lookup_and_every_hidden_column_exists() -> None:
    for model in stored():
        table = table_of(model)
        names = {column.name for column in model._meta.get_fields()}
        assert table.hidden <= names, model._meta.label
        for lookup in table.person:
            str(model._base_manager.filter(**{lookup: 1}).query)
        str(model._base_manager.filter(**table.told).query)


def test_secrets_are_never_given_out() -> None:
    secret = re.compile("password|hash|secret|(_key|mac)$")
    open_columns = [
        f"{model._meta.label}.{column.name}"
        for model, table in about_people()
        for column in model._meta.concrete_fields
        if secret.search(column.name) and column.name not in table.hidden
    ]
    assert open_columns == []


def test_an_unknown_table_is_named() -> None:
    class Stranger(models.Model):
        class Meta:
            app_label = "evaluations"

    try:
        with pytest.raises(RetentionError, match=r"add \[tables\.\"evaluations\.Stranger\"\]"):
            table_of(Stranger)
    finally:
        del apps.all_models["evaluations"]["stranger"]
        apps.clear_cache()


@pytest.mark.parametrize("kind", with_list(), ids=lambda kind: kind.code)
@pytest.mark.django_db
def test_every_kind_can_be_listed_and_says_what_destruction_means(cast: Cast, kind: Any) -> None:
    assert list(expired(kind, cast.province, cutoff(kind))) == []
    assert kind.steps
    assert kind.basis
    for step in kind.steps:
        emptied(step.model, step.blank)
        str(step.model._base_manager.filter(**{f"{step.of}__in": [1]}).query)


def test_the_day_before_which_time_is_over() -> None:
    kind = kinds()["attendance"]
    assert cutoff(kind, date(2026, 11, 24)) == date(2021, 11, 24)
    assert cutoff(kind, date(2028, 2, 29)) == date(2023, 2, 28)


def test_every_table_about_people_has_vietnamese_words() -> None:
    plain = [model._meta.label for model, _ in about_people() if name_of(model).isascii()]
    assert plain == []


# What has expired is listed, approved by another, destroyed with minutes


@pytest.fixture
def officer(cast: Cast) -> Seat:
    return by(cast.data_officer, Action.KEEP_DATA, cast.ministry)


@pytest.fixture
def approver(cast: Cast) -> Seat:
    return by(cast.signer, Action.APPROVE_DATA, cast.ministry)


def old_letters(play: Season) -> Document:
    """An answered round whose letter left the house sixteen years ago."""
    play.answered()
    play.rendered()
    letter = play.letter()
    Document.objects.filter(pk=letter.pk).update(issued_on=LONG_AGO)
    return Document.objects.get(pk=letter.pk)


@pytest.mark.django_db
def test_old_letters_lose_their_bytes_and_their_lists(cast: Cast, play: Season, officer: Seat, approver: Seat) -> None:
    letter = old_letters(play)
    row = Destruction.objects.propose(kinds()["letter"], cast.ministry, by=officer)
    assert (row.count, row.ids) == (1, [letter.pk])
    row.approve(by=approver)
    content = json.dumps(letter.facts, ensure_ascii=False)
    assert "Trần Thị Thử" in content

    minutes = row.destroy(by=officer)

    letter.refresh_from_db()
    assert set(letter.facts) <= {"head", "signature", "year", "due_on"}
    assert letter.label == "Số 01-CV/ĐU"
    assert not letter.files.exists()
    assert letter not in Document.objects.to_render()
    assert {name: number for name, number in row.outcome.items() if number} == {"tệp văn bản": 1, "văn bản": 1}
    assert (minutes.genre, minutes.state) == ("destruction", "issued")
    assert "Trần Thị Thử" not in json.dumps(minutes.facts, ensure_ascii=False)
    assert AuditEvent.objects.filter(verb="destroy").get().count == 1
    seal_history()
    assert verify_history().faults == []


@pytest.mark.django_db
def test_the_minutes_are_paper(cast: Cast, play: Season, officer: Seat, approver: Seat) -> None:
    old_letters(play)
    row = Destruction.objects.propose(kinds()["letter"], cast.ministry, by=officer)
    row.approve(by=approver)
    minutes = row.destroy(by=officer)

    tasks.render(minutes.pk)

    minutes.refresh_from_db()
    assert minutes.render_error == ""
    assert minutes.issued_file() is not None
    assert is_same_when_made_again(minutes)
    assert list(Document.objects.readable_by(cast.data_officer)) == [minutes]


@pytest.mark.django_db
def test_nobody_approves_his_own_list(cast: Cast, play: Season, officer: Seat) -> None:
    old_letters(play)
    factories.seat(cast.data_officer, cast.ministry, "signer")  # type: ignore[arg-type]
    row = Destruction.objects.propose(kinds()["letter"], cast.ministry, by=officer)

    with pytest.raises(Refused, match="không tự phê duyệt"):
        row.approve(by=by(cast.data_officer, Action.APPROVE_DATA, cast.ministry))
    with pytest.raises(WrongState):
        row.destroy(by=officer)
    assert not Document.objects.filter(genre="destruction").exists()


@pytest.mark.django_db
def test_a_record_stands_on_one_list_only(cast: Cast, play: Season, officer: Seat, approver: Seat) -> None:
    old_letters(play)
    row = Destruction.objects.propose(kinds()["letter"], cast.ministry, by=officer)
    with pytest.raises(Refused, match="Không có hồ sơ nào hết thời hạn"):
        Destruction.objects.propose(kinds()["letter"], cast.ministry, by=officer)
    row.drop(by=approver)

    assert Destruction.objects.propose(kinds()["letter"], cast.ministry, by=officer).ids == row.ids


@pytest.mark.django_db
def test_old_answers_keep_that_there_was_one(cast: Cast, play: Season, officer: Seat, approver: Seat) -> None:
    version = play.answered().answering_version()
    assert version
    play.rendered()
    version.assessment.__class__.objects.filter(pk=version.assessment_id).update(year=2010)
    factories.seat(cast.data_officer, cast.ward, "data_officer")  # type: ignore[arg-type]
    keeper = by(cast.data_officer, Action.KEEP_DATA, cast.ward)
    row = Destruction.objects.propose(kinds()["assessment"], cast.ward, by=keeper)
    row.approve(by=by(cast.ward_signer, Action.APPROVE_DATA, cast.ward))

    row.destroy(by=keeper)

    version.refresh_from_db()
    assert (version.answers, version.remarks, version.state) == ({}, "", "confirmed")
    assert not DocumentFile.objects.filter(document__version=version).exists()
    assert set(version.form.facts) <= {"head", "signature"}


@pytest.mark.django_db
def test_attendance_goes_with_its_meeting(cast: Cast, play: Season) -> None:
    play.meeting(date(2015, 5, 15))
    kept = play.meeting(date(2026, 5, 15))
    factories.seat(cast.data_officer, cast.ward, "data_officer")  # type: ignore[arg-type]
    keeper = by(cast.data_officer, Action.KEEP_DATA, cast.ward)
    row = Destruction.objects.propose(kinds()["attendance"], cast.ward, by=keeper)
    row.approve(by=by(cast.ward_signer, Action.APPROVE_DATA, cast.ward))
    row.destroy(by=keeper)

    assert list(ContactMeeting.objects.all()) == [kept]


@pytest.mark.django_db
def test_who_left_long_ago_becomes_nobody(cast: Cast, officer: Seat, approver: Seat) -> None:
    gone = factories.member("Cao Thử Xưa", workplace=cast.office_cell, commune=cast.ward, phone="0905000001")
    later = factories.member("Cao Thử Nay", workplace=cast.office_cell, commune=cast.ward)
    for member, on in ((gone, date(2020, 6, 1)), (later, timezone.localdate() - timedelta(days=30))):
        Membership.objects.filter(member=member).update(until_on=on)
        Placement.objects.filter(member=member).update(until_on=on)

    row = Destruction.objects.propose(kinds()["person"], cast.ministry, by=officer)
    assert row.ids == [gone.pk]
    row.approve(by=approver)
    row.destroy(by=officer)

    gone.refresh_from_db()
    assert (gone.full_name, gone.search_key, gone.birth_date, gone.phone) == ("(đã xóa)", "", None, "")
    assert Placement.objects.get(member=gone).cell_as_written == ""
    assert not expired(kinds()["person"], cast.ministry, cutoff(kinds()["person"])).exists()


@pytest.mark.django_db
def test_details_of_the_history_go_and_its_seals_stay(cast: Cast, officer: Seat, approver: Seat) -> None:
    AuditEvent.objects.record("Member.update", by=approver, on=cast.asked, changes={"phone": ["", "0905000001"]})
    kind = kinds()["history_detail"]
    assert not expired(kind, cast.ministry, timezone.localdate()).exists()
    found = expired(kind, cast.ministry, timezone.localdate() + timedelta(days=1))
    assert found.count() == 1


# What a person may ask


@pytest.mark.django_db
def test_erasure_leaves_lines_and_seals(cast: Cast, play: Season, officer: Seat) -> None:
    Member.objects.filter(pk=cast.asked.pk).update(phone="0905000001", card_no="43.000001")
    member = Member.objects.get(pk=cast.asked.pk)
    member.set_keys()
    member.save()
    other = factories.member("Tô Thử Khác", workplace=cast.office_cell, commune=cast.ward)
    for who in (member, other):
        AuditEvent.objects.record("Member.update", by=officer, on=who, changes={"phone": ["", "0905000001"]})
    place = Placement.objects.get(member=member)
    AuditEvent.objects.record("Placement.assign", by=officer, on=place, changes={"cell": [None, 7]})
    seal_history()
    before = AuditEvent.objects.count()

    done = erase(member, "12-CV/ĐU", "Theo đơn của đảng viên", by=officer)
    seal_history()

    member.refresh_from_db()
    assert (member.card_no, member.phone, member.address, member.card_index) == ("", "", "", "")
    assert member.full_name == "Trần Thị Thử"
    assert list(AuditDetail.objects.values_list("event__object_id", flat=True)) == [other.pk]
    verdict = verify_history()
    assert (verdict.erased, verdict.faults) == (2, [])
    assert AuditEvent.objects.count() == before + 1
    assert done.outcome == {"nội dung chi tiết của lịch sử": 2, "đảng viên": 1}


@pytest.mark.django_db
def test_what_was_staged_about_the_person_goes_too(cast: Cast, officer: Seat) -> None:
    assert set(secret_columns(Member)) == {"card_no", "phone", "address"}
    assert {model._meta.label for model, _ in about_people() if secret_columns(model)} >= {
        "members.Member",
        "members.StagedRow",
    }


@pytest.mark.django_db
def test_everything_about_one_person(cast: Cast, play: Season, sign_in: SignIn, officer: Seat) -> None:
    other = factories.member("Tô Thử Khác", workplace=cast.office_cell, commune=cast.ward)
    play.answered()
    play.rendered()
    url = reverse("evaluations:personal_file", args=[cast.asked.pk])
    data = {"what": "export", "paper_no": "12-CV/ĐU", "reason": "Đơn của đảng viên"}

    response = sign_in(cast.data_officer).post(url, data)

    archive = zipfile.ZipFile(io.BytesIO(response.content))
    names = sorted(archive.namelist())
    assert names[0] == "doc-truoc.txt"
    assert [name for name in names if name.endswith("issued.pdf")] != []
    told = json.loads(archive.read("so-lieu.json"))
    assert told["members.Member"]["rows"][0]["full_name"] == "Trần Thị Thử"
    assert "search_key" not in told["members.Member"]["rows"][0]
    assert told["evaluations.AssessmentVersion"]["rows"][0]["state"] == "đã xác nhận"
    assert {"members.Membership", "members.Placement", "evaluations.EvaluationRequest"} <= set(told)
    assert other.full_name not in archive.read("so-lieu.json").decode()
    book = load_workbook(io.BytesIO(archive.read("so-lieu.xlsx")))
    assert "Đảng viên" in book.sheetnames
    assert "Ai đã xem, sửa" in book.sheetnames
    request = DataRequest.objects.get()
    assert (request.kind, request.paper_no, request.member) == ("export", "12-CV/ĐU", cast.asked)
    assert "12-CV/ĐU" in archive.read("doc-truoc.txt").decode()


@pytest.mark.django_db
def test_what_has_not_been_answered_is_not_told(cast: Cast, play: Season) -> None:
    play.submitted(remarks="Chưa gửi trả lời")
    assert AssessmentVersion.objects.exists()

    said = json.dumps([sheet.rows for sheet in sheets_about(cast.asked)], ensure_ascii=False, default=str)

    assert "Chưa gửi trả lời" not in said
    assert "evaluations.AssessmentVersion" not in {sheet.label for sheet in sheets_about(cast.asked)}


@pytest.mark.django_db
def test_who_read_is_part_of_it(cast: Cast, sign_in: SignIn) -> None:
    sign_in(cast.officer).get(reverse("members:member_page", args=[cast.asked.pk]))

    assert events_about(cast.asked).filter(verb="read").count() == 1


@pytest.mark.django_db
def test_only_people_of_his_branch(cast: Cast) -> None:
    elsewhere = factories.member("Tô Thử Xa", commune=cast.other_ward)

    assert list(people_within(cast.data_officer)) == [cast.asked]
    factories.seat(cast.data_officer, cast.province, "data_officer")  # type: ignore[arg-type]
    assert elsewhere in people_within(User.objects.get(pk=cast.data_officer.pk))


# Pages


@pytest.mark.django_db
def test_the_officer_lists_and_the_signer_approves(cast: Cast, play: Season, sign_in: SignIn) -> None:
    old_letters(play)
    client, signer = sign_in(cast.data_officer), sign_in(cast.signer)
    page = client.get(reverse("evaluations:personal_data")).content.decode()
    assert "Công văn đi, đến và bản quét" in page
    made = client.post(reverse("evaluations:destruction_propose", args=[cast.ministry.pk]), {"kind": "letter"})
    url = made["Location"]
    assert "Chờ đồng chí có nhiệm vụ ký" in client.get(url).content.decode()
    assert client.post(url, {"do": "approve"}).status_code == 403
    signer.post(url, {"do": "approve"})
    assert signer.post(url, {"do": "destroy"}).status_code == 403
    client.post(url, {"do": "destroy"})

    row = Destruction.objects.get()
    assert (row.state, row.approved_by, row.destroyed_by) == (
        "destroyed",
        cast.signer.seats.get(),
        cast.data_officer.seats.get(),
    )
    assert "Biên bản tiêu hủy" in signer.get(url).content.decode()


@pytest.mark.django_db
def test_an_unknown_kind_is_refused(cast: Cast, sign_in: SignIn) -> None:
    url = reverse("evaluations:destruction_propose", args=[cast.ministry.pk])
    for kind in ("", "book", "x"):
        sign_in(cast.data_officer).post(url, {"kind": kind})
    assert not Destruction.objects.exists()


@pytest.mark.django_db
def test_erasing_by_the_page(cast: Cast, sign_in: SignIn) -> None:
    client, url = sign_in(cast.data_officer), reverse("evaluations:personal_file", args=[cast.asked.pk])
    said = {"what": "erase", "paper_no": "12-CV/ĐU", "reason": "Đơn của đảng viên"}

    unsure = client.post(url, said).content.decode()
    assert "Đánh dấu vào ô xác nhận" in unsure
    assert "12-CV/ĐU" in unsure
    client.post(url, said | {"sure": "on"})

    assert Member.objects.get(pk=cast.asked.pk).address == ""
    assert DataRequest.objects.get().kind == "erasure"
    assert "12-CV/ĐU" in client.get(url).content.decode()


@pytest.mark.django_db
def test_looking_up_is_noted(cast: Cast, sign_in: SignIn) -> None:
    page = sign_in(cast.data_officer).get(reverse("evaluations:personal_data"), {"tim": "tran thi"})

    assert page.context["people"] == [cast.asked]
    assert AuditEvent.objects.filter(verb="read", object_id=cast.asked.pk).exists()
    assert Organization.objects.exists()
