"""What is drawn on the map around a place: the ways of those who could be sent there, and the closed roads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.config.settings import Settings
from data.model.alert import Alert
from data.model.geo import Location
from data.model.task import Candidate
from data.ports.store import Reader
from dispatch.costs import closed_roads, closing_alerts
from dispatch.responders import Ranking
from dispatch.routing import Closure, Roads

MOST_WAYS = 6  # of those who could be sent; more lines hide each other


@dataclass(frozen=True, slots=True)
class Way:
    """How somebody gets there: the time and the length are the candidate's. `going`: it is their task already."""

    candidate: Candidate
    travel: str
    points: tuple[Location, ...]
    going: bool


@dataclass(frozen=True, slots=True)
class ClosedRoads:
    """Roads that an open alert closes; `pieces`: (n, 2, 2) longitude, latitude of both ends."""

    alert: Alert
    closure: Closure
    pieces: npt.NDArray[np.float64]


def ways_to(
    reader: Reader, ranking: Ranking, place: Location, going: Sequence[str], *, roads: Roads, settings: Settings
) -> list[Way]:
    """The ways of whose task it is, then of the first candidates; over the roads by which their times were found."""
    responders = {one.id: one for one in reader.responders()}
    known = {one.responder: one for one in (*ranking.eligible, *ranking.refused)}
    first = [one.responder for one in ranking.eligible if one.responder not in going][:MOST_WAYS]
    wanted = [name for name in dict.fromkeys((*going, *first)) if name in known and name in responders]
    placed = [(responders[name], where) for name in wanted if (where := responders[name].position) is not None]
    paths = roads.paths(place, [(where, one.travel) for one, where in placed], closed_roads(reader, settings))
    return [
        Way(known[one.id], one.travel, points, one.id in going) for (one, _), points in zip(placed, paths, strict=True)
    ]


def roads_closed(reader: Reader, roads: Roads, settings: Settings) -> list[ClosedRoads]:
    """Every road that is closed at this moment, by the alert that closes it."""
    return [
        ClosedRoads(alert, closure, roads.within(closure.centre, closure.radius_m))
        for alert, closure in closing_alerts(reader, settings)
    ]
