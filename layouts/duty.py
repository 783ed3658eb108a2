"""The duty officer's page: open alerts and tasks as tables, the chosen one with its trail, people on shift.

The rows come from the events socket by assets/40_duty.js; `rowData` stays empty, because rows that pass through a
component property are lost when they come fast.
"""

from __future__ import annotations

from typing import Any

import dash_ag_grid as dag
from dash import html

from layouts.context import ScreenContext
from layouts.wall import panel, unaccepted
from layouts.words import Words

_THEME = {
    "function": "themeQuartz.withParams({backgroundColor: '#141a20', foregroundColor: '#d3dce3', browserColorScheme: "
    "'dark', headerBackgroundColor: '#1b232a', borderColor: '#26303a', oddRowBackgroundColor: '#171e24', "
    "rowHoverColor: '#202932', selectedRowBackgroundColor: '#2b3743', accentColor: '#9fb4c6', fontFamily: 'inherit', "
    "fontSize: 'max(12px, .9rem)', spacing: '.3rem', wrapperBorder: false, chromeBackgroundColor: '#141a20'}, 'dark')"
}
_LOCALE = (
    "contains", "notContains", "equals", "notEqual", "startsWith", "endsWith", "blank", "notBlank", "filterOoo",
    "noRowsToShow", "andCondition", "orCondition", "loadingOoo", "selectAll", "searchOoo", "noMatches",
)  # fmt: skip


def draw(_screens: ScreenContext, words: Words) -> Any:
    """The page without its live contents."""
    tables = [
        unaccepted(words),
        panel(words("duty.alerts"), _alerts(words), "grid-panel", html.Span(id="duty-alert-counts")),
        panel(words("duty.tasks"), _tasks(words), "grid-panel", html.Span(id="duty-task-counts")),
    ]
    chosen = html.Div(id="duty-chosen", tabIndex=-1, role="region", **{"aria-label": words("duty.chosen")})
    beside = [
        panel(words("duty.chosen"), chosen, "chosen-panel"),
        panel(words("duty.quiet"), html.Ul(id="duty-quiet"), "quiet-panel", html.Span(id="duty-quiet-counts")),
        panel(words("duty.people"), html.Ul(id="duty-people"), "people-panel", html.Span(id="duty-people-counts")),
    ]
    return html.Div([html.Div(tables, className="tables"), html.Div(beside, className="beside")], className="duty")


def _alerts(words: Words) -> Any:
    columns = [
        _column(words, "priority", 124, cellRenderer="yipingMark", sort="asc", sortIndex=1),
        _column(words, "id", 92, filter=False, sort="desc", sortIndex=2),
        _column(words, "what", 190, flex=1, minWidth=150),
        _column(words, "site", 170),
        _column(words, "started", 140, **_TIME),
        _column(words, "lasting", 86, **_LASTING),
        _column(words, "state", 128, sort="asc", sortIndex=0, comparator={"function": "yipingByUrgency"}),
        _column(words, "acknowledged_by", 136),
        _column(words, "condition", 104),
        _column(words, "suppression", 124),
        _column(words, "verification", 96),
        _column(words, "step", 190),
    ]
    return _grid("duty-alerts", words, columns)


def _tasks(words: Words) -> Any:
    columns = [
        _column(words, "priority", 124, cellRenderer="yipingMark", sort="asc", sortIndex=1),
        _column(words, "id", 92, filter=False, sort="desc", sortIndex=2),
        _column(words, "title", 210, flex=1, minWidth=150),
        _column(words, "site", 170),
        _column(words, "state", 150),
        _column(words, "who", 120),
        _column(words, "started", 150, **_TIME),
        _column(words, "lasting", 96, **_LASTING),
        _column(words, "created_by", 110),
    ]
    return _grid("duty-tasks", words, columns)


_TIME = {"valueFormatter": {"function": "yipingTime(params.value)"}, "filter": False}
_LASTING = {"valueFormatter": {"function": "yipingLasting(params.value)"}, "filter": False}


def _column(words: Words, field: str, width: int, **more: Any) -> dict[str, Any]:
    name = words(f"column.{field}")
    return {"field": field, "headerName": name, "width": width, "filter": "agTextColumnFilter", **more}


def _grid(grid_id: str, words: Words, columns: list[dict[str, Any]]) -> Any:
    return dag.AgGrid(
        id=grid_id,
        columnDefs=columns,
        rowData=[],
        getRowId="params.data.key",
        defaultColDef={
            "sortable": True,
            "resizable": True,
            "floatingFilter": False,
            "wrapText": True,
            "autoHeight": True,
            "wrapHeaderText": True,
            "autoHeaderHeight": True,
        },
        dashGridOptions={
            "theme": _THEME,
            "rowSelection": {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True},
            "asyncTransactionWaitMillis": 30,
            "animateRows": False,
            "localeText": {key: words(f"grid.{key}") for key in _LOCALE},
        },
        style={"height": "100%", "width": "100%"},
    )
