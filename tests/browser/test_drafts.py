"""Nothing typed is lost: a bad line, an ended session, two windows, a closed window, no scripts."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from evaluations.models import AssessmentVersion
from members.models import Attendance, JointReview, Placement, User
from tests import factories
from tests.browser.conftest import faults
from tests.conftest import Cast
from tests.season import GOOD, Season, by

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SignIn = Callable[..., Page]
YEAR = Season.YEAR
WORDS = "Đồng chí gương mẫu, vận động 12 hộ hiến đất mở đường; “việc nhỏ” làm đến nơi. <b>&"
MORE = "\nTham gia tổ tự quản từ tháng 3."
HEARD = ("net::ERR_INTERNET_DISCONNECTED", "401 (Unauthorized)", "409 (Conflict)", "403 (Forbidden)")


@pytest.fixture
def secretary(transactional_db: None, cast: Cast, settings: Any) -> User:
    settings.SECOND_FACTOR = False  # people sign in again by password here, as in the demonstration
    for name in ("Lê Thử An", "Lê Thử Bình"):
        factories.member(name, workplace=cast.office_cell, commune=cast.ward, cell=cast.cell)
    return cast.secretary


def grid_url() -> str:
    return f"/chi-bo/{Placement.objects.exclude(cell=None).first().cell_id}/nhan-xet/{YEAR}/"


def person_url(number: int = 0) -> str:
    return f"{grid_url()}dong-chi/{placements()[number].pk}/"


def placements() -> list[Placement]:
    return list(Placement.objects.exclude(cell=None).order_by("member__sort_key"))


def remarks() -> list[str]:
    return list(
        AssessmentVersion.objects.order_by("assessment__placement__member__sort_key").values_list("remarks", flat=True)
    )


def kept(page: Page) -> dict[str, str]:
    """What this browser holds."""
    held: dict[str, str] = page.evaluate("() => ({...localStorage})")
    return {key: value for key, value in held.items() if key.startswith("draft:")}


def write(page: Page, words: str, *, stays: bool = False) -> None:
    """Types at the end of the remarks and leaves the field, which saves sooner than a pause does."""
    page.bring_to_front()  # the clocks of a window behind another run slowly
    page.locator("[name=remarks]").press("Control+End")
    page.locator("[name=remarks]").press_sequentially(words)
    if not stays:
        page.locator("[name=remarks]").blur()


def sign_in_again(page: Page, person: User) -> None:
    """In another window of the same browser."""
    other = page.context.new_page()
    other.goto("/tai-khoan/dang-nhap/")
    other.fill("[name=login]", person.username)
    other.fill("[name=password]", factories.PASSWORD)
    other.get_by_role("button", name="Đăng nhập bằng mật khẩu").click()
    expect(other.get_by_role("heading", name="Việc hôm nay")).to_be_visible()
    other.close()


def test_a_page_saves_by_itself_and_says_so(secretary: User, sign_in_as: SignIn) -> None:
    page = sign_in_as(secretary, width=360)
    page.goto(person_url())
    page.get_by_label("Gương mẫu đi đầu").check()
    write(page, WORDS, stays=True)
    expect(page.locator("#kept")).to_contain_text("Đã lưu lúc")
    expect(page.locator("#todo")).to_contain_text("Chưa đánh giá mục 1")
    assert remarks() == [WORDS]
    assert kept(page) == {}
    assert faults(page) == []

    # A link pressed right after the last letter takes it along.
    write(page, MORE, stays=True)
    page.get_by_role("link", name="Bảng nhận xét cả chi bộ").click()
    page.wait_for_url(f"**{grid_url()}")
    assert remarks() == [WORDS + MORE]

    # The button goes on from the edit number that the last saving left.
    page.goto(person_url())
    write(page, "!", stays=True)
    page.get_by_role("button", name="Lưu", exact=True).click()
    expect(page.get_by_text("Đã lưu nhận xét.")).to_be_visible()
    assert remarks() == [WORDS + MORE + "!"]
    assert kept(page) == {}


def test_an_ended_session_keeps_the_words_on_screen_until_they_are_saved(secretary: User, sign_in_as: SignIn) -> None:
    page = sign_in_as(secretary, hears=HEARD)
    page.goto(person_url())
    Session.objects.all().delete()
    write(page, WORDS)
    expect(page.locator("#signed-out")).to_be_visible()
    expect(page.locator("#kept")).to_contain_text("Máy này đang giữ bản gõ lúc")
    assert remarks() == []
    assert page.input_value("[name=remarks]") == WORDS

    sign_in_again(page, secretary)
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(page.locator("#kept")).to_contain_text("Đã lưu lúc")
    expect(page.locator("#signed-out")).to_be_hidden()
    assert remarks() == [WORDS]
    assert kept(page) == {}

    # The page's own buttons work too, though it was served before this sign-in.
    write(page, MORE)
    page.get_by_role("button", name="Lưu", exact=True).click()
    expect(page.get_by_text("Đã lưu nhận xét.")).to_be_visible()
    assert remarks() == [WORDS + MORE]


@pytest.mark.parametrize("scripts", [True, False])
def test_a_button_pressed_after_the_end_of_the_session(secretary: User, sign_in_as: SignIn, scripts: bool) -> None:
    page = sign_in_as(secretary, hears=HEARD, java_script_enabled=scripts)
    page.goto(person_url())
    Session.objects.all().delete()
    page.fill("[name=remarks]", WORDS)
    page.get_by_role("button", name="Lưu", exact=True).click()
    expect(page.get_by_role("heading", name="Phiên làm việc đã hết")).to_be_visible()
    page.get_by_text("Xem nội dung sẽ gửi lại").click()
    expect(page.locator("main li").get_by_text(WORDS)).to_be_visible()

    sign_in_again(page, secretary)
    page.get_by_role("button", name="Gửi lại").click()
    if not scripts:
        expect(page.get_by_role("heading", name="gửi lại một lần nữa")).to_be_visible()
        page.get_by_role("button", name="Gửi lại").click()
    expect(page.get_by_text("Đã lưu nhận xét.")).to_be_visible()
    assert remarks() == [WORDS]
    if scripts:
        assert kept(page) == {}


def test_without_a_line_the_browser_keeps_it_and_offers_it_again(secretary: User, sign_in_as: SignIn) -> None:
    page = sign_in_as(secretary, hears=HEARD)
    page.goto(person_url())
    page.context.set_offline(True)
    write(page, WORDS)
    page.get_by_label("Gương mẫu đi đầu").check()
    expect(page.locator("#kept")).to_contain_text("Chưa lưu lên hệ thống. Máy này đang giữ bản gõ lúc")
    page.get_by_role("button", name="Lưu", exact=True).click()
    expect(page.locator("#not-sent")).to_be_visible()
    assert page.input_value("[name=remarks]") == WORDS

    page.close()
    page = page.context.new_page()
    page.context.set_offline(False)
    page.goto(person_url())
    offer = page.get_by_text("Máy này còn giữ nội dung")
    expect(offer).to_be_visible()
    expect(page.get_by_text("hoặc sau 7 ngày")).to_be_visible()
    expect(page.locator("main dd").get_by_text(WORDS)).to_be_visible()
    assert faults(page) == []
    page.get_by_role("button", name="Đưa lại vào biểu").click()
    expect(offer).to_be_hidden()
    expect(page.locator("#kept")).to_contain_text("Đã lưu lúc")
    assert remarks() == [WORDS]
    assert AssessmentVersion.objects.get().answer("civic_duty")["option"] == 0
    assert kept(page) == {}


def test_when_the_line_comes_back_the_page_saves(secretary: User, sign_in_as: SignIn) -> None:
    page = sign_in_as(secretary, hears=HEARD)
    page.goto(person_url())
    page.context.set_offline(True)
    write(page, WORDS)
    expect(page.locator("#kept")).to_contain_text("Chưa lưu lên hệ thống")
    page.context.set_offline(False)
    expect(page.locator("#kept")).to_contain_text("Đã lưu lúc")
    assert remarks() == [WORDS]


def test_two_windows_show_both_texts_and_the_person_chooses(secretary: User, sign_in_as: SignIn) -> None:
    first = sign_in_as(secretary, hears=HEARD)
    first.goto(person_url())
    second = first.context.new_page()
    second.goto(person_url())
    write(first, "Bản ở cửa sổ một")
    expect(first.locator("#kept")).to_contain_text("Đã lưu lúc")

    write(second, "Bản ở cửa sổ hai")
    clash = second.locator("#clash")
    expect(clash).to_contain_text("Bản ở cửa sổ một")
    expect(clash).to_contain_text("Bản ở cửa sổ hai")
    assert faults(second) == []
    write(second, ", viết thêm")
    second.wait_for_timeout(600)
    assert remarks() == ["Bản ở cửa sổ một"]
    second.get_by_role("button", name="Lưu bản đồng chí vừa nhập").click()
    expect(second.get_by_text("Đã lưu nhận xét.")).to_be_visible()
    assert remarks() == ["Bản ở cửa sổ hai, viết thêm"]

    write(first, ", còn gõ")
    expect(first.locator("#clash")).to_contain_text("Bản ở cửa sổ hai, viết thêm")
    first.get_by_role("link", name="Bỏ bản vừa nhập, mở bản đã lưu").click()
    expect(first.locator("[name=remarks]")).to_have_value("Bản ở cửa sổ hai, viết thêm")
    assert first.get_by_text("Máy này còn giữ nội dung").count() == 0
    assert remarks() == ["Bản ở cửa sổ hai, viết thêm"]


def test_two_windows_with_the_grid_and_the_book_of_attendance(
    secretary: User, play: Season, sign_in_as: SignIn
) -> None:
    meeting = play.meeting()
    one, other = placements()
    first = sign_in_as(secretary, hears=HEARD)
    second = first.context.new_page()
    for url, name, mine, theirs in (
        (grid_url(), f"{one.pk}-civic_duty", "0", "2"),
        (f"/chi-bo/{one.cell_id}/diem-danh/{YEAR}/", f"{meeting.pk}-{one.pk}", "present", "absent"),
    ):
        first.goto(url)
        second.goto(url)
        first.select_option(f"[name='{name}']", mine)
        expect(first.locator("#kept")).to_contain_text("Đã lưu lúc")
        second.select_option(f"[name='{name}']", theirs)
        second.select_option(f"[name='{name.replace(str(one.pk), str(other.pk))}']", theirs)
        problem = second.locator(f"#x{one.pk}")
        expect(problem).to_contain_text("nơi khác")
        assert faults(second) == []
        second.get_by_role("button", name="Dùng bản đã lưu").click()
        expect(problem).to_be_hidden()
        expect(second.locator(f"[name='{name}']")).to_have_value(mine)
        # Nothing is left to decide, and what nobody else had touched was saved meanwhile.
        # The line about the saving before still stands there: only the answer tells that this one is done.
        with first.expect_response("**/luu-tam/"):
            first.select_option(f"[name='{name}']", "")
        second.select_option(f"[name='{name}']", theirs)
        expect(problem).to_contain_text("nơi khác")
        second.get_by_role("button", name="Lưu lựa chọn của đồng chí").click()
        expect(second.get_by_text("Đã lưu ", exact=False).first).to_be_visible()
    choices = {
        version.assessment.placement_id: version.answer("civic_duty")["option"]
        for version in AssessmentVersion.objects.select_related("assessment")
    }
    assert choices == {one.pk: 2, other.pk: 2}
    assert set(Attendance.objects.values_list("placement_id", "status")) == {(one.pk, "absent"), (other.pk, "absent")}


def test_without_scripts_the_plain_buttons_do_it_all(secretary: User, play: Season, sign_in_as: SignIn) -> None:
    meeting = play.meeting()
    one, other = placements()
    page = sign_in_as(secretary, hears=HEARD, java_script_enabled=False)
    page.goto(f"/chi-bo/{one.cell_id}/diem-danh/{YEAR}/")
    page.select_option(f"[name='{meeting.pk}-{one.pk}']", "present")
    page.get_by_role("button", name="Lưu điểm danh").click()
    page.goto(grid_url())
    page.select_option(f"[name='{other.pk}-civic_duty']", "1")
    page.get_by_role("button", name="Lưu", exact=True).click()
    page.goto(person_url())
    page.fill("[name=remarks]", WORDS)
    page.get_by_role("button", name="Lưu và sang đồng chí tiếp theo").click()
    expect(page.get_by_text("Đã lưu nhận xét.")).to_be_visible()
    assert remarks() == [WORDS, ""]
    assert Attendance.objects.get().status == "present"

    page.goto(person_url())
    one.assessments.get().write(GOOD, "Bản của đồng chí khác", by=by(secretary, "write", one.cell))
    page.fill("[name=remarks]", "Bản gõ không có tập lệnh")
    page.get_by_role("button", name="Lưu", exact=True).click()
    expect(page.locator("#clash")).to_contain_text("Bản của đồng chí khác")
    page.get_by_role("button", name="Lưu bản đồng chí vừa nhập").click()
    assert remarks() == ["Bản gõ không có tập lệnh", ""]


def test_other_long_forms_are_kept_too(secretary: User, sign_in_as: SignIn) -> None:
    page = sign_in_as(secretary, hears=HEARD)
    url = f"/chi-bo/{placements()[0].cell_id}/hop-mat-tran/{YEAR}/"
    page.goto(url)
    page.fill("[name=held_on]", f"{YEAR}-01-05")
    page.fill("[name=cell-1-name]", "Ngô Văn Bí Thư")
    page.get_by_role("button", name="Thêm dòng").click()
    page.fill("[name=front-5-name]", "Đinh Thị Mặt Trận")
    page.wait_for_timeout(300)
    page.close(run_before_unload=False)
    page = page.context.new_page()
    page.goto(url)
    page.get_by_role("button", name="Đưa lại vào biểu").click()
    assert page.input_value("[name=cell-1-name]") == "Ngô Văn Bí Thư"
    # This form is shorter than the one typed into: what finds no field stays to be copied.
    expect(page.get_by_text("Đinh Thị Mặt Trận")).to_be_visible()
    page.fill("[name=cell-1-position]", "Bí thư chi bộ")
    page.fill("[name=front-1-name]", "Đinh Thị Mặt Trận")
    page.fill("[name=front-1-position]", "Trưởng ban")
    page.get_by_role("button", name="Bỏ nội dung này").click()
    page.get_by_role("button", name="Ghi cuộc họp").click()
    expect(page.get_by_text("Đã ghi cuộc họp ngày")).to_be_visible()
    assert kept(page) == {}
    assert JointReview.objects.get().names("cell") == ["Ngô Văn Bí Thư, Bí thư chi bộ"]


def test_signing_out_leaves_nothing_on_a_shared_machine(secretary: User, sign_in_as: SignIn) -> None:
    page = sign_in_as(secretary, hears=HEARD)
    page.goto(person_url())
    page.context.set_offline(True)
    write(page, WORDS)
    expect(page.locator("#kept")).to_contain_text("Chưa lưu lên hệ thống")
    page.route("**/luu-tam/", lambda route: route.abort("internetdisconnected"))
    page.context.set_offline(False)
    assert list(kept(page)) == [f"draft:{secretary.pk}:{person_url()}"]
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Thoát").click()
    assert page.input_value("[name=remarks]") == WORDS
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Thoát").click()
    page.wait_for_url("**/dang-nhap/")
    assert kept(page) == {}


def test_a_copy_ends_after_a_week(secretary: User, sign_in_as: SignIn) -> None:
    page = sign_in_as(secretary)
    key = f"draft:{secretary.pk}:{person_url()}"
    plant = """([key, days]) => localStorage.setItem(key, JSON.stringify(
        [{at: Date.now() - days * 864e5, values: {remarks: 'cũ'}, before: {remarks: ''}}]))"""
    page.evaluate(plant, [key, 6.9])
    page.goto(person_url())
    expect(page.get_by_text("Máy này còn giữ nội dung")).to_be_visible()
    page.evaluate(plant, [key, 7.1])
    page.goto(person_url())
    expect(page.get_by_text("Máy này còn giữ nội dung")).to_have_count(0)
    assert kept(page) == {}
