"""What surrounds every page: the header with the state of the link, and the footer with the source link."""

from __future__ import annotations

from typing import Any

from dash import html

from layouts.context import ScreenContext
from layouts.words import Words

FIRST = (
    ("/", "page.wall"),
    ("/duty", "page.duty"),
    ("/events", "page.events"),
)
"""The pages of every minute: beside the menus, one press away."""
MENUS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "menu.duty",
        (
            ("/handover", "page.handover"),
            ("/roll-call", "page.roll_call"),
            ("/plans", "page.plans"),
            ("/inspections", "page.inspections"),
            ("/notices", "page.notices"),
        ),
    ),
    (
        "menu.back",
        (("/kpi", "page.kpi"), ("/review", "page.review"), ("/reports", "page.reports"), ("/drill", "page.drill")),
    ),
    (
        "menu.setup",
        (
            ("/applications", "page.applications"),
            ("/case-sources", "page.case_sources"),
            ("/organisation", "page.organisation"),
            ("/rejects", "page.rejects"),
        ),
    ),
)
FOR_ADMINISTRATORS = (
    ("/setup", "page.setup"),
    ("/load", "page.load"),
    ("/health", "page.health"),
    ("/accounts", "page.accounts"),
)
"""In the last menu."""
ADMINISTRATORS_PAGES = frozenset(path for path, _ in FOR_ADMINISTRATORS)


def draw_frame(screens: ScreenContext, words: Words, path: str, body: Any) -> Any:
    """The whole page: header, body, footer. `data-page` lets the scripts and styles know which one it is."""
    return html.Div(
        [
            draw_header(screens, words, path),
            html.Div(id="link-banner", hidden=True, role="alert"),
            html.Div(id="store-banner", className="store-banner", hidden=True, role="alert"),
            html.Div(
                [
                    html.Div(id="roll-call-mine", hidden=True, role="alert"),
                    html.Div(id="handover-late", hidden=True, role="status"),
                    html.Div(id="mode-banner", hidden=True, role="status"),
                ],
                className="banners",
            ),
            html.Main(body, id="main"),
            draw_footer(screens, words),
        ],
        id="frame",
        className="frame",
        lang=words.language,
        **{"data-page": path.strip("/") or "wall", "data-ag-theme-mode": "dark"},
    )


def draw_header(screens: ScreenContext, words: Words, path: str) -> Any:
    """Name of the district, pages, link state, clock, language switch and user menu."""
    links = [_link(screens, words(key), href, path) for href, key in FIRST]
    links += [_menu(screens, words, path, name, pages) for name, pages in MENUS]
    demo = [html.Span(words("demo"), className="demo-mark", title=words("demo.hint"))] if screens.demo else []
    return html.Header(
        [
            html.Div([html.Span(words("product"), className="brand"), html.H1(screens.settings.name), *demo]),
            html.Nav(links, id="pages", className="pages", **{"aria-label": words("pages")}),
            html.Div(
                [
                    html.Button(words("search.title"), id="search-open", className="quiet", title="Ctrl K"),
                    html.Span(id="sound-slot"),
                    html.Span(id="link-state", className="link-state", role="status"),
                    html.Time(id="clock", className="clock"),
                    html.Button(words("language.other"), id="language", className="quiet", value=words.other),
                    html.A(
                        id="user-menu",
                        className="user-menu",
                        href=f"{screens.base}/account",
                        title=words("page.account"),
                    ),
                    html.Button(words("logout"), id="logout", className="quiet"),
                ],
                className="status",
            ),
        ],
        className="head",
    )


def _menu(screens: ScreenContext, words: Words, path: str, name: str, pages: tuple[tuple[str, str], ...]) -> Any:
    """Pages behind one press; the menu of the present page says which one it is. Keys: assets/20_frame.js."""
    inside = [_link(screens, words(key), href, path) for href, key in pages]
    if name == MENUS[-1][0]:
        inside += [_link(screens, words(key), href, path, " for-administrators") for href, key in FOR_ADMINISTRATORS]
        pages = (*pages, *FOR_ADMINISTRATORS)
    here = next((words(key) for href, key in pages if href == path), "")
    said = [words(name), html.Span(f" · {here}", className="menu-here")] if here else words(name)
    summary = html.Summary(said, className="nav-link here" if here else "nav-link")
    return html.Details([summary, html.Div(inside, className="menu")], className="nav-menu", **{"data-menu": name})


def _link(screens: ScreenContext, text: str, href: str, path: str, more: str = "") -> Any:
    return html.A(text, href=screens.base + href, className="nav-link" + (" here" if href == path else "") + more)


def draw_footer(screens: ScreenContext, words: Words) -> Any:
    """The licence asks that everybody who uses the system over a network can get its source (AGPL-3.0, §13)."""
    return html.Footer(
        [
            html.A(words("source"), href=_here(screens, screens.source_url), id="source-link", rel="noopener"),
            html.Span(f"{words('version')} {screens.version}"),
        ],
        className="foot",
    )


def _here(screens: ScreenContext, address: str) -> str:
    """An address of ours under the proxy's path; a foreign one as it is."""
    return screens.base + address if address.startswith("/") else address


def draw_nothing(screens: ScreenContext, words: Words, why: str) -> Any:
    """For an address that is none of ours (`not_found`) or not this visitor's (`error.403`)."""
    return html.Div([html.P(words(why)), html.A(words("home"), href=f"{screens.base}/")], className="empty")
