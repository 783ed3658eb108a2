"""Answers to the screens' requests: a probe of a monitor, a snapshot, a trial of a rule, a what-if."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from alerts.objects import ObjectRuleRecipe
from data.config.catalogue import Catalogue, UnknownKind
from data.config.settings import SiteSettings
from data.errors import Busy, DeviceLost, InputRejected, YipingError
from data.model.alert import AlertKey, Raised, Signal
from data.model.frame import Frame
from data.model.geo import Location
from data.model.observation import Position, Reading, Rejected, Sensed, Tick
from data.model.place import Place
from data.model.secrets import redact
from data.model.units import UNIT_OF
from data.model.views import iso
from data.ports.recipe import MonitorRecipe, Resources
from data.ports.requests import Request, RequestKind
from data.ports.store import EvidenceVault, Store
from engine.camera.device import timeout_s
from engine.process.options import RunOptions
from engine.reactions.device_tests import answer_camera_test, answer_gauge_test
from engine.replay.answer import what_if

log = logging.getLogger(__name__)

SNAPSHOT_WIDTH = 1280
USUAL_HOURS, MOST_HOURS = 24.0, 72.0
MARGIN_S = 2.0
READINGS_AT_MOST = 100_000

_OF_DEVICES = frozenset({RequestKind.PROBE, RequestKind.CAMERA_TEST, RequestKind.GAUGE_TEST, RequestKind.SNAPSHOT})
NOWHERE = Location(lon=0, lat=90)  # a probe has no site, and 0/0 is refused as a location
Answer = dict[str, Any]


class Answers:
    """Answers one request at a time in the caller's thread. Several threads may call it."""

    def __init__(self, store: Store, vault: EvidenceVault, options: RunOptions, catalogue: Catalogue) -> None:
        self._store = store
        self._vault = vault
        self._options = options
        self._catalogue = catalogue
        self._judging = threading.Lock()

    def answer(self, request: Request) -> None:
        """Write the answer, or the reason of a failure, into the request's row."""
        ways: Mapping[RequestKind, Callable[[Mapping[str, Any]], Answer]] = {
            RequestKind.PROBE: self._probe,
            RequestKind.CAMERA_TEST: self._camera_test,
            RequestKind.GAUGE_TEST: self._gauge_test,
            RequestKind.SNAPSHOT: self._snapshot,
            RequestKind.TRY_RULE: self._try_rule,
            RequestKind.WHAT_IF: self._what_if,
        }
        answer: Answer | None = None
        problem = ""
        try:
            if self._options.drill is not None and request.kind in _OF_DEVICES:
                raise InputRejected("this is a drill: no device is asked", key="drill.devices")
            answer = ways[request.kind](request.payload)
        except ValidationError as error:
            problem = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        except UnknownKind as error:
            problem = str(error.args[0])
        except (YipingError, OSError) as error:
            problem = str(error)
            if isinstance(error, YipingError) and error.key:  # screens show it in the reader's language
                answer = {"words": {"key": error.key, "values": error.values}}
        now = datetime.now(UTC)
        self._store.write(lambda writer: writer.answer_request(request.id, now, answer, redact(problem)))

    def _probe(self, payload: Mapping[str, Any]) -> Answer:
        """Open the monitor and wait for its first observation. Payload: `{"monitor": {"kind": ..., ...}}`."""
        given = payload.get("monitor")
        if not isinstance(given, Mapping) or "kind" not in given:
            raise InputRejected('a probe needs {"monitor": {"kind": ..., ...}}')
        recipe = self._catalogue.monitor(str(given["kind"])).model_validate(given)
        begun_s = time.monotonic()
        first = self._first(recipe, Place(id="probe", location=NOWHERE))
        answer: Answer = {"ok": True, "gives": recipe.gives, "after_s": round(time.monotonic() - begun_s, 2)}
        if isinstance(first, Reading):
            unit = UNIT_OF.get(first.quantity, "")
            return answer | {"quantity": first.quantity, "value": first.value, "unit": unit, "at": iso(first.at)}
        if isinstance(first, Position):
            return answer | {"vehicle": first.vehicle, "lon": first.lon, "lat": first.lat, "at": iso(first.at)}
        return answer | {"width": first.width, "height": first.height, "at": iso(first.at)}

    def _camera_test(self, payload: Mapping[str, Any]) -> Answer:
        return answer_camera_test(payload, self._options, self._catalogue)

    def _gauge_test(self, payload: Mapping[str, Any]) -> Answer:
        return answer_gauge_test(payload, self._options, self._catalogue)

    def _snapshot(self, payload: Mapping[str, Any]) -> Answer:
        """Take one picture and store it as evidence. Payload: `{"site": id}`."""
        site = self._site(payload)
        if site.camera is None:
            raise InputRejected(f"{site.id} has no camera")
        frame = self._first(site.camera, site.place)
        if isinstance(frame, Sensed):
            raise InputRejected(f"{site.id}: its camera gave a reading")
        evidence = self._vault.keep(frame.jpeg(SNAPSHOT_WIDTH), "image/jpeg", frame.at, site.id)
        self._store.write(lambda writer: writer.add_evidence(evidence))
        return {"evidence": evidence.id, "at": iso(frame.at), "width": frame.width, "height": frame.height}

    def _try_rule(self, payload: Mapping[str, Any]) -> Answer:
        """Run a rule over the stored readings of a site: `{"site": id, "rule": {...}, "hours": 24}`."""
        site = self._site(payload)
        given = payload.get("rule")
        if not isinstance(given, Mapping) or "kind" not in given:
            raise InputRejected('a rule is tried with {"site": ..., "rule": {"kind": ..., ...}}')
        recipe = self._catalogue.rule(str(given["kind"])).model_validate(given)
        if isinstance(recipe, ObjectRuleRecipe):
            raise InputRejected(
                f"{recipe.kind} judges pictures, which are not stored; only rules on readings can be tried"
            )
        if recipe.judges_positions:
            raise InputRejected(f"{recipe.kind} judges positions of vehicles; only rules on readings can be tried")
        try:
            hours = min(MOST_HOURS, max(0.0, float(payload.get("hours", USUAL_HOURS))))
        except (TypeError, ValueError) as error:
            raise InputRejected("hours: a number is needed") from error
        until = datetime.now(UTC)
        since = until - timedelta(hours=hours)
        readings = self._store.read(
            lambda reader: reader.readings(site.id, since=since, until=until, limit=READINGS_AT_MOST)
        )
        if not readings:
            raise InputRejected(f"{site.id} has no stored readings in the last {hours:g} h")
        rule = recipe.make(self._options.context(site, Resources()))
        signals = [signal for seen in with_ticks(readings, until) for signal in rule.judge(seen)]
        return {"readings": len(readings), "since": iso(since), "until": iso(until), "alerts": episodes(signals)}

    def _what_if(self, payload: Mapping[str, Any]) -> Answer:
        """Judge stored observations by other settings, one request at a time; see `engine.replay.answer.what_if`."""
        if not self._judging.acquire(blocking=False):
            raise Busy("another span is being judged again: please try again in a moment", key="what_if.busy")
        try:
            return what_if(self._options, payload)
        finally:
            self._judging.release()

    def _site(self, payload: Mapping[str, Any]) -> SiteSettings:
        try:
            return self._options.settings.site(str(payload.get("site")))
        except KeyError as error:
            raise InputRejected(f"there is no site {payload.get('site')!r}") from error

    def _first(self, recipe: MonitorRecipe, place: Place) -> Frame | Sensed:
        """The first picture, reading or position.

        Raises DeviceLost when none comes in time, and the monitor's own errors.
        """
        limit_s = timeout_s(recipe) + MARGIN_S
        deadline_s = time.monotonic() + limit_s
        monitor = recipe.make(self._options.context(place, Resources()))
        refused = ""
        try:
            for item in monitor.observe():
                if isinstance(item, Rejected):
                    refused = f"; last refused: {item.reason}"
                elif item is not None:
                    return item
                if time.monotonic() > deadline_s:
                    raise DeviceLost(f"it could be opened, but nothing came within {limit_s:g} s{refused}")
        finally:
            monitor.close()
        raise DeviceLost(f"it ended without giving anything{refused}")


def with_ticks(readings: Sequence[Reading], until: datetime) -> Iterator[Reading | Tick]:
    """The readings in order of time, with a tick for each second between them."""
    at = readings[0].at
    for reading in readings:
        while at + timedelta(seconds=1) < reading.at:
            at += timedelta(seconds=1)
            yield Tick(reading.site, at)
        yield reading
        at = max(at, reading.at)
    while at + timedelta(seconds=1) < until:
        at += timedelta(seconds=1)
        yield Tick(readings[0].site, at)


def episodes(signals: Sequence[Signal]) -> list[Answer]:
    """The alerts that the rule would have raised: when each began, was raised and ended (null while open)."""
    found: list[Answer] = []
    open_now: dict[AlertKey, Answer] = {}
    for signal in signals:
        if isinstance(signal, Raised):
            if signal.key in open_now:  # the same alert with another severity: the highest one counts
                known = open_now[signal.key]
                if signal.priority.value < known["priority"]:
                    known |= {"priority": signal.priority.value, "value": signal.value}
                continue
            episode = {
                "started_at": iso(signal.started_at),
                "raised_at": iso(signal.at),
                "ended_at": None,
                "priority": signal.priority.value,
                "value": signal.value,
                "unit": signal.unit,
            }
            open_now[signal.key] = episode
            found.append(episode)
        elif signal.key in open_now:
            open_now.pop(signal.key)["ended_at"] = iso(signal.ended_at)
    return found
