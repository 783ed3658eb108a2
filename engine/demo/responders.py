"""Moves the demo's responders along the streets. It moves bodies only: accepting, reporting and verifying is people's.

Who has accepted a task goes to its place and stays there while at work; everybody else strolls about their home.
A responder whose own phone reports positions is left to the phone.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from data.model.geo import Location, distance_m
from data.model.people import Responder
from data.model.record import Change
from data.model.task import Task, TaskState
from data.model.views import responder_view
from data.ports.store import Reader, Store, TaskQuery, Writer
from data.sql.store import open_store
from dispatch.geojson import RoadLine
from dispatch.offers import mark_delivered
from dispatch.routing import Roads, load_roads, read_roads
from engine.process.heart import Heart
from engine.process.options import RunOptions

STEP_S = 2.0
SPEED_M_S: Mapping[str, float] = {"walk": 1.3, "e-bike": 3.6, "car": 7.0}
STROLL_SHARE = 0.7  # of the speed, for those with no task
HOME_RANGE_M = 450.0
REPEAT_S = 60.0  # a standing responder's position is still told this often
PHONE_FOR = timedelta(minutes=2)  # after a phone's position it is the phone that tells
_AT_IT = frozenset({TaskState.ACCEPTED, TaskState.EN_ROUTE, TaskState.ON_SCENE, TaskState.REPORTED})


@dataclass(slots=True)
class Walker:
    """One simulated body: where it is, the way before it, and how long it still rests."""

    id: str
    travel: str
    home: Location
    at: Location
    way: list[Location] = field(default_factory=list)
    rest_s: float = 0.0
    goal: Location | None = None
    told: Location | None = None
    told_at: datetime | None = None

    def advance(self, seconds: float, speed_m_s: float) -> None:
        """Go on along the way; what is left of the time at its end is lost."""
        left_m = seconds * speed_m_s
        while self.way and left_m > 0:
            ahead_m = distance_m(self.at, self.way[0])
            if ahead_m <= left_m:
                left_m -= ahead_m
                self.at = self.way.pop(0)
            else:
                share = left_m / ahead_m
                lon = self.at.lon + (self.way[0].lon - self.at.lon) * share
                lat = self.at.lat + (self.way[0].lat - self.at.lat) * share
                self.at = Location(lon=round(lon, 7), lat=round(lat, 7))
                left_m = 0.0


class Streets:
    """Everybody who is simulated, and the roads under their feet."""

    def __init__(
        self,
        roads: Roads,
        corners: Mapping[str, Sequence[Location]],
        homes: Mapping[str, Location],
        seed: int = 1,
    ) -> None:
        self._roads = roads
        self._corners = corners
        self._homes = homes
        self._random = random.Random(seed)  # noqa: S311 - strolling is no secret
        self.walkers: dict[str, Walker] = {}

    def enter(self, responder: Responder) -> None:
        """A responder with a position begins to be simulated; who is known already is not touched."""
        if responder.position is None or responder.id in self.walkers:
            return
        rest_s = self._random.uniform(0, 12)
        place = responder.position
        home = self._homes.get(responder.id, place)
        self.walkers[responder.id] = Walker(responder.id, responder.travel, home=home, at=place, rest_s=rest_s)

    def step(self, seconds: float, goals: Mapping[str, Location]) -> None:
        """Time passes. `goals`: who has accepted a task, and its place, where they stay until it is closed."""
        for walker in self.walkers.values():
            speed = SPEED_M_S[walker.travel]
            goal = goals.get(walker.id)
            if goal is not None:
                if walker.goal != goal:
                    walker.way, walker.goal = self._way(walker, goal), goal
                walker.advance(seconds, speed)
            else:
                if walker.goal is not None:  # the task is over: look around, then walk home
                    walker.goal, walker.way, walker.rest_s = None, [], 6.0
                self._stroll(walker, seconds, speed * STROLL_SHARE)

    def _stroll(self, walker: Walker, seconds: float, speed_m_s: float) -> None:
        if walker.way:
            walker.advance(seconds, speed_m_s)
            if not walker.way:
                walker.rest_s = self._random.uniform(10, 60)
            return
        walker.rest_s -= seconds
        if walker.rest_s > 0:
            return
        near = [p for p in self._corners.get(walker.travel, ()) if distance_m(p, walker.home) < HOME_RANGE_M]
        if near:
            walker.way = self._way(walker, self._random.choice(near))
        walker.rest_s = 10.0

    def _way(self, walker: Walker, goal: Location) -> list[Location]:
        return [there for here, there in pairwise(self._roads.path(walker.at, goal, walker.travel)) if there != here]


def run_demo(heart: Heart, options: RunOptions, seed: int = 1) -> None:
    """The target of the demo's child process: positions every two seconds until told to stop."""
    configured = options.settings.dispatch.roads
    path = None if configured is None else options.base_dir / configured
    corners = {} if path is None else corners_of(read_roads(path))
    homes = {r.id: r.location for r in options.settings.responders if r.location is not None}
    streets = Streets(load_roads(path), corners, homes, seed)
    store = open_store(options.store, mask=options.mask)
    try:
        while not heart.rest(STEP_S):
            move_once(store, streets, datetime.now(UTC))
    finally:
        store.close()


def corners_of(lines: Sequence[RoadLine]) -> dict[str, list[Location]]:
    """By way of travel, the ends of the streets it may use."""
    corners: dict[str, list[Location]] = {travel: [] for travel in SPEED_M_S}
    for line in lines:
        for travel, places in corners.items():
            if line.speeds[travel] > 0:
                places += [Location(lon=lon, lat=lat) for lon, lat in (line.points[0], line.points[-1])]
    return corners


def move_once(store: Store, streets: Streets, now: datetime, seconds: float = STEP_S) -> int:
    """One step of everybody, written in one unit of work; how many positions were told."""
    responders, tasks = store.read(lambda reader: (reader.responders(), reader.tasks(TaskQuery(open_only=True))))
    on_shift = {responder.id: responder for responder in responders if responder.on_shift}
    for responder in on_shift.values():
        streets.enter(responder)
    streets.step(seconds, _goals(tasks))
    moved = [w for w in streets.walkers.values() if w.id in on_shift and _worth_telling(w, on_shift[w.id], now)]
    asked = _asked(store, streets)
    if not moved and not asked:
        return 0

    def tell(writer: Writer) -> int:
        for name in asked:
            mark_delivered(writer, name, now)
        busy = writer.busy_responders()
        for walker in moved:
            if writer.put_position(walker.id, now, walker.at):
                known = replace(on_shift[walker.id], position=walker.at, position_at=now)
                view = responder_view(known, busy=walker.id in busy)
                writer.publish(Change("responder", f"responder:{walker.id}", now, {"responder": view}))
                walker.told, walker.told_at = walker.at, now
        return len(moved)

    return store.write(tell)


def _asked(store: Store, streets: Streets) -> list[str]:
    """Simulated people whose simulated phone has not shown them an offer yet."""

    def look(reader: Reader) -> list[str]:
        busy = reader.busy_responders() & streets.walkers.keys()
        return [name for name in sorted(busy) if any(o.delivered_at is None for o in reader.open_offers_to(name))]

    return store.read(look)


def _goals(tasks: Sequence[Task]) -> dict[str, Location]:
    """Who has to be where; of several tasks the most urgent, then the oldest."""
    goals: dict[str, Location] = {}
    for task in sorted(tasks, key=lambda t: (t.priority.value, t.created_at)):
        if task.responder is not None and task.state in _AT_IT:
            goals.setdefault(task.responder, task.location)
    return goals


def _worth_telling(walker: Walker, stored: Responder, now: datetime) -> bool:
    """Has it moved, or been silent for long; and is no phone telling?"""
    if _phone_tells(walker, stored, now):
        walker.at, walker.way, walker.goal = stored.position or walker.at, [], None
        return False
    if walker.told is None or walker.told_at is None:
        return True
    silent_s = (now - walker.told_at).total_seconds()
    return silent_s >= REPEAT_S or distance_m(walker.told, walker.at) > 1.0


def _phone_tells(walker: Walker, stored: Responder, now: datetime) -> bool:
    if stored.position_at is None or walker.told_at is None or stored.position_at <= walker.told_at:
        return False
    return now - stored.position_at < PHONE_FOR
