"""Who would have been offered the work of an alert, and when they could have been there: by the roster, the places and
the roads of that time. A calculation: nothing is offered, stored or sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

from data.config.settings import Settings
from data.model.alert import Alert
from data.model.people import Responder, TrackPoint, User
from data.model.task import Candidate, Task
from data.ports.store import AlertQuery, Reader, TaskQuery
from dispatch.costs import LOAD_OVER
from dispatch.responders import needs_of, rank
from dispatch.roster import COUNTS_FOR, Roster
from dispatch.routing import Roads
from engine.replay.occurrences import Occurrence, Pair, exact

_TRACK = 20_000
_TASKS = 2000


@dataclass(frozen=True, slots=True)
class Offered:
    """The choice for one alert: best first, as many as are asked at once. Empty: nobody could be sent, and why."""

    occurrence: Occurrence
    chosen: tuple[Candidate, ...]
    automatic: bool
    shortfall: tuple[str, ...] = ()

    def described(self) -> dict[str, Any]:
        """As JSON. `arrives_at`: on the way as soon as the alert was raised."""
        at = self.occurrence.raised.at
        return {
            "raised_at": exact(at),
            "automatic": self.automatic,
            "offered": [
                {
                    "responder": one.responder,
                    "travel_s": round(one.travel_s, 1),
                    "arrives_at": exact(at + timedelta(seconds=round(one.travel_s, 1))),
                    "method": one.method,
                }
                for one in self.chosen
            ],
            "shortfall": list(self.shortfall),
        }


class Past:
    """What `dispatch.responders.rank` asks of the store, as it was at `at`.

    Tasks of the alerts that are judged again do not count: whom they would keep busy is the question.
    """

    def __init__(  # noqa: PLR0917 - of which time, and without whom
        self,
        reader: Reader,
        settings: Settings,
        since: datetime,
        until: datetime,
        judged_sites: frozenset[str],
        skipped: Sequence[str] = (),
    ) -> None:
        """`skipped`: responders who are not there. `judged_sites`: whose alerts are judged again."""
        self._reader = reader
        self._settings = settings
        self._skipped = frozenset(skipped)
        self._people = [one for one in reader.responders() if one.id not in self._skipped]
        self._tracks = {one.id: reader.track(one.id, _TRACK, until=until) for one in self._people}
        self._shifts = reader.shifts(since=since - COUNTS_FOR)
        query = TaskQuery(since=since - LOAD_OVER - timedelta(days=1), until=until, limit=_TASKS)
        self._tasks = [task for task in reader.tasks(query) if task.responder is not None]
        self._alerts = reader.alerts(AlertQuery(since=since - timedelta(days=1), until=until, limit=_TASKS))
        self._users = reader.users()
        self.at = since
        self._judged_sites = judged_sites
        self._judged_from = since
        self.taken: dict[str, datetime | None] = {}
        """Who was chosen for an alert that is judged again, and until when that keeps them."""
        self.open_now: tuple[Alert, ...] = ()
        """Alerts of this judging that are open at `at`."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    def responders(self) -> Sequence[Responder]:
        roster = Roster(self._shifts, self.at)
        configured = {one.id: one for one in self._settings.responders}
        found = []
        for one in self._people:
            known = configured.get(one.id)
            where = next((p for p in self._tracks[one.id] if p.at <= self.at and not p.doubt), None)
            if where is None and known is not None and known.location is not None:
                where = TrackPoint(self.at, known.location)
            on_shift = roster.is_on_shift(one.id, configured=known.on_shift if known is not None else one.on_shift)
            place, seen_at = (None, None) if where is None else (where.location, where.at)
            found.append(replace(one, on_shift=on_shift, position=place, position_at=seen_at))
        return found

    def busy_responders(self) -> frozenset[str]:
        at_work = {task.responder for task in self._own_tasks() if task.responder and _lasts(task, self.at)}
        taken = {who for who, until in self.taken.items() if until is None or until > self.at}
        return frozenset(at_work | taken)

    def tasks(self, query: TaskQuery) -> Sequence[Task]:
        """Those created before `at`, as far as they were done then."""
        recent = [
            task
            for task in self._own_tasks()
            if task.created_at <= self.at and (query.since is None or task.created_at >= query.since)
        ]
        return [task if _is_past(task.closed_at, self.at) else replace(task, closed_at=None) for task in recent]

    def alerts(self, query: AlertQuery) -> Sequence[Alert]:
        """Those that were open at `at`: of other sites from the store, of these from the judging."""
        del query
        others = [
            alert
            for alert in self._alerts
            if not self._is_judged(alert) and alert.raised_at <= self.at and not _is_past(alert.ended_at, self.at)
        ]
        return [*others, *self.open_now]

    def users(self) -> Sequence[User]:
        return self._users

    def _own_tasks(self) -> Iterator[Task]:
        return (task for task in self._tasks if not self._stems_from_judged(task))

    def _stems_from_judged(self, task: Task) -> bool:
        return task.site in self._judged_sites and task.created_at >= self._judged_from

    def _is_judged(self, alert: Alert) -> bool:
        return alert.key.site in self._judged_sites


def _is_past(at: datetime | None, now: datetime) -> bool:
    return at is not None and at <= now


def _lasts(task: Task, at: datetime) -> bool:
    """Was its responder at work on it?"""
    begun = task.accepted_at is not None and task.accepted_at <= at and not task.unit
    return begun and not _is_past(task.closed_at, at) and not _is_past(task.cancelled_at, at)


def offers(found: Sequence[Occurrence], past: Past, *, roads: Roads, settings: Settings) -> list[Offered]:
    """For each alert, in the order in which they were raised: who was chosen is busy until its end."""
    past.taken = {}
    places = {site.id: site for site in settings.sites}
    chosen: list[Offered] = []
    for number, one in enumerate(found):
        site = places.get(one.key.site)
        if site is None:
            continue
        past.at = one.raised.at
        past.open_now = tuple(_alert(o) for o in found[:number] if o.ended_at is None or o.ended_at > past.at)
        alert = _alert(one)
        reader = cast("Reader", past)
        ranking = rank(
            reader, site.location, past.at, roads=roads, settings=settings, needs=needs_of(reader, alert, settings),
            grid=site.grid,
        )  # fmt: skip
        at_once = settings.dispatch.offers_at_once.get(one.raised.priority, 1)
        best = ranking.eligible[:at_once]
        automatic = settings.dispatch.automatic.fits(alert)
        chosen.append(Offered(one, best, automatic, ranking.shortfall))
        if best:
            past.taken[best[0].responder] = one.ended_at
    return chosen


def _alert(one: Occurrence) -> Alert:
    raised = one.raised
    return Alert(one.key, raised.kind, raised.priority, raised.started_at, raised.at, raised.label)


def compared(
    before: Mapping[int, Offered], after: Mapping[int, Offered], pairs: Sequence[Pair]
) -> list[dict[str, Any]]:
    """What would have been offered otherwise, in the order of time. The mappings are by `id` of the occurrence."""
    found: list[dict[str, Any]] = []
    for pair in pairs:
        then = before.get(id(pair.before)) if pair.before is not None else None
        now = after.get(id(pair.after)) if pair.after is not None else None
        told = [None if side is None else side.described() for side in (then, now)]
        if told[0] == told[1]:
            continue
        line: dict[str, Any] = {**pair.key._asdict(), "before": told[0], "after": told[1]}
        arrivals = [_arrival(side) for side in (then, now)]
        if arrivals[0] is not None and arrivals[1] is not None:
            line["arrives_by_s"] = (arrivals[1] - arrivals[0]).total_seconds()
        found.append(line)
    return found


def _arrival(offered: Offered | None) -> datetime | None:
    if offered is None or not offered.chosen:
        return None
    return offered.occurrence.raised.at + timedelta(seconds=round(offered.chosen[0].travel_s, 1))


def counts(pairs: Sequence[Pair]) -> dict[str, int]:
    """How many of each kind of difference."""
    return dict(sorted(Counter(pair.what for pair in pairs).items()))
