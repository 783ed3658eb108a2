"""Fuses the evidence of a place's streams, on the store, since each stream is judged in a process of its own.

The verification of an alert is derived from the stored data and written in one commit with its consequences, so that a
crash neither loses nor doubles anything. Alerts without a place to fuse at are followed through the outbox.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from alerts.decisions import verify_alert
from alerts.evidence import Sight, proofs_of
from alerts.fusion import KIND, Verdict, contradiction, is_news, judge_alone, judge_place, subjects
from alerts.lifecycle import end_alert, raise_alert
from data.config.fusion import FusedPlace, ProofKind
from data.config.settings import Settings
from data.errors import YipingError
from data.model.alert import Alert, Raised, Signal
from data.model.alert_life import AlertStep, Proof, Verification
from data.model.geo import box_around
from data.model.people import SYSTEM
from data.model.record import Change
from data.model.task import Event
from data.model.warning import HazardWarning
from data.ports.store import AlertQuery, Reader, Store, TaskQuery, Writer
from data.stored.following import Follower
from dispatch.confirmed import receding, send_confirmed, verify_receded, wanting
from dispatch.routing import Roads
from dispatch.tasks import send_automatically
from engine.reactions.quarantine import put_aside
from engine.recording.ask import ask_clip_of, share_clips

log = logging.getLogger(__name__)

FOLLOWER = Follower("fusion:changes", ("alert",), timedelta(minutes=5))
MOST_WARNINGS = 500
MOST_OPEN = 10_000
FOLLOWED_AT_ONCE = 20  # each may be a step of its own, and new alerts wait meanwhile
_STEPS = frozenset({AlertStep.SUSPECT, AlertStep.CONFIRM, AlertStep.DISMISS})


class Fusion:
    """`poll` twice a second."""

    def __init__(self, store: Store, settings: Settings, roads: Roads) -> None:
        self._store = store
        self._settings = settings
        self._roads = roads
        self._reported: dict[str, str] = {}
        self._read: dict[int, HazardWarning] = {}
        self._warnings: Sequence[HazardWarning] = ()

    def poll(self, now: datetime | None = None) -> None:
        """Fuse the places whose evidence has changed. Raises the store's errors."""
        FOLLOWER.catch_up(self._store, self._follow, FOLLOWED_AT_ONCE, now)
        if not self._settings.fusion.places:
            return
        self._warnings = self._in_force(now or datetime.now(UTC))
        for place in self._store.read(self._busy):
            at = now or datetime.now(UTC)
            try:
                if self._store.read(lambda reader, place=place, at=at: self._is_due(reader, place, at)):  # type: ignore[misc]
                    self._store.write(lambda writer, place=place, at=at: self._judge(writer, place, at))  # type: ignore[misc]
                self._reported.pop(place.id, None)
            except YipingError as error:  # this place is left to a human; the others continue
                if self._reported.get(place.id) != str(error):
                    log.error("fusion %s: %s", place.id, error)
                self._reported[place.id] = str(error)

    def _in_force(self, now: datetime) -> Sequence[HazardWarning]:
        """Official warnings in force, read outside of units of work; each only once, since a message never changes."""
        if not any(place.warnings for place in self._settings.fusion.places):
            return ()
        numbers = self._store.read(lambda reader: reader.warning_numbers(now, MOST_WARNINGS))
        new = [number for number in numbers if number not in self._read]
        found = {one.id: one for one in self._store.read(lambda reader: reader.warnings_numbered(new))} if new else {}
        for number in set(new) - found.keys():
            reason = "what is stored of it cannot be read"
            self._store.write(lambda writer, n=number, why=reason: put_aside(writer, n, why, now, self._settings))  # type: ignore[misc]
        self._read = {number: one for number in numbers if (one := self._read.get(number) or found.get(number))}
        return tuple(self._read.values())

    def _busy(self, reader: Reader) -> list[FusedPlace]:
        """The places with an open alert or unfinished work; the others need no fusion."""
        sites = {alert.key.site for alert in reader.alerts(AlertQuery(open_only=True, limit=MOST_OPEN))}
        sites |= {task.site for task in reader.tasks(TaskQuery(open_only=True, limit=MOST_OPEN))}
        return [place for place in self._settings.fusion.places if not sites.isdisjoint(place.all_sites)]

    def _follow(self, writer: Writer, changes: Sequence[Change], now: datetime) -> None:
        for alert_id in dict.fromkeys(int(change.payload["alert"]["id"]) for change in changes):
            alert = writer.alert(alert_id)
            if alert.verification is not Verification.UNVERIFIED or alert.kind == KIND:
                continue
            if self._settings.fusion.place_of(alert.key.site, alert.key.rule) is not None:
                continue
            verdict = judge_alone(alert, self._settings)
            if verdict is not None:
                verify_alert(writer, alert_id, verdict.verification, verdict.proofs, SYSTEM, now)

    def _is_due(self, reader: Reader, place: FusedPlace, now: datetime) -> bool:
        """True if fusion would change something at the place."""
        sight = self._sight(reader, place, now)
        if any(_is_told(reader, verdict) for verdict in judge_place(place, self._settings, sight, now)):
            return True
        if wanting(reader, place, subjects(place, sight), now) or self._receded(reader, place, sight, now):
            return True
        return contradiction(place, self._settings, sight, now) is not None

    def _judge(self, writer: Writer, place: FusedPlace, now: datetime) -> None:
        sight = self._sight(writer, place, now)
        for verdict in judge_place(place, self._settings, sight, now):
            if _is_told(writer, verdict):
                verify_alert(writer, verdict.alert.id, verdict.verification, verdict.proofs, SYSTEM, now)
                share_clips(writer, verdict.alert, _parts(place, sight, verdict.proofs))
        alerts = [writer.alert(alert.id) for alert in subjects(place, sight)]
        send_confirmed(writer, place, alerts, now, roads=self._roads, settings=self._settings)
        receded = self._receded(writer, place, sight, now)
        if receded is not None:
            finding = {"value": receded.value, "unit": receded.unit, "text": receded.text}
            verify_receded(writer, place, receded.source.removeprefix("site:"), receded.at, finding, now)
        found = contradiction(place, self._settings, sight, now)
        if found is not None:
            self._report_fault(writer, place, _parts(place, sight, found[1]), *found, now)

    def _report_fault(  # noqa: PLR0917 - the fault, where it is and what it rests on
        self,
        writer: Writer,
        place: FusedPlace,
        parts: Sequence[int],
        signal: Signal,
        proofs: Sequence[Proof],
        now: datetime,
    ) -> None:
        """Raise an alert with each sensor's value and make a task to check the sensors; other alerts are not changed.

        Its clips are those of the place's cameras now, and of the alerts it is based on.
        """
        if not isinstance(signal, Raised):
            end_alert(writer, signal, now, self._settings)
            return
        alert = raise_alert(writer, signal, None, now, self._settings)
        if alert is None:
            return
        share_clips(writer, alert, parts)
        for site in place.all_sites:
            ask_clip_of(writer, alert, site, signal.at, now, self._settings)
        alert = verify_alert(writer, alert.id, Verification.PROBABLE, proofs, SYSTEM, now)
        if alert.event_id is None:
            send_automatically(writer, alert, now, roads=self._roads, settings=self._settings)

    def _receded(self, reader: Reader, place: FusedPlace, sight: Sight, now: datetime) -> Proof | None:
        """A gauge or camera that sees no more water, after work there was reported."""
        reported = [task.reported_at for task in receding(reader, place) if task.reported_at is not None]
        if not reported or subjects(place, sight):
            return None
        dry = [p for p in self._proofs(place, sight, now) if p.at > min(reported)]
        return max(dry, key=lambda proof: proof.at, default=None) if all(not p.for_it for p in dry) else None

    def _proofs(self, place: FusedPlace, sight: Sight, now: datetime) -> Sequence[Proof]:
        return proofs_of(place, self._settings, sight, now)

    def _sight(self, reader: Reader, place: FusedPlace, now: datetime) -> Sight:
        """Everything that the store knows about the place now."""
        fusion = self._settings.fusion
        sites = {site.id: site for site in self._settings.sites}
        alerts: dict[int, Alert] = {}
        for name in (*place.all_sites, *place.rain):
            for query in (
                AlertQuery(site=name, open_only=True, limit=200),
                AlertQuery(site=name, since=now - fusion.fresh[ProofKind.CAMERA_OBJECTS], limit=50),
            ):
                alerts |= {alert.id: alert for alert in reader.alerts(query)}
        readings = reader.latest_readings(sorted(place.all_sites))
        since = now - max(fusion.fresh[ProofKind.CITIZEN], fusion.fresh[ProofKind.HUMAN])
        reports: dict[int, Event] = {}
        for kind in place.reports:
            for name in place.all_sites:
                box = box_around(sites[name].location, place.radius)
                reports |= {event.id: event for event in reader.events_of_kind(kind, since=since, box=box)}
        warnings = self._warnings if place.warnings else ()
        return Sight(tuple(alerts.values()), readings, tuple(reports.values()), warnings)


def _parts(place: FusedPlace, sight: Sight, proofs: Sequence[Proof]) -> list[int]:
    """The alerts behind the evidence: those that it names, and the place's open alerts."""
    named = [proof.source.removeprefix("alert:") for proof in proofs if proof.source.startswith("alert:")]
    return sorted({int(number) for number in named} | {alert.id for alert in subjects(place, sight)})


def _is_told(reader: Reader, verdict: Verdict) -> bool:
    """True if the verdict contains anything new."""
    steps = [taken for taken in reader.alert_steps(verdict.alert.id) if taken.step in _STEPS]
    steps = [taken for taken in steps if taken.occurrence == verdict.alert.occurrence]
    known = [proof for taken in steps for proof in taken.proofs]
    return is_news(verdict, known)
