"""The Dash application: one page frame (header, footer) around the wall, the duty page and the review page."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import dash
from dash import Dash, Input, Output, dcc, html
from dash.backends._fastapi import reset_current_request, set_current_request
from fastapi import FastAPI, Request

from data.model.people import Action, Role, User
from layouts import (
    alarm_figures,
    applications,
    case_sources,
    drill,
    duty,
    events,
    handover,
    health,
    inspections,
    load,
    notices,
    organisation,
    plans,
    rejects,
    reports,
    review,
    roll_call,
    setup,
    wall,
)
from layouts.context import ScreenContext
from layouts.frame import ADMINISTRATORS_PAGES, draw_frame, draw_nothing
from layouts.page_data import page_data
from layouts.words import LANGUAGE_COOKIE, Words, language_of, tables

_DATA_MARK = "YIPING_PAGE_DATA"
_INDEX = """<!DOCTYPE html>
<html lang="LANGUAGE">
  <head>
    {%metas%}
    <title>{%title%}</title>
    {%favicon%}
    {%css%}
    <script type="application/json" id="yiping-page-data">YIPING_PAGE_DATA</script>
    <script src="WORDS"></script>
  </head>
  <body>
    {%app_entry%}
    <div>{%config%}{%scripts%}{%renderer%}</div>
  </body>
</html>"""


def build_dash(server: FastAPI, screens: ScreenContext) -> Dash:
    """The screens on this server: `/` wall, `/duty`, `/kpi`, `/review` ... Everything is served from this host.

    Build it after the server's own routes: Dash answers every other path with its page, which holds no data of ours.
    The pages with their data are made by `page_html`.
    """
    app = Dash(
        "layouts",
        server=server,
        assets_folder=str(Path(__file__).parent / "assets"),
        serve_locally=True,
        requests_pathname_prefix=f"{screens.base}/",
        routes_pathname_prefix="/",
        title=_title(screens),
        update_title="",
        suppress_callback_exceptions=True,
        add_log_handler=False,
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
        index_string=_index(screens),
    )
    app.layout = html.Div([dcc.Location(id="url", refresh=False), html.Div(id="page")])
    # Our pages use their own socket; without this every browser would hold one more open for nothing.
    app.backend.websocket_capability = False
    connect(app, screens)
    review.connect(app, screens)
    rejects.connect(app, screens)
    health.connect(app, screens, screens.diagnose)
    # Dash looks for its assets at the first request of "/", but the first may be "/duty", which would come bare.
    app._setup_server()
    return app


def rename(app: Dash, screens: ScreenContext) -> None:
    """Pages that are made from now on have the name and the language of the settings in force."""
    app.title = _title(screens)
    app.index_string = _index(screens)


def _title(screens: ScreenContext) -> str:
    return f"{Words(screens.settings.language)('product')} · {screens.settings.name}"


def connect(app: Dash, screens: ScreenContext) -> None:
    """Draw the page that the address names, in the language of the visitor's cookie."""

    async def page(path: str | None) -> Any:
        words = Words(language_of(dash.ctx.cookies.get(LANGUAGE_COOKIE), screens.settings.language))
        pages = {
            "/": wall.draw,
            "/duty": duty.draw,
            "/handover": handover.draw,
            "/roll-call": roll_call.draw,
            "/review": review.draw,
            "/notices": notices.draw,
            "/kpi": alarm_figures.draw,
            "/load": load.draw,
            "/drill": drill.draw,
            "/setup": setup.draw,
            "/rejects": rejects.draw,
            "/reports": reports.draw,
            "/health": health.draw,
            "/events": events.draw,
            "/plans": plans.draw,
            "/applications": applications.draw,
            "/case-sources": case_sources.draw,
            "/inspections": inspections.draw,
            "/organisation": organisation.draw,
        }
        path = "/" + str(path or "/").removeprefix(screens.base).strip("/")
        closed = path in ADMINISTRATORS_PAGES and not screens.may(Action.ADMINISTER)
        closed |= path != "/" and screens.visitor().role is Role.WALL
        if path not in pages or closed:
            return draw_frame(
                screens, words, path, draw_nothing(screens, words, "error.403" if closed else "not_found")
            )
        seen = screens.seen_by_visitor()
        return draw_frame(seen, words, path, pages[path](seen, words))

    app.callback(Output("page", "children"), Input("url", "pathname"))(page)


def page_html(app: Dash, screens: ScreenContext, user: User) -> str:
    """The page as this user gets it: Dash's index with the data that the user may read."""
    # A data block, not a script: "<" is escaped so that no text in it can end the block.
    data = json.dumps(page_data(screens, user), ensure_ascii=False).replace("<", "\\u003c")
    token = set_current_request(Request({"type": "http"}))  # Dash asks for one, and reads nothing of it here
    try:
        page: str = app.index()
    finally:
        reset_current_request(token)
    return page.replace(_DATA_MARK, data, 1)


def _index(screens: ScreenContext) -> str:
    return _INDEX.replace("LANGUAGE", screens.settings.language).replace("WORDS", f"{screens.base}{words_script()[0]}")


@cache
def words_script() -> tuple[str, bytes]:
    """The texts of both languages as a script, and its path, which differs for other texts."""
    script = f"window.yipingWords = {json.dumps(tables(), ensure_ascii=False)};\n".encode()
    return f"/words/{hashlib.sha256(script).hexdigest()[:16]}.js", script
