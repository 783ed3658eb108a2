"""Which warnings a source is asked for: by area, event and sender. What cannot be told is never left out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from data.cap.area import AreaReader, Circle
from data.model.geo import Location
from data.model.warning import HazardWarning, WarningArea
from data.model.warning_reach import District, Place, Reach

_CORNERS = 32  # of the ring that stands for a circle


@dataclass(frozen=True)
class WarningFilter:
    """`areas`: codes (`500105`, `UGC:TXZ192`), circles (`29.56,106.55 20`), words of an area's description."""

    areas: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()

    def passes(self, warning: HazardWarning) -> bool:
        """Is it wanted? A Cancel is, whatever it says of itself: what it ends decides."""
        blocks = [block for block in warning.blocks if block.event]
        events = [(block.event, [code for _, code in block.event_codes]) for block in blocks]
        return (
            self.wants_sender(warning.key.sender)
            and (not blocks or any(self.wants_event(event, codes) for event, codes in events))
            and (not warning.infos or self.wants_areas([area for block in warning.infos for area in block.areas]))
        )

    def wants_sender(self, sender: str) -> bool:
        """`office@example.org`, or `@example.org` for everybody there."""
        plain = sender.strip().lower()
        wanted = [one.strip().lower() for one in self.senders]
        return not wanted or any(plain == one or (one.startswith("@") and plain.endswith(one)) for one in wanted)

    def wants_event(self, event: str, codes: Iterable[str] = ()) -> bool:
        """One of the words stands in the event, or is one of its codes."""
        if not self.events or event in {"", "?"}:
            return True
        return any(word.lower() in event.lower() for word in self.events) or not set(self.events).isdisjoint(codes)

    def wants_areas(self, areas: Sequence[WarningArea]) -> bool:
        """True where any of them may meet what is asked for; also when nobody can tell."""
        return not self.areas or not areas or any(self._reach(area) is not Reach.NO for area in areas)

    def _reach(self, area: WarningArea) -> Reach:
        codes, circles, words = self._parts
        judged: list[Reach] = []
        by_code = codes.by_codes(area)
        if by_code is not None:
            judged.append(by_code)
        if circles is not None and (area.polygons or area.circles or area.outlines):
            judged.append(circles.meets([replace(area, geocodes=())]))
        if words and area.description:
            judged.append(Reach.YES if any(word in area.description.lower() for word in words) else Reach.NO)
        if area.unknown:
            judged.append(Reach.UNKNOWN)
        return max(judged, default=Reach.UNKNOWN)

    @cached_property
    def _parts(self) -> tuple[District, District | None, tuple[str, ...]]:
        """The district that the codes name, the one of the circles, and the words."""
        gb = frozenset(one for one in self.areas if one.isascii() and one.isdigit())
        foreign = frozenset(one for one in self.areas if ":" in one and "," not in one)
        circles = {one: circle for one in self.areas if (circle := circle_of(one)) is not None}
        words = [one.lower() for one in self.areas if one not in gb | foreign and one not in circles]
        ground = None
        if circles:
            ground = District(
                tuple(Place(Location(lon=lon, lat=lat)) for lon, lat, _ in circles.values()),
                tuple(_ring(circle) for circle in circles.values()),
            )
        return District(codes=gb, others=foreign), ground, tuple(words)


def circle_of(text: str) -> Circle | None:
    """`lat,lon radius-in-km`; None for anything else."""
    if "," not in text or text[:1].strip("+-.0123456789"):
        return None
    area = AreaReader().area("", (), (text,), ())
    return area.circles[0] if area.circles else None


def _ring(circle: Circle) -> tuple[tuple[float, float], ...]:
    lon, lat, radius_km = circle
    height = radius_km / 111.2
    width = height / max(0.05, math.cos(math.radians(lat)))
    corners = [
        (lon + width * math.cos(2 * math.pi * n / _CORNERS), lat + height * math.sin(2 * math.pi * n / _CORNERS))
        for n in range(_CORNERS)
    ]
    return (*corners, corners[0])
