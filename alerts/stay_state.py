"""Stays as JSON and back, so that a restart neither forgets nor restarts stays that have no alert yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np

from alerts.seen_time import Mark, SeenTime
from alerts.stays import BEST_KEPT, SCORES_KEPT, Resumed, Stay, Stays
from alerts.usual_sizes import UsualSizes
from data.model.observation import Detection

_VERSION = 1


def snapshot(stays: Stays, in_force_since: Mark | None = None, sizes: UsualSizes | None = None) -> Any:
    """The present stays and the usual sizes; None when there are none."""
    time, known = stays.known()
    usual = None if sizes is None else sizes.snapshot()
    if not known and usual is None:
        return None
    return {
        "version": _VERSION,
        "time": time.snapshot(),
        "in_force_since": None if in_force_since is None else _mark(in_force_since),
        "stays": [_written(stay) for stay in known],
        "sizes": usual,
    }


def restore(stays: Stays, state: Any, *, anywhere: bool, sizes: UsualSizes | None = None) -> Mark | None:
    """Restore the stays; returns since when the rule was in force. `anywhere`: moving objects may have moved on.

    Raises ValueError for a state that cannot be read.
    """
    if not isinstance(state, Mapping) or state.get("version") != _VERSION:
        raise ValueError("the state is of another version")
    try:
        time = SeenTime.restored(state["time"])
        since = None if state["in_force_since"] is None else _marked(state["in_force_since"])
        known = [_read(one, stays.watched.remember, anywhere=anywhere) for one in state["stays"]]
        if sizes is not None:
            sizes.restore(state.get("sizes"))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the state cannot be read: {error!r}") from error
    stays.restore(time, known)
    return since


def _written(stay: Stay) -> dict[str, Any]:
    return {
        "id": stay.id,
        "label": stay.detection.label,
        "confidence": stay.detection.confidence,
        "xyxy": list(stay.detection.xyxy),
        "spot": list(stay.spot.xyxy),
        "since": _mark(stay.since),
        "still_since": _mark(stay.still_since),
        "unseen_since": _mark(stay.unseen_since),
        "seen_at": stay.seen_at.isoformat(),
        "standing": stay.on_spot,
        "raised": stay.raised,
        "looks": list(stay.looks),
        "scores": [round(score, 3) for score in stay.scores],
        "appearance": None if stay.appearance is None else [round(float(v), 4) for v in stay.appearance],
        "queued_s": stay.queued_s,
        "votes": {label: round(votes, 3) for label, votes in stay.votes.items()},
        "best": [round(score, 3) for score in stay.best],
        "drove_in": stay.drove_in,
        "hidden": [[start.isoformat(), end.isoformat(), seconds] for (start, end), seconds in stay.hidden],
        "alert_since": None if stay.alert_since is None else _mark(stay.alert_since),
    }


def _read(state: Mapping[str, Any], remember: int, *, anywhere: bool) -> Stay:
    def sight(name: str) -> Detection:
        left, top, right, bottom = (float(v) for v in state[name])
        # Track ids start over with each process, so the stored id belongs to no track.
        return Detection((left, top, right, bottom), float(state["confidence"]), str(state["label"]), None)

    stay = Stay(
        id=str(state["id"]),
        detection=sight("xyxy"),
        since=_marked(state["since"]),
        still_since=_marked(state["still_since"]),
        spot=sight("spot"),
        seen_at=datetime.fromisoformat(state["seen_at"]),
        looks=deque((bool(look) for look in state["looks"]), maxlen=remember),
        unseen_since=_marked(state["unseen_since"]),
        standing=bool(state["standing"]),
        raised=bool(state["raised"]),
        scores=deque((float(score) for score in state["scores"]), maxlen=SCORES_KEPT),
        appearance=None if state["appearance"] is None else np.array(state["appearance"], np.float32),
        queued_s=float(state["queued_s"]),
        votes={str(label): float(votes) for label, votes in state.get("votes", {}).items()},
    )
    best = state.get("best") or sorted(stay.scores, reverse=True)[:BEST_KEPT]
    stay.best, stay.drove_in = tuple(float(score) for score in best), bool(state.get("drove_in", False))
    stay.first = stay.spot
    for start, end, seconds in state.get("hidden", ()):
        stay.hidden.append(((datetime.fromisoformat(start), datetime.fromisoformat(end)), float(seconds)))
    kept = state.get("alert_since")
    stay.alert_since = None if kept is None else _marked(kept)
    stay.stood_at = stay.spot if stay.standing else None
    if not stay.standing:
        stay.awaited = Resumed(stay.id, stay.detection.label, stay.since.at, stay.detection.xyxy, anywhere)
    return stay


def _mark(mark: Mark) -> list[Any]:
    after, by = (None if at is None else at.isoformat() for at in (mark.after, mark.by))
    return [mark.at.isoformat(), mark.unknown_s, after, by]


def _marked(state: Any) -> Mark:
    at, unknown_s, *edges = state
    after, by = (None if at is None else datetime.fromisoformat(at) for at in (*edges, None, None)[:2])
    return Mark(datetime.fromisoformat(at), float(unknown_s), after, by)
