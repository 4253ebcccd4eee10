"""Thể thức ký: who may sign the papers of an organisation; kept by its officer, chosen by its signer."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from members.forms.signatories import SignatoryForm
from members.middleware import SignedIn
from members.models import Organization, Seat, Signatory, User
from members.roles import Action


def _load(user: User, organization_id: int) -> tuple[Organization, Seat]:
    """404 where the person holds no seat, 403 for seats that do not keep the formulas."""
    own = [seat.organization_id for seat in user.seats_now]
    organization = get_object_or_404(Organization.objects.filter(pk__in=own), pk=organization_id)
    return organization, user.acting(Action.KEEP_SIGNATORIES, organization)


@require_http_methods(["GET", "POST"])
def signatories(request: SignedIn, organization_id: int) -> HttpResponse:
    organization, seat = _load(request.user, organization_id)
    form = SignatoryForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        added = Signatory.objects.add(organization, by=seat, **form.cleaned_data)
        messages.success(request, f"Đã ghi: {added}. Người ký chọn thể thức này khi phát hành.")
        return redirect("members:signatories", organization.pk)
    rows = Signatory.objects.in_force().filter(organization=organization)
    may_sign = any(
        seat.organization_id == organization.pk
        for seat, _ in request.user.grants(Action.REPLY if organization.unit else Action.SIGN)
    )
    context = {"organization": organization, "usual": organization.signature(), "rows": rows, "form": form}
    context["may_sign"] = may_sign
    return render(request, "members/signatories.html", context)


@require_POST
def retire(request: SignedIn, organization_id: int, signatory_id: int) -> HttpResponse:
    organization, seat = _load(request.user, organization_id)
    signatory = get_object_or_404(Signatory.objects.filter(organization=organization), pk=signatory_id)
    signatory.retire(by=seat)
    messages.success(request, f"Đã thôi dùng: {signatory}. Văn bản đã ký giữ nguyên.")
    return redirect("members:signatories", organization.pk)
