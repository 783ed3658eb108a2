"""A span of the past judged again: as it was, or as it would have been under other settings or with fewer people.

It reads blocks of observations and, through a store that refuses every write, the audit trail, people and tasks of that
time. It makes no monitors, detectors or channels, so it can neither watch nor tell anybody anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from data.config.catalogue import Catalogue
from data.config.settings import Settings
from data.errors import InputRejected
from data.local.observations import KEPT, block_name, block_subject, digest, digests_told
from data.model.alert import Signal
from data.ports.store import Reader, Store
from dispatch.routing import Roads
from engine.replay.judging import Changes, Other, RuleChange, ZoneChange, judge
from engine.replay.occurrences import Occurrence, Pair, exact, occurrences, paired
from engine.replay.offering import Offered, Past, compared, counts, offers
from engine.replay.passage import Gap, ObservationFiles, Passage, gaps_in

RUN_IN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the rules decided of a span. `same`: exactly what they had decided live, on the very same lines.

    `exact`: every site's rules began in the state that they had. `damaged`: blocks that are not what was kept.
    `moved`: by site, zones that lie elsewhere. `doubted`: sites where something was looked at closer for the rules.
    """

    found: tuple[Occurrence, ...]
    same: bool
    exact: bool
    gaps: tuple[Gap, ...] = ()
    faults: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    lines: int = 0
    moved: Mapping[str, frozenset[str]] = field(default_factory=dict)
    doubted: frozenset[str] = frozenset()

    @property
    def remarks(self) -> list[str]:
        """What whoever reads the result must know."""
        told = [f"{gap.stream}: nothing is known from {exact(gap.since)} to {exact(gap.until)}" for gap in self.gaps]
        told += [f"a rule failed, as it did live: {fault}" for fault in self.faults]
        told += [f"observations are not what was kept: {name}" for name in self.damaged]
        if not self.exact:
            told.append("the rules began without their state: what was decided shortly after the beginning may differ")
        if not self.same:
            told.append("the rules decide otherwise than they did live: they are of another version")
        return told

    def as_words(self) -> str:
        """One line for each alert."""
        return "".join(_line(one) + "\n" for one in self.found) or "no alerts\n"


def _line(one: Occurrence) -> str:
    end = "still open" if one.ended_at is None else f"ended {exact(one.ended_at)}"
    value = "" if one.raised.value is None else f"  {one.raised.value:g} {one.raised.unit}"
    return f"{exact(one.raised.at)}  {one.gravest}  {'/'.join(filter(None, one.key))}{value}  {end}"


@dataclass(frozen=True, slots=True)
class Note:
    """What stored observations cannot answer. `key`: of the words for it, `what_if.note.<key>`; `text`: in English."""

    key: str
    values: Mapping[str, str]
    text: str


def _of_zones(moved: Mapping[str, frozenset[str]], doubted: frozenset[str], settings: Settings) -> Iterator[Note]:
    """Of zones that lie elsewhere, by site. `doubted`: sites where something was looked at closer for the rules."""
    sites = {site.id: site for site in settings.sites}
    for name, zones in moved.items():
        for zone in sorted(zones):
            values = {"site": name, "zone": zone}
            for detector in sites[name].detectors if name in sites else ():
                if zone in detector.zones_looked_into:
                    text = (
                        f"{name}: {detector.kind} looked into zone {zone} as it lay then; what it would have found in "
                        f"the other outline is not known"
                    )
                    yield Note("zone_looked_into", {**values, "detector": detector.kind}, text)
            if name in doubted:
                text = (
                    f"{name}: objects in doubt were looked at closer only where zone {zone} lay then; in the other "
                    f"outline they are judged without that"
                )
                yield Note("zone_doubts", values, text)


def _of_changes(unfit: Sequence[RuleChange | ZoneChange]) -> Iterator[Note]:
    for change in unfit:
        kind, name = ("zone", change.zone) if isinstance(change, ZoneChange) else ("rule", change.rule)
        text = f"{change.site} had no {kind} {name} in this time: nothing is judged otherwise for it"
        yield Note(f"no_{kind}", {"site": change.site, kind: name}, text)


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Both judgements of a span, alert by alert, and who would have been offered the work."""

    before: Replayed
    after: Replayed
    pairs: tuple[Pair, ...]
    dispatch: tuple[dict[str, Any], ...] = ()
    notes: tuple[Note, ...] = ()

    def described(self, since: datetime, until: datetime, without: Sequence[str] = ()) -> dict[str, Any]:
        """As JSON."""
        return {
            "from": exact(since),
            "to": exact(until),
            "sites": list(self.before.sites),
            "without_responders": list(without),
            "counts": counts(self.pairs),
            "alerts": [pair.described() for pair in self.pairs if pair.what != "same"],
            "dispatch": list(self.dispatch),
            "exact": self.before.exact and self.before.same,
            "notes": [{"key": one.key, "values": dict(one.values), "text": one.text} for one in self.notes],
            "remarks": sorted({*self.before.remarks, *self.after.remarks}),
        }

    def as_words(self) -> str:
        """One line for each difference."""
        lines = []
        for pair in self.pairs:
            if pair.what == "same":
                continue
            by = pair.described().get("by_s")
            far = f" by {abs(by):g} s" if by else ""
            lines.append(f"{pair.what}{far}: {_line(pair.one)}\n")
        for one in self.dispatch:
            ways = (", ".join(_offer(side)) for side in (one["before"], one["after"]))
            names = "/".join(filter(None, (one["site"], one["rule"], one["zone"], one["subject"])))
            lines.append(f"offered for {names}: {' -> '.join(way or 'nobody' for way in ways)}\n")
        return "".join(lines) or "no difference\n"


def _offer(side: dict[str, Any] | None) -> list[str]:
    return [f"{one['responder']} there at {one['arrives_at']}" for one in (side or {"offered": []})["offered"]]


@dataclass(slots=True)
class Replayer:
    """`folder`: of the observations. `store`: open for reading only; without one nobody can be offered anything."""

    folder: Path
    catalogue: Catalogue
    store: Store | None = None
    _files: ObservationFiles = field(init=False)

    def __post_init__(self) -> None:
        self._files = ObservationFiles(self.folder)

    def sites(self) -> frozenset[str]:
        """Of which something is kept."""
        return frozenset(name.rpartition(".")[0] for name in self._files.streams())

    def replay(self, since: datetime, until: datetime, sites: Sequence[str] = ()) -> Replayed:
        """By the rules as they were. Raises InputRejected where nothing is kept of these sites and this span."""
        passages = self._passages(since, until, sites, timedelta(0))
        return self._judged(passages, since, until, None)

    def what_if(
        self,
        since: datetime,
        until: datetime,
        other: Other,
        settings: Settings,
        sites: Sequence[str] = (),
        *,
        was: Settings | None = None,
        without: Sequence[str] = (),
        roads: Roads | None = None,
        run_in: timedelta = RUN_IN,
    ) -> WhatIf:
        """By other rules against what was. Changed rules begin with nothing, `run_in` before `since`.

        `settings`: whom to offer the work, and over which roads; `was`: the same for what was. Raises InputRejected.
        """
        passages = self._passages(since, until, sites, run_in)
        before = self._judged(passages, since, until, None)
        after = self._judged(passages, since, until, other)
        pairs = tuple(paired(before.found, after.found))
        notes = list(_of_zones(after.moved, after.doubted, was or settings))
        if isinstance(other, Changes):
            notes += _of_changes(other.unfit)
        if self.store is None:
            return WhatIf(before, after, pairs, notes=tuple(notes))
        roads, then = roads or Roads(), was or settings
        unknown = set(without) - {one.id for one in settings.responders}
        if unknown:
            raise InputRejected(f"no responder {', '.join(sorted(unknown))} is configured")
        judged = frozenset(before.sites)

        def look(found: Sequence[Occurrence], by: Settings, skipped: Sequence[str]) -> dict[int, Offered]:
            assert self.store is not None
            made = self.store.read(
                lambda reader: offers(found, Past(reader, by, since, until, judged, skipped), roads=roads, settings=by)
            )
            return {id(one.occurrence): one for one in made}

        sent = compared(look(before.found, then, ()), look(after.found, settings, without), pairs)
        return WhatIf(before, after, pairs, tuple(sent), tuple(notes))

    def _passages(self, since: datetime, until: datetime, sites: Sequence[str], run_in: timedelta) -> list[Passage]:
        if since > until:
            raise InputRejected("the span ends before it begins")
        known = self.sites()
        unknown = set(sites) - known
        if unknown:
            raise InputRejected(f"nothing is kept of {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}")
        passages = self._files.passages(sites or sorted(known), since, until, run_in=run_in)
        if not passages:
            text = f"no observations are kept of {exact(since)} to {exact(until)}"
            raise InputRejected(text, key="what_if.nothing")
        return passages

    def _judged(self, passages: Sequence[Passage], since: datetime, until: datetime, other: Other | None) -> Replayed:
        found: list[Occurrence] = []
        faults: list[str] = []
        same, lines = True, 0
        moved: dict[str, frozenset[str]] = {}
        doubted: set[str] = set()
        for passage in passages:
            judged = judge(passage, self.catalogue, other)
            found += occurrences(judged.decisions, since, until, judged.already)
            faults += judged.faults
            lines += judged.lines
            if judged.moved:
                moved[passage.site] = moved.get(passage.site, frozenset()) | judged.moved
            if judged.second_looks:
                doubted.add(passage.site)
            same = same and (other is not None or _alike(judged.decisions, judged.live))
        found.sort(key=lambda one: (one.raised.at, one.key, one.raised.started_at))
        return Replayed(
            found=tuple(found),
            same=same,
            exact=all(passage.exact for passage in passages),
            gaps=tuple(gap for one in passages for gap in gaps_in(one.stream, one) if gap.until >= since),
            faults=tuple(faults),
            damaged=self._damaged(since, until),
            sites=tuple(sorted({passage.site for passage in passages})),
            lines=lines,
            moved=moved,
            doubted=frozenset(doubted),
        )

    def live(self, since: datetime, until: datetime, sites: Sequence[str] = ()) -> list[Occurrence]:
        """What was decided live, as it was kept beside the observations."""
        found: list[Occurrence] = []
        for passage in self._passages(since, until, sites, timedelta(0)):
            judged = judge(passage, self.catalogue)
            found += occurrences(judged.live, since, until, judged.already)
        return sorted(found, key=lambda one: (one.raised.at, one.key, one.raised.started_at))

    def _damaged(self, since: datetime, until: datetime) -> tuple[str, ...]:
        """Blocks whose hash is not the one in the audit trail."""
        store = self.store
        if store is None:
            return ()
        wrong = []
        for path in self._files.files(since, until):
            if path.suffix != f".{KEPT}":
                continue
            name = block_name(self.folder, path)
            if digest(path) not in store.read(partial(_told_digests, name=name)):
                wrong.append(name)
        return tuple(wrong)


def _told_digests(reader: Reader, name: str) -> set[str]:
    """What the audit trail says of a block."""
    return digests_told(reader.audit(subject=block_subject(name)))


def _alike(decided: Sequence[Signal], live: Sequence[Signal]) -> bool:
    return list(decided) == list(live)
