"""The yardstick of `script/bench list`: the register's own page and template, read by the plain join with OFFSET."""

from django.db.models import Prefetch
from django.http import HttpResponse
from django.urls import include, path

from evaluations.forms.registers import WantedForm
from evaluations.models.registers import Line
from evaluations.views.registers import OUT, shown
from members.middleware import SignedIn
from members.models import Membership, Placement
from members.models.organizations import next_path
from members.paging import ON_PAGE, Keys


def plainly(request: SignedIn, organization_id: int) -> HttpResponse:
    """Everything as in evaluations.views.registers, but for the reading of the rows."""
    place, seat = OUT.place(request.user, organization_id)
    now = Membership.objects.filter(until_on=None).select_related("cell__parent")
    start = (int(request.GET.get("trang", "1")) - 1) * ON_PAGE
    rows = list(
        Placement.objects.filter(
            until_on=None,
            member__memberships__until_on=None,
            member__memberships__cell__path__gte=place.path,
            member__memberships__cell__path__lt=next_path(place.path),
        )
        .select_related("member", "commune", "cell")
        .prefetch_related(Prefetch("member__memberships", now))
        .order_by("member__sort_key", "pk")[start : start + ON_PAGE]
    )
    found = [Line(row, next(iter(row.member.memberships.all()), None)) for row in rows]
    keys = Keys([row.pk for row in rows], "?", "?")
    return shown(request, OUT, place, seat, WantedForm(request.GET), keys, found)


urlpatterns = [path("thuong/<int:organization_id>/", plainly), path("", include("liaison.urls"))]
