"""What is configured at each site, over its newest picture; for administrators. Filled in by assets/72_setup.js."""

from __future__ import annotations

from typing import Any

from dash import html

from layouts.context import ScreenContext
from layouts.wall import panel
from layouts.words import Words


def draw(_screens: ScreenContext, words: Words) -> Any:
    """The page without its live contents."""
    return html.Div(
        [
            panel(words("setup.sites"), html.Div(id="setup-sites"), "setup-list"),
            panel(words("page.setup"), html.Div(id="setup"), "setup-panel", html.Span(id="setup-age")),
        ],
        className="setup",
    )
