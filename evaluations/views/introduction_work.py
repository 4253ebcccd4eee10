"""What waits about introductions, as lines of everybody's first page: one query for each kind of work."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, QuerySet
from django.urls import reverse

from evaluations.models import Document, Introduction, ResidenceReport
from evaluations.models.introductions import IntroductionQuerySet
from evaluations.views.exemptions import committees_reviewing
from members.models import User
from members.roles import Action

rows, reports = Introduction.objects, ResidenceReport.objects


@dataclass(frozen=True)
class Waiting:
    words: str
    place: str
    url: str


def _unsigned() -> IntroductionQuerySet:
    return rows.filter(document__state=Document.State.FOR_SIGNATURE)


# (who does it, what waits, whose organisation it is, words after the figure, the page)
WORK: tuple[tuple[Action, Callable[[], QuerySet[Any]], str, str, str], ...] = (
    (Action.SIGN, _unsigned, "workplace", "giấy giới thiệu chờ ký phát hành", "introductions_sign"),
    (Action.PREPARE, rows.unsettled, "workplace", "giấy giới thiệu nơi cư trú chuyển lại", "introductions"),
    (Action.PREPARE, rows.overdue, "workplace", "giấy giới thiệu quá hạn, chưa được tiếp nhận", "introductions_late"),
    (Action.PREPARE, reports.to_settle, "workplace", "báo cáo của nơi cư trú cần xem lại", "introductions"),
    (Action.ASSIGN, reports.to_send, "commune", "báo cáo cư trú của chi bộ chờ xem", "residence_reports"),
    (Action.REGISTER, rows.to_register, "commune", "giấy giới thiệu mới chờ vào sổ", "introductions_in"),
    (Action.ASSIGN, rows.to_assign, "commune", "đồng chí được giới thiệu chờ phân về chi bộ", "introductions_place"),
    (Action.REPLY, rows.to_return, "commune", "phần tiếp nhận chờ ký trả nơi công tác", "introductions_counterparts"),
    (Action.RECORD, rows.to_accept, "cell", "đồng chí được giới thiệu về chờ chi bộ tiếp nhận", "newcomers"),
)


def waiting_introductions(user: User) -> list[Waiting]:
    found = []
    for action, kind, owner, words, page in WORK:
        places = {seat.organization_id: seat.organization for seat, _ in user.grants(action)}
        if not places:
            continue
        counted = kind().filter(**{f"{owner}__in": places}).order_by().values_list(owner).annotate(n=Count("pk"))
        for place, count in counted:
            url = reverse(f"evaluations:{page}", args=[place])
            found.append(Waiting(f"{count} {words}", places[place].name, url))
    for committee, count in committees_reviewing(user):
        url = reverse("evaluations:exemptions", args=[committee.pk])
        found.append(Waiting(f"{count} đồng chí được miễn sinh hoạt cần rà soát", committee.name, url))
    return found
