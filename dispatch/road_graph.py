"""The reversed road graph of one travel mode: times from everywhere to one place by one search."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from data.model.geo import Location
from dispatch.plane import Plane

Area = Any  # a shapely geometry: it comes without types
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]

MAX_SNAP_M = 500.0  # farther from every road there is no route by road
_AT_END_M = 1.0  # this close to an edge's end a position is at the node, whatever the edge's direction
_KEPT_GRAPHS = 8
_LEAST_S = 1e-9  # SciPy reads an explicit zero as no edge


class Snapped(NamedTuple):
    """Positions on their nearest edges: edge index, fraction along it, metres beside the road; each (n,)."""

    edge: Ints
    fraction: Floats
    beside_m: Floats


class Travel(NamedTuple):
    """Seconds and metres of each unit; infinite where there is no way."""

    seconds: Floats
    metres: Floats


class RoadGraph:
    """Edges between nodes with seconds, directions and a spatial index."""

    def __init__(
        self,
        *,
        plane: Plane,
        xy: Floats,
        a: Ints,
        b: Ints,
        speed: Floats,
        forward: Bools,
        backward: Bools,
        off_road_m_s: float,
    ) -> None:
        """`xy`: nodes (n, 2) in metres. Edge i runs from `a[i]` to `b[i]` at `speed[i]` m/s."""
        self._plane, self._xy, self._a, self._b = plane, xy, a, b
        self._forward, self._backward = forward, backward
        self._off_road_m_s = off_road_m_s
        self._length = np.hypot(*(xy[b] - xy[a]).T)
        self._seconds = np.maximum(self._length / speed, _LEAST_S)
        self._reversed = _reversed_graph(len(xy), a, b, self._seconds, forward, backward)
        self._kept: dict[bytes, csr_array] = {}  # graphs with closed roads, by what is closed
        self._lines = shapely.linestrings(np.stack([xy[a], xy[b]], axis=1))
        self._tree = shapely.STRtree(self._lines)

    def travel(
        self, incident: Location, units: Sequence[Location], closed: Sequence[tuple[Location, float]] = ()
    ) -> Travel:
        """Times and distances from all units to the incident; `closed`: circles (metres) that no way may enter."""
        goal = self.snap([incident])
        starts = self.snap(units)
        if goal.beside_m[0] > MAX_SNAP_M:
            return Travel(np.full(len(units), np.inf), np.full(len(units), np.inf))
        area = self._area(closed)
        seconds, metres, _ = self._search(goal, area)
        by_a, by_b = self._ways_out(starts, seconds, area)
        via_a = by_a <= by_b
        node = np.where(via_a, self._a[starts.edge], self._b[starts.edge])
        total_s = np.minimum(by_a, by_b)
        along = np.where(via_a, starts.fraction, 1 - starts.fraction) * self._length[starts.edge]
        total_m = along + metres[node]
        direct = self._along_same_edge(starts, goal, area)
        nearer = direct < total_s
        total_s = np.where(nearer, direct, total_s)
        on_edge_m = np.abs(starts.fraction - goal.fraction[0]) * self._length[starts.edge]
        total_m = np.where(nearer, on_edge_m, total_m)
        beside_m = starts.beside_m + goal.beside_m[0]
        total_s = np.where(starts.beside_m > MAX_SNAP_M, np.inf, total_s + beside_m / self._off_road_m_s)
        return Travel(total_s, np.where(np.isfinite(total_s), total_m + beside_m, np.inf))

    def paths(
        self, starts: Sequence[Location], end: Location, closed: Sequence[tuple[Location, float]] = ()
    ) -> list[tuple[Location, ...] | None]:
        """The points of each way on the roads, both snapped ends included; None where there is no way.

        `closed` as in `travel`: what is drawn is the way whose time is told.
        """
        goal = self.snap([end])
        if goal.beside_m[0] > MAX_SNAP_M:
            return [None] * len(starts)
        area = self._area(closed)
        seconds, _, towards = self._search(goal, area)
        return [self._path(self.snap([start]), goal, area, seconds, towards) for start in starts]

    def _path(
        self, begin: Snapped, goal: Snapped, area: Area | None, seconds: Floats, towards: Ints
    ) -> tuple[Location, ...] | None:
        if begin.beside_m[0] > MAX_SNAP_M:
            return None
        by_a, by_b = self._ways_out(begin, seconds, area)
        direct = self._along_same_edge(begin, goal, area)
        best = min(by_a[0], by_b[0], direct[0])
        if not math.isfinite(best):
            return None
        middle: list[int] = []
        if direct[0] > best:
            ends = self._a if by_a[0] <= by_b[0] else self._b
            node = int(ends[begin.edge[0]])
            while 0 <= node < len(self._xy):
                middle.append(node)
                node = int(towards[node])
        points = np.vstack([self._place(begin), self._xy[middle].reshape(-1, 2), self._place(goal)])
        lonlat = self._plane.unproject(points)
        return tuple(Location(lon=float(lon), lat=float(lat)) for lon, lat in lonlat)

    def snap(self, places: Sequence[Location]) -> Snapped:
        """The nearest edge of each place."""
        lonlat = np.array([(place.lon, place.lat) for place in places], dtype=np.float64).reshape(-1, 2)
        points = shapely.points(self._plane.project(lonlat))
        edge = np.asarray(self._tree.nearest(points), dtype=np.intp)
        lines = self._lines[edge]
        along = np.asarray(shapely.line_locate_point(lines, points), dtype=np.float64)
        beside = np.asarray(shapely.distance(lines, points), dtype=np.float64)
        return Snapped(edge, np.clip(along / np.maximum(self._length[edge], _LEAST_S), 0, 1), beside)

    def _area(self, closed: Sequence[tuple[Location, float]]) -> Area | None:
        """The area that no route may enter, in metres of the plane; None where nothing is closed."""
        if not closed:
            return None
        lonlat = np.array([(centre.lon, centre.lat) for centre, _ in closed], dtype=np.float64)
        circles = shapely.buffer(shapely.points(self._plane.project(lonlat)), [radius for _, radius in closed])
        return shapely.union_all(circles)

    def _open_graph(self, area: Area | None) -> csr_array:
        """The graph without the edges that touch what is closed; the last few are kept."""
        if area is None:
            return self._reversed
        shut = np.unique(self._tree.query(area, predicate="intersects"))
        key = shut.tobytes()
        if key not in self._kept:
            usable = np.ones(len(self._a), dtype=bool)
            usable[shut] = False
            part = (self._a[usable], self._b[usable], self._seconds[usable])
            graph = _reversed_graph(len(self._xy), *part, self._forward[usable], self._backward[usable])
            while len(self._kept) >= _KEPT_GRAPHS:
                self._kept.pop(next(iter(self._kept)), None)
            self._kept[key] = graph
        return self._kept[key]

    def _search(self, goal: Snapped, area: Area | None = None) -> tuple[Floats, Floats, Ints]:
        """From every node: seconds and metres to the goal, and the next node on the way there."""
        n = len(self._xy)
        entries = self._ways_in(goal, area)
        graph = self._open_graph(area)
        count = len(entries)
        with_goal = csr_array(
            (
                np.concatenate([graph.data, [max(seconds, _LEAST_S) for _, seconds in entries]]),
                np.concatenate([graph.indices, [node for node, _ in entries]]),
                np.concatenate([graph.indptr, [graph.indptr[-1] + count]]),
            ),
            shape=(n + 1, n + 1),
        )
        seconds, before = dijkstra(with_goal, indices=np.array([n]), return_predecessors=True)
        places = np.vstack([self._xy, self._place(goal)])
        towards = before[0].astype(np.intp)
        return seconds[0, :n], _metres_along(places, towards, n)[:n], towards

    def _ways_in(self, goal: Snapped, area: Area | None) -> list[tuple[int, float]]:
        """Nodes next to the goal from which it can be reached along its edge, with the seconds."""
        edge, fraction = int(goal.edge[0]), float(goal.fraction[0])
        a, b = int(self._a[edge]), int(self._b[edge])
        seconds, length = float(self._seconds[edge]), float(self._length[edge])
        entries = []
        stopped_a = bool(self._stopped(goal, self._xy[[a]], area)[0])
        stopped_b = bool(self._stopped(goal, self._xy[[b]], area)[0])
        if not stopped_a and (self._forward[edge] or fraction * length < _AT_END_M):
            entries.append((a, fraction * seconds))
        if not stopped_b and (self._backward[edge] or (1 - fraction) * length < _AT_END_M):
            entries.append((b, (1 - fraction) * seconds))
        return sorted(entries)

    def _stopped(self, here: Snapped, there: Floats, area: Area | None) -> Bools:
        """Whether the part of each position's edge up to that point enters a closed area. Units inside it may leave."""
        if area is None:
            return np.zeros(len(there), dtype=bool)
        places = self._place(here)
        pieces = shapely.linestrings(np.stack([np.broadcast_to(places, there.shape), there], axis=1))
        within = shapely.intersects(shapely.points(places), area)
        return np.asarray(shapely.intersects(pieces, area) & ~within, dtype=bool)

    def _ways_out(self, starts: Snapped, seconds: Floats, area: Area | None = None) -> tuple[Floats, Floats]:
        """Seconds to the goal by the edge's beginning and by its end; infinite against a one-way direction."""
        edge, fraction = starts.edge, starts.fraction
        length = self._length[edge]
        to_a = self._backward[edge] | (fraction * length < _AT_END_M)
        to_b = self._forward[edge] | ((1 - fraction) * length < _AT_END_M)
        if area is not None:
            to_a &= ~self._stopped(starts, self._xy[self._a[edge]], area)
            to_b &= ~self._stopped(starts, self._xy[self._b[edge]], area)
        by_a = np.where(to_a, fraction * self._seconds[edge] + seconds[self._a[edge]], np.inf)
        by_b = np.where(to_b, (1 - fraction) * self._seconds[edge] + seconds[self._b[edge]], np.inf)
        return by_a, by_b

    def _along_same_edge(self, starts: Snapped, goal: Snapped, area: Area | None = None) -> Floats:
        """Seconds straight along the edge for units that stand on the goal's own edge, else infinite."""
        edge = int(goal.edge[0])
        ahead = goal.fraction[0] - starts.fraction
        allowed = np.where(ahead >= 0, self._forward[edge], self._backward[edge])
        if area is not None:
            goals = np.broadcast_to(self._place(goal), (len(starts.edge), 2))
            allowed = allowed & ~self._stopped(starts, goals, area)
        return np.where((starts.edge == edge) & allowed, np.abs(ahead) * self._seconds[edge], np.inf)

    def _place(self, one: Snapped) -> Floats:
        """Where a single snapped position is, (1, 2) metres."""
        a, b = self._xy[self._a[one.edge]], self._xy[self._b[one.edge]]
        return np.asarray(a + (b - a) * one.fraction[:, None])


def _reversed_graph(n: int, a: Ints, b: Ints, seconds: Floats, forward: Bools, backward: Bools) -> csr_array:  # noqa: PLR0917
    """Seconds from each edge's end to its beginning, (n, n); the quickest of parallel edges."""
    rows = np.concatenate([b[forward], a[backward]])
    columns = np.concatenate([a[forward], b[backward]])
    values = np.concatenate([seconds[forward], seconds[backward]])
    order = np.lexsort((values, columns, rows))
    rows, columns, values = rows[order], columns[order], values[order]
    first = np.ones(len(rows), dtype=bool)
    first[1:] = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
    rows, columns, values = rows[first], columns[first], values[first]
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n))]).astype(np.int32)
    return csr_array((values, columns.astype(np.int32), starts), shape=(n, n))


def _metres_along(places: Floats, before: Ints, root: int) -> Floats:
    """Length of the way from the root to each node of the search tree, by pointer jumping: log2(depth) rounds."""
    reached = before >= 0
    up = np.where(reached, before, np.arange(len(places)))
    metres: Floats = np.hypot(*(places - places[up]).T)
    while True:
        further = up[up]
        if np.array_equal(further, up):
            break
        metres = metres + metres[up]
        up = further
    metres[~reached] = np.inf
    metres[root] = 0.0
    return metres
