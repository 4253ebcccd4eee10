"""What Lighthouse says of the main pages, seen by a phone on a slow line (its default), served by script/server."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
LIGHTHOUSE = ROOT / "tests" / "node_modules" / "lighthouse" / "cli" / "index.js"
PASSWORD = "thu-nghiem-2026"  # of the demonstration
GOALS = {"accessibility": 95, "performance": 90}
# (name, who opens it, addresses to follow from the home page)
PAGES = [
    ("sign-in", "", ()),
    ("home of the secretary", "bithu.anhai3", ()),
    ("rating grid", "bithu.anhai3", (r"/chi-bo/\d+/nhan-xet/\d+/",)),
    ("attendance", "bithu.anhai3", (r"/chi-bo/\d+/diem-danh/\d+/",)),
    ("page of a comrade", "bithu.anhai3", (r"/chi-bo/\d+/nhan-xet/\d+/", r"/chi-bo/\d+/nhan-xet/\d+/dong-chi/\d+/")),
    ("home of the ward", "canbo.anhai", ()),
    ("list to confirm", "canbo.anhai", (r"/xac-nhan/\d+/",)),
    ("campaign of the workplace", "canbo.so1", (r"/dot/\d+/",)),
]


class Visitor:
    """Somebody of the demonstration, signed in through the page."""

    def __init__(self, site: str, username: str) -> None:
        self.site, self.cookies = site, CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        if username:
            token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.read("/tai-khoan/dang-nhap/"))
            assert token
            said = {"login": username, "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
            self.read("/tai-khoan/dang-nhap/", urllib.parse.urlencode(said).encode())

    def read(self, path: str, data: bytes | None = None) -> str:
        headers = {"Origin": self.site} if data else {}
        request = urllib.request.Request(self.site + path, data, headers)
        with self.opener.open(request, timeout=60) as answer:
            return str(answer.read().decode())

    def follow(self, patterns: tuple[str, ...]) -> str:
        path = "/"
        for pattern in patterns:
            found = re.search(f'href="({pattern})"', self.read(path))
            assert found, f"no link like {pattern} on {path}"
            path = found[1]
        return path

    @property
    def header(self) -> str:
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.cookies)


@contextmanager
def served(directory: str) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = ("DATABASE_URL", "CELERY_BROKER_URL", "DJANGO_SETTINGS_MODULE")
    environment = {name: value for name, value in os.environ.items() if name not in own}
    environment |= {"PORT": str(port), "LIAISON_VAR": directory}
    log = Path(directory, "server.log")
    with log.open("wb") as output:
        server = subprocess.Popen([ROOT / "script" / "server"], env=environment, stdout=output, stderr=output)
    site = f"http://127.0.0.1:{port}"
    try:
        give_up = time.monotonic() + 300
        while "ready:" not in log.read_text():
            if server.poll() is not None or time.monotonic() > give_up:
                sys.exit(f"script/server did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.5)
        yield site
    finally:
        server.terminate()
        server.wait()


def look(url: str, cookies: str, directory: str) -> dict[str, Any]:
    """The scores of one page, 0 to 100, with what Lighthouse would change."""
    report = Path(directory, "report.json")
    command = ["node", str(LIGHTHOUSE), url, "--quiet", "--output=json", f"--output-path={report}"]
    command += [f"--only-categories={','.join(GOALS)}", "--chrome-flags=--headless=new --no-sandbox --disable-gpu"]
    command += [f"--extra-headers={json.dumps({'Cookie': cookies})}"] if cookies else []
    subprocess.run(command, check=True, timeout=180, env={**os.environ, "CHROME_PATH": shutil.which("chromium") or ""})
    said = json.loads(report.read_text())
    wanting = [
        f"{name}: {audit['title']} {audit.get('displayValue', '')}"
        for name, audit in said["audits"].items()
        if audit.get("score") is not None and audit["score"] < 0.9
    ]
    scores = {name: round(said["categories"][name]["score"] * 100) for name in GOALS}
    return {**scores, "wanting": wanting, "final": said["finalDisplayedUrl"]}


def main() -> None:
    if not (shutil.which("chromium") and shutil.which("node") and LIGHTHOUSE.exists()):
        sys.exit("not run: needs Debian's chromium, node and npm's lighthouse (script/setup test)")
    pages = PAGES[:2] if "--quick" in sys.argv else PAGES
    figures: dict[str, dict[str, int]] = {}
    with tempfile.TemporaryDirectory(prefix="lighthouse-") as directory, served(directory) as site:
        for name, username, patterns in pages:
            visitor = Visitor(site, username)
            path = visitor.follow(patterns) if username else "/tai-khoan/dang-nhap/"
            said = look(site + path, visitor.header, directory)
            assert said["final"] == site + path, f"{name} led to {said['final']}"
            figures[name] = {category: said[category] for category in GOALS}
            print(f"{name:28}", *(f"{category} {said[category]}" for category in GOALS), flush=True)
            for line in said["wanting"]:
                print(f"    {line}")
    goals = [
        {
            "name": f"{name}: {category}",
            "goal": f">= {least}",
            "value": scores[category],
            "met": scores[category] >= least,
        }
        for name, scores in figures.items()
        for category, least in GOALS.items()
    ]
    print(json.dumps({"bench": "lighthouse", "figures": figures, "goals": goals}, ensure_ascii=False))


if __name__ == "__main__":
    main()
