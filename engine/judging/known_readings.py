"""Which readings were stored before this process began: after a restart their sources may give them again."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence
from datetime import datetime, timedelta

from data.model.observation import Quality, Reading
from data.ports.store import Store

_AHEAD = timedelta(minutes=5)  # a stored reading further ahead of our clock is of a clock that was wrong

Key = tuple[str, str, str]
Versions = Mapping[tuple[Key, datetime], frozenset[tuple[float, Quality]]]


def _key(reading: Reading) -> Key:
    return reading.site, reading.monitor, reading.quantity


def _as_given(stored: Quality) -> Quality:
    """The quality with which a stored reading came: that it is suspect was our own judgement."""
    return Quality.GOOD if stored is Quality.SUSPECT else stored


class KnownReadings:
    """`latest`: the newest stored reading of each gauge when the process began, at `now`."""

    def __init__(self, latest: Sequence[Reading], now: datetime) -> None:
        self._until: dict[Key, datetime] = {}
        self._of_site: dict[str, dict[Key, Reading]] = {}
        for reading in latest:
            if reading.at <= now + _AHEAD:
                self._note(reading)
        self._seen: set[tuple[Key, datetime, float]] = set()

    def begin_anew(self, site: str, monitors: Container[str], latest: Sequence[Reading], now: datetime) -> None:
        """These monitors are opened now. `latest`: the newest stored reading of each gauge."""
        for reading in latest:
            if reading.site == site and reading.monitor in monitors and reading.at <= now + _AHEAD:
                self._note(reading)

    def _note(self, reading: Reading) -> None:
        key = _key(reading)
        self._until[key] = reading.at
        self._of_site.setdefault(reading.site, {})[key] = reading

    def newest(self, site: str) -> Collection[Reading]:
        """The newest stored reading of each gauge of a site."""
        return self._of_site.get(site, {}).values()

    def until(self, site: str) -> dict[str, datetime]:
        """The newest stored reading of each monitor of a site."""
        found: dict[str, datetime] = {}
        for reading in self.newest(site):
            found[reading.monitor] = max(reading.at, found.get(reading.monitor, reading.at))
        return found

    def stored(self, store: Store, readings: Sequence[Reading]) -> Versions:
        """What the store has of those that it may have had before this process began."""
        asked = [reading for reading in readings if self._may_be_known(reading)]
        if not asked:
            return {}
        times = sorted({reading.at for reading in asked})
        found = store.read(lambda reader: reader.reading_versions(asked[0].site, times))
        versions: dict[tuple[Key, datetime], frozenset[tuple[float, Quality]]] = {}
        for known in found:
            place = _key(known), known.at
            versions[place] = versions.get(place, frozenset()) | {(known.value, _as_given(known.quality))}
        return versions

    def comes_again(self, reading: Reading, versions: Versions) -> bool:
        """Was it stored and judged before the restart, and does it come for the first time since?

        What a correction has replaced comes again once, too, with a file that is read from its beginning.
        """
        if not self._may_be_known(reading):
            return False
        known = versions.get((_key(reading), reading.at), frozenset())
        if (reading.value, reading.quality) not in known:
            return False
        if len(known) == 1:
            return True
        place = _key(reading), reading.at, reading.value
        if place in self._seen:
            return False
        self._seen.add(place)
        return True

    def precedes(self, reading: Reading) -> bool:
        """Is it older than what its gauge had said before this process began? Rules have judged that already."""
        until = self._until.get(_key(reading))
        return until is not None and reading.at < until

    def _may_be_known(self, reading: Reading) -> bool:
        until = self._until.get(_key(reading))
        return until is not None and reading.at <= until
