"""Shift handover 交接班: the open one or a past one with its items, notes and signatures; the list; who is on duty.

The contents are filled in by assets/65_handover.js.
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
        panel(words("handover.roster"), html.Div(id="handover-roster"), "handover-roster-panel"),
        panel(words("handover.past"), html.Div(id="handover-list"), "handover-list-panel"),
    ]
    age = html.Span(id="handover-age")
    return html.Div(
        [
            html.Div(left, className="handover-left"),
            panel(words("page.handover"), html.Div(words("loading"), id="handover-chosen"), "handover-panel", age),
        ],
        className="handover",
    )
