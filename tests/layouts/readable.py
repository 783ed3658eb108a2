"""Can every text of a page be read? By its boxes: none cut off, on another, out of reach, under 12 px."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import BrowserContext, Page

LEAST_PX = 12.0
_LOOK = Path(__file__).with_name("readable.js").read_text(encoding="utf-8")
_SETTLE = """() => new Promise((done) => {
  dispatchEvent(new Event("resize"));
  let before = "", same = 0;
  const look = () => {
    const now = `${document.documentElement.scrollHeight} ${document.body.innerText.length} ${document.fonts.status}`;
    same = now === before ? same + 1 : 0;
    before = now;
    if (same >= 3 || performance.now() > end) done(); else setTimeout(look, 60);
  };
  const end = performance.now() + 4000;
  look();
})"""
# Chromium tells the window's width in its own pixels whatever the zoom; an emulated window has no zoom of its own.
_ZOOM = """() => {
  window.yipingZoomTried ??= 1;
  const tell = (name, get) => Object.defineProperty(window, name, {configurable: true, get});
  tell("outerWidth", () => Math.round(innerWidth * window.yipingZoomTried));
  tell("devicePixelRatio", () => window.yipingZoomTried);
}"""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A text that cannot be read. `kind`: small, clipped, outside, overlap, sideways or column."""

    kind: str
    text: str
    where: str
    more: str = ""


def allow_zoom(context: BrowserContext) -> None:
    """Pages of this context can be zoomed by `show_at`."""
    context.add_init_script(f"({_ZOOM})()")


def show_at(page: Page, width: int, height: int, zoom: float = 1.0) -> None:
    """The page in a window of this size in screen pixels, zoomed by the browser; returns when it has settled."""
    page.evaluate("zoom => { window.yipingZoomTried = zoom; }", zoom)
    page.set_viewport_size({"width": round(width / zoom), "height": round(height / zoom)})
    page.evaluate(_SETTLE)


def unreadable(page: Page, least_px: float = LEAST_PX) -> list[Unreadable]:
    """What of the page cannot be read as it stands."""
    return [Unreadable(**one) for one in page.evaluate(_LOOK, least_px)]
