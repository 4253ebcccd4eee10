"""Merging stored forms into one file to print, as the worker does it, against pypdf merging the same files.

The forms are stored in a private PostgreSQL like issued ones. Pairs of a smaller size are interleaved, because pypdf
takes a minute for 10,000; the full size is run once, in a process of its own, for its memory, time and size. Rendering
and merging is compared with Typst where it is there: it is not pinned, `PYTHONPATH=… script/bench export` finds it.
"""

import hashlib
import importlib
import importlib.util
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "liaison.settings")
warnings.simplefilter("ignore", ResourceWarning)

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402
from pypdf import PdfReader, PdfWriter  # noqa: E402
from render import forms, ours, peak_mb  # noqa: E402

from evaluations import bundles, documents  # noqa: E402
from evaluations.models import Bundle, Document, DocumentFile  # noqa: E402
from evaluations.models.print_plans import Order, Sheet, steps  # noqa: E402
from members.models import Organization, Seat  # noqa: E402
from members.roles import Role  # noqa: E402

if "--child" not in sys.argv:  # what makes rows is larger than what is measured
    from tests import factories

PAIRS = 5
DIFFERENT = 100  # forms that are rendered; the rest repeats them under other names


def build(count: int) -> Seat:
    """`count` issued forms with their files."""
    call_command("migrate", verbosity=0)
    province = factories.organization(None, "Thành ủy Thử", "province")
    ward = factories.commune(province, "Thử Nghiệm")
    person = factories.official("bench", "Nguyễn Thử", ward, Role.OFFICER)
    seat = person.seats.get()
    contents = [ours(facts, check) for facts, check in forms(min(DIFFERENT, count))]
    issued = {"state": "issued", "issued_at": timezone.now(), "issued_by": seat, "issued_on": date(2026, 11, 10)}
    papers = Document.objects.bulk_create(
        Document(genre="assessment_form", key=f"bench:{no}", issuer=ward, facts={}, **issued) for no in range(count)
    )
    for start in range(0, count, 500):
        DocumentFile.objects.bulk_create(
            DocumentFile(
                document=paper,
                kind="issued",
                sha256=hashlib.sha256(content).hexdigest(),
                content=content,
                size=len(content),
                pages=1,
            )
            for paper, content in (
                (paper, contents[no % len(contents)]) for no, paper in enumerate(papers[start : start + 500], start)
            )
        )
    return seat


def merge(ids: list[int], title: str, seat: Seat) -> tuple[float, Bundle]:
    """Seconds of the worker for one print copy, database and all."""
    ward = Organization.objects.get(pk=seat.organization_id)
    order = Order("cell_answers", ward, title, steps(Sheet.FILES, ids), 2026)
    bundle = Bundle.objects.order(order, "Đo tốc độ", by=seat)
    began = time.perf_counter()
    assert bundles.work(bundle, 3600)
    return time.perf_counter() - began, bundle


def by_pypdf(files: list[bytes], path: Path) -> float:
    began = time.perf_counter()
    writer = PdfWriter()
    for content in files:
        writer.append(PdfReader(io.BytesIO(content)), import_outline=False)
    with path.open("wb") as file:
        writer.write(file)
    return time.perf_counter() - began


def against_typst(count: int) -> dict[str, float] | None:
    """Milliseconds of CPU for a form, rendered and merged, by us and by Typst in turn; None where there is no Typst."""
    if not importlib.util.find_spec("typst"):
        return None
    compiler = importlib.import_module("typst").Compiler(
        str(Path(__file__).with_name("form.typ")), font_paths=[str(ROOT / "static/fonts")], ignore_system_fonts=True
    )
    spent, files = {"ours_ms": 0.0, "typst_ms": 0.0}, list[bytes]()
    for facts, check in forms(count):
        began = time.process_time()
        files.append(ours(facts, check))
        spent["ours_ms"] += time.process_time() - began
        began = time.process_time()
        inputs = {"facts": json.dumps(facts), "code": documents._sheet_code(check, 1).decode()}
        files.append(compiler.compile(format="pdf", pdf_standards="a-3b", sys_inputs=inputs))
        spent["typst_ms"] += time.process_time() - began
    for name, contents in (("ours_ms", files[::2]), ("typst_ms", files[1::2])):
        began = time.process_time()
        whole = bundles._Printable(io.BytesIO())
        for content in contents:
            with bundles.pikepdf.open(io.BytesIO(content)) as part:
                whole.append(part)
        whole.finish()
        spent[name] += time.process_time() - began
    return {name: round(seconds / count * 1000, 1) for name, seconds in spent.items()}


def child() -> None:
    """The full size alone, so that its memory is its own."""
    seat = Seat.objects.get(user__username="bench")
    seconds, bundle = merge(list(Document.objects.order_by("pk").values_list("pk", flat=True)), "all", seat)
    found = {"seconds": round(seconds, 1), "peak_mb": round(peak_mb()), "size": bundle.size, "pages": bundle.pages}
    print(json.dumps(found))


def main() -> None:
    if "--child" in sys.argv:
        child()
        return
    quick = "--quick" in sys.argv
    count, part = (200, 50) if quick else (10_000, 1000)
    seat, pairs = build(count), []
    ids = list(Document.objects.order_by("pk").values_list("pk", flat=True))
    with tempfile.TemporaryDirectory() as folder:
        for no in range(2 if quick else PAIRS):
            chosen = ids[no * part : (no + 1) * part]
            stored = DocumentFile.objects.filter(document__in=chosen).order_by("document")
            files = [bytes(content) for content in stored.values_list("content", flat=True)]
            pairs.append((by_pypdf(files, Path(folder, "merged.pdf")), merge(chosen, f"pair {no}", seat)[0]))
    ratios = [theirs / mine for theirs, mine in pairs]
    alone = [sys.executable, "-W", "ignore", __file__, "--child"]
    answer = subprocess.run(alone, capture_output=True, text=True, check=True).stdout
    whole = json.loads(answer.splitlines()[-1])
    inputs = sum(DocumentFile.objects.values_list("size", flat=True))
    figures = {
        "forms": count,
        "pypdf_ms": round(statistics.median(theirs for theirs, _ in pairs) / part * 1000, 2),
        "ours_ms": round(statistics.median(mine for _, mine in pairs) / part * 1000, 2),
        "ratios": [round(ratio, 2) for ratio in ratios],
        "whole": whole | {"inputs": inputs},
        "typst": against_typst(10 if quick else 100),
    }
    ratio, peak, size = statistics.median(ratios), whole["peak_mb"], round(whole["size"] / inputs, 2)
    goals = [
        {"name": "pypdf / ours, time", "goal": ">= 3", "value": round(ratio, 2), "met": ratio >= 3},
        {"name": f"peak MB of {count} forms", "goal": "<= 300", "value": peak, "met": peak <= 300},
        {"name": "size / inputs", "goal": "<= 1", "value": size, "met": size <= 1},
    ]
    print(json.dumps({"bench": "export", "figures": figures, "goals": goals}, ensure_ascii=False))


if __name__ == "__main__":
    main()
