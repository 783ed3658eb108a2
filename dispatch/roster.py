"""Who is on shift: people in the roster only during their shifts, everybody else as configured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from data.config.settings import Settings
from data.model.organisation import Shift
from data.model.people import Responder
from data.ports.store import Reader, Writer
from data.stored.trail import responder_changed

COUNTS_FOR = timedelta(days=7)  # a roster without newer shifts than this is ignored


class Roster:
    """The roster at one moment."""

    def __init__(self, shifts: Sequence[Shift], now: datetime) -> None:
        self._planned = {shift.person for shift in shifts if shift.ends > now - COUNTS_FOR}
        self._present = {shift.person for shift in shifts if shift.begins <= now < shift.ends}

    def is_on_shift(self, person: str, *, configured: bool) -> bool:
        """`configured`: the setting of config.yaml, for people who are not in the roster."""
        return person in self._present if person in self._planned else configured


def changes_of_shift(reader: Reader, settings: Settings, now: datetime) -> list[Responder]:
    """The responders whose shift has begun or ended, as they should be stored."""
    roster = Roster(reader.shifts(since=now - COUNTS_FOR), now)
    configured = {one.id: one.on_shift for one in settings.responders}
    wanted = [
        (one, roster.is_on_shift(one.id, configured=configured[one.id]))
        for one in reader.responders()
        if one.id in configured
    ]
    return [replace(one, on_shift=on_shift) for one, on_shift in wanted if one.on_shift is not on_shift]


def keep_shifts(writer: Writer, settings: Settings, now: datetime) -> int:
    """Put people on and off shift by the roster; returns how many changed."""
    changed = changes_of_shift(writer, settings, now)
    for responder in changed:
        writer.put_responder(responder)
        responder_changed(writer, responder.id, now)
    return len(changed)
