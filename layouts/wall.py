"""The wall page."""

from __future__ import annotations

from typing import Any

from dash import html

from layouts.context import ScreenContext
from layouts.words import Words


def draw(screens: ScreenContext, words: Words) -> Any:
    """The page without its live contents."""
    return html.Div(words("page.wall"))
