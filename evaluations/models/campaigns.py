"""A committee's yearly round of asking (đợt lấy ý kiến): who is asked, the letters, the launch in one transaction."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from evaluations.models.documents import Document, NumberRange, NumberSeries
from evaluations.models.eligibility import Preview, preview
from evaluations.models.requests import EvaluationRequest, RequestQuerySet
from evaluations.models.sending import link_to_drafts, open_drafts, prepare_requests, send_out, write_letters
from evaluations.rulebooks import CURRENT, Rulebook, load
from members.models import AuditEvent, Organization
from members.roles import Action, Side
from members.states import Refused, WrongState, move, move_all

if TYPE_CHECKING:
    from members.models import Seat, User


# Prepared and not sent. Off the letter: its draft is used again and must not count them.
TAKEN_BACK: dict[str, Any] = {"end_code": "taken_back", "end_note": "Rút về soạn lại", "letter": None}
OWN_LETTER = "Người soạn không tự ký phát hành. Xin để đồng chí khác có nhiệm vụ ký phát hành."


@dataclass(frozen=True)
class NumberChoice:
    """How the letters get their numbers: the next ones, from a typed one on, or out of a reserved block."""

    typed: int | None = None
    reserved: NumberRange | None = None

    def take(self, series: NumberSeries, count: int, by: "Seat") -> list[int]:
        if self.reserved:
            return series.take_reserved(self.reserved, count)
        if self.typed:
            return series.take_typed(self.typed, count, by=by)
        return series.take_next(count)


class CampaignQuerySet(models.QuerySet["Campaign"]):
    def for_user(self, user: "User", action: Action) -> "CampaignQuerySet":
        return self.filter(user.reach(action, "committee__", Side.WORKPLACE))

    def for_figures(self, user: "User", action: Action = Action.SEE_FIGURES) -> "CampaignQuerySet":
        """Campaigns of which the user may see or export the figures: own committee, or from above (never texts)."""
        return self.filter(user.reach(action, "committee__"))


class Campaign(models.Model):
    class State(models.TextChoices):
        DRAFT = "draft", "đang soạn"
        OPEN = "open", "đã phát hành"
        CLOSED = "closed", "đã kết thúc"
        ARCHIVED = "archived", "đã lưu trữ"

    MOVES = {
        State.DRAFT: frozenset({State.OPEN}),
        State.OPEN: frozenset({State.CLOSED}),
        State.CLOSED: frozenset({State.ARCHIVED}),
        State.ARCHIVED: frozenset(),
    }
    STAMPS = {State.OPEN: "opened", State.CLOSED: "closed"}

    committee = models.ForeignKey(Organization, models.PROTECT, related_name="campaigns")
    season = models.ForeignKey("evaluations.Season", models.PROTECT, null=True, related_name="campaigns")
    year = models.PositiveSmallIntegerField("năm")
    rulebook = models.CharField("bộ quy định", max_length=40, default=CURRENT)
    self_criticism_on = models.DateField("ngày bắt đầu kiểm điểm")
    due_on = models.DateField("hạn trả lời")
    reply_address = models.CharField("nơi nhận trả lời", max_length=250, blank=True)
    keyed_twice = models.BooleanField("nhập hai lần kết quả từ bản giấy", default=False)
    state = models.CharField("trạng thái", max_length=8, choices=State.choices, default=State.DRAFT)
    prepared_by = models.ForeignKey("members.Seat", models.PROTECT, related_name="+")
    prepared_at = models.DateTimeField(auto_now_add=True)
    presented_at = models.DateTimeField("trình ký lúc", null=True)
    presented_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    opened_at = models.DateTimeField(null=True)
    opened_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")
    # Taken back as a whole: closed, and nobody is called silent.
    cancel_reason = models.CharField("lý do hủy đợt", max_length=300, blank=True, default="")
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey("members.Seat", models.PROTECT, null=True, related_name="+")

    objects = CampaignQuerySet.as_manager()

    class Meta:
        verbose_name = "đợt lấy ý kiến nhận xét"
        ordering = ["-year", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="campaign_state_known", condition=Q(state__in=["draft", "open", "closed", "archived"])
            ),
            models.UniqueConstraint(name="campaign_one_a_year", fields=["committee", "year"]),
            models.CheckConstraint(
                name="campaign_due_before_self_criticism", condition=Q(due_on__lt=F("self_criticism_on"))
            ),
            models.CheckConstraint(
                name="campaign_cancelled_is_closed", condition=Q(cancel_reason="") | Q(state__in=["closed", "archived"])
            ),
            models.CheckConstraint(
                name="campaign_opened_by_whom",
                condition=Q(state="draft") | Q(opened_at__isnull=False, opened_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"Đợt lấy ý kiến nhận xét của cấp ủy nơi cư trú năm {self.year}"

    @property
    def book(self) -> Rulebook:
        return load(self.rulebook)

    def preview(self) -> Preview:
        return preview(self)

    # Trình ký → Phát hành

    def can_present(self) -> bool:
        return self.state in (self.State.DRAFT, self.State.OPEN)

    @transaction.atomic
    def present(self, *, by: "Seat") -> int:
        """Prepare requests and letters for signature (trình ký); how many wait now. Again: adds who is missing."""
        locked = self._lock()
        if not locked.can_present():
            raise WrongState("Đợt lấy ý kiến này đã kết thúc.")
        prepare_requests(self)
        letters = self._draft_letters(by)
        if not letters:
            raise Refused("Chưa có đảng viên nào cần đề nghị nhận xét. Xem danh sách và lý do ở phần xem trước.")
        self.presented_at, self.presented_by = timezone.now(), by
        self.save(update_fields=["presented_at", "presented_by"])
        AuditEvent.objects.record_many(
            "Campaign.present", by=by, model=Document, ids=[document.pk for document in letters]
        )
        return len(letters)

    @transaction.atomic
    def take_back(self, *, by: "Seat") -> None:
        """From "trình ký" back to work: nothing has left the house, so the prepared requests end as cancelled."""
        self._lock()
        waiting = self.documents.filter(state=Document.State.FOR_SIGNATURE)
        self._take_off(self.requests.filter(state=EvaluationRequest.State.PREPARED), by)
        move_all(waiting, Document.State.DRAFT, by=by)
        self.presented_at = self.presented_by = None
        self.save(update_fields=["presented_at", "presented_by"])

    def can_issue(self, by: "Seat | None" = None) -> bool:
        """Letters wait for signature, and the signer is not the one who drafted them."""
        return self.presented_at is not None and (by is None or self._is_other(by))

    def _is_other(self, by: "Seat") -> bool:
        return self.presented_by is not None and self.presented_by.user_id != by.user_id

    @transaction.atomic
    def issue(
        self,
        numbers: NumberChoice,
        *,
        by: "Seat",
        on: date | None = None,
        only: Collection[int] | None = None,
        signature: dict[str, str] | None = None,
    ) -> int:
        """Number and send out the letters that wait (phát hành), `only` those with these ids; how many.

        `signature` is another formula than the committee's usual one. Pressing twice sends nothing twice.
        """
        locked = self._lock()
        self.presented_at, self.presented_by = locked.presented_at, locked.presented_by
        if not self.can_issue():
            return 0
        if not self._is_other(by):
            raise Refused(OWN_LETTER)
        on = on or timezone.localdate()
        signed = self._folder(only)
        if not signed:
            return 0
        # Each letter, not only the folder: whoever presented it first is not freed by a colleague who presents again.
        if any(letter.presented_by and letter.presented_by.user_id == by.user_id for letter in signed):
            raise Refused(OWN_LETTER)
        series = NumberSeries.locked(self.committee, Document.SIGNS[Document.Genre.REQUEST_LETTER], on)
        taken = numbers.take(series, len(signed), by)
        send_out(self, signed, taken, by=by, on=on, signature=signature)
        if locked.state == self.State.DRAFT:
            move(self, self.State.OPEN, by=by)
        self._close_folder()
        return len(signed)

    @transaction.atomic
    def send_back_letters(self, words: dict[int, str], *, by: "Seat") -> int:
        """The signer gives letters back to be drafted anew, each ({id: word}) with what is to be changed; how many."""
        locked = self._lock()
        self.presented_at, self.presented_by = locked.presented_at, locked.presented_by
        if any(not word.strip() for word in words.values()):
            raise Refused("Ghi lời nhắn cho từng công văn trả lại, để người soạn biết cần sửa gì.")
        returned = self._folder(words)
        for letter in returned:
            note = {"return_note": words[letter.pk].strip(), "returned_at": timezone.now(), "returned_by": by}
            move(letter, Document.State.DRAFT, by=by, **note)
        self._take_off(self.requests.filter(letter__in=returned, state=EvaluationRequest.State.PREPARED), by)
        self._close_folder()
        return len(returned)

    def _take_off(self, prepared: RequestQuerySet, by: "Seat") -> None:
        """Presenting again asks about everybody anew, but for what a move began: that waits for its next letter."""
        asked_anew = prepared.filter(replaces=None, part="whole")
        move_all(asked_anew, EvaluationRequest.State.CANCELLED, by=by, **TAKEN_BACK)
        prepared.update(letter=None)

    @transaction.atomic
    def draft_again(self, *, by: "Seat") -> None:
        """Somebody in the letters that wait has moved: they are written anew, and one without anybody goes back."""
        self._lock()
        self._draft_letters(by)
        prepared = self.requests.filter(state=EvaluationRequest.State.PREPARED)
        waiting = self.documents.filter(state=Document.State.FOR_SIGNATURE)
        move_all(waiting.exclude(pk__in=prepared.exclude(letter=None).values("letter")), Document.State.DRAFT, by=by)
        if waiting.exists():
            self.presented_at, self.presented_by = timezone.now(), by
            self.save(update_fields=["presented_at", "presented_by"])
        else:
            self._close_folder()

    def sent_back(self) -> "models.QuerySet[Document]":
        """Letters the signer gave back, with his word, until they are presented again."""
        drafts = self.documents.filter(state=Document.State.DRAFT).exclude(return_note="")
        return drafts.select_related("recipient", "returned_by__user").order_by("recipient__locality_key", "pk")

    def _folder(self, only: Collection[int] | None = None) -> list[Document]:
        """What waits for signature (tập trình ký), in signing order."""
        waiting = self.documents.filter(state=Document.State.FOR_SIGNATURE)
        if only is not None:
            waiting = waiting.filter(pk__in=only)
        return list(waiting.select_related("presented_by", "recipient").order_by("recipient__locality_key", "pk"))

    def _close_folder(self) -> None:
        """Once nothing waits any more, nobody has presented anything."""
        if not self.documents.filter(state=Document.State.FOR_SIGNATURE).exists():
            self.presented_at = self.presented_by = None
            self.save(update_fields=["presented_at", "presented_by"])

    @transaction.atomic
    def close(self, *, by: "Seat") -> int:
        """Hard end: requests without an answer are kept as "chưa có ý kiến của nơi cư trú"; how many.

        What still waits for signature never leaves the house.
        """
        self.take_back(by=by)
        prepared = self.requests.filter(state=EvaluationRequest.State.PREPARED)
        move_all(prepared, EvaluationRequest.State.CANCELLED, by=by, **TAKEN_BACK)
        silent = move_all(self.requests.awaiting_answer(), EvaluationRequest.State.NO_REPLY, by=by)
        move(self, self.State.CLOSED, by=by)
        return silent

    @transaction.atomic
    def cancel(self, reason: str, *, by: "Seat") -> int:
        """The whole round is taken back, with the reason; how many requests. Answers that have come are kept."""
        if not reason.strip():
            raise Refused("Ghi lý do hủy đợt lấy ý kiến.")
        if self._lock().state != self.State.OPEN:
            raise WrongState("Chỉ hủy được đợt đã phát hành và chưa kết thúc.")
        self.take_back(by=by)
        prepared = self.requests.filter(state=EvaluationRequest.State.PREPARED)
        move_all(prepared, EvaluationRequest.State.CANCELLED, by=by, **TAKEN_BACK)
        gone = {"end_code": "campaign", "end_note": reason.strip()}
        cancelled = move_all(self.requests.awaiting_answer(), EvaluationRequest.State.CANCELLED, by=by, **gone)
        move(self, self.State.CLOSED, by=by, cancel_reason=reason.strip())
        return cancelled

    def _lock(self) -> "Campaign":
        return Campaign.objects.select_for_update(of=("self",)).select_related("presented_by").get(pk=self.pk)

    def _draft_letters(self, by: "Seat") -> list[Document]:
        """One letter for each commune with prepared requests, facts frozen as they are now."""
        prepared = self.requests.filter(state=EvaluationRequest.State.PREPARED)
        communes = Organization.objects.filter(pk__in=prepared.order_by().values("residence_commune"))
        letters = open_drafts(self, communes, by)
        link_to_drafts(prepared)
        write_letters(self, letters, by)
        drafts = self.documents.filter(pk__in=[letter.pk for letter in letters], state=Document.State.DRAFT)
        move_all(drafts, Document.State.FOR_SIGNATURE, by=by, return_note="")
        return self._folder()
