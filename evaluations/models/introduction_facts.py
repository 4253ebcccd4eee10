"""The facts of a Giấy giới thiệu and of its counterpart, frozen into their documents (domain §3.1)."""

from typing import TYPE_CHECKING, Any

from django.utils import timezone

from evaluations.models.documents import Document, new_document
from evaluations.models.form_facts import member_facts
from evaluations.rulebooks import load
from members.models import Organization, Placement
from members.names import search_key

if TYPE_CHECKING:
    from evaluations.models.introductions import Introduction
    from members.models import Seat

ABSTRACT = "Giới thiệu đảng viên giữ mối liên hệ với tổ chức đảng và nhân dân nơi cư trú"


def introduction_document(row: "Introduction", by: "Seat") -> Document:
    """The unsaved paper of one introduction."""
    return new_document(
        Document.Genre.INTRODUCTION,
        key=f"introduction:{row.pk}",
        issuer=row.workplace,
        recipient=row.commune,
        prepared_by=by,
        abstract=ABSTRACT,
        facts=introduction_facts(row),
    )


def introduction_facts(row: "Introduction") -> dict[str, Any]:
    """The class is on the paper as its one line says it; the category never leaves the workplace."""
    placement = row.placement
    cell = placement.cell.name if placement.cell else ""
    return {
        "to": row.commune.name,
        "to_cell": cell or _cell_of(placement.cell_as_written),
        "basis": load().basis[0],
        "year": timezone.localdate().year,
        "member": _member_facts(row),
        "is_exempt": placement.standing == Placement.Standing.EXEMPT_ACTIVITY,
        "recipients": [],
        "counterpart": _counterpart(row.commune, "", ""),
    }


def _member_facts(row: "Introduction") -> dict[str, Any]:
    facts = member_facts(row.placement)
    cell, official = facts["workplace_cell"], row.member.official_on
    is_named_so = search_key(cell).startswith("chi bo")
    return {
        **facts,
        "official_on": official.isoformat() if official else "",
        "workplace_cell": cell if is_named_so or not cell else f"Chi bộ {cell}",
    }


def _cell_of(words: str) -> str:
    return f"Chi bộ nơi cư trú ({words})" if words else "Chi bộ nơi cư trú"


def _counterpart(commune: Organization, on: str, cell: str, signature: dict[str, str] | None = None) -> dict[str, Any]:
    """The left half, empty until the commune fills it in."""
    signed = signature or commune.signature()
    return {
        "authority": signed["authority"],
        "position": signed["position"],
        "name": signed["name"] if on else "",
        "on": on,
        "cell": cell,
    }


def counterpart_document(row: "Introduction", by: "Seat", signature: dict[str, str] | None) -> Document:
    """The unsaved counterpart: the same paper, the head and signature of its issuer kept, the commune's half filled."""
    paper = row.document
    assert paper is not None
    assert row.accepted_on is not None
    # Of an introduction that came on paper nothing was frozen here: it is written off the register.
    own = {"head": row.workplace.letterhead("GGT"), "signature": row.workplace.signature(), **introduction_facts(row)}
    issued_on = paper.issued_on.isoformat() if paper.issued_on else ""
    return new_document(
        Document.Genre.COUNTERPART,
        key=f"counterpart:{row.pk}",
        issuer=row.commune,
        recipient=row.workplace,
        prepared_by=by,
        abstract=f"Tiếp nhận đảng viên theo Giấy giới thiệu {paper.numbered}".strip(),
        facts={
            **(own if paper.keyed_by_id else paper.facts),
            "paper": {"number": paper.numbered, "issued_on": issued_on},
            "counterpart": _counterpart(row.commune, row.accepted_on.isoformat(), row.where, signature),
        },
    )
