"""Performance of the alarm system for its operators: figures of ISA-18.2, IEC 62682 and EEMUA 191 for a period.

Rates and floods are counted for each desk, the rest for all alarms. One pass over the alarms of the period.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from alerts.flood import BEGINS_ABOVE, WINDOW, floods
from data.model.alarm import AlarmColumns
from data.model.alert import Priority

LEAD = timedelta(hours=1)
"""Alarms from this long before the period are needed to know whether it begins in a flood."""
LONG_STANDING = timedelta(hours=24)
CHATTERS_AT, CHATTERS_WITHIN_S = 3, 60.0
TOP = 10
ALARM = ["site", "rule", "zone"]
"""The fields by which alarms count as the same alarm."""
ACKNOWLEDGE_WITHIN_S = MappingProxyType({Priority.P1: 60.0, Priority.P2: 180.0, Priority.P3: 900.0})

LIMITS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "per_day": (144.0, 288.0),
        "per_hour": (6.0, 12.0),
        "per_10min": (1.0, 2.0),
        "peak_10min": (10.0, 10.0),
        "busy_share": (0.01, 0.05),  # of the ten-minute spans, those with more than ten alarms
        "flood_share": (0.01, 0.05),
        "standing": (9.0, 20.0),
        "standing_24h": (4.0, 10.0),
        "chattering": (0.0, 0.0),
        "top_share": (0.05, 0.20),
    }
)
"""For one operator: good up to the first value, manageable up to the second (ISA-18.2-2016 table 7, EEMUA 191)."""
MIX = MappingProxyType({"P1": 0.05, "P2": 0.15, "P3": 0.80})
"""Target share of each priority; the third is P3 and P4 together."""

Seen = Callable[[str], bool]
"""True if the desk is responsible for this site."""


@dataclass(frozen=True, slots=True)
class Period:
    """since <= at < until."""

    since: datetime
    until: datetime

    @property
    def seconds(self) -> float:
        return (self.until - self.since).total_seconds()


def alarm_figures(columns: AlarmColumns, period: Period, desks: Mapping[str, Seen]) -> dict[str, Any]:
    """`columns`: alarms from LEAD before the period on, and older ones still standing in it, in any order.

    Shares are fractions, times are seconds. A figure without data is None.
    """
    table = pd.DataFrame(columns._asdict()).astype(dict.fromkeys(("site", "rule", "zone", "priority"), "str"))
    for name in ("came_at", "acknowledged_at", "ended_at"):
        table[name] = pd.to_datetime(table[name], utc=True)
    table = table.sort_values(["came_at", "id"], ignore_index=True)
    table["key"] = table["site"] + " " + table["rule"] + " " + table["zone"]
    inside = table[(table["came_at"] >= period.since) & (table["came_at"] < period.until)]
    return {
        "since": period.since.isoformat(),
        "until": period.until.isoformat(),
        "alarms": len(inside),
        "desks": [{"id": name, **_rates(table, inside, period, seen)} for name, seen in desks.items()],
        **_top(inside),
        **_standing(table, period),
        "chattering": _chattering(inside),
        "priorities": _mix(inside),
        "acknowledgement": _acknowledgement(inside, period),
        "limits": {name: list(pair) for name, pair in LIMITS.items()},
        "mix": dict(MIX),
    }


def _rates(table: pd.DataFrame, inside: pd.DataFrame, period: Period, seen: Seen) -> dict[str, Any]:
    sites = {site for site in table["site"].unique() if seen(site)}
    since_lead = table[table["site"].isin(sites) & (table["came_at"] >= period.since - LEAD)]
    came = inside.loc[inside["site"].isin(sites), "came_at"]
    spans = ((came - period.since).dt.total_seconds() // WINDOW.total_seconds()).value_counts()
    n_spans = max(1, int(np.ceil(period.seconds / WINDOW.total_seconds())))
    lasted = [
        (min(end or period.until, period.until) - max(begin, period.since)).total_seconds()
        for begin, end in floods(since_lead["came_at"].dt.to_pydatetime(), period.until)
        if (end or period.until) > period.since and begin < period.until
    ]
    return {
        "alarms": len(came),
        "per_day": len(came) / period.seconds * 86400,
        "per_hour": len(came) / period.seconds * 3600,
        "per_10min": len(came) / period.seconds * 600,
        "peak_10min": _peak(came),
        "busy_share": int((spans > BEGINS_ABOVE).sum()) / n_spans,
        "floods": len(lasted),
        "flood_s": sum(lasted),
        "flood_share": sum(lasted) / period.seconds,
        "longest_flood_s": max(lasted, default=0.0),
    }


def _peak(came: pd.Series[Any]) -> int:
    """The most that came within any ten minutes."""
    if came.empty:
        return 0
    seconds = _seconds(came)
    first_inside = np.searchsorted(seconds, seconds - WINDOW.total_seconds(), side="right")
    return int((np.arange(1, len(seconds) + 1) - first_inside).max())


def _seconds(times: pd.Series[Any]) -> np.ndarray:
    return np.asarray((times - times.iloc[0]).dt.total_seconds())


def _top(inside: pd.DataFrame) -> dict[str, Any]:
    """The ten most frequent alarms: a rule in a zone of a site."""
    top = [{**one, "share": one["alarms"] / len(inside)} for one in _counted(inside)[:TOP]]
    return {"top": top, "top_share": sum(one["share"] for one in top) if top else None}


def _counted(alarms: pd.DataFrame) -> list[dict[str, Any]]:
    """How often each came, the most frequent first."""
    counts = alarms.groupby(ALARM, sort=False).size().sort_values(ascending=False, kind="stable")
    rows = counts.reset_index(name="alarms").to_dict("records")
    return [{**{name: str(row[name]) for name in ALARM}, "alarms": int(row["alarms"])} for row in rows]


def _standing(table: pd.DataFrame, period: Period) -> dict[str, Any]:
    """Standing alarms at the end of the period, and those of them that have stood for more than a day (stale)."""
    holds = table[(table["came_at"] < period.until) & ~(table["ended_at"] < period.until)]
    long = holds[holds["came_at"] <= period.until - LONG_STANDING].sort_values("came_at")
    oldest = [
        {**{name: str(row[name]) for name in (*ALARM, "priority")}, "id": int(row["id"]), "since": _iso(row["came_at"])}
        for row in long.head(TOP).to_dict("records")
    ]
    return {"standing": len(holds), "standing_24h": len(long), "oldest": oldest}


def _iso(at: Any) -> str:
    return str(at.isoformat())


def _chattering(inside: pd.DataFrame) -> list[dict[str, Any]]:
    """Chattering alarms: those that came three times within a minute, with their count in all; the worst first."""
    ordered = inside.sort_values(["key", "came_at"], kind="stable")
    gap = (ordered["came_at"] - ordered.groupby("key")["came_at"].shift(CHATTERS_AT - 1)).dt.total_seconds()
    return _counted(inside[inside["key"].isin(set(ordered.loc[gap <= CHATTERS_WITHIN_S, "key"]))])


def _mix(inside: pd.DataFrame) -> dict[str, Any]:
    counts = inside["priority"].value_counts()
    n = len(inside)
    return {
        priority.value: {
            "alarms": int(counts.get(priority.value, 0)),
            "share": int(counts.get(priority.value, 0)) / n if n else None,
        }
        for priority in Priority
    }


def _acknowledgement(inside: pd.DataFrame, period: Period) -> dict[str, Any]:
    """For each priority with a limit: time to acknowledgement, and how many were late or are overdue now."""
    found = {}
    for priority, limit_s in ACKNOWLEDGE_WITHIN_S.items():
        of_it = inside[inside["priority"] == priority.value]
        took = (of_it["acknowledged_at"] - of_it["came_at"]).dt.total_seconds()
        known = took.dropna()
        waiting = (period.until - of_it.loc[took.isna(), "came_at"]).dt.total_seconds()
        found[priority.value] = {
            "alarms": len(of_it),
            "acknowledged": len(known),
            "median_s": float(known.median()) if len(known) else None,
            "p90_s": float(known.quantile(0.9)) if len(known) else None,
            "limit_s": limit_s,
            "late": int((known > limit_s).sum() + (waiting > limit_s).sum()),
        }
    return found
