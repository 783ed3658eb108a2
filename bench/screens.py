"""The screens in a real browser, filled as on a bad night: can all be read, by everybody, and what does it weigh?

`make bench-screens` prints what it finds and ends with one line of JSON:

- `clipped_texts`: texts that are cut off, on one another, out of reach or under 12 px (`tests/layouts/readable.js`), on
  every page and dialog, at five sizes, in both languages, at 100 and 150 % zoom; every one is listed above the line.
- `axe_serious`: what axe-core calls serious or critical, on every page at a desk's and a telephone's size.
- `foreign_requests`, `console_errors`: requests to other hosts, and errors in the browser's console.
- `cold_page_mb_max`, `cold_review_mb`: megabytes (10^6) transferred by a first visit with nothing kept, of the heaviest
  page but review, and of review.

The zoom is emulated: the window has fewer pixels of its own, and tells its outer width as Chromium does.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import TimeoutError as PlayTimeout

from tests.conftest import CHROMIUM, FLAGS
from tests.layouts.accessible import serious
from tests.layouts.busy_street import ADMINISTRATOR, busy_settings, make_busy
from tests.layouts.readable import Unreadable, allow_zoom, show_at, unreadable
from tests.layouts.station import OFFICER, Station, running_station
from tests.layouts.street import SITES

SIZES = ((1366, 768), (1920, 1080), (3840, 2160), (5760, 1080), (390, 844))
ZOOMS = (1.0, 1.5)
AXE_SIZES = ((1366, 768), (390, 844))
LANGUAGES = ("zh", "en")
WAIT_MS = 30_000
MEGABYTE = 1e6


@dataclass(frozen=True)
class View:
    """A page as somebody sees it, after some clicks. `ready`: what is there when it is drawn."""

    name: str
    path: str
    ready: str
    user: str | None = OFFICER
    clicks: tuple[str, ...] = ()
    keys: str = ""


VIEWS = (
    View("wall", "/", "#alert-list .alert"),
    View("wall-administrator", "/", "#alert-list .alert", ADMINISTRATOR),
    View("wall-search", "/", "#alert-list .alert", clicks=("#search-open",)),
    View("wall-shortcuts", "/", "#alert-list .alert", keys="?"),
    View("wall-assign", "/", "#unaccepted .nobody", clicks=('#unaccepted [data-do="assign"]',)),
    View("duty", "/duty", "#duty-alerts .ag-row"),
    View("duty-chosen", "/duty", "#duty-alerts .ag-row", clicks=("#duty-alerts .ag-row .ag-cell",)),
    View("handover", "/handover", "#handover-begin, #handover-chosen table"),
    View("roll-call", "/roll-call", "#roll-call-chosen *"),
    View("reports", "/reports", "#main section"),
    View("events", "/events", "#events-list tr[data-event]"),
    View("events-chosen", "/events", "#events-list tr[data-event]", clicks=("tr[data-event]",)),
    View("plans", "/plans", "#plans-list button", clicks=('#plans-list [data-plan="crest"] .name',)),
    View("applications", "/applications", "#applications tbody tr"),
    View("case-sources", "/case-sources", "#case-sources p"),
    View("inspections", "/inspections", "#inspection-figures *"),
    View("notices", "/notices", "#notices"),
    View("kpi", "/kpi", ".kpi .figure"),
    View("drill", "/drill", "#drill pre, #drill .scores"),
    View("review", "/review", "#review-axis .main-svg"),
    View("organisation", "/organisation", "#organisation-coverage"),
    View("rejects", "/rejects", "#rejects"),
    View("setup", "/setup", "#setup button", ADMINISTRATOR),
    View("load", "/load", "#main *", ADMINISTRATOR),
    View("health", "/health", "#health tbody tr", ADMINISTRATOR),
    View("accounts", "/accounts", "table", ADMINISTRATOR),
    View("account", "/account", "#main section"),
    View("not-found", "/nothing-here", ".empty"),
    View("login", "/login", "#password", None),
    View("reset", "/reset", "#main form", None),
    View("enrol-screen", "/screen", "#main form", None),
    View("phone", "/r", "main", "r01"),
)


@dataclass
class Findings:
    """What was found, and where."""

    unreadable: list[tuple[str, Unreadable]] = field(default_factory=list)
    serious: list[tuple[str, str]] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    megabytes: dict[str, float] = field(default_factory=dict)

    def figures(self) -> dict[str, float]:
        """The last line."""
        others = [size for name, size in self.megabytes.items() if name != "review"]
        return {
            "clipped_texts": len(self.unreadable),
            "axe_serious": len(self.serious),
            "foreign_requests": len(self.foreign),
            "console_errors": len(self.errors),
            "cold_page_mb_max": round(max(others, default=0.0), 3),
            "cold_review_mb": round(self.megabytes.get("review", 0.0), 3),
        }


@contextmanager
def cameras_on(station: Station) -> Iterator[None]:
    """Every camera of the street sends two pictures a second to whoever looks."""
    stop = threading.Event()

    def send() -> None:
        number = 0
        while not stop.wait(0.5):
            number += 1
            for site, *_, scene in SITES:
                if scene:
                    station.show(site, number)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)


@contextmanager
def opened(browser: Browser, station: Station, view: View, language: str, findings: Findings) -> Iterator[Page]:
    """The view in a browser that has kept nothing, at 1366 x 768; what it asks for and complains of is noted."""
    context = browser.new_context(viewport={"width": 1366, "height": 768}, reduced_motion="reduce")
    allow_zoom(context)
    if view.user:
        context.add_cookies(station.cookies(view.user))  # type: ignore[arg-type]  # a TypedDict in playwright
    context.add_cookies([{"name": "yiping_language", "value": language, "url": station.url}])
    page = context.new_page()
    where = f"{view.name} {language}"
    ours = urlsplit(station.url).netloc

    def heard(kind: str, text: str) -> None:
        if kind == "error" and not ("404" in text and view.name == "not-found"):
            findings.errors.append(f"{where}: {text}")

    def asked(url: str) -> None:
        if urlsplit(url).scheme not in {"data", "blob"} and urlsplit(url).netloc != ours:
            findings.foreign.append(f"{where}: {url}")

    page.on("console", lambda message: heard(message.type, f"{message.text} {message.location.get('url', '')}"))
    page.on("pageerror", lambda error: heard("error", str(error)))
    page.on("request", lambda request: asked(request.url))
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    weight = [0.0]
    network.on("Network.loadingFinished", lambda event: weight.append(event["encodedDataLength"]))
    try:
        page.goto(station.url + view.path)
        page.wait_for_selector(view.ready, timeout=WAIT_MS)
        page.wait_for_timeout(500)  # what a page asks for once it is drawn
        findings.megabytes[view.name] = max(findings.megabytes.get(view.name, 0.0), sum(weight) / MEGABYTE)
        for click in view.clicks:
            page.click(click, timeout=WAIT_MS)
        if view.keys:
            page.keyboard.press(view.keys)
        page.wait_for_timeout(300)
        yield page
    finally:
        context.close()


def look_at(  # noqa: PLR0917 - where, how often, and where to put it
    page: Page, where: str, findings: Findings, sizes: Sequence[tuple[int, int]], zooms: Sequence[float], pictures: Path
) -> None:
    """Every size and zoom of a page that is open."""
    for width, height in sizes:
        for zoom in zooms:
            show_at(page, width, height, zoom)
            here = f"{where} {width}x{height} {zoom:.0%}"
            findings.unreadable += [(here, one) for one in unreadable(page)]
            page.screenshot(path=pictures / (here.replace(" ", "_").replace("%", "") + ".png"))
    for width, height in AXE_SIZES:
        if (width, height) in sizes:
            show_at(page, width, height)
            findings.serious += [(f"{where} {width}x{height}", one) for one in serious(page)]


def measure(  # noqa: PLR0917 - one call from the command line
    browser: Browser,
    station: Station,
    views: Sequence[View],
    sizes: Sequence[tuple[int, int]],
    zooms: Sequence[float],
    pictures: Path,
    tell: Callable[[str], None],
    languages: Sequence[str] = LANGUAGES,
) -> Findings:
    """All of it."""
    findings = Findings()
    for view in views:
        for language in languages:
            where = f"{view.name} {language}"
            before = len(findings.unreadable), len(findings.serious)
            try:
                with opened(browser, station, view, language, findings) as page:
                    look_at(page, where, findings, sizes, zooms, pictures)
            except PlayTimeout as error:
                findings.errors.append(f"{where}: {str(error).splitlines()[0]}")
            found = len(findings.unreadable) - before[0], len(findings.serious) - before[1]
            tell(f"{where}: {found[0]} unreadable, {found[1]} serious")
            for line in summed(findings.unreadable[before[0] :]):
                tell(f"  {line}")
    return findings


def summed(unreadable: Sequence[tuple[str, Unreadable]]) -> Iterator[str]:
    """Each kind of finding once, with how often and where it was seen first."""
    seen: Counter[tuple[str, str, str, str]] = Counter()
    first: dict[tuple[str, str, str, str], str] = {}
    for where, one in unreadable:
        key = (one.kind, one.where, where.split(" ")[0], one.text[:24])
        seen[key] += 1
        first.setdefault(key, f"{where}: {one.text!r} {one.more}")
    for key, times in seen.most_common():
        yield f"{key[0]:8} ×{times:<3} {key[1]}  | {first[key]}"


def report(findings: Findings) -> None:
    """All that was found, for people."""
    for line in summed(findings.unreadable):
        print(line)
    for where, text in findings.serious:
        print(f"axe      {where}: {text}")
    for text in findings.foreign + findings.errors:
        print(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; 0 when nothing was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--views", nargs="*", default=[view.name for view in VIEWS], help="only these")
    parser.add_argument("--sizes", nargs="*", default=[f"{w}x{h}" for w, h in SIZES], help="only these, as 1366x768")
    parser.add_argument("--zooms", nargs="*", type=float, default=list(ZOOMS))
    parser.add_argument("--languages", nargs="*", default=list(LANGUAGES))
    parser.add_argument("--pictures", type=Path, help="keep the pictures here")
    asked = parser.parse_args(arguments)
    views = [view for view in VIEWS if view.name in asked.views]
    sizes = [(int(one.split("x")[0]), int(one.split("x")[1])) for one in asked.sizes]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        pictures = asked.pictures or Path(folder) / "pictures"
        pictures.mkdir(parents=True, exist_ok=True)
        with running_station(Path(folder), busy_settings()) as station:
            make_busy(station)
            browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            tell: Callable[[str], None] = lambda text: print(text, file=sys.stderr, flush=True)  # noqa: E731
            with cameras_on(station):
                findings = measure(browser, station, views, sizes, asked.zooms, pictures, tell, asked.languages)
            browser.close()
    report(findings)
    figures = findings.figures()
    print(json.dumps(figures))
    return int(any(figures[key] for key in ("clipped_texts", "axe_serious", "foreign_requests", "console_errors")))


if __name__ == "__main__":
    sys.exit(main())
