"""The plan of a print copy: which sheets, in which order, as ids. Nothing here knows what a copy is made of."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import models

from members.models import Organization

LINES = 400  # lines of a book that are rendered in one step
TOGETHER = 25  # sheets that are rendered, or stored files that are merged, in one step (performance.md §1.2)


class Sheet(models.TextChoices):
    """What one step of a plan puts on paper, and what its ids are ids of."""

    FILES = "files", "Văn bản đã phát hành"  # Document
    ORIGINALS = "originals", "Văn bản gốc, để lưu trữ"  # Document
    DRAFTS = "drafts", "Dự thảo trình ký"  # Document
    COVERS = "covers", "Phiếu giao"  # cell
    FORMS = "forms", "Phiếu nhận xét để ghi tay"  # Assessment
    GRIDS = "grids", "Bảng nhận xét cả chi bộ"  # cell
    LABELS = "labels", "Nhãn địa chỉ"  # Organization
    ENVELOPES = "envelopes", "Bì thư"  # Organization
    BOOK_COVERS = "book_covers", "Bìa sổ"  # Organization
    BOOK_LINES = "book_lines", "Dòng của sổ"  # Placement
    BOOK_LETTERS = "book_letters", "Dòng của sổ công văn"  # Document, or minus a NumberRange


def steps(sheet: Sheet, ids: Iterable[int], size: int = TOGETHER) -> list[list[Any]]:
    """[[sheet, [ids]], …] of at most `size` ids each."""
    rows = list(ids)
    return [[sheet.value, rows[start : start + size]] for start in range(0, len(rows), size)]


@dataclass(frozen=True)
class Order:
    """What somebody wants to print; the functions in models/packs.py write these."""

    kind: str
    organization: Organization  # on whose behalf: their people find the copy
    title: str
    plan: list[list[Any]]
    year: int
    campaign_id: int | None = None
    other: Organization | None = None  # the other side: the commune of a campaign, the workplace of a commune
    paper: str = ""
    about: str = ""  # whatever else tells this copy from another of the same papers

    @property
    def total(self) -> int:
        return sum(len(ids) for _, ids in self.plan)

    @property
    def key(self) -> str:
        """The same for the same papers: a changed list is another copy."""
        parts = [
            self.title,
            self.organization.pk,
            self.campaign_id,
            self.other and self.other.pk,
            self.year,
            self.paper,
            self.plan,
            *([self.about] if self.about else []),
        ]
        digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]
        return f"{self.kind}:{self.organization.pk}:{digest}"
