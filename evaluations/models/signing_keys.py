"""The keys an organisation signs with on this server, and the signatures that its papers bear (design §5, DIGITAL)."""

import base64
import json
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from evaluations.models.documents import Document, DocumentFile
from members.models import AuditEvent, Organization
from members.models.encrypted import EncryptedTextField, encrypted, lately_encrypted
from members.roles import Action, Side
from members.states import Refused

if TYPE_CHECKING:
    from members.models import Seat, User

SEALED = 15 * 60  # seconds for which a signer's own page carries what opens the key
HAS_SIGNED = Q(files__kind=DocumentFile.Kind.SIGNED)


class SigningKey(models.Model):
    """A key for digital signatures. What opens it (passphrase, PIN) is typed each time and kept nowhere."""

    class Kind(models.TextChoices):
        FILE = "file", "Tệp khóa PKCS#12"
        TOKEN = "token", "Thiết bị ký trên máy chủ"

    organization = models.ForeignKey(Organization, models.PROTECT, related_name="signing_keys")
    kind = models.CharField("loại khóa", max_length=5, choices=Kind.choices)
    # The .p12 as it came: its own passphrase on the inside, the keys of the installation around it.
    content = EncryptedTextField(blank=True)
    token = models.CharField("nhãn thiết bị", max_length=64, blank=True)
    label = models.CharField("nhãn khóa", max_length=64, blank=True)
    subject = models.CharField("cấp cho", max_length=200)
    serial = models.CharField("số chứng thư", max_length=64)
    valid_until = models.DateTimeField("có hiệu lực đến")
    added_by = models.ForeignKey("members.Seat", models.PROTECT, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "khóa ký số"
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(name="signing_key_kind_known", condition=Q(kind__in=["file", "token"])),
            models.CheckConstraint(
                name="signing_key_one_sort",
                condition=Q(kind="file", token="") & (~Q(content="") | Q(retired_at__isnull=False))
                | Q(kind="token", content="") & ~Q(token="") & ~Q(label=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} (đến {timezone.localtime(self.valid_until):%d/%m/%Y})"

    @classmethod
    @transaction.atomic
    def add(cls, organization: Organization, *, by: "Seat", content: bytes = b"", **fields: object) -> "SigningKey":
        key = cls.objects.create(
            organization=organization, content=base64.b64encode(content).decode(), added_by=by, **fields
        )
        AuditEvent.objects.record("SigningKey.add", by=by, on=key, fields=["kind", "subject", "serial"])
        return key

    def file(self) -> bytes:
        return base64.b64decode(self.content)

    def seal(self, secret: str, user: "User") -> str:
        """What opens the key, readable for this server only, in the hands of this person only, and not for long.

        It stands in the signer's own page while a long folder is being signed: neither database, cache nor broker holds
        it, and once the page is closed nothing signs any more.
        """
        return encrypted(json.dumps([user.pk, self.pk, secret]))

    def unseal(self, sealed: str, user: "User") -> str | None:
        """None: too long ago, another person's or another key's, or not ours at all."""
        found = lately_encrypted(sealed, SEALED)
        *whose, secret = json.loads(found) if found else [None]
        return secret if whose == [user.pk, self.pk] else None

    @transaction.atomic
    def retire(self, *, by: "Seat") -> None:
        """No longer used, and the key itself forgotten; papers it has signed keep their signatures."""
        gone = SigningKey.objects.filter(pk=self.pk, retired_at=None).update(retired_at=timezone.now(), content="")
        if gone:
            AuditEvent.objects.record("SigningKey.retire", by=by, on=self, fields=["retired_at", "content"])


class Signature(models.Model):
    """What a signed file says of its signer."""

    file = models.OneToOneField(DocumentFile, models.PROTECT, related_name="signature")
    key = models.ForeignKey(SigningKey, models.PROTECT, null=True)  # None: made with a token outside
    subject = models.CharField("người ký", max_length=200)
    serial = models.CharField("số chứng thư", max_length=64)
    signed_at = models.DateTimeField("thời điểm ký")
    is_stamped = models.BooleanField("có dấu thời gian", default=False)
    by = models.ForeignKey("members.Seat", models.PROTECT, related_name="+")

    class Meta:
        verbose_name = "chữ ký số"


def to_sign(user: "User", organization: Organization) -> "models.QuerySet[Document]":
    """Stored papers that this organisation puts its signature to, and has not yet; never one about the signer."""
    forms = Q(issuer__parent=organization, genre=Document.Genre.ASSESSMENT_FORM)
    papers = Document.objects.filter(Q(issuer=organization) | forms)
    waiting = papers.filter(state=Document.State.ISSUED, keyed_by=None, mode=Document.Mode.PRINT_ONLY)
    stored = waiting.filter(files__kind=DocumentFile.Kind.ISSUED).exclude(pk__in=papers.filter(HAS_SIGNED))
    if user.member_id:
        stored = stored.exclude(version__assessment__placement__member=user.member_id)
    return stored.select_related("issuer", "recipient").order_by("issued_on", "pk")


def waiting_by_office(user: "User") -> list[tuple[Organization, int]]:
    """For the first page: whose papers this person signs, with how many wait; only offices that keep a key here."""
    seats = [seat for seat, grant in user.grants(Action.SIGN) if grant.side == Side.WORKPLACE]
    seats += [seat for seat, _ in user.grants(Action.REPLY)]
    own = {seat.organization_id: seat.organization for seat in seats}
    kept = SigningKey.objects.filter(organization__in=own, retired_at=None) if own else SigningKey.objects.none()
    with_key = kept.order_by("organization").values_list("organization", flat=True).distinct()
    return [(own[pk], to_sign(user, own[pk]).count()) for pk in with_key]


@transaction.atomic
def keep_signed(
    document: Document,
    content: bytes,
    *,
    key: SigningKey | None,
    subject: str,
    serial: str,
    at: datetime,
    is_stamped: bool,
    by: "Seat",
) -> Signature:
    """Store a signed copy beside what was issued. Refused when somebody else has signed in the meantime."""
    locked = Document.objects.select_for_update().get(pk=document.pk)
    if locked.state != Document.State.ISSUED or locked.files.filter(kind=DocumentFile.Kind.SIGNED).exists():
        raise Refused("Văn bản này vừa được ký số hoặc không còn hiệu lực. Xin tải lại trang.")
    issued = locked.issued_file()
    assert issued is not None
    stored = locked.store(DocumentFile.Kind.SIGNED, content, issued.pages)
    locked.mode = Document.Mode.DIGITAL
    locked.save(update_fields=["mode"])
    AuditEvent.objects.record("Document.sign", by=by, on=locked, fields=["mode"])
    return Signature.objects.create(
        file=stored, key=key, subject=subject[:200], serial=serial, signed_at=at, is_stamped=is_stamped, by=by
    )
