"""Builds the graphs of a road network from its lines. Loads SciPy, so only where there are roads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.optimize  # noqa: F401 - where there are roads, the first assignment must not load it in the write lock
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from dispatch.geojson import MODES, WALK_M_S, RoadLine
from dispatch.plane import Plane
from dispatch.road_graph import RoadGraph

SAME_NODE_M = 1.0


class RoadNetwork(NamedTuple):
    """`graphs`: by travel mode. `components`: nodes of each connected part, largest first. `pieces`: (n, 2, 2)
    longitude, latitude of both ends.
    """

    graphs: dict[str, RoadGraph]
    nodes: int
    components: tuple[int, ...]
    pieces: npt.NDArray[np.float64]


def build_network(lines: Sequence[RoadLine]) -> RoadNetwork:
    """The graphs of at least one line."""
    counts = np.array([len(line.points) for line in lines])
    lonlat = np.array([point for line in lines for point in line.points], dtype=np.float64)
    plane = Plane.around(lonlat)
    xy = plane.project(lonlat)
    line_of = np.repeat(np.arange(len(lines)), counts)
    node_of, xy = _named(xy, lines) if all(line.nodes for line in lines) else _merge(xy, line_of)
    tails = np.flatnonzero(line_of[:-1] == line_of[1:])
    of_line = line_of[tails]
    a, b = node_of[tails], node_of[tails + 1]
    distinct = a != b
    a, b, of_line = a[distinct], b[distinct], of_line[distinct]
    pieces = plane.unproject(np.stack([xy[a], xy[b]], axis=1))
    forward = np.array([line.forward for line in lines])[of_line]
    backward = np.array([line.backward for line in lines])[of_line]
    graphs: dict[str, RoadGraph] = {}
    for mode in MODES:
        speed = np.array([line.speeds[mode] for line in lines])[of_line]
        usable = speed > 0
        both = np.ones(int(usable.sum()), dtype=bool)
        if usable.any():
            graphs[mode] = RoadGraph(
                plane=plane,
                xy=xy,
                a=a[usable],
                b=b[usable],
                speed=speed[usable],
                forward=both if mode == "walk" else forward[usable],
                backward=both if mode == "walk" else backward[usable],
                off_road_m_s=WALK_M_S,
            )
    return RoadNetwork(graphs, len(xy), _components(a, b, len(xy)), pieces)


def _merge(
    xy: npt.NDArray[np.float64], line_of: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """The node of each coordinate, and the nodes' positions (m): coordinates within SAME_NODE_M are one node.

    Coordinates of one line stay apart unless they are the very same: else a finely drawn curve would shrink.
    """
    pairs = cKDTree(xy).query_pairs(SAME_NODE_M, output_type="ndarray")
    one, other = pairs[:, 0], pairs[:, 1]
    pairs = pairs[(line_of[one] != line_of[other]) | np.all(xy[one] == xy[other], axis=1)]
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(xy), len(xy)))
    count, node_of = connected_components(links.tocsr(), directed=False)
    places = np.empty((count, 2))
    places[node_of[::-1]] = xy[::-1]  # the first coordinate of each node is its place
    return node_of.astype(np.intp), places


def _named(
    xy: npt.NDArray[np.float64], lines: Sequence[RoadLine]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """The node of each coordinate by the source's own numbers, and the nodes' places (m)."""
    numbers = np.array([node for line in lines for node in line.nodes], dtype=np.int64)
    _, first, node_of = np.unique(numbers, return_index=True, return_inverse=True)
    return node_of.astype(np.intp), xy[first]


def _components(a: npt.NDArray[np.intp], b: npt.NDArray[np.intp], nodes: int) -> tuple[int, ...]:
    links = coo_array((np.ones(len(a)), (a, b)), shape=(nodes, nodes))
    _, part_of = connected_components(links.tocsr(), directed=False)
    sizes = np.bincount(part_of)
    return tuple(sorted((int(size) for size in sizes), reverse=True))
