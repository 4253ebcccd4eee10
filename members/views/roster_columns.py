"""What the columns of an office's list mean: said once, remembered for its next list, taken back here."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from members.forms.roster_columns import ColumnsForm
from members.middleware import SignedIn
from members.models import AuditEvent, RosterHeading
from members.roles import Action
from members.roster import RosterError
from members.states import Refused
from members.views.roster import load_import


@require_http_methods(["GET", "POST"])
def columns(request: SignedIn, import_id: int) -> HttpResponse:
    """Say for each heading what stands below it; the list is read again, without its file."""
    roster, seat = load_import(request.user, import_id)
    if roster.committed_at or not hasattr(roster, "source"):
        raise Refused("Danh sách này không còn dòng nào chờ nhập. Đồng chí tải lại tệp danh sách.")
    form = ColumnsForm(roster, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            roster.correct_columns(form.meanings(), by=seat)
        except RosterError as problem:
            form.add_error(None, str(problem))
        else:
            messages.success(request, "Đã đọc lại danh sách. Lần sau các tiêu đề này được hiểu như vậy.")
            return redirect("members:roster_review", roster.pk)
    AuditEvent.objects.record("read", by=seat, on=roster)
    remembered = RosterHeading.objects.meanings(roster.committee)
    context = {"roster": roster, "form": form, "remembered": remembered}
    return render(request, "members/roster_columns.html", context)


@require_POST
def forget(request: SignedIn, heading_id: int) -> HttpResponse:
    """Take back what a heading was said to mean; lists read from now on are understood by themselves."""
    heading = get_object_or_404(RosterHeading.objects.for_user(request.user).select_related("committee"), pk=heading_id)
    seat = request.user.acting(Action.KEEP_ROSTER, heading.committee)
    heading.forget(by=seat)
    messages.success(request, f"Không còn nhớ cách hiểu tiêu đề “{heading.label}”.")
    return redirect("members:roster_upload")
