"""Sổ công văn đi, sổ công văn đến: every number explained, found again, printed, given out as a table."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST

from evaluations.exports import letters_in_export, letters_out_export
from evaluations.forms.exports import ReasonForm
from evaluations.forms.letter_book import EnterForm, GiveBackForm, LookUp, NumbersForm
from evaluations.models import Bundle, Document, NumberRange, NumberSeries, packs
from evaluations.models.letter_book import (
    WINDOW,
    Entry,
    enter,
    entries,
    give_back,
    highest,
    label,
    letters_of,
    next_received_no,
    received,
    received_rows,
    unexplained,
)
from evaluations.views.bundles import ordered, recent
from evaluations.views.exports import given_out
from evaluations.views.letters_in import granted
from members.middleware import SignedIn
from members.models import Organization, Seat, User
from members.paging import in_order, page_of
from members.roles import Action
from members.sign_in import just_confirmed
from members.states import Refused

NEWEST = ("issued_on", "pk")


def _office(user: User, organization_id: int) -> tuple[Organization, Seat]:
    """The office whose book this person keeps; else 404."""
    place = get_object_or_404(Organization.objects.filter(user.reach(Action.KEEP_BOOK, "")), pk=organization_id)
    return place, user.acting(Action.KEEP_BOOK, place)


def _series(place: Organization, wanted: str) -> tuple[list[NumberSeries], NumberSeries | None]:
    """The office's books, the newest term first, and the one that is open."""
    books = list(place.number_series.order_by("-term", "-genre_sign"))
    chosen = next((book for book in books if str(book.pk) == wanted), books[0] if books else None)
    return books, chosen


@require_http_methods(["GET", "POST"])
def out(request: SignedIn, organization_id: int) -> HttpResponse:
    """The book of letters sent: number by number, or what a search finds; a POST orders the printed book."""
    place, seat = _office(request.user, organization_id)
    books, book = _series(place, request.GET.get("so", ""))
    form = LookUp(request.GET)
    if request.method == "POST":
        if book is None:
            raise Refused("Sổ chưa có số nào.")
        return ordered(request, packs.letters_out(book, str(seat.user_id)), f"Phạm vi: sổ {_named(book)}", seat)
    context = {
        **_common(request, place, form, Bundle.Kind.LETTERS_OUT, "letters_out_export"),
        "books": books,
        "book": book,
        "kept": urlencode(form.kept() | ({"so": str(book.pk)} if book else {})),
    }
    if book:
        context |= _found(request, book, form) if form.kept() else _window(request, book)
        context |= {"next_no": book.free_numbers(1)[0], "missing": unexplained(book)[:20]}
        context["readable"] = _readable(request.user, context["entries"])
    return render(request, "evaluations/letters_out.html", context)


def _named(book: NumberSeries) -> str:
    return f"{book.genre_sign}, nhiệm kỳ {book.term}"


def _window(request: SignedIn, book: NumberSeries) -> dict[str, Any]:
    """The numbers of one page, counted down from the one the address names."""
    last, asked = highest(book), request.GET.get("tu_so", "")
    top = min(int(asked), last) if asked.isdecimal() and len(asked) < 7 and int(asked) else last
    bottom = max(top - WINDOW + 1, 1)
    return {
        "entries": entries(book, bottom, top) if top else [],
        "prev_url": f"?{urlencode({'so': book.pk, 'tu_so': min(top + WINDOW, last)})}" if top < last else None,
        "next_url": f"?{urlencode({'so': book.pk, 'tu_so': bottom - 1})}" if bottom > 1 else None,
    }


def _readable(user: User, shown: list[Entry]) -> set[int]:
    """Of these letters the ones this person may open; the book itself names nobody they are about."""
    ids = [entry.document.pk for entry in shown if entry.document]
    return set(Document.objects.readable_by(user).filter(pk__in=ids, state="issued").values_list("pk", flat=True))


def _found(request: SignedIn, book: NumberSeries, form: LookUp) -> dict[str, Any]:
    rows = letters_of(book, form.words, form.genre)
    if form.year:
        rows = rows.filter(issued_on__year=form.year)
    keys = page_of(rows, NEWEST, request.GET, form.kept() | {"so": str(book.pk)}, is_descending=True)
    letters = in_order(Document.objects.select_related("recipient").defer("facts"), keys.ids)
    found = [Entry(int(row.number or 0), int(row.number or 0), row) for row in letters]
    return {"entries": found, "prev_url": keys.prev_url, "next_url": keys.next_url}


def _common(request: SignedIn, place: Organization, form: LookUp, kind: str, export: str) -> dict[str, Any]:
    return {
        "place": place,
        "form": form,
        "is_filtered": bool(form.kept()),
        "bundles": recent(request, place, [kind]),
        "may_export": granted(request.user, Action.EXPORT, place),
        "export_form": ReasonForm(),
        "export_url": reverse(f"evaluations:{export}", args=[place.pk]),
    }


@require_http_methods(["GET", "POST"])
def letters_received(request: SignedIn, organization_id: int) -> HttpResponse:
    """The book of letters received, the newest first; a POST orders the printed book."""
    place, seat = _office(request.user, organization_id)
    form = LookUp(request.GET)
    rows = received(place, form.year, form.words, form.genre)
    if request.method == "POST":
        year = f"năm {form.year}" if form.year else "mọi năm"
        return ordered(request, packs.letters_in(place, rows, f"{seat.user_id} {year}"), f"Phạm vi: {year}", seat)
    keys = page_of(rows, NEWEST, request.GET, form.kept(), is_descending=True)
    context = {
        **_common(request, place, form, Bundle.Kind.LETTERS_IN, "letters_in_export"),
        "letters": [(letter, label(letter)) for letter in in_order(received_rows(), keys.ids)],
        "keys": keys,
        "kept": urlencode(form.kept()),
        "next_no": next_received_no(place),
    }
    return render(request, "evaluations/letters_received.html", context)


@require_http_methods(["GET", "POST"])
def numbers(request: SignedIn, organization_id: int) -> HttpResponse:
    """What the clerk does with the numbers of the book, each with its reason."""
    place, seat = _office(request.user, organization_id)
    form = NumbersForm(
        request.POST if request.method == "POST" else None, initial={"what": request.GET.get("viec"), "sign": "CV"}
    )
    if request.method == "POST" and form.is_valid():
        try:
            messages.success(request, form.save(place, by=seat))
            return redirect("evaluations:letters_out", place.pk)
        except Refused as refusal:
            form.add_error(None, str(refusal))
    kept = NumberRange.objects.filter(series__organization=place, kind=NumberRange.Kind.RESERVED)
    context = {"place": place, "form": form, "kept": kept.select_related("series", "recorded_by__user").order_by("pk")}
    return render(request, "evaluations/book_numbers.html", context)


@require_POST
def release(request: SignedIn, range_id: int) -> HttpResponse:
    """A kept block that is not needed after all."""
    within = NumberRange.objects.filter(request.user.reach(Action.KEEP_BOOK, "series__organization__"))
    row = get_object_or_404(within.select_related("series__organization"), pk=range_id)
    place = row.series.organization
    seat, form = request.user.acting(Action.KEEP_BOOK, place), GiveBackForm(request.POST)
    if form.is_valid():
        give_back(row, form.cleaned_data["reason"], by=seat)
        messages.success(request, f"Đã bỏ dải số {row.first:02d}–{row.last:02d}.")
    else:
        messages.error(request, "Ghi lý do bỏ dải số, ít nhất 5 ký tự.")
    return redirect("evaluations:book_numbers", place.pk)


@require_POST
def enter_letter(request: SignedIn, document_id: int) -> HttpResponse:
    """Vào sổ công văn đến a letter that is no request."""
    within = Document.objects.filter(request.user.reach(Action.KEEP_BOOK, "recipient__"))
    letter = get_object_or_404(within.select_related("recipient"), pk=document_id)
    assert letter.recipient
    seat, form = request.user.acting(Action.KEEP_BOOK, letter.recipient), EnterForm(request.POST)
    if form.is_valid():
        enter(letter, form.cleaned_data["number"], by=seat)
        messages.success(request, f"Đã vào sổ công văn đến, số đến {form.cleaned_data['number']}.")
    else:
        messages.error(request, "Ghi số đến, nhiều nhất 12 ký tự.")
    return redirect("evaluations:letters_received", letter.recipient.pk)


@require_POST
@just_confirmed
def out_export(request: SignedIn, organization_id: int) -> HttpResponse:
    place, _ = _office(request.user, organization_id)
    _, book = _series(place, request.GET.get("so", ""))
    if book is None:
        raise Refused("Sổ chưa có số nào.")
    return _table(request, place, letters_out_export(book), "evaluations:letters_out")


@require_POST
@just_confirmed
def in_export(request: SignedIn, organization_id: int) -> HttpResponse:
    place, _ = _office(request.user, organization_id)
    form = LookUp(request.GET)
    rows = received(place, form.year, form.words, form.genre)
    return _table(request, place, letters_in_export(place, rows), "evaluations:letters_received")


def _table(request: SignedIn, place: Organization, export: Any, back: str) -> HttpResponse:
    seat, form = request.user.acting(Action.EXPORT, place), ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, f"Lý do xuất: {' '.join(str(error) for error in form.errors['reason'])}")
        return redirect(back, place.pk)
    return given_out(export, place, form.cleaned_data["reason"], seat)
