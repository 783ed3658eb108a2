"""How good the alarms are: rates, floods, priorities and times to acknowledge against the standards' limits.

Below them is how alerts, events and response times went day by day. The figures are filled in by assets/64_kpi.js and
assets/64_trends.js.
"""

from __future__ import annotations

from typing import Any

from dash import html

from layouts.context import ScreenContext
from layouts.wall import panel
from layouts.words import Words


def draw(_screens: ScreenContext, words: Words) -> Any:
    """The page without its figures."""
    age = html.Span(id="kpi-age")
    body = html.Div(
        [html.Div(id="kpi-bar", className="bar"), html.Div(id="kpi"), html.Div(id="trends")], className="kpi-body"
    )
    return html.Div(panel(words("page.kpi"), body, "kpi-panel", age), className="kpi")
