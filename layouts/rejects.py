"""What was refused in the last day, by source: reason, how often, when last, and how the newest one began."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import dash
from dash import Dash, Input, Output, dcc, html

from data.errors import Busy
from data.model.people import Action
from data.model.rejects import RejectSource, by_source
from layouts.context import ScreenContext
from layouts.wall import panel
from layouts.words import LANGUAGE_COOKIE, Words, language_of

SPAN = timedelta(hours=24)
AGAIN_MS = 5000
MOST_REASONS = 20  # of one source


def draw(_screens: ScreenContext, words: Words) -> Any:
    """The page without its contents, which are read anew every few seconds."""
    age = html.Span(id="rejects-age")
    return html.Div(
        [
            panel(words("page.rejects"), html.Div(words("loading"), id="rejects"), "rejects-panel", age),
            dcc.Interval(id="rejects-again", interval=AGAIN_MS),
        ],
        className="rejects",
    )


def connect(app: Dash, screens: ScreenContext) -> None:
    """Read and drawn when the page opens, and again while it is open."""

    def look() -> Sequence[RejectSource]:
        since = datetime.now(UTC) - SPAN
        return screens.store.read(lambda reader: by_source(reader.reject_groups(since)))

    async def read(_times: int | None) -> tuple[Any, Any]:
        words = Words(language_of(dash.ctx.cookies.get(LANGUAGE_COOKIE), screens.settings.language))
        if not screens.may(Action.REVIEW):  # a wall's screen
            return dash.no_update, dash.no_update
        try:
            sources = await screens.lanes.lists.run(look)
        except Busy:
            return dash.no_update, dash.no_update
        hidden = screens.settings.hidden_from(screens.visitor().role)
        sources = [source for source in sources if source.site not in hidden]
        names = {site.id: site.name or site.id for site in screens.settings.sites}
        read_at = datetime.now(UTC).astimezone(screens.settings.zone_info)
        age = words("rejects.read_at", time=f"{read_at:%H:%M:%S}")
        return draw_sources(sources, names, words, screens.settings.zone_info), age

    app.callback(
        Output("rejects", "children"), Output("rejects-age", "children"), Input("rejects-again", "n_intervals")
    )(read)


def draw_sources(sources: Sequence[RejectSource], names: dict[str, str], words: Words, zone: tzinfo) -> Any:
    """A table with a row for each reason, under its source."""
    if not sources:
        return html.P(words("rejects.none"), className="empty")
    heads = ("rejects.source", "rejects.count", "rejects.last", "rejects.reason", "rejects.example")
    return html.Table(
        [
            html.Thead(html.Tr([html.Th(words(key), scope="col") for key in heads])),
            *(_source(source, names, words, zone) for source in sources),
        ]
    )


def _source(source: RejectSource, names: dict[str, str], words: Words, zone: tzinfo) -> Any:
    site = names.get(source.site, source.site) or words("rejects.no_site")
    shown = source.reasons[:MOST_REASONS]
    rows = []
    for number, one in enumerate(shown):
        first = (
            [html.Th([site, html.Small(source.monitor)], rowSpan=len(shown), scope="rowgroup")] if not number else []
        )
        last = one.last_at.astimezone(zone)
        rows.append(
            html.Tr(
                [
                    *first,
                    html.Td(str(one.count), className="number"),
                    html.Td(f"{last:%m-%d %H:%M:%S}", className="number"),
                    html.Td(one.reason),
                    html.Td(html.Code(one.example)),
                ]
            )
        )
    return html.Tbody(rows, **{"data-source": f"{source.site}/{source.monitor}"})
