"""The screens' question: what if a limit, a zone or the people had been otherwise? Answered in a process of its own.

Judging hours again takes a processor for seconds: it must hold up neither the timers nor the cameras, so the child is
the machine's least urgent one, answers one question and ends.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any

from data.errors import InputRejected, YipingError
from data.model.secrets import redact
from data.sql.store import open_for_reading
from dispatch.routing import Roads, load_roads
from engine.catalogue import load_catalogue
from engine.process.options import RunOptions
from engine.replay.judging import Changes, RuleChange, ZoneChange, by_parts
from engine.replay.replayer import Replayer

log = logging.getLogger(__name__)

LONGEST = timedelta(hours=24)
WITHIN_S = 120.0
_LEAST_URGENT = 19
_MOST_CHANGES = 50


def what_if(options: RunOptions, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Payload: `since`, `until` (ISO 8601), `sites`, `changes` of rules and `zones`, `without` responders;
    or `parts`, the zones and rules of a draft by site, instead of changes.

    Raises InputRejected for what cannot be asked, or takes too long.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_answer, args=(theirs, options, dict(payload)), name="what-if", daemon=True)
    child.start()
    theirs.close()
    try:
        if not ours.poll(WITHIN_S):
            text = f"given up after {WITHIN_S:g} s: ask for a shorter span or fewer sites"
            raise InputRejected(text, key="what_if.long")
        answer, problem, key, values = ours.recv()
    except EOFError as error:
        raise InputRejected("the judging ended without an answer") from error
    finally:
        child.terminate()
        child.join()
        ours.close()
    if problem:
        raise InputRejected(problem, key=key, **values)
    return dict(answer)


def _answer(pipe: Connection, options: RunOptions, payload: dict[str, Any]) -> None:
    """The child."""
    os.nice(_LEAST_URGENT)
    try:
        pipe.send((judged_otherwise(options, payload), "", "", {}))
    except YipingError as error:
        pipe.send((None, redact(str(error)), error.key, error.values))
    except OSError as error:
        pipe.send((None, redact(str(error)), "", {}))
    finally:
        pipe.close()


def judged_otherwise(options: RunOptions, payload: Mapping[str, Any]) -> dict[str, Any]:
    """As `what_if`, in this process. Raises InputRejected."""
    since, until = _moment(payload, "since"), _moment(payload, "until")
    if until - since > LONGEST:
        raise InputRejected(f"at most {LONGEST / timedelta(hours=1):g} hours at once", key="what_if.span")
    without = [str(one) for one in payload.get("without", ())]
    settings, catalogue = options.settings, load_catalogue()
    parts = payload.get("parts")
    other = by_parts(parts, catalogue) if parts else Changes(changes_of(payload), catalogue)
    roads_file = settings.dispatch.roads
    roads = Roads() if roads_file is None else load_roads(options.base_dir / roads_file)
    with closing(open_for_reading(options.store)) as store:
        replayer = Replayer(options.observations_dir, catalogue, store)
        sites = sorted(replayer.sites() & set(map(str, payload.get("sites", ()))))
        if not sites:
            raise InputRejected("nothing is kept of these sites", key="what_if.nothing")
        found = replayer.what_if(since, until, other, settings, sites, without=without, roads=roads)
    return found.described(since, until, without)


def changes_of(payload: Mapping[str, Any]) -> Sequence[RuleChange | ZoneChange]:
    """Raises InputRejected."""
    rules, zones = payload.get("changes", ()), payload.get("zones", ())
    if len(rules) + len(zones) > _MOST_CHANGES:
        raise InputRejected(f"at most {_MOST_CHANGES} changes at once")
    try:
        return (
            *(RuleChange(str(one["site"]), str(one["rule"]), str(one["setting"]), one["value"]) for one in rules),
            *(ZoneChange(str(one["site"]), str(one["zone"]), one["polygon"]) for one in zones),
        )
    except (KeyError, TypeError) as error:
        raise InputRejected(f"a change lacks {error}") from error


def _moment(payload: Mapping[str, Any], name: str) -> datetime:
    try:
        at = datetime.fromisoformat(str(payload.get(name)))
    except ValueError as error:
        raise InputRejected(f"{name}: write a time with its offset, such as 2024-07-12T08:00:00+08:00") from error
    if at.tzinfo is None:
        raise InputRejected(f"{name}: write a time with its offset, such as 2024-07-12T08:00:00+08:00")
    return at
