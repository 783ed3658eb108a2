"""What keeps cameras from being recorded, as alerts: one for each camera, one for the disk that all share."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import Future
from datetime import UTC, datetime

from alerts.lifecycle import end_alert, raise_alert
from data.config.settings import Settings
from data.errors import StoreClosed
from data.model.alert import CENTRE, AlertKey, Ended, Priority, Raised
from data.model.people import SYSTEM
from data.model.record import AuditEntry
from data.ports.store import Store, Writer
from data.stored.recording_gaps import note_gap
from engine.recording.ask import KIND
from engine.recording.recorder import CODEC, DISK_ERROR, DISK_FULL, DISK_SLOW, STALLED

_OF_THE_DISK = frozenset({DISK_FULL, DISK_ERROR, DISK_SLOW})
GAP = "gap"
_ALL = (DISK_FULL, DISK_ERROR, DISK_SLOW, CODEC, STALLED)


def key_of(site: str, trouble: str) -> AlertKey:
    """The alert of this trouble; one for all cameras where the disk is to blame."""
    return AlertKey(CENTRE if trouble in _OF_THE_DISK else site, KIND, "", trouble)


def tell_trouble(  # noqa: PLR0917 - what is wrong where, and what holds besides
    writer: Writer, site: str, trouble: str, now: datetime, settings: Settings, elsewhere: Collection[str] = ()
) -> None:
    """`trouble`: why the camera is not recorded since now; empty while it is.

    `elsewhere`: the troubles of the other cameras. The alert about the disk ends with the last of them.
    """
    for one in _ALL:
        key = key_of(site, one)
        is_open = writer.open_alert(key) is not None
        if one == trouble and not is_open:
            priority = Priority.P2 if one in _OF_THE_DISK else Priority.P3
            raise_alert(writer, Raised(key, KIND, priority, now, now, label=one), None, now, settings)
        elif one != trouble and is_open and not (one in _OF_THE_DISK and one in elsewhere):
            end_alert(writer, Ended(key, now, now), now, settings)


def tell_gap(  # noqa: PLR0917 - from when to when, and where it is told
    writer: Writer, site: str, since: datetime, until: datetime, now: datetime, settings: Settings
) -> None:
    """There is no video of this camera between the two: kept with it, in the trail, and as an alarm.

    The alarm is one for the whole city: a restart of the system is no alarm for each of its cameras.
    """
    note_gap(writer, site, since, until, now)
    detail = {"since": since.isoformat(), "until": until.isoformat()}
    writer.record(AuditEntry(now, SYSTEM.name, "", "recording_gap", f"site:{site}", detail))
    key = AlertKey(CENTRE, KIND, "", GAP)
    since = min(since, now)
    raise_alert(writer, Raised(key, KIND, Priority.P4, since, now, label=GAP), None, now, settings)
    end_alert(writer, Ended(key, now, now), now, settings)


class TroubleTeller:
    """Called again and again by the recorder's thread until the store has it; never waits for the store."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._told: dict[str, tuple[str, Future[None]]] = {}
        self._gaps: dict[str, Future[None]] = {}
        self._troubles: dict[str, str] = {}

    def follow_settings(self, settings: Settings) -> None:
        """From now on alerts are raised and ended by these."""
        self._settings = settings

    def gap(self, site: str, since_s: float, until_s: float) -> bool:
        """A time without video, seconds since the epoch. True once the store has it."""
        told = self._gaps.get(site)
        if told is not None:
            if not told.done():
                return False
            del self._gaps[site]
            if told.exception() is None:
                return True
        since, until = datetime.fromtimestamp(since_s, UTC), datetime.fromtimestamp(until_s, UTC)
        try:
            self._gaps[site] = self._store.submit(
                lambda writer: tell_gap(writer, site, since, until, datetime.now(UTC), self._settings)
            )
        except StoreClosed:
            return False
        return False

    def __call__(self, site: str, trouble: str, _before: str = "") -> bool:
        """True once the store has it."""
        told = self._told.get(site)
        if told is not None:
            if not told[1].done():
                return False
            del self._told[site]
            if told[1].exception() is None and told[0] == trouble:
                return True
        self._troubles[site] = trouble
        if not trouble:
            del self._troubles[site]
        elsewhere = {held for other, held in self._troubles.items() if other != site}
        try:
            future = self._store.submit(
                lambda writer: tell_trouble(writer, site, trouble, datetime.now(UTC), self._settings, elsewhere)
            )
        except StoreClosed:
            return False
        self._told[site] = trouble, future
        return False
