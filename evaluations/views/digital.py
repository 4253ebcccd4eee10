"""Digital signatures: signing the folder of stored papers, taking in what was signed elsewhere, keeping the keys."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from evaluations import revocation
from evaluations.forms.digital import MAX_BYTES, KeyFileForm, RunForm, SignedFilesForm, SignForm, TokenForm
from evaluations.models import Document, DocumentFile, SigningKey
from evaluations.models.signing_keys import keep_signed, to_sign
from evaluations.signatures import Key, SignatureRefused, Signed, SigningStopped, accept, from_pkcs12, from_token
from evaluations.signatures import sign as sign_bytes
from evaluations.views.scans import upload_room
from members.middleware import SignedIn
from members.models import Organization, Seat, User
from members.roles import Action
from members.states import Refused

AT_ONCE = 200  # papers on one page
LARGEST = 5000  # papers of one run
SECONDS = 4.0  # that one request signs; the page then asks for the next slice
AGAIN = "Mật khẩu nhập đã quá 15 phút. Xin trở lại, nhập lại mật khẩu và ký tiếp; văn bản đã ký không phải ký lại."


def _load(user: User, organization_id: int) -> tuple[Organization, Seat]:
    """404 where the person holds no seat, 403 for seats that sign nothing there."""
    own = [seat.organization_id for seat in user.seats_now]
    organization = get_object_or_404(Organization.objects.filter(pk__in=own), pk=organization_id)
    action = Action.REPLY if organization.unit else Action.SIGN
    return organization, user.acting(action, organization)


@dataclass
class Run:
    """A folder that is being signed, slice by slice. It travels in the signer's own page and is stored nowhere."""

    key: SigningKey
    opener: str  # what opens the key, sealed
    left: list[int]
    total: int
    signed: int = 0
    failed: int = 0
    why: str = ""  # the last paper that could not be signed, and the reason
    stopped: str = ""

    @property
    def is_over(self) -> bool:
        return not self.left or bool(self.stopped)

    @property
    def done(self) -> int:
        return self.total - len(self.left)


@require_http_methods(["GET", "POST"])
def sign(request: SignedIn, organization_id: int) -> HttpResponse:
    organization, seat = _load(request.user, organization_id)
    waiting = list(to_sign(request.user, organization)[:AT_ONCE])
    form = SignForm(organization, waiting, request.POST if request.method == "POST" else None)
    if form.is_valid():
        chosen = _chosen(form, to_sign(request.user, organization))
        key, secret = form.cleaned_data["key"], form.cleaned_data["secret"]
        run = Run(key, key.seal(secret, request.user), chosen, len(chosen))
        _sign_for_a_while(run, secret, organization, seat)
        if not run.stopped or run.signed:
            return _tell(request, organization, run)
        form.add_error(None, run.stopped)
    context = {
        "organization": organization,
        "form": form,
        "groups": [(words, list(papers)) for words, papers in groupby(waiting, Document.get_genre_display)],
        "chosen": set(request.POST.getlist("papers")) if form.is_bound else {str(paper.pk) for paper in waiting},
        "files": SignedFilesForm(),
        "has_key": form.keys.exists(),
        "looks_at_lists": revocation.is_configured(),
        "more": max(to_sign(request.user, organization).count() - AT_ONCE, 0),
    }
    return render(request, "evaluations/sign_digitally.html", context)


def _chosen(form: SignForm, waiting: QuerySet[Document]) -> list[int]:
    if form.cleaned_data["everything"]:
        return list(waiting.values_list("pk", flat=True)[:LARGEST])
    return list(waiting.filter(pk__in=form.cleaned_data["papers"]).values_list("pk", flat=True))


@require_POST
def go_on(request: SignedIn, organization_id: int) -> HttpResponse:
    """The next slice of a folder: asked for by the page that the slice before has left."""
    organization, seat = _load(request.user, organization_id)
    form = RunForm(organization, request.POST)
    if not form.is_valid():
        return redirect("evaluations:sign_digitally", organization.pk)
    run = Run(**form.cleaned_data)
    secret = run.key.unseal(run.opener, request.user)
    if secret is None:
        run.stopped = AGAIN
    else:
        _sign_for_a_while(run, secret, organization, seat)
    return _progress(request, organization, run)


def _tell(request: SignedIn, organization: Organization, run: Run) -> HttpResponse:
    """A short folder is done at once; a long one leads to the page that goes on."""
    if not run.is_over or run.stopped or run.failed:
        return _progress(request, organization, run)
    messages.success(request, f"Đã ký số {run.signed} văn bản.")
    return redirect("evaluations:sign_digitally", organization.pk)


def _progress(request: SignedIn, organization: Organization, run: Run) -> HttpResponse:
    page = "signing_run" if request.headers.get("HX-Request") else "signing_page"
    return render(request, f"evaluations/{page}.html", {"organization": organization, "run": run})


@contextmanager
def _opened(key: SigningKey, secret: str) -> Iterator[Key]:
    if key.kind == SigningKey.Kind.FILE:
        yield from_pkcs12(key.file(), secret)
    else:
        with from_token(key.token, key.label, secret) as found:
            yield found


def _sign_for_a_while(run: Run, secret: str, organization: Organization, by: Seat) -> None:
    """Each paper is stored by itself, so that what is done stays done; one that cannot be signed is passed over."""
    end, waiting = time.monotonic() + SECONDS, to_sign(by.user, organization)
    try:
        with _opened(run.key, secret) as key:
            while run.left:
                _sign_one(run, waiting.filter(pk=run.left[0]).first(), key, by)
                del run.left[0]
                if time.monotonic() > end:
                    return
    except SignatureRefused as refused:
        run.stopped = str(refused)


def _sign_one(run: Run, paper: Document | None, key: Key, by: Seat) -> None:
    issued = paper.issued_file() if paper else None
    if paper is None or issued is None:
        run.failed, run.why = run.failed + 1, "Văn bản vừa được ký số hoặc không còn chờ ký."
        return
    try:
        _keep(paper, sign_bytes(bytes(issued.content), key), run.key, by)
        run.signed += 1
    except SigningStopped:
        raise
    except (SignatureRefused, Refused) as refused:
        run.failed, run.why = run.failed + 1, f"{paper}: {refused}"[:500]


def _keep(paper: Document, signed: Signed, key: SigningKey | None, by: Seat) -> None:
    identity = signed.identity
    keep_signed(
        paper,
        signed.content,
        key=key,
        subject=identity.name,
        serial=identity.serial,
        at=signed.at,
        is_stamped=signed.is_stamped,
        by=by,
    )


@upload_room(MAX_BYTES + 1024 * 1024)
@require_POST
def take_in(request: SignedIn, organization_id: int) -> HttpResponse:
    """Files signed with an official-use token outside: each finds its paper by the bytes it begins with."""
    organization, seat = _load(request.user, organization_id)
    try:
        contents = SignedFilesForm(request.POST, request.FILES).contents()
    except SignatureRefused as refused:
        messages.error(request, str(refused))
        return redirect("evaluations:sign_digitally", organization.pk)
    kept = 0
    for place, content in enumerate(contents, 1):
        try:
            paper, issued = _paper_of(content, to_sign(request.user, organization))
            _keep(paper, accept(content, issued), None, seat)
            kept += 1
        except (SignatureRefused, Refused) as refused:
            messages.error(request, f"Tệp thứ {place}: {refused}")
    if kept:
        messages.success(request, f"Đã nhận {kept} văn bản ký số.")
    return redirect("evaluations:sign_digitally", organization.pk)


def _paper_of(content: bytes, waiting: QuerySet[Document]) -> tuple[Document, bytes]:
    files = DocumentFile.objects.filter(kind=DocumentFile.Kind.ISSUED, document__in=waiting, size__lt=len(content))
    sizes = files.order_by().values_list("size", flat=True).distinct()
    prints = [DocumentFile.digest(content[:size]) for size in sizes]
    found = files.filter(sha256__in=prints).select_related("document").first()
    if found is None:
        raise SignatureRefused(
            "không phải bản phát hành nào đang chờ ký số. Xin tải bản phát hành từ hệ thống, ký, rồi nộp lại."
        )
    return found.document, bytes(found.content)


@upload_room(MAX_BYTES)
@require_http_methods(["GET", "POST"])
def keys(request: SignedIn, organization_id: int) -> HttpResponse:
    """The keys of an organisation; the form that was sent says which kind is added."""
    organization, seat = _load(request.user, organization_id)
    is_token = "token" in request.POST
    file_form = KeyFileForm(request.POST, request.FILES) if request.method == "POST" and not is_token else KeyFileForm()
    token_form = TokenForm(request.POST) if is_token else TokenForm()
    sent: KeyFileForm | TokenForm = token_form if is_token else file_form
    if sent.is_bound and sent.is_valid():
        identity = sent.key.identity
        fields: dict[str, Any] = {
            "subject": identity.name[:200],
            "serial": identity.serial,
            "valid_until": identity.until,
        }
        if isinstance(sent, TokenForm):
            fields |= {"kind": "token", "token": sent.cleaned_data["token"], "label": sent.cleaned_data["label"]}
        else:
            fields |= {"kind": "file", "content": sent.content}
        SigningKey.add(organization, by=seat, **fields)
        messages.success(request, f"Đã thêm khóa ký cấp cho {identity.name}.")
        return redirect("evaluations:signing_keys", organization.pk)
    rows = SigningKey.objects.filter(organization=organization, retired_at=None)
    context = {"organization": organization, "rows": rows, "file_form": file_form, "token_form": token_form}
    return render(request, "evaluations/signing_keys.html", context)


@require_POST
def retire(request: SignedIn, organization_id: int, key_id: int) -> HttpResponse:
    organization, seat = _load(request.user, organization_id)
    key = SigningKey.objects.filter(organization=organization, retired_at=None, pk=key_id).first()
    if key is None:
        raise Http404
    key.retire(by=seat)
    messages.success(request, f"Đã thôi dùng và xóa khóa ký cấp cho {key.subject}. Văn bản đã ký giữ nguyên chữ ký.")
    return redirect("evaluations:signing_keys", organization.pk)
