"""The wall: map, cameras, gauges, alerts and dispatch on one screen; assets/ fills the places drawn here."""

from __future__ import annotations

from typing import Any

from dash import html

from data.model.people import Action, Role, may
from layouts.context import ScreenContext
from layouts.ground import draw_map
from layouts.words import Words


def draw(screens: ScreenContext, words: Words) -> Any:
    """The page without its live contents."""
    left = [
        panel(
            words("panel.map"),
            html.Div(
                [draw_map(screens), html.Div(id="selection-bar", hidden=True, role="status")], className="map-place"
            ),
            "map-panel",
            html.Span([html.Span(id="vehicles-age"), html.Span(id="map-age"), *_entry(screens, words)]),
        ),
        panel(words("panel.gauges"), html.Ul(id="gauge-strip"), "gauge-panel"),
    ]
    centre = [
        panel(words("panel.cameras"), html.Div(id="camera-wall"), "camera-panel", html.Span(id="camera-counts")),
        panel(words("panel.dispatch"), html.Div(id="dispatch-panel"), "dispatch"),
    ]
    right = [
        panel(
            words("panel.alerts"),
            html.Div(
                [unaccepted(words), html.Div(id="flood-bar", hidden=True, role="status"), html.Div(id="alert-list")],
                className="cards",
            ),
            "alert-panel",
            html.Span(id="alert-counts"),
        ),
        html.P(words(_keys_of(screens.visitor().role)), className="keys dim"),
    ]
    columns = [
        html.Div(left, className="left"),
        html.Div(centre, className="centre"),
        html.Div(right, className="right"),
    ]
    return html.Div(columns, className="wall")


def _entry(screens: ScreenContext, words: Words) -> list[Any]:
    """The button that enters an event by a click on the map, for those who may."""
    if not screens.may(Action.RECEIVE_EVENT):
        return []
    return [html.Button(words("events.new"), id="entry-open", className="quiet", title="E")]


def _keys_of(role: Role) -> str:
    if role is Role.WALL:
        return "kiosk.keys"
    return "keys" if may(role, Action.ACKNOWLEDGE) else "keys.look"


def unaccepted(words: Words) -> Any:
    """The place above everything else for the tasks that nobody accepts; empty and hidden while there are none."""
    return html.Section(id="unaccepted", hidden=True, role="alert", **{"aria-label": words("unaccepted.panel")})


def panel(title: str, body: Any, name: str, beside: Any = None) -> Any:
    """A titled part of a page."""
    return html.Section([html.Header([html.H2(title), beside]), body], className=f"panel {name}")
