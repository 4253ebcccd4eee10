"""For monitors: whether the work gets done. Open to all, because it tells figures only."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from evaluations import readiness, tasks

KEPT = 5  # seconds: whoever asks more often gets the last answer and costs nothing


@login_not_required
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    answer = readiness.remembered("readyz")
    if answer is None:
        found = readiness.checks(tasks.broker_answers)
        answer = {check.name: {"ok": check.is_well, "says": check.says} for check in found}
        if answer["database"]["ok"]:
            readiness.remember("readyz", answer, KEPT)
    return JsonResponse(answer, status=200 if all(check["ok"] for check in answer.values()) else 503)
