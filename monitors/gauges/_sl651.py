"""Telegrams of SL 651-2014 (Chinese hydrological data transmission), HEX/BCD coding, as bytes and as values.

7E 7E · centre · station (5) · password (2) · function · direction and length (2) · STX · body · ETX · CRC-16 (2).
The CRC is CRC-16/MODBUS over everything before it, high byte first. An element of the body is its identifier, one byte
of data length (high 5 bits) and decimals (low 3 bits), and the data in BCD; a leading FF byte makes it negative.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from types import MappingProxyType

from data.errors import InputRejected
from monitors.gauges._times import both_hours

START = b"\x7e\x7e"
STX, SYN, ETX, ETB, ESC = 0x02, 0x16, 0x03, 0x17, 0x1B
HEADER = 14  # bytes up to and with STX
TAIL = 3  # end mark and CRC
LONGEST = HEADER + 0xFFF + TAIL
KEEP_ALIVE, TEST, UNIFORM, HOURLY = 0x2F, 0x30, 0x31, 0x34
REPORTS = frozenset({TEST, UNIFORM, 0x32, 0x33, 0x34, 0x37})  # test, uniform, timed, added, hourly, asked for
ANSWERED = REPORTS | {KEEP_ALIVE}
OBSERVED_AT, OF_STATION = 0xF0, 0xF1  # each twice: what follows was observed then, by this station
STEP = 0x04  # element: distance of the values of a uniform report
EXTENDED = 0xFF  # its identifier has a second byte
# Twelve values of the last hour, five minutes apart, in binary: bytes each, units of each count.
SERIES = MappingProxyType({0xF4: (1, 0.1)} | dict.fromkeys(range(0xF5, 0xFD), (2, 0.01)))
VALUES = 12
FEWEST_NINES = 4  # digits in BCD that are all 9: the largest number that can be written, sent for a missing value
EVERY = timedelta(minutes=5)


MOST_STARTS = 32  # beginnings looked at in one search: what comes from outside costs a bounded time


def _crc_step(value: int) -> int:
    for _ in range(8):
        value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return value


_CRC_TABLE = tuple(_crc_step(byte) for byte in range(256))


def crc16(content: bytes) -> int:
    """CRC-16/MODBUS: polynomial A001 reflected, start FFFF."""
    value = 0xFFFF
    for byte in content:
        value = (value >> 8) ^ _CRC_TABLE[(value ^ byte) & 0xFF]
    return value


class NotUnderstood(InputRejected):
    """What the station sent is not written as the standard says; it is not acknowledged, so that it comes again."""


@dataclass(frozen=True, slots=True)
class Element:
    """One value of a telegram; `code` is its identifier, FF33 for an extended one.

    `count_of`: units per count where the data are binary, None where they are BCD.
    """

    code: int
    raw: bytes
    decimals: int
    at: datetime
    count_of: float | None = None

    @property
    def value(self) -> float:
        """Raises InputRejected where the station had none or what is there is no number."""
        name = f"element {self.code:02X}"
        if self.raw in {b"\xff" * len(self.raw), b"\xaa" * len(self.raw)}:
            raise InputRejected(f"{name}: the station had no value at {self.at.isoformat()}")
        if self.count_of is not None:
            return round(int.from_bytes(self.raw, "big") * self.count_of, 3)
        negative = self.raw[:1] == b"\xff"
        digits = (self.raw[1:] if negative else self.raw).hex()
        if len(digits) >= FEWEST_NINES and set(digits) == {"9"}:
            raise InputRejected(f"{name}: the station had no value at {self.at.isoformat()} (all digits are 9)")
        if not digits.isdecimal():
            raise NotUnderstood(f"{name}: {self.raw.hex().upper()[:40]} is no number in BCD")
        value: float = int(digits) / 10**self.decimals
        return -value if negative else value


@dataclass(frozen=True, slots=True)
class Telegram:
    """An uplink message. `station` is its address as ten hex digits, `password` (a secret) as four. Times are UTC."""

    centre: int
    station: str
    password: str
    function: int
    serial: bytes
    sent: datetime
    elements: tuple[Element, ...]


def _moment(raw: bytes, zone: tzinfo, what: str) -> datetime:
    """From BCD year (20..), month, day, hour, minute and, where there are six bytes, second.

    A station's clock keeps one offset; where `zone` puts clocks back, the first of the two hours is meant.
    """
    digits = raw.hex()
    try:
        year, month, day, hour, minute, second = (int(digits[i : i + 2] or "0") for i in range(0, 12, 2))
        local = datetime(2000 + year, month, day, hour, minute, second)  # noqa: DTZ001 - local, as the station tells it
    except (ValueError, OverflowError):
        raise InputRejected(f"{what} {digits.upper()} is no time in BCD") from None
    return both_hours(local, zone)[0]


def length_of(header: bytes) -> int:
    """How long the telegram is that begins so, bytes. `header`: its first 14. Raises InputRejected."""
    marks = int.from_bytes(header[11:13], "big")
    if marks >> 12:
        raise InputRejected(f"direction {marks >> 12:X} is not a station's")
    if header[13] not in {STX, SYN}:
        raise InputRejected(f"{header[13]:02X} stands where the body begins")
    return HEADER + (marks & 0xFFF) + TAIL


def parse_telegram(frame: bytes, zone: tzinfo, *, crc: str = "standard", hour_begins: bool = False) -> Telegram:
    """One whole telegram. Raises InputRejected.

    `zone`: of the station's clock. `crc`: standard, low_first (its bytes exchanged) or unchecked. `hour_begins`: an
    hourly report (function 34) is timed by the beginning of its hour, not by the end.
    """
    if len(frame) < HEADER + TAIL or frame[:2] != START:
        raise InputRejected("it is no telegram")
    if length_of(frame[:HEADER]) != len(frame):
        raise InputRejected(f"it says {length_of(frame[:HEADER])} bytes and has {len(frame)}")
    order = "little" if crc == "low_first" else "big"
    if crc != "unchecked" and crc16(frame[:-2]) != int.from_bytes(frame[-2:], order):  # type: ignore[arg-type]
        raise InputRejected("its CRC is wrong")
    if frame[13] == SYN or frame[-TAIL] not in {ETX, ETB}:
        raise InputRejected("telegrams in several parts (pictures) are not taken")
    body = frame[HEADER:-TAIL]
    function = frame[10]
    sent = _moment(body[2:8], zone, "the time of sending")
    elements: tuple[Element, ...] = ()
    if function in REPORTS:
        hour_begins = hour_begins and function == HOURLY
        elements = tuple(_Body(body[8:], function, zone, hour_begins).elements())
    return Telegram(frame[2], frame[3:8].hex().upper(), frame[8:10].hex().upper(), function, body[:2], sent, elements)


class _Body:
    """What follows serial number and time of sending in a report."""

    def __init__(self, content: bytes, function: int, zone: tzinfo, hour_begins: bool) -> None:
        if content[:2] != b"\xf1\xf1" or content[8:10] != b"\xf0\xf0" or len(content) < 15:
            raise InputRejected("the report does not name its station and the time of observation")
        self._content = content[15:]
        self._station = content[2:7]
        self._zone = zone
        self._uniform = function == UNIFORM
        self._hour_begins = hour_begins
        self._at = _moment(content[10:15], zone, "the time of observation")
        self._place = 0

    def _take(self, count: int) -> bytes:
        taken = self._content[self._place : self._place + count]
        if len(taken) < count:
            raise InputRejected(f"the report ends in the middle of an element ({len(taken)} of {count} bytes)")
        self._place += count
        return taken

    def elements(self) -> Iterator[Element]:
        step = timedelta(0)
        while self._place < len(self._content):
            code = self._take(1)[0]
            if code in {OBSERVED_AT, OF_STATION} and self._content[self._place] == code:
                self._head(code)
                continue
            if code == EXTENDED:
                code = EXTENDED << 8 | self._take(1)[0]
            size, decimals = divmod(self._take(1)[0], 8)
            if code in SERIES:
                yield from self._hour(code)
                continue
            if size == 0:
                raise InputRejected(f"element {code:02X} has no length")
            if code == STEP:
                step = self._step(self._take(size))
            elif self._uniform and step:
                yield from self._series(code, size, decimals, step)
            else:
                yield Element(code, self._take(size), decimals, self._at)

    def _head(self, code: int) -> None:
        """The body names a time of observation, or its station, once more: what follows is of then."""
        self._take(1)
        if code == OBSERVED_AT:
            self._at = _moment(self._take(5), self._zone, "the time of observation")
        elif (station := self._take(6)[:5]) != self._station:
            raise NotUnderstood(f"the report of station {self._station.hex()} names {station.hex()} as well")

    def _hour(self, code: int) -> Iterator[Element]:
        """Twelve values of fixed size: some stations write a wrong length here, none has been seen to mean it.

        They are those of five past to the full hour. Most stations name the last of these times, some the first.
        """
        size, count_of = SERIES[code]
        begins = self._hour_begins or self._at.minute == EVERY.seconds // 60
        first = self._at if begins else self._at - (VALUES - 1) * EVERY
        for number in range(VALUES):
            yield Element(code, self._take(size), 0, first + number * EVERY, count_of)

    def _series(self, code: int, size: int, decimals: int, step: timedelta) -> Iterator[Element]:
        """In a uniform report one identifier stands before all its values; the first is of the time of observation."""
        number = 0
        heads = (bytes([OBSERVED_AT] * 2), bytes([OF_STATION] * 2))
        while self._place < len(self._content) and not self._content.startswith(heads, self._place):
            try:
                at = self._at + number * step
            except OverflowError:
                raise InputRejected("the times of the report run over") from None
            yield Element(code, self._take(size), decimals, at)
            number += 1

    @staticmethod
    def _step(raw: bytes) -> timedelta:
        """Days, hours, minutes in BCD; one of them is not zero."""
        digits = raw.hex()
        if len(raw) != 3 or not digits.isdecimal() or not int(digits):
            raise InputRejected(f"the step {digits.upper()[:20]} is no time in BCD")
        return timedelta(days=int(digits[:2]), hours=int(digits[2:4]), minutes=int(digits[4:]))


def acknowledgement(telegram: Telegram, at: datetime, *, crc: str = "standard") -> bytes:
    """What the centre answers, `at` by the station's clock; the connection stays (ESC)."""
    body = telegram.serial + bytes.fromhex(f"{at:%y%m%d%H%M%S}")
    head = START + bytes.fromhex(telegram.station) + bytes([telegram.centre]) + bytes.fromhex(telegram.password)
    frame = head + bytes([telegram.function]) + (0x8000 | len(body)).to_bytes(2, "big") + bytes([STX]) + body
    frame += bytes([ESC])
    return frame + crc16(frame).to_bytes(2, "little" if crc == "low_first" else "big")


class FrameBuffer:
    """Cuts a stream of bytes into telegrams and finds its place again after garbage and cut-off telegrams."""

    def __init__(self) -> None:
        self._content = bytearray()

    def feed(self, content: bytes) -> Iterator[bytes | InputRejected]:
        """Whole telegrams, and what had to be thrown away. A single 7E behind a telegram is nothing."""
        self._content += content
        while (start := self._content.find(START)) >= 0:
            yield from self._drop_before(start)
            if len(self._content) < HEADER:
                return
            try:
                size = length_of(bytes(self._content[:HEADER]))
            except InputRejected as error:
                yield error
                del self._content[:2]
                continue
            frame = bytes(self._content[:size])
            is_whole = len(frame) == size
            if is_whole and _is_sound(frame):
                yield frame
                del self._content[:size]
                continue
            place, follows = self._next_start(size)
            if follows or (place and is_whole and not _is_ended(frame)):
                yield InputRejected(f"a telegram of {size} bytes was cut off after {place}")
                del self._content[:place]
            elif is_whole:
                yield frame  # its CRC is for the gauge to judge: some stations send none that holds
                del self._content[: place or size]
            else:
                return
        if len(self._content) > 1:
            if self._content.strip(b"\x7e\r\n\0"):
                yield InputRejected(f"{len(self._content)} bytes are no telegram")
            del self._content[: len(self._content) - 1]

    def _drop_before(self, start: int) -> Iterator[InputRejected]:
        if self._content[:start].strip(b"\x7e\r\n\0"):
            yield InputRejected(f"{start} bytes stand before the beginning of a telegram")
        del self._content[:start]
        while self._content[2:3] == b"\x7e":  # the 7E that closed the one before
            del self._content[:1]

    def _next_start(self, size: int) -> tuple[int, bool]:
        """Where another telegram begins inside the one at the front, which is not sound; 0 where none does.

        And whether that one is there whole. It is believed by its CRC, or, of a station whose CRC never holds, by its
        end mark and the same address. A beginning that is still to come to its end only may be one.
        """
        place, possible = 1, 0
        is_ended = len(self._content) >= size and _is_ended(bytes(self._content[:size]))
        for _ in range(MOST_STARTS):
            place = self._content.find(START, place + 1)
            if place < 0 or place >= size:
                break
            while self._content[place + 2 : place + 3] == b"\x7e":
                place += 1
            inner = bytes(self._content[place : place + LONGEST])
            try:
                inner_size = length_of(inner[:HEADER]) if len(inner) >= HEADER else LONGEST
            except InputRejected:
                continue
            if len(inner) < inner_size:
                possible = possible or place
                continue
            inner = inner[:inner_size]
            if _is_ended(inner) and (_is_sound(inner) or (not is_ended and inner[3:8] == self._content[3:8])):
                return place, True
        return possible, False


def _is_ended(frame: bytes) -> bool:
    """Does an end mark stand where this whole telegram ends?"""
    return frame[-TAIL] in {ETX, ETB}


def _is_sound(frame: bytes) -> bool:
    """Does its CRC hold, in either order of its bytes?"""
    expected = crc16(frame[:-2])
    return expected in {int.from_bytes(frame[-2:], "big"), int.from_bytes(frame[-2:], "little")}
