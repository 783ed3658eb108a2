"""The page of after-action reports: the list on the left, the chosen one on the right to read, edit, comment and sign.

`/reports?report=12` opens one, `&version=3` an older version of it, `/reports?subject=event:12` that of an event. The
contents are filled in by assets/52_reports.js.
"""

from __future__ import annotations

from typing import Any

from dash import html

from layouts.context import ScreenContext
from layouts.wall import panel
from layouts.words import Words


def draw(_screens: ScreenContext, words: Words) -> Any:
    """The page without its live contents."""
    whole = [html.Div(id="reports-bar"), html.Div(id="reports-list")]
    chosen = [html.Div(id="report-tools"), html.Div(id="report-chosen")]
    return html.Div(
        [
            panel(words("reports.list"), html.Div(whole, className="reports-whole"), "reports-panel"),
            panel(words("reports.chosen"), html.Div(chosen, className="reports-whole"), "report-panel"),
        ],
        className="reports",
    )
