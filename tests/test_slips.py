"""The slip that opens an account: who gives it out, what it ends, and that it works once."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from evaluations.letters import message
from evaluations.models import Letter
from members.models import AuditEvent, Seat, SlipCode, User
from members.models.slips import NO_LONGER, Slip, code_digest, holders_below, issue_slip
from members.roles import Action, Role
from members.states import Refused
from tests import factories, racing
from tests.conftest import Cast

NEW = "mot-cau-de-nho-2026"


def given(cast: Cast, holder: User | None = None) -> Slip:
    return issue_slip(
        holder or cast.secretary, by=cast.ward_officer.acting(Action.HAND_OUT, cast.cell), reason="Mất máy"
    )


def opened(code: str) -> Client:
    client = Client()
    client.post(reverse("members:slip_enter"), {"code": code})
    return client


def set_password(client: Client) -> Any:
    return client.post(reverse("members:slip_set_up"), {"new_password1": NEW, "new_password2": NEW})


def test_who_gives_slips_to_whom(cast: Cast) -> None:
    both = factories.official("both", "Kiêm Thử Nhiệm", cast.cell, Role.SECRETARY)
    factories.seat(both, cast.ward, Role.SIGNER)
    past = factories.official("past", "Cựu Thử Viên", cast.cell)
    factories.seat(past, cast.cell, Role.SECRETARY, until_on=timezone.localdate() - timedelta(days=1))

    everybody = set(User.objects.filter(seats__in=Seat.objects.current()).values_list("username", flat=True))
    assert set(holders_below(cast.ward_officer)) == {cast.secretary, cast.other_secretary}
    assert {user.username for user in holders_below(cast.administrator)} == everybody - {"administrator"}
    for person in (cast.signer, cast.ward_signer, cast.secretary, cast.auditor):
        assert not holders_below(person).exists()


def test_nobody_lets_himself_into_the_account_of_his_own_signer(cast: Cast) -> None:
    with pytest.raises(Refused, match="nhiệm vụ ngoài"):
        given(cast, cast.ward_signer)


def test_a_slip_is_shown_once_and_kept_only_as_digests(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.ward_officer)

    page = client.post(reverse("evaluations:slip_issue", args=[cast.secretary.pk]), {"reason": "first"})

    slip = page.context["slip"]
    shown = page.content.decode()
    assert all(code in shown for code in (slip.code, *slip.backups))
    assert len({slip.code, *slip.backups}) == 5
    assert len(slip.code.replace("-", "")) == 26  # 128 bits
    stored = str(list(SlipCode.objects.values_list()))
    assert slip.code not in stored
    assert code_digest(slip.code.lower().replace("-", " ")) in stored
    assert AuditEvent.objects.filter(verb="issue_slip", object_id=cast.secretary.pk).count() == 1
    assert slip.code not in client.get(reverse("evaluations:slip_issue", args=[cast.secretary.pk])).content.decode()


def test_the_slip_sets_a_password_once(cast: Cast) -> None:
    slip = given(cast)
    client, late = opened(slip.code.lower().replace("-", "")), opened(slip.code)

    page = client.get(reverse("members:slip_set_up"))
    answer, again = set_password(client), set_password(late)

    assert "Ngô Văn Bí Thư" in page.content.decode()
    assert answer.status_code == 302
    assert (again.status_code, again["Location"]) == (302, reverse("members:slip_enter"))
    cast.secretary.refresh_from_db()
    assert cast.secretary.check_password(NEW)
    third = Client().post(reverse("members:slip_enter"), {"code": slip.code})
    assert third.context["form"].errors["code"] == [NO_LONGER]
    # Signed in with one factor: the page that sets up the second is all that opens.
    assert client.get("/")["Location"].startswith(reverse("mfa_index"))


def test_only_one_of_two_at_once_spends_a_code(transactional_db: None, cast: Cast) -> None:
    given(cast)

    def spend(_: int) -> None:
        with transaction.atomic():
            SlipCode.objects.get(purpose="opening").spend()

    answers = [str(answer) for answer in racing.race(4, spend)]
    assert sorted(answers) == [NO_LONGER] * 3 + ["None"]


def test_unknown_and_old_codes_are_refused_with_what_to_do(cast: Cast) -> None:
    slip = given(cast)
    SlipCode.objects.filter(purpose="opening").update(expires_at=timezone.now() + timedelta(seconds=1))
    SlipCode.objects.filter(purpose="opening").update(issued_at=timezone.now() - timedelta(days=8))
    SlipCode.objects.filter(purpose="opening").update(expires_at=timezone.now() - timedelta(days=1))

    old = Client().post(reverse("members:slip_enter"), {"code": slip.code})
    unknown = Client().post(reverse("members:slip_enter"), {"code": "AAAA-BBBB"})

    assert "nhận phiếu mới" in old.content.decode()
    assert "Không có phiếu nào mang mã này" in unknown.content.decode()
    assert Client().get(reverse("members:slip_set_up"))["Location"] == reverse("members:slip_enter")


def test_codes_are_not_guessed_for_long(cast: Cast) -> None:
    slip = given(cast)
    client = Client()
    for _ in range(10):
        client.post(reverse("members:slip_enter"), {"code": "AAAA-BBBB"})

    assert client.post(reverse("members:slip_enter"), {"code": slip.code}).status_code == 429


def test_the_way_in_closes_half_an_hour_after_the_code(cast: Cast) -> None:
    client = opened(given(cast).code)
    session = client.session
    session["slip_code"] = [session["slip_code"][0], session["slip_code"][1] - 31 * 60]
    session.save()

    assert set_password(client)["Location"] == reverse("members:slip_enter")


def test_lost_telephone_ends_everything_of_before_and_tells(cast: Cast, sign_in: Any) -> None:
    deputy = factories.official("deputy", "Phó Thử Bí Thư", cast.cell, email="pho7@example.org")
    factories.seat(deputy, cast.cell, Role.SECRETARY, as_deputy=True)
    TOTP.activate(cast.secretary, "JBSWY3DPEHPK3PXP")
    old, signed_in = given(cast), sign_in(cast.secretary)
    TOTP.activate(cast.secretary, "JBSWY3DPEHPK3PXP")

    client = sign_in(cast.ward_officer)
    page = client.post(reverse("evaluations:slip_issue", args=[cast.secretary.pk]), {"reason": "lost"})

    assert not Authenticator.objects.exists()
    assert signed_in.get("/").status_code == 302
    assert (
        Client().post(reverse("account_login"), {"login": "secretary", "password": factories.PASSWORD}).status_code
        == 200
    )
    for code in (old.code, old.backups[0]):
        refusal = Client().post(reverse("members:slip_enter"), {"code": code})
        assert refusal.context["form"].errors["code"] == [NO_LONGER]
    assert opened(page.context["slip"].code).get(reverse("members:slip_set_up")).status_code == 200
    told = Letter.objects.filter(kind="account")
    assert set(told.values_list("user__username", flat=True)) == {"secretary", "deputy"}
    notice = message(told.get(user=deputy), ["pho7@example.org"])
    assert notice.subject == "Đã cấp phiếu mở tài khoản mới"
    assert "Ngô" not in notice.body
    assert "Ngô Văn Bí Thư" in sign_in(deputy).get("/").content.decode()
    assert "Ngô Văn Bí Thư" not in sign_in(cast.other_secretary).get("/").content.decode()


def test_a_backup_code_opens_the_account_again(cast: Cast) -> None:
    slip = given(cast)
    set_password(opened(slip.code))

    assert set_password(opened(slip.backups[2])).status_code == 302
    assert SlipCode.objects.exclude(used_at=None).count() == 2


def test_the_list_costs_the_same_for_more_people(cast: Cast, sign_in: Any) -> None:
    client = sign_in(cast.ward_officer)
    url = reverse("evaluations:slip_list")
    with CaptureQueriesContext(connection) as few:
        assert client.get(url).status_code == 200
    for number in range(3):
        factories.official(f"more{number}", f"Thêm Thử {number}", cast.cell, Role.CELL_COMMITTEE)
    with CaptureQueriesContext(connection) as more:
        page = client.get(url, {"tim": ""})
    assert len(page.context["rows"]) == 5
    assert len(more) == len(few)
    assert [person.username for person, _ in client.get(url, {"tim": "hang xom"}).context["rows"]] == [
        "other_secretary"
    ]


def test_the_command_line_opens_the_last_administrators_account(cast: Cast) -> None:
    out = StringIO()
    call_command("issue_slip", "administrator", stdout=out)

    link = out.getvalue().splitlines()[0]
    assert set_password(opened(link.partition("#")[2])).status_code == 302
    with pytest.raises(CommandError, match="No active account"):
        call_command("issue_slip", "khong.co", stdout=out)
