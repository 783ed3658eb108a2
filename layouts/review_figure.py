"""One figure, one time axis: rain, water, alerts, tasks and pictures of a span."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from data.config.settings import Settings
from data.model.alert import Alert, Priority
from data.model.task import Task
from data.model.units import UNIT_OF
from layouts.limits import limits_of
from layouts.review_data import RAIN, Incident, offset_of
from layouts.words import TABLE, Words

COLOUR = {Priority.P1: "#ff4d52", Priority.P2: "#ff9838", Priority.P3: "#f2cf4a", Priority.P4: "#58a6ff"}
_CURVES = ("#c4d3df", "#8fb3b0", "#c2ab8b", "#a79cc4", "#93aecf", "#b5c08d")  # muted: colour is kept for alerts
_STEPS = (
    ("created_at", "circle-open"),
    ("accepted_at", "circle"),
    ("en_route_at", "triangle-right"),
    ("on_scene_at", "square"),
    ("reported_at", "diamond"),
    ("verified_at", "star"),
    ("closed_at", "hexagon"),
    ("cancelled_at", "x"),
)
_TEXT, _LINE, _DIM = "#d3dce3", "#26303a", "#8897a4"
_ROW_PX = 22
_MOST_THUMBNAILS = 24
_NAME_SHARE = 0.08  # of the span: so far apart two priorities can be read
_LONGEST_LABEL = 100  # as in 10_feed.js
_MOST_LEFT_PX = 330  # the room of the sites' names


class _Axis:
    """Local time of the screens as the figure wants it: naive, with the offset of the span's beginning."""

    def __init__(self, incident: Incident, zone: tzinfo) -> None:
        self._offset = offset_of(incident.span, zone)
        self.start = self(incident.span.since)
        self.end = self(incident.span.until)

    def __call__(self, at: datetime) -> datetime:
        return (at + self._offset).replace(tzinfo=None)

    def series(self, at: pd.Series[Any]) -> pd.Series[Any]:
        return (at + self._offset).dt.tz_localize(None)

    def clip(self, at: datetime | None) -> datetime:
        """Inside the span; an open end reaches to its end."""
        return self.end if at is None else min(max(self(at), self.start), self.end)


def review_figure(incident: Incident, settings: Settings, words: Words, base: str = "") -> go.Figure:
    """Rain hangs from above, water stands below it, then alerts by site, tasks, and pictures when they were taken."""
    names = {site.id: site.name or site.id for site in settings.sites}
    people = {person.id: person.name for person in settings.responders}
    axis = _Axis(incident, settings.zone_info)
    present = [str(q) for q in incident.readings["quantity"].unique()]
    quantities = sorted(present, key=lambda quantity: (quantity not in RAIN, quantity))
    sites = sorted({names.get(alert.key.site, alert.key.site) for alert in incident.alerts})
    heights = [90 if q in RAIN else 190 for q in quantities]
    # One more than there are: the title of the part has a row of its own.
    heights += [(1 + max(3, len(sites))) * _ROW_PX + 10, (1 + max(3, len(incident.tasks))) * _ROW_PX + 10, 74]
    figure = make_subplots(rows=len(heights), cols=1, shared_xaxes=True, row_heights=heights, vertical_spacing=0.012)
    for row, quantity in enumerate(quantities, 1):
        _add_curves(figure, row, quantity, incident, axis, names=names, words=words, settings=settings)
    row = len(quantities) + 1
    for trace in _alert_bars(incident.alerts, axis, names, words):
        figure.add_trace(trace, row=row, col=1)
    for trace in _task_steps(incident.tasks, axis, people, words):
        figure.add_trace(trace, row=row + 1, col=1)
    for part, count in ((row, len(sites)), (row + 1, len(incident.tasks))):
        if count:
            figure.update_yaxes(range=[-0.6, max(3, count) + 0.4], row=part, col=1)
        else:
            figure.add_trace(_nothing(axis), row=part, col=1)
    if incident.evidence:
        _add_pictures(figure, row + 2, incident, axis, names, base=base)
    else:
        figure.add_trace(_nothing(axis), row=row + 2, col=1)
    nothing = incident.readings.empty and not (incident.alerts or incident.tasks or incident.evidence)
    widest = max((_width_px(site) for site in sites), default=0)
    _dress(figure, axis, words, heights, nothing=nothing, left=min(max(104, widest + 16), _MOST_LEFT_PX))
    for row, quantity in enumerate(quantities, 1):
        name = words(f"quantity.{quantity}") if f"quantity.{quantity}" in TABLE else quantity
        unit = UNIT_OF.get(quantity, "").removeprefix("1")
        _title(figure, row, f"{name} {unit}", below=quantity in RAIN)
    for row, key in enumerate(("panel.alerts", "review.tasks", "review.pictures"), len(quantities) + 1):
        _title(figure, row, words(key), below=False)
    return figure


def _width_px(text: str) -> int:
    """About how wide a text of 12 px is: a Chinese sign is as wide as it is high."""
    return sum(12 if sign > "\u2000" else 7 for sign in text)


def _title(figure: go.Figure, row: int, text: str, *, below: bool) -> None:
    """Upright in the row's corner (a turned Chinese title is hard to read); below for rain, which hangs from above."""
    side = "bottom" if below else "top"
    figure.add_annotation(
        text=f"<b>{text}</b>",
        x=0,
        y=0 if below else 1,
        xref="x domain",
        yref="y domain",
        xanchor="left",
        yanchor=side,
        showarrow=False,
        font={"size": 12, "color": _DIM},
        bgcolor="rgba(16,22,27,0.8)",
        xshift=6,
        yshift=3 if below else -3,
        row=row,
        col=1,
    )


def _add_curves(
    figure: go.Figure, row: int, quantity: str, incident: Incident, axis: _Axis, *, names: dict[str, str], words: Words,
    settings: Settings,
) -> None:  # fmt: skip
    part = incident.readings[incident.readings["quantity"] == quantity]
    for i, (site, curve) in enumerate(part.groupby("site", sort=True)):
        look = {"name": names.get(str(site), str(site)), "x": axis.series(curve["at"]), "y": curve["value"]}
        colour = _CURVES[i % len(_CURVES)]
        if quantity in RAIN:
            figure.add_trace(
                go.Bar(**look, marker={"color": colour, "opacity": 0.65, "line": {"width": 0}}), row=row, col=1
            )
        else:
            dash = ("solid", "dash", "dot")[(i // len(_CURVES)) % 3]
            figure.add_trace(go.Scatter(**look, mode="lines", line={"color": colour, "dash": dash}), row=row, col=1)
    _add_corrections(figure, row, quantity, incident, axis, names=names, words=words)
    if quantity in RAIN:
        figure.update_yaxes(autorange="reversed", rangemode="tozero", row=row, col=1)
    shown = frozenset(str(site) for site in part["site"].unique())
    for limit, priority in _limits(settings, quantity, shown):
        text = f"{priority} {words('review.limit')} {limit:g}"
        figure.add_hline(
            limit,
            line={"color": COLOUR[priority], "width": 1, "dash": "dash"},
            annotation={"text": text, "font": {"color": COLOUR[priority], "size": 12}},
            annotation_position="top right",
            row=row,
            col=1,
        )


def _add_corrections(
    figure: go.Figure, row: int, quantity: str, incident: Incident, axis: _Axis, *, names: dict[str, str], words: Words
) -> None:
    """What was first given for a time, as an open mark beside the curve of what counts."""
    found = [reading for reading in incident.corrections if reading.quantity == quantity]
    if not found:
        return
    texts = [
        f"{names.get(one.site, one.site)}<br>"
        + words("review.corrected", first=f"{one.first_value or 0.0:g}", last=f"{one.value:g}")
        for one in found
    ]
    figure.add_trace(
        go.Scatter(
            x=[axis(one.at) for one in found],
            y=[one.first_value for one in found],
            mode="markers",
            marker={"symbol": "x-thin-open", "size": 8, "color": _DIM},
            name=words("review.corrections"),
            text=texts,
            hovertemplate="%{text}<extra></extra>",
            showlegend=False,
        ),
        row=row,
        col=1,
    )


def _limits(settings: Settings, quantity: str, sites: frozenset[str]) -> list[tuple[float, Priority]]:
    """The limits of this quantity at these sites, each once."""
    found = [limit for site in settings.sites if site.id in sites for limit in limits_of(site)]
    return sorted({(limit.value, limit.priority) for limit in found if limit.quantity == quantity})


def _nothing(axis: _Axis) -> go.Scatter:
    """Holds a row that has nothing in it: plotly leaves out an axis without a trace."""
    marker = {"opacity": 0}
    return go.Scatter(x=[axis.start], y=["—"], mode="markers", marker=marker, showlegend=False, hoverinfo="skip")


def _alert_bars(alerts: Sequence[Alert], axis: _Axis, names: dict[str, str], words: Words) -> Iterator[go.Scatter]:
    """One trace for each priority, its bars parted by gaps: a trace for each alert takes plotly seconds."""
    named = _with_room(alerts, axis)
    late = axis.end - (axis.end - axis.start) * _NAME_SHARE
    for priority in Priority:
        x: list[datetime | None] = []
        y: list[str | None] = []
        text: list[str | None] = []
        hover: list[str | None] = []
        beside: list[str] = []
        for alert in alerts:
            if alert.priority is not priority:
                continue
            if x:
                for column in (x, y, text, hover):
                    column.append(None)
                beside.append("middle right")
            site = names.get(alert.key.site, alert.key.site)
            start, end = axis.clip(alert.started_at), axis.clip(alert.ended_at)
            title = f"{alert.priority} {alert_title(alert, words)}<br>{start:%m-%d %H:%M:%S} – {end:%H:%M:%S}"
            x += [start, end]
            y += [site, site]
            text += [alert.priority.value if alert.id in named else "", ""]
            beside += ["middle left" if start > late else "middle right"] * 2
            hover += [title, title]
        if x:
            colour = COLOUR[priority]
            yield go.Scatter(
                x=x, y=y, mode="lines+markers+text", text=text, textposition=beside,
                textfont={"color": "#10151a", "size": 12, "weight": 700}, line={"color": colour, "width": 13},
                marker={"color": colour, "size": 13, "symbol": "square"}, showlegend=False,
                hovertext=hover, hoverinfo="text",
            )  # fmt: skip


def _with_room(alerts: Sequence[Alert], axis: _Axis) -> frozenset[int]:
    """Those whose priority is written at their beginning: of several close together at a site the first."""
    apart = (axis.end - axis.start) * _NAME_SHARE
    named, last = set(), dict[str, datetime]()
    for alert in sorted(alerts, key=lambda one: one.started_at):
        start = axis.clip(alert.started_at)
        if alert.key.site not in last or start - last[alert.key.site] >= apart:
            last[alert.key.site] = start
            named.add(alert.id)
    return frozenset(named)


def alert_title(alert: Alert, words: Words) -> str:
    """What happened, in words: `人 · 进入禁区`."""
    kind = words(f"kind.{alert.kind}") if f"kind.{alert.kind}" in TABLE else alert.kind
    label = words(f"label.{alert.label}") if f"label.{alert.label}" in TABLE else shorten(alert.label)
    value = "" if alert.value is None else f"{alert.value:g} {alert.unit}"
    return " · ".join(part for part in (label, value, kind) if part)


def shorten(label: str) -> str:
    """A foreign label as the screens show it: thousands of characters take a browser a minute to break into lines."""
    return label if len(label) <= _LONGEST_LABEL else f"{label[: _LONGEST_LABEL - 1]}…"


def _task_steps(tasks: Sequence[Task], axis: _Axis, people: dict[str, str], words: Words) -> Iterator[go.Scatter]:
    """Two traces: a line for each task from its beginning to its end, and a mark for each of its steps."""
    lasting: list[datetime | None] = []
    rows: list[str | None] = []
    times: list[datetime] = []
    symbols: list[str] = []
    texts: list[str] = []
    at_rows: list[str] = []
    for task in tasks:
        who = task.responder or task.offered_to or ""
        name = f"#{task.id} {people.get(who, who)}".strip()
        lasting += [axis.clip(task.created_at), axis.clip(task.closed_at or task.cancelled_at), None]
        rows += [name, name, None]
        for field, symbol in _STEPS:
            at = getattr(task, field)
            if at is not None:
                times.append(axis(at))
                symbols.append(symbol)
                texts.append(f"{words('step.task.' + field.removesuffix('_at'))} {axis(at):%H:%M:%S}<br>{name}")
                at_rows.append(name)
    if not tasks:
        return
    line = {"color": _DIM, "width": 2}
    yield go.Scatter(x=lasting, y=rows, mode="lines", line=line, showlegend=False, hoverinfo="skip")
    marker = {"symbol": symbols, "size": 12, "color": _TEXT, "line": {"color": _TEXT, "width": 1.5}}
    yield go.Scatter(
        x=times,
        y=at_rows,
        mode="markers",
        marker=marker,
        showlegend=False,
        hovertext=texts,
        hoverinfo="text",
    )


def _add_pictures(
    figure: go.Figure, row: int, incident: Incident, axis: _Axis, names: dict[str, str], *, base: str
) -> None:
    """A tick for every picture, and as many of them as fit without covering each other."""
    times = [axis(picture.at) for picture in incident.evidence]
    texts = [names.get(picture.origin, picture.origin) for picture in incident.evidence]
    figure.add_trace(
        go.Scatter(
            x=times, y=[0.04] * len(times), mode="markers", showlegend=False, hovertext=texts, hoverinfo="text+x",
            marker={"symbol": "line-ns-open", "size": 7, "color": _TEXT},
        ),
        row=row,
        col=1,
    )  # fmt: skip
    width = (axis.end - axis.start) / _MOST_THUMBNAILS
    free_from = axis.start
    for at, picture in zip(times, incident.evidence, strict=True):
        if at - width / 2 < free_from:
            continue
        free_from = at + width / 2
        figure.add_layout_image(
            source=f"{base}/media/evidence/{picture.id}", x=at, y=1, sizex=width.total_seconds() * 940, sizey=0.86,
            xanchor="center", yanchor="top", row=row, col=1,
        )  # fmt: skip
    figure.update_yaxes(range=[0, 1.02], showticklabels=False, showgrid=False, row=row, col=1)


def _dress(figure: go.Figure, axis: _Axis, words: Words, heights: list[int], *, nothing: bool, left: int) -> None:
    figure.update_layout(
        height=sum(heights) + 70, paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="#10161b", barmode="group", bargap=0.1,
        margin={"l": left, "r": 16, "t": 26, "b": 34}, hovermode="closest", dragmode="pan", uirevision="span",
        font={"color": _TEXT, "family": "system-ui, Noto Sans CJK SC, sans-serif", "size": 12},
        legend={"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0, "font": {"size": 12}},
        hoverlabel={"bgcolor": "#1b232a", "bordercolor": "#3a4753", "font": {"color": _TEXT}},
    )  # fmt: skip
    figure.update_xaxes(
        range=[axis.start, axis.end], type="date", gridcolor=_LINE, linecolor=_LINE, zeroline=False,
        tickformatstops=[{"dtickrange": [None, 60000], "value": "%H:%M:%S"},
                         {"dtickrange": [60000, 86400000], "value": "%H:%M\n%m-%d"},
                         {"dtickrange": [86400000, None], "value": "%m-%d"}],
    )  # fmt: skip
    figure.update_yaxes(gridcolor=_LINE, linecolor=_LINE, zeroline=False, automargin=False, fixedrange=True)
    if nothing:
        figure.add_annotation(text=words("review.nothing"), x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False)
