"""Who was told of what, through which channel, and with what result; call-outs that wait for an answer come first.

The rows are filled in by assets/60_notices.js.
"""

from __future__ import annotations

from typing import Any

from dash import html

from layouts.context import ScreenContext
from layouts.wall import panel
from layouts.words import Words


def draw(_screens: ScreenContext, words: Words) -> Any:
    """The page without its live contents."""
    age = html.Span([html.Span(id="push-slot"), html.Span(id="notices-age")])
    return html.Div(panel(words("page.notices"), html.Div(id="notices"), "notices-panel", age), className="notices")
