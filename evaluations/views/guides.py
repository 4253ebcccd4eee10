"""The one-page guides, one for each kind of work; the person's own comes first, the others are a press away."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from members.models import Seat, User
from members.roles import Role

# Word in the address and name of the template → words on screen
GUIDES = {
    "chi-bo": "Chi bộ nơi cư trú",
    "xa-phuong": "Đảng ủy xã, phường, đặc khu",
    "noi-cong-tac": "Cấp ủy nơi công tác",
    "dang-vien": "Đảng viên",
    "theo-doi": "Theo dõi, quản trị, kiểm tra",
}


@require_GET
def guide(request: HttpRequest) -> HttpResponse:
    asked = request.GET.get("cua", "")
    shown = asked if asked in GUIDES else own_guide(request.user)  # type: ignore[arg-type]
    context = {
        "shown": shown,
        "title": GUIDES[shown],
        "guides": GUIDES.items(),
        "text": f"evaluations/guides/{shown}.html",
    }
    return render(request, "evaluations/guide.html", context)


def own_guide(user: User) -> str:
    return next((_guide_of(seat) for seat in user.seats_now), "dang-vien")


def _guide_of(seat: Seat) -> str:
    if seat.role in (Role.OVERSEER, Role.ADMINISTRATOR, Role.AUDITOR, Role.DATA_OFFICER):
        return "theo-doi"
    if seat.role in (Role.SECRETARY, Role.CELL_COMMITTEE, Role.TYPIST):
        return "chi-bo"
    return "xa-phuong" if seat.organization.unit else "noi-cong-tac"
