"""The organisation: coverage against 100 %, its units, the category table. Administrators edit them here.

The contents are filled in by assets/63_organisation.js.
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
        panel(
            words("organisation.coverage"),
            html.Div(id="organisation-coverage"),
            "coverage-panel",
            html.Span(id="organisation-age"),
        ),
        panel(words("organisation.units"), html.Div(id="organisation-units"), "units-panel"),
    ]
    right = [
        panel(words("organisation.edit"), html.Div(id="organisation-edit"), "edit-panel"),
        panel(words("organisation.categories"), html.Div(id="organisation-categories"), "categories-panel"),
    ]
    return html.Div(
        [html.Div(left, className="organisation-left"), html.Div(right, className="organisation-right")],
        className="organisation",
    )
