"""Which pages stand in the header for the person who is signed in."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from members.models import Seat, User
from members.roles import Action

# (action that opens the page, words, URL name, what the URL needs of the seat)
_ENTRIES: tuple[tuple[Action, str, str, str], ...] = (
    (Action.SEE_MEMBERS, "Danh sách đảng viên", "members:member_list", ""),
    (Action.PREPARE, "Đợt lấy ý kiến", "evaluations:campaign_list", ""),
    (Action.SIGN, "Đợt lấy ý kiến", "evaluations:campaign_list", ""),
    (Action.LEAD_SEASON, "Mùa lấy ý kiến", "evaluations:season_list", "platform"),
    (Action.PREPARE, "Giới thiệu", "evaluations:introductions", "organization"),
    (Action.SIGN, "Giới thiệu", "evaluations:introductions", "organization"),
    (Action.REGISTER, "Công văn đến", "evaluations:letters_in", ""),
    (Action.REGISTER, "Giấy giới thiệu", "evaluations:introductions_in", "organization"),
    (Action.ASSIGN, "Phân chi bộ", "evaluations:assign", "organization"),
    (Action.CONFIRM, "Xác nhận", "evaluations:confirm_list", "organization"),
    (Action.REPLY, "Trả lời", "evaluations:replies", "organization"),
    (Action.SEE_MEMBERS, "Sổ theo dõi", "evaluations:shelf", ""),
    (Action.SEE_RESIDENTS, "Sổ theo dõi", "evaluations:shelf", ""),
    (Action.KEEP_ADDRESSES, "Danh bạ", "members:address_book", ""),
    (Action.KEY, "Bản giấy", "evaluations:key_list", ""),
    (Action.SCAN, "Quét phiếu", "evaluations:scan_list", "organization"),
    (Action.APPOINT, "Nhiệm vụ", "members:seat_list", ""),
    (Action.ORGANIZE, "Tổ chức đảng", "members:organizations", ""),
    (Action.SEE_FIGURES, "Số liệu", "evaluations:figures", ""),
    (Action.HAND_OUT, "Phiếu mở tài khoản", "evaluations:slip_list", ""),
    (Action.AUDIT, "Lịch sử", "members:history", ""),
    (Action.KEEP_DATA, "Dữ liệu cá nhân", "evaluations:personal_data", ""),
    (Action.CONFIGURE, "Hộp thư đi", "evaluations:outbox", ""),
    (Action.CONFIGURE, "Kiểm tra số liệu", "evaluations:inspection", ""),
    (Action.CONFIGURE, "Mẫu văn bản", "evaluations:gallery", ""),
)


def navigation(request: HttpRequest) -> dict[str, Any]:
    user = getattr(request, "user", None)
    banner = {"second_factor_off": not settings.SECOND_FACTOR}
    if not isinstance(user, User):
        return banner
    if getattr(request, "second_factor_missing", False):
        # Every link would lead back to the page that sets it up.
        return {"person_name": user.full_name, "seats": user.seats_now}
    links = [("/", "Việc hôm nay"), *_links(user)]
    if user.member_id:
        links.append((reverse("evaluations:mine"), "Của tôi"))
    links.append((reverse("evaluations:guide"), "Hướng dẫn"))
    return banner | {
        "navigation": [(url, label, request.path == url) for url, label in links],
        "person_name": user.full_name,
        "seats": user.seats_now,
    }


def _links(user: User) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for action, label, name, needs in _ENTRIES:
        for seat, grant in user.grants(action):
            if not _fits(seat, grant.side) or (needs == "platform" and grant.side != needs):
                continue
            found.setdefault(reverse(name, args=[seat.organization_id] if needs == "organization" else []), label)
    return list(found.items())


def _fits(seat: Seat, side: str) -> bool:
    """A committee's role carries both sides; only a commune has residence work, and no commune-less page needs it."""
    is_commune = bool(seat.organization.unit)
    is_residence_cell = seat.organization.side == "residence"
    if side == "residence":
        return is_commune
    return side == "platform" or not (is_commune or is_residence_cell)
