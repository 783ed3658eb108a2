"""Drills 演练: how the shift does against its limits beside the recorded night; how earlier drills went.

Filled in by assets/54_drill.js.
"""

from __future__ import annotations

from typing import Any

from dash import html

from layouts.context import ScreenContext
from layouts.wall import panel
from layouts.words import Words


def draw(_screens: ScreenContext, words: Words) -> Any:
    """The page without its live contents."""
    return html.Div(
        panel(words("page.drill"), html.Div(id="drill"), "drill-panel", html.Span(id="drill-age")), className="drill"
    )
