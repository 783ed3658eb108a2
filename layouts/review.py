"""The analyst's page: a span of time, everything in it on one axis, played back at 1 to 60 times its speed.

`/review?from=2026-07-12T08:00&to=2026-07-12T12:00&at=…` (the city's time) opens it where it was left;
`camera=gate-3&box=0.1,0.4,0.3,0.7` also names the camera of the panel of movement, and the rectangle that is searched.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import dash
from dash import Dash, Input, Output, State, dcc, html

from data.errors import Busy, InputRejected, TookTooLong, YipingError
from data.model.people import Action, User
from layouts.context import ScreenContext
from layouts.ground import ground_of
from layouts.review_data import MOST_ALERTS, MOST_TASKS, Incident, alerts_csv, collect, page_json, read_span, tasks_csv
from layouts.review_figure import review_figure
from layouts.wall import panel
from layouts.words import LANGUAGE_COOKIE, Words, language_of

SPEEDS = (1, 2, 5, 10, 30, 60)
SHORTCUTS = (("review.last.30min", 30), ("review.last.2h", 120), ("review.last.12h", 720), ("review.last.3d", 4320))
FIRST_SPAN = timedelta(minutes=30)
READ_WITHIN_S = 20.0


def draw(screens: ScreenContext, words: Words, now: datetime | None = None) -> Any:
    """The page before a span was read. `now`: the end of the span proposed (the present by default)."""
    end = (now or datetime.now(UTC)).astimezone(screens.settings.zone_info).replace(second=0, microsecond=0)
    end += timedelta(minutes=1)
    axis = dcc.Graph(
        id="review-graph",
        config={"displaylogo": False, "displayModeBar": False, "scrollZoom": True, "responsive": True},
        figure={"data": [], "layout": {"paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)"}},
    )
    timeline = html.Div(
        [html.Div([html.Div(id="review-scrub"), axis, html.Div(id="review-cursor")], id="review-axis"), _player(words)]
    )
    at_cursor = [
        panel(words(f"review.{name}"), html.Div(id=f"review-{name}"), f"review-{name}-panel")
        for name in ("open", "values", "newest", "steps")
    ]
    return html.Div(
        [
            _span_bar(words, _written(end - FIRST_SPAN), _written(end), screens.settings.timezone),
            html.Div(
                [
                    html.Div(
                        [
                            panel(
                                words("review.axis"),
                                timeline,
                                "axis-panel",
                                html.Span(id="review-message", role="alert"),
                            ),
                            html.Div(_below(words), className="review-below"),
                        ],
                        className="review-left",
                    ),
                    html.Div(at_cursor, className="at-cursor"),
                ],
                className="review-body",
            ),
            dcc.Store(id="review-data"),
            dcc.Store(id="review-ground", data=ground_of(screens.base_map)),
            html.Div(id="review-played", hidden=True),
            html.Div(id="review-grounded", hidden=True),
            dcc.Download(id="review-file"),
        ],
        className="review",
    )


def _below(words: Words) -> list[Any]:
    """Where everything was at the cursor, a camera's picture, and what would have been otherwise: assets/51_, 53_."""
    return [
        panel(words("review.map"), html.Canvas(id="review-map", role="img"), "review-map-panel"),
        panel(words("motion.title"), html.Div(id="motion"), "motion-panel"),
        panel(words("what_if.title"), html.Div(id="what-if"), "what-if-panel"),
    ]


def _span_bar(words: Words, since: str, until: str, zone: str) -> Any:
    shortcuts = [html.Button(words(key), className="quiet", **{"data-minutes": minutes}) for key, minutes in SHORTCUTS]
    return html.Div(
        [
            html.Label([words("review.since"), dcc.Input(id="review-since", value=since, type="text")]),
            html.Label([words("review.until"), dcc.Input(id="review-until", value=until, type="text")]),
            html.Small(words("time.zone", zone=zone), className="dim zone"),
            html.Span(shortcuts, id="review-shortcuts"),
            html.Button(words("review.read"), id="review-read", className="strong", n_clicks=0),
            html.Span(className="grow"),
            html.Button(words("review.alerts_csv"), id="review-alerts-csv", n_clicks=0),
            html.Button(words("review.tasks_csv"), id="review-tasks-csv", n_clicks=0),
            html.Span(id="review-parquet"),
        ],
        className="span-bar",
    )


def _player(words: Words) -> Any:
    speeds = [html.Button(f"{n}×", className="quiet speed", **{"data-speed": n}) for n in SPEEDS]
    return html.Div(
        [
            html.Button(words("review.play"), id="review-play", className="strong"),
            html.Button(words("review.previous"), id="review-previous", className="quiet"),
            html.Button(words("review.next"), id="review-next", className="quiet"),
            html.Button(words("review.frame_back"), id="review-frame-back", className="quiet"),
            html.Button(words("review.frame_on"), id="review-frame-on", className="quiet"),
            html.Span(speeds, id="review-speeds"),
            html.Time(id="review-now", className="clock"),
            html.Span(words("review.hint"), className="dim"),
        ],
        className="player",
    )


def _written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M")


def remark(found: Incident, words: Words) -> str:
    """What has to be said of a span that was read: whether something is not shown."""
    return "" if found.whole else words("review.not_whole", alerts=MOST_ALERTS, tasks=MOST_TASKS)


def complaint(error: YipingError, words: Words) -> str:
    """Why a span was not read."""
    if isinstance(error, TookTooLong):
        return words("review.too_much")
    return words("review.busy") if isinstance(error, Busy) else f"{words('review.bad_span')}: {error}"


def connect(app: Dash, screens: ScreenContext) -> None:
    """Reading a span, and exporting it."""
    zone = screens.settings.zone_info

    def incident(user: User, since: str | None, until: str | None) -> Incident:
        span = read_span(since, until, zone)
        return screens.store.read(lambda reader: collect(reader, span, screens.settings, user), within_s=READ_WITHIN_S)

    def shown(user: User, since: str | None, until: str | None, words: Words) -> tuple[Any, Any, str]:
        found, settings = incident(user, since, until), screens.settings.seen_by(user.role)
        return review_figure(found, settings, words, screens.base), page_json(found, zone), remark(found, words)

    def written(user: User, what: str, since: str | None, until: str | None, words: Words) -> tuple[str, str]:
        found = incident(user, since, until)
        return (alerts_csv if what == "alerts" else tasks_csv)(found, zone), remark(found, words)

    async def read(_clicks: int, since: str | None, until: str | None) -> tuple[Any, Any, str]:
        words = Words(language_of(dash.ctx.cookies.get(LANGUAGE_COOKIE), screens.settings.language))
        if not screens.may(Action.REVIEW):
            return dash.no_update, dash.no_update, ""
        try:
            return await screens.lanes.heavy.run(shown, screens.visitor(), since, until, words)
        except (InputRejected, TookTooLong, Busy) as error:
            return dash.no_update, dash.no_update, complaint(error, words)

    async def export(
        _alerts: int, _tasks: int, since: str | None, until: str | None
    ) -> tuple[dict[str, Any] | Any, str | Any]:
        words = Words(language_of(dash.ctx.cookies.get(LANGUAGE_COOKIE), screens.settings.language))
        what = "alerts" if dash.ctx.triggered_id == "review-alerts-csv" else "tasks"
        if not screens.may(Action.REVIEW):
            return dash.no_update, ""
        try:
            content, remarked = await screens.lanes.heavy.run(written, screens.visitor(), what, since, until, words)
        except (InputRejected, TookTooLong, Busy) as error:
            return dash.no_update, complaint(error, words)
        name = f"yiping-{what}-{(since or '').replace(':', '')}.csv"
        return {"content": content, "filename": name, "type": "text/csv;charset=utf-8"}, remarked

    span = (State("review-since", "value"), State("review-until", "value"))
    app.callback(
        Output("review-graph", "figure"),
        Output("review-data", "data"),
        Output("review-message", "children"),
        Input("review-read", "n_clicks"),
        *span,
    )(read)
    app.callback(
        Output("review-file", "data"),
        Output("review-message", "children", allow_duplicate=True),
        Input("review-alerts-csv", "n_clicks"),
        Input("review-tasks-csv", "n_clicks"),
        *span,
        prevent_initial_call=True,
    )(export)
    app.clientside_callback(
        dash.ClientsideFunction("yiping_review", "take"),
        Output("review-played", "children"),
        Input("review-data", "data"),
    )
    app.clientside_callback(
        dash.ClientsideFunction("yiping_review_map", "take"),
        Output("review-grounded", "children"),
        Input("review-ground", "data"),
    )
