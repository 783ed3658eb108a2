"""Inspections 巡查: coverage, who is overdue by name, hazards that came back, the day's route, codes to print.

The contents are filled in by assets/67_inspections.js.
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
        panel(
            words("inspections.coverage"),
            html.Div(words("loading"), id="inspection-figures"),
            "inspection-figures-panel",
            html.Span(id="inspection-age"),
        ),
        panel(words("inspections.route"), html.Div(id="inspection-route"), "inspection-route-panel"),
    ]
    right = [
        panel(words("inspections.overdue"), html.Div(id="inspection-overdue"), "inspection-overdue-panel"),
        panel(words("inspections.repeats"), html.Div(id="inspection-repeats"), "inspection-repeats-panel"),
    ]
    return html.Div(
        [html.Div(left, className="inspections-left"), html.Div(right, className="inspections-right")],
        className="inspections",
    )
