"""What each camera costs this machine and what it gets; for administrators. Filled in by assets/70_load.js."""

from __future__ import annotations

from typing import Any

from dash import html

from layouts.context import ScreenContext
from layouts.wall import panel
from layouts.words import Words


def draw(_screens: ScreenContext, words: Words) -> Any:
    """The page without its live contents."""
    return html.Div(
        panel(words("page.load"), html.Div(id="load"), "load-panel", html.Span(id="load-age")), className="load"
    )
