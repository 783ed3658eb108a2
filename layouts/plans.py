"""The page of plans: what is in force and who ordered it, the state of each task place by place, who is on duty.

The contents are filled in by assets/64_plans.js; orders are given here.
"""

from __future__ import annotations

from typing import Any

from dash import html

from layouts.context import ScreenContext
from layouts.wall import panel
from layouts.words import Words


def draw(_screens: ScreenContext, words: Words) -> Any:
    """The page without its live contents."""
    age = html.Span(id="plans-age")
    left = [
        panel(words("plans.list"), html.Div(id="plans-list"), "plans-panel", age),
        panel(words("plans.roster"), html.Div(id="plans-roster"), "roster-panel", html.Span(id="plans-roster-count")),
    ]
    return html.Div(
        [
            html.Div(left, className="plans-left"),
            panel(words("plans.chosen"), html.Div(id="plans-chosen"), "plan-panel", html.Span(id="plan-age")),
        ],
        className="plans",
    )
