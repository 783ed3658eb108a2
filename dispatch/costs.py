"""The cost of sending a responder, in seconds, and the roads that are closed now."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

from data.config.dispatch import CostSettings
from data.config.settings import Settings
from data.model.alert import Alert
from data.model.people import Responder
from data.model.task import Candidate
from data.ports.store import AlertQuery, Reader, TaskQuery
from dispatch.routing import Closure

LOAD_OVER = timedelta(hours=8)
_MOST_TASKS = 2000


class Costs:
    """Travel time + load + rest - bonus of the zone's owner; built once for a ranking."""

    def __init__(self, reader: Reader, settings: CostSettings, grid: str, now: datetime) -> None:
        self._settings = settings
        self._grid = grid
        self._now = now
        recent = reader.tasks(TaskQuery(since=now - LOAD_OVER, limit=_MOST_TASKS))
        self._load = Counter(task.responder for task in recent if task.responder is not None)
        self._ended: dict[str, datetime] = {}
        for task in recent:
            if task.responder is not None and task.closed_at is not None:
                self._ended[task.responder] = max(task.closed_at, self._ended.get(task.responder, task.closed_at))

    def candidate(self, responder: Responder, candidate: Candidate) -> Candidate:
        """The candidate with its cost and the parts of that cost."""
        settings = self._settings
        load_s = self._load[responder.id] * settings.load.total_seconds()
        rest_s = self._rest_s(responder.id)
        bonus_s = settings.own_grid.total_seconds() if self._grid and responder.grid == self._grid else 0.0
        parts = [f"travel {candidate.travel_s:.0f} s"]
        parts += [f"load {load_s:.0f} s"] if load_s else []
        parts += [f"rest {rest_s:.0f} s"] if rest_s else []
        parts += [f"own grid -{bonus_s:.0f} s"] if bonus_s else []
        return replace(candidate, cost_s=candidate.travel_s + load_s + rest_s - bonus_s, why=", ".join(parts))

    def _rest_s(self, responder: str) -> float:
        """The cost of missing rest: full right after a task, 0 once `rest_for` is over."""
        ended, settings = self._ended.get(responder), self._settings
        if ended is None or self._now - ended >= settings.rest_for:
            return 0.0
        left = 1.0 - (self._now - ended) / settings.rest_for
        return settings.rest.total_seconds() * min(1.0, left)


def closed_roads(reader: Reader, settings: Settings) -> tuple[Closure, ...]:
    """The roads that open alerts close at this moment."""
    return tuple(closure for _, closure in closing_alerts(reader, settings))


def closing_alerts(reader: Reader, settings: Settings) -> tuple[tuple[Alert, Closure], ...]:
    """The open alerts that close roads, each with what it closes."""
    if not settings.dispatch.closures:
        return ()
    places = {site.id: site.location for site in settings.sites}
    return tuple(
        (alert, Closure(places[alert.key.site], rule.radius, frozenset(rule.travel)))
        for alert in reader.alerts(AlertQuery(open_only=True, limit=1000))
        for rule in settings.dispatch.closures
        if alert.key.site in places and rule.fits(alert)
    )
