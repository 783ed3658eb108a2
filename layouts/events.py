"""The page of events: the list with state and clock, and the chosen one with its parts, next steps and history.

The contents are filled in by assets/62_events.js; the map is shown while an event is entered
(assets/61_event_entry.js).
"""

from __future__ import annotations

from typing import Any

from dash import html

from layouts.context import ScreenContext
from layouts.ground import draw_map
from layouts.wall import panel
from layouts.words import Words


def draw(screens: ScreenContext, words: Words) -> Any:
    """The page without its live contents."""
    age = html.Span(id="events-age")
    whole = [
        html.Div(id="events-bar"),
        html.Div(id="events-list"),
    ]
    pick = html.P(words("entry.pick_above"), className="dim")
    place = html.Div([pick, draw_map(screens)], id="event-place", hidden=True)
    return html.Div(
        [
            panel(words("events.list"), html.Div(whole, className="events-whole"), "events-panel", age),
            panel(
                words("events.chosen"),
                html.Div([place, html.Div(id="events-chosen")], className="event-whole"),
                "event-panel",
            ),
        ],
        className="events",
    )
