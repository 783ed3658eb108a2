"""Plays the recorded night into the drill's store: what the rules decided then comes once more, at the drill's times.

The rules judge what they were given then, at the times of then: whatever the speed, the alerts are those of that night.
Only what they decide is moved to the drill's times. Units of work have the numbers that they always have, so that a
player that was killed goes on where it was, and nothing comes twice.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from data.config.catalogue import Catalogue
from data.local.confinement import confine
from data.local.drill_folder import NIGHT, read_told
from data.model.alert import AlertKey, Raised
from data.model.drill import Drill
from data.model.observation import Reading
from data.model.record import Evidence
from data.ports.store import Reader, Store, Writer
from data.sql.store import open_store
from dispatch.drill_times import ENDED, Response
from engine.catalogue import load_catalogue
from engine.drill.moved import moved
from engine.judging.judgement import UnitOfWork, commit_units, last_number
from engine.judging.readings import ReadingNews
from engine.process.heart import Heart
from engine.process.options import RunOptions
from engine.replay.judging import Played, played
from engine.replay.passage import ObservationFiles, Passage

log = logging.getLogger(__name__)

_BATCH = 200
_LOOK_EVERY_S = 0.2

Pictures = Mapping[tuple[AlertKey, datetime], Evidence]
"""Of the night's alerts, by key and by when they were raised in that night."""


@dataclass(frozen=True, slots=True)
class Line:
    """What is given to the drill's store at `at` of the recorded night."""

    stream: str
    played: Played

    @property
    def at(self) -> datetime:
        return self.played.at


def lines(passages: Sequence[Passage], catalogue: Catalogue, drill: Drill) -> Iterator[Line]:
    """Of all streams in the order of time, from the beginning of the span on. Raises InputRejected."""
    found = heapq.merge(*(_of(one, catalogue) for one in passages), key=lambda line: line.at)
    return (line for line in found if drill.since < line.at <= drill.until)


def _of(passage: Passage, catalogue: Catalogue) -> Iterator[Line]:
    return (Line(passage.stream, one) for one in played(passage, catalogue))


class Player:
    """Turns lines into units of work at the drill's times, each with the number that it always has."""

    def __init__(self, store: Store, options: RunOptions, pictures: Pictures) -> None:
        assert options.drill is not None
        self._store = store
        self._settings = options.settings
        self.drill = options.drill
        self._pictures = pictures
        self._numbers: dict[str, int] = {}
        self._stored: dict[str, int] = {}
        self._news = ReadingNews()

    def units(self, line: Line) -> list[UnitOfWork]:
        """Those of a line that are not in the store yet. Call it for every line, in order."""
        one, stream = line.played, line.stream
        readings = tuple(self._at_drill(reading) for reading in one.readings)
        found = [UnitOfWork(stream, (), self.drill.at(one.at), readings)] if readings else []
        for signal in one.signals:
            unit = UnitOfWork(stream, (moved(signal, self.drill.at),), self.drill.at(one.at))
            if isinstance(signal, Raised):
                unit.evidence = self._pictures.get((signal.key, signal.at))
            found += self._numbered(unit)
        if one.standings:
            standings = moved(one.standings, self.drill.at)
            found += self._numbered(UnitOfWork(stream, (), self.drill.at(one.at), standings=standings))
        return found

    def _at_drill(self, reading: Reading) -> Reading:
        return replace(reading, at=self.drill.at(reading.at))

    def _numbered(self, unit: UnitOfWork) -> list[UnitOfWork]:
        """The unit with its number; nothing where the store has it."""
        if unit.stream not in self._numbers:
            self._numbers[unit.stream] = 0
            self._stored[unit.stream] = self._store.read(lambda reader: last_number(reader, unit.stream))
        self._numbers[unit.stream] += 1
        unit.number = self._numbers[unit.stream]
        return [unit] if unit.number > self._stored[unit.stream] else []

    def commit(self, units: Sequence[UnitOfWork]) -> None:
        """Put them in, in one commit, and tell the screens. Raises the store's errors."""
        news = self._news.due(reading for unit in units for reading in unit.readings)

        def write(writer: Writer) -> None:
            now = datetime.now(UTC)
            for unit in units:  # one after the other: two of a stream must not be put in as one
                commit_units(writer, [unit], now, self._settings)
            writer.publish_all(news)

        if units or news:
            self._store.write(write)

    def end(self) -> None:
        """Note that the recorded span is over."""
        now = datetime.now(UTC)
        self._store.write(lambda writer: writer.put_value(ENDED, now.isoformat()))


def pictures_of(reader: Reader, night: Sequence[Response]) -> Pictures:
    """The pictures in the drill's store or vault that belong to the night's alerts."""
    wanted = [one.evidence for one in night if one.evidence is not None]
    known = {one.id: one for one in reader.evidence_of(sorted(set(wanted)))}
    return {(one.key, one.raised_at): known[one.evidence] for one in night if one.evidence in known}


def run_player(heart: Heart, options: RunOptions, observations: ObservationFiles) -> None:
    """Target of the player's process. `observations`: of the city, which are only read."""
    drill = options.drill
    assert drill is not None
    with closing(open_store(options.store, migrate=False, mask=options.mask)) as store:
        confine(options.var_dir)
        night = [Response.of(one) for one in read_told(options.var_dir / NIGHT).get("night", [])]
        player = Player(store, options, store.read(lambda reader: pictures_of(reader, night)))
        sites = [site.id for site in options.settings.sites]
        passages = observations.passages(sites, drill.since, drill.until)
        if not _play(heart, player, lines(passages, load_catalogue(), drill)):
            return
        while datetime.now(UTC) < drill.ends:
            if heart.rest(_LOOK_EVERY_S):
                return
        player.end()
        log.info("the recorded span is over; the drill goes on until it is stopped")
        while not heart.rest(1.0):
            pass


def _play(heart: Heart, player: Player, found: Iterator[Line]) -> bool:
    """Everything at its time. False when it is time to stop."""
    waiting: list[UnitOfWork] = []
    for line in found:
        heart.beat()
        while (player.drill.at(line.at) - datetime.now(UTC)).total_seconds() > 0:
            player.commit(waiting)
            waiting.clear()
            left_s = (player.drill.at(line.at) - datetime.now(UTC)).total_seconds()
            if heart.rest(max(0.0, min(left_s, _LOOK_EVERY_S))):
                return False
        waiting += player.units(line)
        if len(waiting) >= _BATCH:
            player.commit(waiting)
            waiting.clear()
            if heart.stopping.is_set():
                return False
    player.commit(waiting)
    return True
