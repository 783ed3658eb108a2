"""Cases from other systems: each mapping with what came by it, and a trial of a mapping on a sample.

The contents are filled in by assets/69_case_sources.js.
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
        words("page.case_sources"), html.Div(id="case-sources"), "case-sources-panel", html.Span(id="case-sources-age")
    )
    return html.Div(listed, className="case-sources")
