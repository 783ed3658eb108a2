"""CAP 1.2 messages (OASIS, Common Alerting Protocol, 2010) read into `HazardWarning`s.

A grave message is not lost for a blank: what is missing or odd is mended where only one reading is possible, marked
`unknown` otherwise, and told in `notes`. Only what is no warning at all is refused.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import TypeVar
from xml.etree.ElementTree import Element

from data.cap.area import MOST_AREAS, AreaReader
from data.cap.level import is_over, level_of
from data.cap.times import moment
from data.cap.xml import LARGEST_BYTES, alerts_in, children
from data.errors import InputRejected
from data.model.warning import (
    UNKNOWN_SENT,
    HazardWarning,
    MessageType,
    WarningArea,
    WarningId,
    WarningInfo,
    WarningLevel,
    WarningNote,
    WarningStatus,
)

__all__ = ["LARGEST_BYTES", "parse_cap", "parse_messages", "read_alert", "read_area", "text_of"]

MOST_TEXT = 20_000
MOST_INFOS = 50
MOST_REFERENCES = 100
_LONGEST_VALUE = 2000
MOST_NAMED = 100  # parameters and event codes of a block
_NOT_WARNINGS = frozenset(("ack", "error"))
_AWARENESS_EVENT = re.compile(r"awareness_(?:type|level)\s*=", re.IGNORECASE)
_REFERENCE_TIME = re.compile(r",\s*(\d{4}-?\d\d-?\d\d[T ]?\d\d:?\d\d[^\s,]*)(?=\s|$)")
E = TypeVar("E", bound=StrEnum)


def parse_cap(content: bytes, origin: str = "", *, zone: tzinfo = UTC, now: datetime | None = None) -> HazardWarning:
    """The first warning in a document. Raises InputRejected, saying what is wrong and where."""
    return parse_messages(content, origin, zone=zone, now=now)[0]


def parse_messages(
    content: bytes, origin: str = "", *, zone: tzinfo = UTC, now: datetime | None = None
) -> list[HazardWarning]:
    """Every warning in a document: a message, or an envelope with some. `zone`: of times without an offset.

    Raises InputRejected when none of them can be used, saying what is wrong.
    """
    alerts, notes = alerts_in(content)
    return read_alerts(alerts, origin, zone=zone, now=now, notes=notes)


def read_alerts(
    alerts: Sequence[Element],
    origin: str = "",
    *,
    zone: tzinfo = UTC,
    now: datetime | None = None,
    notes: set[WarningNote] | None = None,
) -> list[HazardWarning]:
    """What can be used of these elements. Raises InputRejected when none can."""
    found, refused = [], []
    for alert in alerts:
        try:
            found.append(read_alert(alert, origin, zone=zone, now=now, notes=notes))
        except InputRejected as error:
            refused.append(error)
    if not found:
        raise refused[0]
    return found


def read_alert(
    alert: Element,
    origin: str = "",
    *,
    zone: tzinfo = UTC,
    now: datetime | None = None,
    notes: set[WarningNote] | None = None,
) -> HazardWarning:
    """One <alert> element. Raises InputRejected for an acknowledgement, an error, or one that says nothing."""
    return _Alert(alert, zone, now or datetime.now(UTC), set(notes or ())).warning(origin)


def read_area(area: Element, reader: AreaReader) -> WarningArea:
    """One <area>, or an entry of a feed that has its children."""
    return reader.area(
        text_of(area, "areaDesc", 1000),
        [polygon.text or "" for polygon in children(area, "polygon")],
        [circle.text or "" for circle in children(area, "circle")],
        (pair for name, value in _named_values(area, "geocode") for pair in _single_codes(name, value)),
    )


def _single_codes(name: str, value: str) -> Iterator[tuple[str, str]]:
    """Some senders put several codes into one value: `TXZ191 TXZ192`."""
    parts = value.replace(",", " ").split()
    if len(parts) > 1 and all(part.isalnum() and any(sign.isdigit() for sign in part) for part in parts):
        yield from ((name, part) for part in parts)
    else:
        yield name, value


def text_of(parent: Element, name: str, most: int = MOST_TEXT) -> str:
    """The words of the first child of this name that has any, with single blanks."""
    for found in children(parent, name):
        text = " ".join((found.text or "").split())
        if text:
            return text[:most]
    return ""


def _named_values(parent: Element, name: str) -> Iterator[tuple[str, str]]:
    for pair in children(parent, name):
        yield text_of(pair, "valueName", 100), text_of(pair, "value", _LONGEST_VALUE)


class _Alert:
    """One <alert> element, and what was odd in it."""

    def __init__(self, root: Element, zone: tzinfo, now: datetime, notes: set[WarningNote]) -> None:
        self._root = root
        self._zone = zone
        self._now = now
        self._notes = notes
        self._areas = AreaReader(notes)

    def warning(self, origin: str) -> HazardWarning:
        kind = self._kind()
        elements = list(children(self._root, "info"))
        if kind is not MessageType.CANCEL and not elements:
            raise InputRejected(f"a message of type {kind} needs an info block")
        status = self._status()
        key = self._key(elements)
        infos = self._infos(elements[: 10 * MOST_INFOS], key.sent, is_update=kind is MessageType.UPDATE)
        references = self._references(key, kind)
        self._note_areas(infos, kind)
        lead, element = self._leading(infos, elements, key.sent)
        areas = tuple(dict.fromkeys(area for info in infos if not info.over for area in info.areas))
        return HazardWarning(
            key=key,
            status=status,
            message_type=kind,
            references=references,
            event=lead.event,
            level=lead.level,
            severity=lead.severity,
            urgency=lead.urgency,
            certainty=lead.certainty,
            effective=lead.effective,
            onset=lead.onset,
            expires=_latest(infos) if infos else None,
            areas=areas or lead.areas,
            headline=lead.headline,
            description=text_of(element, "description"),
            instruction=text_of(element, "instruction"),
            language=lead.language,
            event_codes=lead.event_codes,
            origin=origin,
            infos=infos,
            notes=tuple(sorted(self._notes)),
        )

    # ---- the message

    def _kind(self) -> MessageType:
        text = text_of(self._root, "msgType", 40)
        if text.lower() in _NOT_WARNINGS:
            raise InputRejected(f"a message of type {text} is no warning")
        kind = _word(MessageType, text)
        if kind is None:
            self._notes.add(WarningNote.TYPE_UNKNOWN if text else WarningNote.FIELD_MISSING)
        return kind or MessageType.ALERT

    def _status(self) -> WarningStatus:
        """One that is none of the standard's may be meant: a human decides."""
        status = _word(WarningStatus, text_of(self._root, "status", 40))
        if status is None:
            self._notes.add(WarningNote.STATUS_UNKNOWN)
        return status or WarningStatus.ACTUAL

    def _key(self, infos: Sequence[Element]) -> WarningId:
        sender, identifier = text_of(self._root, "sender", 200), text_of(self._root, "identifier", 200)
        if not (sender and identifier):
            if not infos and not identifier:
                raise InputRejected("identifier is missing")
            self._notes.add(WarningNote.FIELD_MISSING)
        if not identifier:  # the same message has the same one
            parts = ("event", "headline", "description", "onset", "expires")
            words = [text_of(self._root, "sent"), *(text_of(info, part) for info in infos for part in parts)]
            identifier = hashlib.sha256("\n".join(words).encode("utf-8", "replace")).hexdigest()[:24]
        return WarningId(sender or "unknown", identifier, self._sent(infos))

    def _sent(self, infos: Sequence[Element]) -> datetime:
        sent = self._moment(text_of(self._root, "sent", 100))
        for info in infos:
            if sent is None:
                sent = self._moment(text_of(info, "effective", 100)) or self._moment(text_of(info, "onset", 100))
        if sent is None:
            self._notes.add(WarningNote.TIME_UNREADABLE)
            # by the day, so that a message which is asked for again is known
            sent = self._now.replace(hour=0, minute=0, second=0, microsecond=0)
        return sent

    def _moment(self, text: str) -> datetime | None:
        return moment(text, self._zone, self._notes) if text else None

    def _references(self, key: WarningId, kind: MessageType) -> tuple[WarningId, ...]:
        """What stands before a time is `sender,identifier`; the sender may hold blanks and commas."""
        text = text_of(self._root, "references", 10 * MOST_TEXT)
        found: list[WarningId] = []
        at = 0
        for time in _REFERENCE_TIME.finditer(text):
            found += self._reference(text[at : time.start()], time[1], key)
            at = time.end()
        for rest in text[at:].split():
            found += self._reference(rest, "", key)
        unique = tuple(dict.fromkeys(found))
        if len(unique) > MOST_REFERENCES:
            self._notes.add(WarningNote.SHORTENED)
        if kind is not MessageType.ALERT and not unique:
            self._notes.add(WarningNote.REFERENCE_MISSING)
        return unique[-MOST_REFERENCES:]

    def _reference(self, who: str, at: str, key: WarningId) -> list[WarningId]:
        sender, _, identifier = who.strip(" ,").rpartition(",")
        sender, identifier = sender.strip(" ,"), identifier.strip()
        sent = self._moment(at)
        if not identifier:
            return []
        if " " in identifier and not sender:  # leftovers of others before the one with a time
            identifier = identifier.rsplit(" ", 1)[1]
        if sent is None or not sender:
            self._notes.add(WarningNote.REFERENCE_PARTIAL)
        return [WarningId((sender or key.sender)[:200], identifier[:200], sent or UNKNOWN_SENT)]

    # ---- its blocks

    def _infos(self, elements: Sequence[Element], sent: datetime, *, is_update: bool) -> tuple[WarningInfo, ...]:
        read = [self._info(element, sent, is_update=is_update) for element in elements]
        donor = next((info for info in read if info.areas), None)
        if donor is not None:
            for index, info in enumerate(read):
                if not info.areas:
                    self._notes.add(WarningNote.AREA_TAKEN_OVER)
                    missing = info.expires is None and not text_of(elements[index], "expires")
                    read[index] = replace(
                        info,
                        areas=donor.areas,
                        expires=donor.expires if missing else info.expires,
                    )
        if len(read) > MOST_INFOS:
            self._notes.add(WarningNote.SHORTENED)
            read.sort(key=lambda info: (info.holds(self._now), info.level.rank), reverse=True)
        return tuple(read[:MOST_INFOS])

    def _info(self, element: Element, sent: datetime, *, is_update: bool) -> WarningInfo:
        parameters = list(_named_values(element, "parameter"))[:MOST_NAMED]
        codes = list(_named_values(element, "eventCode"))[:MOST_NAMED]
        severity, headline = text_of(element, "severity", 40), text_of(element, "headline")
        urgency = text_of(element, "urgency", 40)
        event = self._event(element, parameters)
        level = level_of([*parameters, *codes], severity, headline, event, self._notes)
        effective = self._moment(text_of(element, "effective", 100)) or sent
        over = is_over(
            [response.text or "" for response in children(element, "responseType")],
            urgency, headline, level, is_update=is_update,
        )  # fmt: skip
        return WarningInfo(
            event=event,
            level=level,
            severity=severity,
            urgency=urgency,
            certainty=text_of(element, "certainty", 40),
            effective=effective,
            onset=self._moment(text_of(element, "onset", 100)) or effective,
            expires=self._moment(text_of(element, "expires", 100)),
            areas=self._areas_of(element),
            headline=headline,
            language=text_of(element, "language", 40),
            event_codes=tuple(codes),
            over=over,
        )

    def _event(self, element: Element, parameters: Sequence[tuple[str, str]]) -> str:
        event = text_of(element, "event", 200)
        if _AWARENESS_EVENT.search(event):  # MeteoAlarm's parameters in the place of words: `10; Rain`
            kinds = [value for name, value in parameters if name.strip().lower() == "awareness_type"]
            words = [value.partition(";")[2].strip() for value in kinds]
            event = next((word for word in words if word), event)
        if not event:
            self._notes.add(WarningNote.FIELD_MISSING)
            event = text_of(element, "headline", 200) or text_of(element, "category", 200) or "?"
        return event

    def _areas_of(self, element: Element) -> tuple[WarningArea, ...]:
        found = list(children(element, "area"))
        if len(found) > MOST_AREAS:
            self._notes.add(WarningNote.SHORTENED)
        areas = [read_area(area, self._areas) for area in found[:MOST_AREAS]]
        if len(found) > MOST_AREAS:
            areas.append(WarningArea("…", unknown=True))
        return tuple(dict.fromkeys(areas))

    def _note_areas(self, infos: Sequence[WarningInfo], kind: MessageType) -> None:
        if kind is MessageType.CANCEL:
            return
        areas = [area for info in infos for area in info.areas]
        named = [bool(one.polygons or one.circles or one.geocodes or one.outlines) for one in areas]
        if not any(named):
            self._notes.add(WarningNote.AREA_UNKNOWN)
        elif not all(named) or any(area.unknown or area.outlines for area in areas):
            self._notes.add(WarningNote.AREA_PARTLY_UNKNOWN)

    def _leading(
        self, infos: Sequence[WarningInfo], elements: Sequence[Element], sent: datetime
    ) -> tuple[WarningInfo, Element]:
        """The gravest block that holds now, in Chinese where it is told in several languages; and its element."""
        if not infos:
            return WarningInfo("", WarningLevel.UNKNOWN, "", "", "", sent, sent, None, ()), Element("info")

        def weight(info: WarningInfo) -> tuple[bool, bool, int, bool]:
            chinese = info.language.lower().startswith("zh")
            return info.holds(self._now), not info.over, info.level.rank, chinese

        lead = max(infos, key=weight)
        same = (one for one in elements if text_of(one, "headline") == lead.headline)
        return lead, next(same, elements[0])


def _latest(infos: Sequence[WarningInfo]) -> datetime | None:
    """When the last block ends; None where one of those that matter gives no time."""
    ends = [info.expires for info in infos if not info.over] or [info.expires for info in infos]
    return None if None in ends else max(end for end in ends if end is not None)


def _word(kind: type[E], text: str) -> E | None:
    return next((member for member in kind if member.value.lower() == text.lower()), None)
