"""A CAP 1.2 message (OASIS, Common Alerting Protocol, 2010) read into a `HazardWarning`.

What comes from outside is read with defusedxml: no entities, no document type, nothing fetched.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from data.errors import InputRejected
from data.warning import HazardWarning, MessageType, WarningArea, WarningId, WarningLevel, WarningStatus

LARGEST_BYTES = 2_000_000
MOST_POINTS = 50_000
MOST_TEXT = 20_000
_RING = 4  # points of the smallest closed ring
_NAMESPACES = ("", "urn:oasis:names:tc:emergency:cap:1.1", "urn:oasis:names:tc:emergency:cap:1.2")
_COLOURS = MappingProxyType(
    {
        **dict.fromkeys(("蓝", "blue"), WarningLevel.BLUE),
        **dict.fromkeys(("黄", "yellow"), WarningLevel.YELLOW),
        **dict.fromkeys(("橙", "orange"), WarningLevel.ORANGE),
        **dict.fromkeys(("红", "red"), WarningLevel.RED),
    }
)
# The usual correspondence where a message names no colour.
_BY_SEVERITY = MappingProxyType(
    {
        "extreme": WarningLevel.RED,
        "severe": WarningLevel.ORANGE,
        "moderate": WarningLevel.YELLOW,
        "minor": WarningLevel.BLUE,
    }
)
_LEVEL_NAMES = ("color", "colour", "level", "alertlevel", "awareness_level", "severitycolor", "预警级别")
E = TypeVar("E", bound=StrEnum)


def parse_cap(content: bytes, origin: str = "") -> HazardWarning:
    """The warning in one XML document. Raises InputRejected, saying what is wrong and where."""
    if len(content) > LARGEST_BYTES:
        raise InputRejected(f"the message has {len(content)} bytes, {LARGEST_BYTES} are taken at most")
    try:
        root = fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise InputRejected(f"the message holds forbidden XML: {type(error).__name__}") from None
    except (ParseError, ValueError, LookupError) as error:
        raise InputRejected(f"the message is not XML: {error}"[:200]) from None
    namespace, name = _split(root.tag)
    if name != "alert" or namespace not in _NAMESPACES:
        raise InputRejected(f"this is no CAP alert but <{name[:40]}> of {namespace[:80] or 'no namespace'}")
    return _Alert(root).warning(origin)


def _split(tag: object) -> tuple[str, str]:
    text = tag if isinstance(tag, str) else ""
    namespace, _, name = text.rpartition("}")
    return namespace.removeprefix("{"), name


def _children(parent: Element, name: str) -> Iterator[Element]:
    return (child for child in parent if _split(child.tag)[1] == name)


def _text(parent: Element, name: str) -> str:
    found = next(_children(parent, name), None)
    return "" if found is None else " ".join((found.text or "").split())[:MOST_TEXT]


def _required(parent: Element, name: str) -> str:
    text = _text(parent, name)
    if not text:
        raise InputRejected(f"{name} is missing")
    return text


def _moment(text: str, what: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise InputRejected(f"{what} {text[:40]!r} has no offset from UTC")
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InputRejected(f"{what} {text[:40]!r} is not a time") from None


def _word(kind: type[E], text: str, what: str) -> E:
    for member in kind:
        if member.value.lower() == text.lower():
            return member
    raise InputRejected(f"{what} {text[:40]!r} is none of {', '.join(member.value for member in kind)}")


class _Alert:
    """One <alert> element."""

    def __init__(self, root: Element) -> None:
        self._root = root
        infos = list(_children(root, "info"))
        chinese = [info for info in infos if _text(info, "language").lower().startswith("zh")]
        chosen = (chinese or infos)[:1]
        self._info = chosen[0] if chosen else None
        # Further blocks of the same language and event name further areas of the same warning.
        self._blocks = [info for info in infos if self._is_alike(info)]

    def _is_alike(self, info: Element) -> bool:
        own = self._info
        return own is not None and all(_text(info, name) == _text(own, name) for name in ("language", "event"))

    def warning(self, origin: str) -> HazardWarning:
        key = WarningId(
            _required(self._root, "sender")[:200],
            _required(self._root, "identifier")[:200],
            _moment(_required(self._root, "sent"), "sent"),
        )
        kind = _word(MessageType, _required(self._root, "msgType"), "msgType")
        references = _references(_text(self._root, "references"))
        if kind is not MessageType.ALERT and not references:
            raise InputRejected(f"a message of type {kind} must name what it refers to")
        if kind is not MessageType.CANCEL and self._info is None:
            raise InputRejected(f"a message of type {kind} needs an info block")
        info = self._info if self._info is not None else Element("info")
        effective = self._time(info, "effective") or key.sent
        areas = _areas(self._blocks)
        return HazardWarning(
            key=key,
            status=_word(WarningStatus, _required(self._root, "status"), "status"),
            message_type=kind,
            references=references,
            event=_text(info, "event")[:200] if kind is MessageType.CANCEL else _required(info, "event")[:200],
            level=_level(info),
            severity=_text(info, "severity")[:40],
            urgency=_text(info, "urgency")[:40],
            certainty=_text(info, "certainty")[:40],
            effective=effective,
            onset=self._time(info, "onset") or effective,
            expires=self._time(info, "expires"),
            areas=areas,
            headline=_text(info, "headline"),
            description=_text(info, "description"),
            instruction=_text(info, "instruction"),
            language=_text(info, "language")[:40],
            event_codes=tuple(_named_values(info, "eventCode")),
            origin=origin,
        )

    @staticmethod
    def _time(info: Element, name: str) -> datetime | None:
        text = _text(info, name)
        return _moment(text, name) if text else None


def _references(text: str) -> tuple[WarningId, ...]:
    found = []
    for part in text.split():
        pieces = part.split(",")
        if len(pieces) != len(WarningId._fields) or not all(pieces):
            raise InputRejected(f"the reference {part[:80]!r} is not sender,identifier,sent")
        found.append(WarningId(pieces[0][:200], pieces[1][:200], _moment(pieces[2], "the reference's time")))
    return tuple(dict.fromkeys(found))


def _named_values(parent: Element, name: str) -> Iterator[tuple[str, str]]:
    for pair in _children(parent, name):
        yield _text(pair, "valueName")[:100], _text(pair, "value")[:200]


def _areas(blocks: Sequence[Element]) -> tuple[WarningArea, ...]:
    found = []
    for block in blocks:
        for area in _children(block, "area"):
            polygons = tuple(_ring(polygon.text or "") for polygon in _children(area, "polygon"))
            circles = tuple(_circle(circle.text or "") for circle in _children(area, "circle"))
            codes = tuple(_named_values(area, "geocode"))
            found.append(WarningArea(_text(area, "areaDesc"), polygons, circles, codes))
    if sum(len(ring) for area in found for ring in area.polygons) > MOST_POINTS:
        raise InputRejected(f"the areas have more than {MOST_POINTS} points")
    return tuple(dict.fromkeys(found))


def _point(text: str, what: str) -> tuple[float, float]:
    """(lon, lat) of CAP's `lat,lon`."""
    pieces = text.split(",")
    try:
        lat, lon = (float(piece) for piece in pieces)
    except ValueError:
        raise InputRejected(f"{what}: {text[:40]!r} is not lat,lon") from None
    if not (abs(lat) <= 90 and abs(lon) <= 180):
        raise InputRejected(f"{what}: {text[:40]!r} lies nowhere on the earth")
    return lon, lat


def _ring(text: str) -> tuple[tuple[float, float], ...]:
    points = tuple(_point(pair, "polygon") for pair in text.split())
    if len(points) < _RING or points[0] != points[-1]:
        raise InputRejected("a polygon needs four points or more and ends where it begins")
    return points


def _circle(text: str) -> tuple[float, float, float]:
    centre, _, radius = text.strip().partition(" ")
    try:
        radius_km = float(radius)
    except ValueError:
        raise InputRejected(f"circle: {text[:40]!r} is not lat,lon radius") from None
    if not (math.isfinite(radius_km) and radius_km >= 0):
        raise InputRejected(f"circle: a radius of {radius[:20]!r} km cannot be")
    return (*_point(centre, "circle"), radius_km)


def _level(info: Element) -> WarningLevel:
    """The colour that the message names itself, else the one that usually goes with its severity."""
    named = [
        value
        for pairs in (_named_values(info, "parameter"), _named_values(info, "eventCode"))
        for name, value in pairs
        if name.lower() in _LEVEL_NAMES
    ]
    for text in (*named, _text(info, "severity"), _text(info, "headline"), _text(info, "event")):
        words = re.findall(r"[a-z]+|[蓝黄橙红](?=色|$)", text.lower())
        colours = {_COLOURS[word] for word in words if word in _COLOURS}
        if len(colours) == 1:
            return colours.pop()
    return _BY_SEVERITY.get(_text(info, "severity").lower(), WarningLevel.UNKNOWN)
