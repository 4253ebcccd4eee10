"""A list of organisations from a workbook: upload, look through row by row, write."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from members.forms.tree import TreeUploadForm
from members.middleware import SignedIn
from members.models import Organization, OrganizationImport, Seat
from members.models.tree import action_for, kinds_to_add, reached_by
from members.models.tree_imports import Plan, allowed_to, counts, plan

ROWS = 100
# What keeps people from going on comes first.
ORDER = {Plan.FAULTY: 0, Plan.NEW: 1, Plan.MATCHED: 2}


def _may_fill(request: SignedIn, under: Organization) -> Seat:
    offered = kinds_to_add(request.user, under)
    if not offered:
        raise PermissionDenied("Danh sách tổ chức ở đây do cấp ủy cấp trên nhập.")
    return request.user.acting(action_for(offered[0][0]), under)


@require_http_methods(["GET", "POST"])
def upload(request: SignedIn, organization_id: int) -> HttpResponse:
    under = get_object_or_404(reached_by(request.user).filter(closed_on=None), pk=organization_id)
    by = _may_fill(request, under)
    form = TreeUploadForm(request.POST, request.FILES) if request.method == "POST" else TreeUploadForm()
    if form.is_valid():
        staged = OrganizationImport.objects.stage(under, form.cleaned_data["file"], form.filename, by=by)
        return redirect("members:tree_review", staged.pk)
    return render(request, "members/tree_upload.html", {"under": under, "form": form})


def _staged(request: SignedIn, import_id: int) -> OrganizationImport:
    imports = OrganizationImport.objects.for_user(request.user).select_related("under")
    return get_object_or_404(imports, pk=import_id)


@require_GET
def review(request: SignedIn, import_id: int) -> HttpResponse:
    """Every row as it was understood; after the writing, what it came to."""
    staged = _staged(request, import_id)
    if staged.committed_at:
        return render(request, "members/tree_review.html", {"staged": staged})
    found = plan(staged.under, staged.tree_rows(allowed_to(request.user, staged.under)))
    found.sort(key=lambda item: (ORDER[Plan(item.plan)], item.row.no))
    page = Paginator(found, ROWS).get_page(request.GET.get("trang"))
    return render(request, "members/tree_review.html", {"staged": staged, "counts": counts(found), "page": page})


@require_POST
def commit(request: SignedIn, import_id: int) -> HttpResponse:
    staged = _staged(request, import_id)
    by = _may_fill(request, staged.under)
    done = staged.commit(allowed_to(request.user, staged.under), by=by)
    messages.success(request, f"Đã lập {done['new']} tổ chức; {done['matched']} tổ chức đã có từ trước.")
    return redirect("members:organization_page", staged.under_id)
