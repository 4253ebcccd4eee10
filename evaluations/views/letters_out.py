"""Letters that an office prints from what is known today, to be numbered, signed and stamped by hand."""

from django.contrib import messages
from django.db.models import F, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET

from evaluations.documents import render as render_document
from evaluations.models import EvaluationRequest, letter_facts
from evaluations.views.campaigns import load_campaign
from evaluations.views.documents import pdf
from evaluations.views.letters_in import commune_within
from members.middleware import SignedIn
from members.models import AuditEvent, Organization, Placement, Seat
from members.roles import Action


@require_GET
def reminder(request: SignedIn, campaign_id: int, commune_id: int) -> HttpResponse:
    """Công văn đôn đốc of a workplace to one commune."""
    campaign, seat = load_campaign(request.user, campaign_id, Action.RECEIVE)
    asked = Organization.objects.filter(requests_to_commune__campaign=campaign).distinct()
    commune = get_object_or_404(asked, pk=commune_id)
    facts = letter_facts.reminder(campaign, commune, timezone.localdate())
    if not facts["rows"]:
        messages.info(request, f"{commune.name} đã trả lời đủ, không còn ai phải đôn đốc.")
        return redirect("evaluations:campaign_commune", campaign.pk, commune.pk)
    ids = [row["request"] for row in facts["rows"]]
    AuditEvent.objects.record_many("read", by=seat, model=EvaluationRequest, ids=ids)
    return pdf(render_document("reminder_letter", facts).content, f"don-doc-{campaign.pk}-{commune.pk}")


@require_GET
def opinion_request(request: SignedIn, request_id: int) -> HttpResponse:
    """Phiếu xin ý kiến about one member (mẫu 3-213)."""
    matter, seat = _asked(request, request_id)
    AuditEvent.objects.record("read", by=seat, on=matter, fields=["opinion_request"])
    return pdf(render_document("opinion_request", letter_facts.opinion_request(matter)).content, f"phieu-{matter.pk}")


@require_GET
def working_minutes(request: SignedIn, request_id: int) -> HttpResponse:
    """Biên bản làm việc, to be written at the table where the residence committee is asked in person."""
    matter, seat = _asked(request, request_id)
    AuditEvent.objects.record("read", by=seat, on=matter, fields=["working_minutes"])
    return pdf(render_document("working_minutes", letter_facts.working_minutes(matter)).content, f"bb-{matter.pk}")


def _asked(request: SignedIn, request_id: int) -> tuple[EvaluationRequest, Seat]:
    reached = EvaluationRequest.objects.for_asker(request.user, Action.SEE_MEMBERS)
    found = reached.select_related("asker_now__parent", "campaign", "residence_commune", "residence_cell")
    matter = get_object_or_404(found.select_related("placement__member", "placement__commune"), pk=request_id)
    return matter, request.user.acting(Action.RECEIVE, matter.asker_now)


@require_GET
def information(request: SignedIn, commune_id: int, year: int) -> HttpResponse:
    """Thông tin tình hình đảng viên tại nơi cư trú, to the workplace that was chosen."""
    ward = commune_within(request.user, commune_id)
    seat = request.user.acting(Action.CONFIRM, ward)
    chosen = request.GET.get("noi", "")
    if not chosen.isdecimal():
        messages.info(request, "Xin chọn nơi công tác.")
        return redirect("evaluations:returns_print", ward.pk, year)
    workplace = get_object_or_404(workplaces_of(ward), pk=int(chosen[:15]))
    facts = letter_facts.information(ward, workplace, year, timezone.localdate())
    read = Placement.objects.current().filter(commune=ward, member__memberships__cell__parent=workplace)
    AuditEvent.objects.record_many("read", by=seat, model=Placement, ids=list(read.values_list("pk", flat=True)))
    return pdf(render_document("information_letter", facts).content, f"thong-tin-{ward.pk}-{workplace.pk}")


def workplaces_of(ward: Organization) -> QuerySet[Organization]:
    """The committees whose members keep contact in this ward today, by name."""
    placed = Placement.objects.current().filter(commune=ward, member__memberships__until_on=None)
    parents = placed.order_by().annotate(committee=F("member__memberships__cell__parent")).values("committee")
    return Organization.objects.filter(pk__in=parents).exclude(pk=ward.pk).order_by("search_key", "pk")
