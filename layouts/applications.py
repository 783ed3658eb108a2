"""The catalogue of applications: one row each, with state, owner, sites, and the month's alerts and tasks.

The contents are filled in by assets/68_applications.js.
"""

from __future__ import annotations

from typing import Any

from dash import html

from layouts.context import ScreenContext
from layouts.wall import panel
from layouts.words import Words


def draw(_screens: ScreenContext, words: Words) -> Any:
    """The page without its live contents."""
    listed = panel(
        words("page.applications"), html.Div(id="applications"), "applications-panel", html.Span(id="applications-age")
    )
    return html.Div(listed, className="applications")
