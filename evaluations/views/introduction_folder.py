"""The signer's folder of introductions: some signed and numbered, others sent back with a word."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from evaluations import tasks
from evaluations.forms.campaigns import NumberForm
from evaluations.forms.signing import FolderForm
from evaluations.models import Document
from evaluations.models.introduction_issue import folder, issue, send_back
from evaluations.views.introductions import committee_within
from evaluations.views.signing import numbers_of
from members.middleware import SignedIn
from members.models import Organization, Seat
from members.roles import Action
from members.states import Refused


@require_http_methods(["GET", "POST"])
def sign(request: SignedIn, committee_id: int) -> HttpResponse:
    """Each paper ticked or with a word, the numbers, one button."""
    committee = committee_within(request.user, committee_id)
    seat = request.user.acting(Action.SIGN, committee)
    waiting = list(folder(committee))
    if not waiting:
        messages.info(request, "Không có giấy giới thiệu nào đang chờ ký phát hành.")
        return redirect("evaluations:introductions", committee.pk)
    data = request.POST if request.method == "POST" else None
    papers = FolderForm(committee, waiting, data)
    form = NumberForm(*numbers_of(committee, Document.Genre.INTRODUCTION, len(waiting)), data)
    # Without a paper to sign no number is asked for.
    is_ready = papers.is_valid() and (not papers.signed() or form.is_valid())
    if is_ready and _sign(request, committee, papers, form, seat):
        return redirect("evaluations:introductions", committee.pk)
    own = any(paper.presented_by and paper.presented_by.user_id == request.user.pk for paper in waiting)
    context: dict[str, Any] = {"committee": committee, "folder": papers, "form": form, "waiting": waiting, "own": own}
    return render(request, "evaluations/introductions_sign.html", context)


def _sign(request: SignedIn, committee: Organization, papers: FolderForm, form: NumberForm, seat: Seat) -> bool:
    """Whether it was done, all or nothing; a refusal stands in the form, beside what was typed."""
    signed, words = papers.signed(), papers.words()
    try:
        with transaction.atomic():
            count = 0
            if signed:
                count = issue(committee, form.choice(), by=seat, only=signed, signature=papers.signature())
            returned = send_back(committee, words, by=seat) if words else 0
            tasks.wake()
    except Refused as refusal:
        papers.add_error(None, str(refusal))
        return False
    if count:
        messages.success(request, f"Đã phát hành {count} giấy giới thiệu. Hệ thống đang lập bản in và gửi đi.")
    if returned:
        messages.success(request, f"Đã trả lại {returned} giấy giới thiệu kèm lời nhắn cho người soạn.")
    if not count and not returned:
        messages.info(request, "Các giấy giới thiệu này vừa được xử lý. Đồng chí xem ở trang này.")
    return True
