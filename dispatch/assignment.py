"""Assignment of several tasks at once at the least total cost, the most urgent priority first.

Method: the linear sum assignment problem (SciPy's implementation of a modified Jonker-Volgenant algorithm), once for
each priority; a responder taken by a more urgent task is not considered for a less urgent one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
import numpy.typing as npt

from data.config.settings import Settings
from data.model.alert import Priority
from data.model.people import Actor
from data.model.task import Candidate, Task
from data.ports.store import Writer
from dispatch.offers import make_offer, offer_next, rank_for
from dispatch.responders import Ranking
from dispatch.routing import Roads

_NEVER_S = 1e9  # finite, so that a solution exists; such pairs are dropped afterwards


def offer_all(
    writer: Writer, tasks: Sequence[Task], actor: Actor, now: datetime, *, roads: Roads, settings: Settings
) -> list[Task]:
    """Offer each of these drafts to one responder, in the order given. A task that gets nobody records why."""
    rankings = {task.id: rank_for(writer, task, now, roads=roads, settings=settings) for task in tasks}
    chosen: dict[int, Candidate] = {}
    for priority in Priority:
        urgent = [task for task in tasks if task.priority is priority]
        taken = {candidate.responder for candidate in chosen.values()}
        chosen |= assign({task.id: _without(rankings[task.id], taken) for task in urgent})
    offered: dict[int, Task] = {}
    for task in tasks:
        if task.id in chosen:
            kept = writer.save_task(replace(task, candidates=rankings[task.id].stored))
            offered[task.id] = make_offer(writer, kept, chosen[task.id], actor, now, settings=settings)
    for task in tasks:  # after the others, so that everybody who is left is known
        if task.id not in chosen:
            offered[task.id] = offer_next(writer, task, now, roads=roads, settings=settings)
    return [offered[task.id] for task in tasks]


def assign(eligible: Mapping[int, Sequence[Candidate]]) -> dict[int, Candidate]:
    """Task id to candidate at the least total cost, no responder twice; tasks that get nobody are left out."""
    names = sorted({candidate.responder for candidates in eligible.values() for candidate in candidates})
    if not names:
        return {}
    column = {name: number for number, name in enumerate(names)}
    costs = np.full((len(eligible), len(names)), _NEVER_S)
    known: dict[tuple[int, int], Candidate] = {}
    for row, candidates in enumerate(eligible.values()):
        for candidate in candidates:
            # A straight line may cross a river: such a candidate counts only where nobody comes by road.
            far = 0.0 if candidate.method == "road" else _NEVER_S / 1000
            costs[row, column[candidate.responder]] = candidate.cost_s + far
            known[row, column[candidate.responder]] = candidate
    ids = list(eligible)
    return {ids[row]: known[row, found] for row, found in _least(costs) if (row, found) in known}


def _least(costs: npt.NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pairs of row and column at the least total cost."""
    if len(costs) == 1:
        return [(0, int(costs[0].argmin()))]
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 (loads SciPy: only for several tasks at once)

    rows, columns = linear_sum_assignment(costs)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def _without(ranking: Ranking, taken: set[str]) -> tuple[Candidate, ...]:
    return tuple(candidate for candidate in ranking.eligible if candidate.responder not in taken)
