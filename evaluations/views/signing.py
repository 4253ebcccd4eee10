"""Signing day: the folder of letters that wait, their numbers, who signs; some signed, others sent back with a word."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from evaluations import tasks
from evaluations.forms.campaigns import NumberForm, ReserveForm
from evaluations.forms.signing import FolderForm
from evaluations.models import Bundle, Campaign, Document, NumberRange, NumberSeries, packs
from evaluations.models.documents import committee_term
from evaluations.owing import request_letters
from evaluations.views.bundles import ordered, recent
from evaluations.views.campaigns import load_campaign
from members.middleware import SignedIn
from members.models import Organization, Seat
from members.roles import Action
from members.states import Refused


@require_http_methods(["GET", "POST"])
def issue(request: SignedIn, campaign_id: int) -> HttpResponse:
    """The signer's page: letters in signing order, each ticked or with a word, their numbers, one button."""
    campaign, seat = load_campaign(request.user, campaign_id, Action.SIGN)
    if not campaign.can_issue():
        messages.info(request, "Không có công văn nào đang chờ ký phát hành.")
        return redirect("evaluations:campaign_page", campaign.pk)
    context = _page(campaign, seat, request.POST if request.method == "POST" else None)
    folder, form = context["folder"], context["form"]
    # Without a letter to sign no number is asked for.
    is_ready = folder.is_valid() and (not folder.signed() or form.is_valid())
    if is_ready and _sign(request, campaign, folder, form, seat):
        return redirect("evaluations:campaign_page", campaign.pk)
    context["bundles"] = recent(request, campaign.committee, [Bundle.Kind.SIGNING_FOLDER], campaign.pk)
    return render(request, "evaluations/campaign_issue.html", {**context, "reserve_form": ReserveForm()})


def _page(campaign: Campaign, seat: Seat, data: QueryDict | None) -> dict[str, Any]:
    waiting = [letter for letter in request_letters(campaign) if letter.state == Document.State.FOR_SIGNATURE]
    return {
        "campaign": campaign,
        "waiting": waiting,
        "folder": FolderForm(campaign.committee, waiting, data),
        "form": NumberForm(*numbers_of(campaign.committee, Document.Genre.REQUEST_LETTER, len(waiting)), data),
        "can_issue": campaign.can_issue(seat),
    }


def _sign(request: SignedIn, campaign: Campaign, folder: FolderForm, form: NumberForm, seat: Seat) -> bool:
    """Whether it was done, all or nothing; a refusal stands in the form, beside what was typed."""
    words, signed = folder.words(), folder.signed()
    try:
        with transaction.atomic():
            count = campaign.issue(form.choice(), by=seat, only=signed, signature=folder.signature()) if signed else 0
            returned = campaign.send_back_letters(words, by=seat) if words else 0
            tasks.wake()
    except Refused as refusal:
        if signed:
            form.add_error("first" if form.cleaned_data["how"] == form.TYPED else "how", str(refusal))
        else:
            folder.add_error(None, str(refusal))
        return False
    if count:
        messages.success(request, f"Đã phát hành {count} công văn. Hệ thống đang lập bản in và gửi đi.")
    if returned:
        messages.success(request, f"Đã trả lại {returned} công văn kèm lời nhắn cho người soạn.")
    if not count and not returned:
        messages.info(request, "Các công văn này vừa được xử lý. Đồng chí xem ở trang này.")
    return True


@require_POST
def folder(request: SignedIn, campaign_id: int) -> HttpResponse:
    """Tập trình ký as one PDF in signing order, every page marked DỰ THẢO."""
    campaign, seat = load_campaign(request.user, campaign_id, Action.SIGN, Action.PREPARE)
    return ordered(request, packs.signing_folder(campaign), "Xem trước khi ký", seat)


@require_POST
def reserve(request: SignedIn, campaign_id: int) -> HttpResponse:
    """Keep a block of numbers of the committee's book for later (giữ trước dải số)."""
    campaign, seat = load_campaign(request.user, campaign_id, Action.SIGN)
    form = ReserveForm(request.POST)
    if not form.is_valid():
        return render(request, "evaluations/campaign_issue.html", {**_page(campaign, seat, None), "reserve_form": form})
    with transaction.atomic():
        sign = Document.SIGNS[Document.Genre.REQUEST_LETTER]
        series = NumberSeries.locked(campaign.committee, sign, timezone.localdate())
        block = series.reserve(form.cleaned_data["count"], form.cleaned_data["reason"], by=seat)
    messages.success(request, f"Đã giữ số {block.first:02d}–{block.last:02d} cho: {block.reason}.")
    return redirect("evaluations:campaign_issue", campaign.pk)


def numbers_of(committee: Organization, genre: Document.Genre, count: int) -> tuple[list[int], list[NumberRange]]:
    """The numbers that would come next, and the blocks that were kept; one that is too short is refused by its verb."""
    sign, term = Document.SIGNS[genre], committee_term(timezone.localdate())
    series = NumberSeries.objects.filter(organization=committee, genre_sign=sign, term=term).first()
    if series is None:
        return list(range(1, count + 1)), []
    return series.free_numbers(count), list(series.ranges.filter(kind=NumberRange.Kind.RESERVED).order_by("first"))
