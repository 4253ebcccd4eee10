"""How fast issued forms become stored PDFs, against the plain way, and that memory does not grow with their number.

A: evaluations.documents.render, as the worker calls it (archival, with code and data). B: HTML(string=…).write_pdf() of
the same HTML and CSS, which is less: no archival variant, no tags, no data. Each stores one file for each form.
"""

import copy
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "liaison.settings")
warnings.simplefilter("ignore", ResourceWarning)

import django  # noqa: E402

django.setup()

from weasyprint import CSS, HTML  # noqa: E402

from evaluations import documents  # noqa: E402
from evaluations.documents import Check  # noqa: E402
from evaluations.gallery import ISSUED_ON, sample_facts  # noqa: E402
from evaluations.rulebooks import load  # noqa: E402

PAIRS = 7


def forms(count: int) -> Iterator[tuple[dict[str, Any], Check]]:
    """Made-up forms with the criteria in force; seeded by their number."""
    sample = sample_facts("assessment_form")
    for mine, rule in zip(sample["criteria"], load().criteria, strict=True):
        mine |= {"text": rule.text, "options": list(rule.options)}
    for no in range(count):
        facts = copy.deepcopy(sample)
        facts["member"]["name"] = f"Nguyễn Thị Thử Nghiệm {no:05}"
        facts["remarks"] = f"Tham gia dọn vệ sinh tổ dân phố; góp {no % 7 + 1} ý kiến về nếp sống văn minh đô thị."
        code = f"D-{no:06}-MAU0F"
        yield facts, Check(url=f"https://lienhe.example.vn/q/{code}/", number=code)


def ours(facts: dict[str, Any], check: Check) -> bytes:
    return documents.render("assessment_form", facts, issued_on=ISSUED_ON, check=check).content


def page_and_style(facts: dict[str, Any], check: Check) -> tuple[str, str]:
    """The HTML that our code lays out, and the same rules as text."""
    stamps = {"number": "", "issued_on": ISSUED_ON, "is_draft": False, "access": None, "check": check}
    page = documents._engine().get_template("documents/assessment_form.html")
    html = page.render(documents._StrictContext(documents._Freezer().freeze(facts) | stamps))
    return html, documents._rules("assessment_form", documents.SHEETS[0])


def plain(facts: dict[str, Any], check: Check) -> bytes:
    html, rules = page_and_style(facts, check)
    fetcher = documents._ClosedFetcher(check)
    styles = [CSS(string=rules, base_url=documents.BASE_URL, url_fetcher=fetcher)]
    content = HTML(string=html, base_url=documents.BASE_URL, url_fetcher=fetcher).write_pdf(stylesheets=styles)
    assert content is not None
    return bytes(content)


WAYS: dict[str, Callable[[dict[str, Any], Check], bytes]] = {"ours": ours, "plain": plain}


def run(way: str, count: int, folder: Path) -> tuple[float, float]:
    """(CPU, wall) milliseconds a form."""
    cpu, wall = time.process_time(), time.perf_counter()
    for no, (facts, check) in enumerate(forms(count)):
        content = WAYS[way](facts, check)
        (folder / f"{no}-{hashlib.sha256(content).hexdigest()[:8]}.pdf").write_bytes(content)
    return (time.process_time() - cpu) / count * 1000, (time.perf_counter() - wall) / count * 1000


def in_child(way: str, count: int) -> subprocess.Popen[str]:
    """A process of its own, as a worker is: what one way leaves in memory must not slow the other down."""
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", __file__, "--child", way, str(count)], stdout=subprocess.PIPE, text=True
    )


def outcome(child: subprocess.Popen[str]) -> dict[str, float]:
    out, _ = child.communicate()
    found: dict[str, float] = json.loads(out.splitlines()[-1])
    return found


def peak_mb() -> float:
    """Of this process. ru_maxrss will not do: a child begins with that of whoever started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def child(way: str, count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run(way, 3, Path(folder))
        cpu, wall = run(way, count, Path(folder))
    print(json.dumps({"cpu_ms": round(cpu, 1), "forms_per_second": round(1000 / wall, 1), "peak_mb": round(peak_mb())}))


def main() -> None:
    if "--child" in sys.argv:
        child(sys.argv[-2], int(sys.argv[-1]))
        return
    quick = "--quick" in sys.argv
    size, few, many = (5, 10, 30) if quick else (40, 100, 500)
    pairs = [(outcome(in_child("plain", size)), outcome(in_child("ours", size))) for _ in range(2 if quick else PAIRS)]
    ratios = [theirs["cpu_ms"] / mine["cpu_ms"] for theirs, mine in pairs]
    small, large = outcome(in_child("ours", few)), outcome(in_child("ours", many))
    together = [outcome(row) for row in [in_child("ours", few), in_child("ours", few)]]
    speed = sum(row["forms_per_second"] for row in together)
    figures = {
        "plain_ms": statistics.median(theirs["cpu_ms"] for theirs, _ in pairs),
        "ours_ms": statistics.median(mine["cpu_ms"] for _, mine in pairs),
        "ratios": [round(ratio, 2) for ratio in ratios],
        "peak_mb": {str(few): small["peak_mb"], str(many): large["peak_mb"]},
        "plain_peak_mb": {str(size): max(theirs["peak_mb"] for theirs, _ in pairs)},
        "two_workers_ratio": round(speed / small["forms_per_second"], 2),
    }
    ratio, peak = statistics.median(ratios), large["peak_mb"]
    goals = [
        {"name": "plain / ours, CPU for a form", "goal": ">= 1.3", "value": round(ratio, 2), "met": ratio >= 1.3},
        {"name": f"peak MB of {many} forms", "goal": "<= 150", "value": peak, "met": peak <= 150},
    ]
    print(json.dumps({"bench": "render", "figures": figures, "goals": goals}, ensure_ascii=False))


if __name__ == "__main__":
    main()
