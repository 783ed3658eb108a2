"""Roll-call 叫应: an order to many people; who was reached by which channel, who answered, who did not; the past ones.

The contents are filled in by assets/66_roll_call.js.
"""

from __future__ import annotations

from typing import Any

from dash import html

from layouts.context import ScreenContext
from layouts.wall import panel
from layouts.words import Words


def draw(_screens: ScreenContext, words: Words) -> Any:
    """The page without its live contents."""
    left = [
        panel(words("roll.order"), html.Div(id="roll-call-order"), "roll-order-panel"),
        panel(words("roll.list"), html.Div(id="roll-call-list"), "roll-list-panel"),
    ]
    age = html.Span(id="roll-call-age")
    return html.Div(
        [
            html.Div(left, className="roll-left"),
            panel(words("page.roll_call"), html.Div(words("loading"), id="roll-call-chosen"), "roll-panel", age),
        ],
        className="roll",
    )
