"""The page Health: every part of the system, faults first, each with what to do. For administrators."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import dash
from dash import Dash, Input, Output, dcc, html

from data.errors import Busy
from data.model.people import Action, may
from layouts.context import ScreenContext
from layouts.wall import panel
from layouts.words import LANGUAGE_COOKIE, Words, language_of

AGAIN_MS = 5000

Finding = tuple[str, str, str, Mapping[str, Any]]
"""Part, state, key and values, as `web.diagnosis` finds them."""


def draw(_screens: ScreenContext, words: Words) -> Any:
    """The page without its contents, which are read anew every few seconds."""
    return html.Div(
        [
            panel(
                words("page.health"),
                html.Div(words("loading"), id="health"),
                "health-panel",
                html.Span(id="health-age"),
            ),
            dcc.Interval(id="health-again", interval=AGAIN_MS),
        ],
        className="health",
    )


def connect(app: Dash, screens: ScreenContext, diagnose: Callable[[], Sequence[Finding]]) -> None:
    """Read and drawn when the page opens, and again while it is open. `diagnose` blocks."""

    async def read(_times: int | None) -> tuple[Any, Any]:
        if not may(screens.visitor().role, Action.ADMINISTER):
            return dash.no_update, dash.no_update
        words = Words(language_of(dash.ctx.cookies.get(LANGUAGE_COOKIE), screens.settings.language))
        try:
            findings = await screens.lanes.lists.run(diagnose)
        except Busy:
            return dash.no_update, dash.no_update
        read_at = datetime.now(UTC).astimezone(screens.settings.zone_info)
        return draw_findings(findings, words), words("health.read_at", time=f"{read_at:%H:%M:%S}")

    app.callback(Output("health", "children"), Output("health-age", "children"), Input("health-again", "n_intervals"))(
        read
    )


def draw_findings(findings: Sequence[Finding], words: Words) -> Any:
    """One row for each finding."""
    heads = ("health.part", "health.state", "health.found", "health.repair")
    rows = []
    for part, state, key, values in findings:
        found, repair = worded(key, state, values, words)
        rows.append(
            html.Tr(
                [
                    html.Th(words(f"health.part.{part}"), scope="row"),
                    html.Td(words(f"health.state.{state}"), className="state"),
                    html.Td(found),
                    html.Td(repair),
                ],
                className=state,
                **{"data-part": part, "data-key": key},
            )
        )
    return html.Table([html.Thead(html.Tr([html.Th(words(key), scope="col") for key in heads])), html.Tbody(rows)])


def worded(key: str, state: str, values: Mapping[str, Any], words: Words) -> tuple[str, str]:
    """What was found and, unless all is well, what to do about it."""
    shown = dict(values)
    if shown.get("cause"):
        shown["site"] = f"{shown['site']}（{words('lost.' + shown['cause'])}）"
    if "kind" in shown:
        shown["kind"] = words(f"kind.{shown['kind']}")
    return words(f"health.{key}", **shown), "" if state == "ok" else words(f"repair.{key}", **shown)
