"""Print copies: stored papers and freshly rendered sheets become one file, step by step and with flat memory.

Merges through temporary files (performance.md §0.3): what is printed here carries no tags, no signature and no PDF/A
intent any more; the archive keeps the originals. Besides evaluations/scans.py the only importer of pikepdf.
"""

import io
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pikepdf

from evaluations import documents
from evaluations.models import Bundle, DocumentFile
from evaluations.models import sheet_facts as facts
from evaluations.models.bundles import PIECE
from evaluations.models.print_plans import Sheet

AT_ONCE = 40  # files open at the same time in one level of the merge


class NotStoredYet(Exception):
    """A paper of the plan is still being rendered by somebody else: wait a moment."""


def work(bundle: Bundle, seconds: float) -> bool:
    """Do steps until the time is over; whether the bundle is finished. A repetition goes on where this one stopped."""
    end = time.monotonic() + seconds
    bundle.begin()
    for no, sheet, ids in bundle.steps_left():
        if time.monotonic() > end:
            return False
        bundle.keep(no, _step(bundle, sheet, ids))
    with tempfile.TemporaryDirectory(prefix="bundle-") as folder:
        path, pages = _merged(_pieces(bundle, Path(folder)), Path(folder))
        bundle.finish(_blocks(path), pages)
    return True


def _step(bundle: Bundle, sheet: Sheet, ids: list[int]) -> bytes:
    return _stored(ids) if sheet == Sheet.FILES else SHEETS[sheet](bundle, ids)


def _stored(ids: list[int]) -> bytes:
    """The issued bytes of these documents, one after the other."""
    files = DocumentFile.objects.filter(document__in=ids, kind=DocumentFile.Kind.ISSUED)
    contents = dict(files.values_list("document", "content"))
    if len(contents) < len(set(ids)):
        raise NotStoredYet
    with pikepdf.new() as whole:
        for pk in ids:
            with pikepdf.open(io.BytesIO(bytes(contents[pk]))) as part:
                _append(whole, part)
        out = io.BytesIO()
        _save(whole, out)
    return out.getvalue()


def _render(template: str, values: dict[str, Any]) -> bytes:
    return documents.render(template, values).content


SHEETS: dict[Sheet, Callable[[Bundle, list[int]], bytes]] = {
    Sheet.COVERS: lambda bundle, ids: _render("cover", facts.cover(bundle.cell(ids[0]), bundle.year)),
    Sheet.FORMS: lambda bundle, ids: _render("blank_forms", facts.blank_forms(ids)),
    Sheet.GRIDS: lambda bundle, ids: _render("grid", facts.grid(bundle.cell(ids[0]), bundle.year)),
    Sheet.LABELS: lambda bundle, ids: _render("labels", facts.addresses(bundle.organization, ids)),
    Sheet.ENVELOPES: lambda bundle, ids: _render(
        f"envelopes_{bundle.paper.lower()}", facts.addresses(bundle.organization, ids)
    ),
}


# Merging in levels: never more than a few files open, never a file as a whole in memory


def _pieces(bundle: Bundle, folder: Path) -> list[Path]:
    paths = []
    parts = bundle.pieces.filter(is_final=False)
    for no in parts.order_by("no").values_list("no", flat=True):
        path = folder / f"part-{no}.pdf"
        path.write_bytes(bytes(parts.values_list("content", flat=True).get(no=no)))
        paths.append(path)
    return paths


def _merged(paths: list[Path], folder: Path) -> tuple[Path, int]:
    """One file out of all; and its number of pages."""
    for level in count():
        groups = [paths[start : start + AT_ONCE] for start in range(0, len(paths), AT_ONCE)]
        paths = [_joined(group, folder / f"level-{level}-{no}.pdf") for no, group in enumerate(groups)]
        if len(paths) == 1:
            break
    with pikepdf.open(paths[0]) as whole:
        return paths[0], len(whole.pages)


def _joined(group: list[Path], target: Path) -> Path:
    with pikepdf.new() as whole:
        parts = [pikepdf.open(path) for path in group]
        for part in parts:
            _append(whole, part)
        _save(whole, target)
        for part in parts:
            part.close()
    for path in group:
        path.unlink()
    return target


def _append(whole: pikepdf.Pdf, part: pikepdf.Pdf) -> None:
    whole.pages.extend(part.pages)


def _save(whole: pikepdf.Pdf, target: Any) -> None:
    whole.save(target, object_stream_mode=pikepdf.ObjectStreamMode.generate, deterministic_id=True)


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(PIECE):
            yield block
