"""Danh bạ đảng ủy: finding a committee, and correcting what is written about it."""

from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from members.forms.address_book import AddressForm
from members.middleware import SignedIn
from members.models.address_book import address_book, correct_entry, correcting_seat, may_correct
from members.models.organizations import Organization
from members.roles import Action

ENTRIES = 50


@require_GET
def entries(request: SignedIn) -> HttpResponse:
    """Offices, not persons: open to whoever has work at either side."""
    if not (request.user.may(Action.SEE_MEMBERS) or request.user.may(Action.SEE_RESIDENTS)):
        raise PermissionDenied("Danh bạ dành cho cán bộ của đảng ủy, chi bộ.")
    words = request.GET.get("tim", "")[:120]
    page = Paginator(address_book(words), ENTRIES).get_page(request.GET.get("trang"))
    correctable = Organization.objects.filter(may_correct(request.user), pk__in=[entry.pk for entry in page])
    context = {
        "page": page,
        "words": words,
        "query": f"{urlencode({'tim': words})}&" if words else "",
        "correctable": set(correctable.values_list("pk", flat=True)),
        "own": _own(request, Action.KEEP_ADDRESSES),
        "signing": _own(request, Action.KEEP_SIGNATORIES),
        "may_print": request.user.may(Action.KEEP_ADDRESSES),
    }
    return render(request, "members/address_book.html", context)


def _own(request: SignedIn, action: Action) -> list[Organization]:
    """The organisations whose entries, or whose signing formulas, are this person's own to keep."""
    found = {seat.organization_id: seat.organization for seat, _ in request.user.grants(action)}
    return list(found.values())


@require_http_methods(["GET", "POST"])
def correct(request: SignedIn, organization_id: int) -> HttpResponse:
    open_entries = Organization.objects.filter(may_correct(request.user), closed_on=None)
    organization = get_object_or_404(open_entries, pk=organization_id)
    seat = correcting_seat(request.user, organization)
    form = AddressForm(organization, request.POST if request.method == "POST" else None)
    if form.is_valid():
        changed = correct_entry(organization, form.cleaned_data, by=seat)
        said = "Đã sửa" if changed else "Đã ghi nhận kiểm tra hôm nay"
        messages.success(request, f"{said}: {organization.name}.")
        return redirect(f"{reverse('members:address_book')}?{urlencode({'tim': organization.name})}")
    return render(request, "members/address_correct.html", {"organization": organization, "form": form})
