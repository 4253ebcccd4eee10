"""Bảng tên gọi: what lists call the groups of a ward and which cell it means, as learned and as corrected."""

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from evaluations.forms.cell_names import CellNameForm, RenumberForm
from evaluations.views.letters_in import commune_within
from members.middleware import SignedIn
from members.models import CellName, Organization, Seat
from members.models.learned import Learned, learned_cells
from members.roles import Action


@require_http_methods(["GET", "POST"])
def page(request: SignedIn, commune_id: int) -> HttpResponse:
    commune = commune_within(request.user, commune_id)
    by = request.user.acting(Action.ASSIGN, commune)
    do = request.POST.get("do", "")
    form = CellNameForm(commune, request.POST if do == "say" else None)
    renumbering = RenumberForm(request.POST if do == "renumber" else None)
    if said := _done(request, commune, form, renumbering, by):
        messages.success(request, said)
        return redirect("evaluations:cell_names", commune.pk)
    rows = sorted(learned_cells(commune).items(), key=lambda item: _natural(item[0]))
    cells = {cell.pk: cell for cell in Organization.objects.residence_cells().filter(parent=commune)}
    context = {
        "commune": commune,
        "rows": [(row, cells.get(row.cell_id or 0), _source(row)) for _, row in rows],
        "form": form,
        "renumbering": renumbering,
    }
    return render(request, "evaluations/cell_names.html", context)


def _done(request: SignedIn, commune: Organization, form: CellNameForm, more: RenumberForm, by: Seat) -> str:
    """What was written, in words; "" when nothing was."""
    if request.POST.get("do") == "take_back":
        line = get_object_or_404(_own(request, commune))
        line.take_back(by=by)
        return f"Đã bỏ dòng “{line.words}”."
    if form.is_bound and form.is_valid():
        line = form.save(_own(request, commune).first(), by=by)
        return f"Đã ghi: “{line.words}” là {line.cell.name if line.cell else 'hỏi lại từng đồng chí'}."
    if more.is_bound and more.is_valid():
        unknown = more.save(commune, by=by)
        left = f" Chưa biết chi bộ của: {', '.join(unknown)}; ghi từng dòng ở trên." if unknown else ""
        return f"Đã đổi {len(more.cleaned_data['pairs']) - len(unknown)} tên gọi.{left}"
    return ""


def _own(request: SignedIn, commune: Organization) -> QuerySet[CellName]:
    text = request.POST.get("line", "")
    pk = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
    return CellName.objects.filter(commune=commune, source=CellName.Source.OWN, pk=pk)


def _source(row: Learned) -> str:
    if row.own:
        return "đảng ủy ghi"
    return f"{row.times} lần phân" if row.is_sure else f"chưa chắc: {row.times} trong {row.of} lần phân"


def _natural(key: str) -> list[tuple[int, str]]:
    """Tổ 7 before tổ 10."""
    return [(int(word), "") if word.isdecimal() else (10**9, word) for word in key.split()]
