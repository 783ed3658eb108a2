"""Time series in CSV files, read with pandas: rows that can be used, and rows that cannot with their line."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd

from data.errors import DeviceLost, InputRejected
from monitors.gauges._fill import FillValues, require_value
from monitors.gauges._number import Decimal, number
from monitors.gauges._time_formats import EXCEL, excel_times, hour_24, is_day_number
from monitors.gauges._times import HOUR_24, LEAP_SECOND, LocalTimes

ANY_OFFSET = r"[Zz]|[T :].*[+-]"  # something like an offset, be it whole or not
OFFSET = r"(?:[Zz]|[+-]\d{2}:?\d{2})\s*$"  # at the end of an ISO 8601 time
BARE_DAY = r"\d{4}(?:-?\d{2}(?:-?\d{2})?|-?W\d{2}(?:-?\d)?)?"
_DAY = timedelta(days=1)
FIRST_YEAR, LAST_YEAR = 1, 9998  # pandas reads years that Python does not know


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns hold time and value, and how times are written (ISO 8601 when `time_format` is None)."""

    time: str
    value: str
    time_format: str | None
    timezone: str | None
    decimal: Decimal = "."
    missing: tuple[str, ...] = ()  # words that stand where there is no value


@dataclass(frozen=True, slots=True)
class Row:
    """A usable row; `at` in UTC, `value` in the file's unit, `line` counted from 1."""

    at: datetime
    value: float
    line: int


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be used, and why."""

    line: int
    reason: str
    excerpt: str


class SeriesFile:
    """A CSV file read from its beginning on; `more` gives what was appended since."""

    def __init__(self, path: Path, columns: Columns, separator: str, encoding: str, skip_lines: frozenset[int]) -> None:
        self.path = path
        self._columns = columns
        self._separator = separator
        self._encoding = encoding
        self._skip_lines = skip_lines
        self._times: LocalTimes | None = None
        self._restart(0)

    def more(self, *, whole_lines: bool) -> tuple[list[Row], list[BadRow]]:
        """New rows in order of time, bad ones in order of line; `whole_lines`: a last line without end waits.

        Raises DeviceLost when the file cannot be read now, InputRejected when it never can: a column is missing, or
        times have no offset and no time zone is set.
        """
        try:
            with self.path.open("rb") as file:
                stat = self.path.stat()
                if stat.st_ino != self._inode or stat.st_size < self._position:
                    self._restart(stat.st_ino)  # a new file in its place
                file.seek(self._position)
                content = file.read()
        except OSError as error:
            raise DeviceLost(f"cannot read {self.path}: {error.strerror}") from error
        if whole_lines:
            content = content[: content.rfind(b"\n") + 1]
        self._position += len(content)
        text = content.decode(self._encoding, "replace")
        return self._parsed(text.removeprefix("\ufeff") if self._line == 0 else text)

    def _restart(self, inode: int) -> None:
        self._inode = inode
        zone = self._columns.timezone
        self._times = None if zone is None else LocalTimes(ZoneInfo(zone))
        self._position = 0
        self._line = 0
        self._header: list[str] | None = None

    def _parsed(self, text: str) -> tuple[list[Row], list[BadRow]]:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=self._separator)
        lines: list[tuple[int, list[str]]] = []
        try:
            for cells in reader:
                number = self._line + reader.line_num
                if number in self._skip_lines:
                    continue
                if self._header is None:
                    self._header = [cell.strip() for cell in cells]
                    continue
                lines.append((number, cells))
        except csv.Error as error:
            raise InputRejected(f"{self.path} is no CSV text: {error}") from error
        self._line += reader.line_num
        if self._header is None or not lines:
            return [], []
        time_at, value_at = self._place(self._columns.time), self._place(self._columns.value)
        return rows_of(lines, time_at, value_at, self._columns, self._times)

    def _place(self, name: str) -> int:
        header = self._header or []
        if name not in header:
            known = ", ".join(repr(cell[:40]) for cell in header[:20])
            raise InputRejected(f"{self.path} has no column {name!r}; it has {known}")
        if header.count(name) > 1:
            places = " and ".join(str(place) for place, cell in enumerate(header, 1) if cell == name)
            raise InputRejected(f"{self.path} has the column {name!r} twice (columns {places}): rename all but one")
        return header.index(name)


def rows_of(
    lines: Sequence[tuple[int, list[str]]],
    time_at: int,
    value_at: int,
    columns: Columns,
    times: LocalTimes | None = None,
) -> tuple[list[Row], list[BadRow]]:
    """Rows in order of time and bad rows; lines where time and value are empty (a tail, say) are nothing.

    `times`: knows the local times of earlier rows of the same file; none were read when left out.
    """
    if times is None and columns.timezone is not None:
        times = LocalTimes(ZoneInfo(columns.timezone))
    picked = [
        (number, cells[time_at].strip() if time_at < len(cells) else "",
         cells[value_at].strip() if value_at < len(cells) else "", ",".join(cells)[:200])
        for number, cells in lines
    ]  # fmt: skip
    frame = pd.DataFrame(picked, columns=["line", "time", "value", "text"])
    frame = frame[(frame["time"] != "") | (frame["value"] != "")]
    if frame.empty:
        return [], []
    at, refused = utc_times(frame["time"], columns, times)
    frame = frame.assign(at=at, number=[_number(text, columns) for text in frame["value"]])
    good = frame["at"].notna() & frame["number"].notna()
    usable = frame[good].sort_values("at", kind="stable")
    rows = [
        Row(at.to_pydatetime(), float(value), int(line))
        for at, value, line in zip(usable["at"], usable["number"], usable["line"], strict=True)
    ]
    bad = [
        BadRow(int(row["line"]), refused.get(place, "") or reason(row, columns), str(row["text"]))
        for place, row in frame[~good].iterrows()
    ]
    return rows, bad


def reason(row: pd.Series, columns: Columns) -> str:
    """Why this row cannot be used."""
    if pd.isna(row["at"]):
        if columns.time_format is None and _is_bare_day(row["time"]):
            return (
                f"{row['time']!r:.60} is a day without a time of day; where the day's beginning is meant, set "
                '`time_format: "%Y-%m-%d"`'
            )
        if columns.time_format is None and is_day_number(row["time"]):
            return f"{row['time']!r:.60} looks like a day number of Excel: set `time_format: excel`"
        how = (
            f"written as {columns.time_format}" if columns.time_format else "in ISO 8601; set `time_format` for others"
        )
        return f"{row['time']!r:.60} is no time {how}"
    try:
        _required(row["value"], columns)
    except InputRejected as error:
        return str(error)
    return f"{row['value']!r:.60} is not a number"


def _required(text: str, columns: Columns) -> float:
    """Raises InputRejected."""
    require_value(text, FillValues(), columns.missing)
    return number(text, columns.decimal)


def _number(text: str, columns: Columns) -> float:
    """NaN where it is none."""
    try:
        value = _required(text, columns)
    except InputRejected:
        return float("nan")
    return value if math.isfinite(value) else float("nan")


def utc_times(texts: pd.Series, columns: Columns, times: LocalTimes | None) -> tuple[pd.Series, dict[Hashable, str]]:
    """UTC, NaT where it is no time; why those that look like one are none, by their place in the index.

    `times` resolves local times. Raises InputRejected when there is none and a time has no offset.
    """
    written = columns.time_format or "ISO8601"
    at_24 = pd.Series(False, index=texts.index)
    if columns.time_format is None:
        at_24 = texts.str.contains(HOUR_24)
        texts = texts.str.replace(LEAP_SECOND, "59.999999", regex=True).str.replace(HOUR_24, "00", regex=True)
        texts = texts.mask(texts.str.fullmatch(BARE_DAY))
    elif (pattern := hour_24(written)) is not None:
        at_24 = texts.str.fullmatch(pattern, na=False)
        texts = texts.str.replace(re.compile(f"^{pattern.pattern}$"), r"\g<1>00\g<2>", regex=True)
    own = texts.str.contains(OFFSET, regex=True, na=False) if columns.time_format is None else "%z" in written
    with_offset = own if isinstance(own, pd.Series) else pd.Series(own, index=texts.index)
    offset_format = None if written == EXCEL else written
    at = pd.to_datetime(texts.where(with_offset), format=offset_format, errors="coerce", utc=True)
    at = at.where(at.dt.year.between(FIRST_YEAR, LAST_YEAR))
    at = at.where(~at_24, at + _DAY)
    local = texts[~with_offset]
    if local.empty:
        return at, {}
    if columns.time_format is None:
        local = local.mask(local.str.contains(ANY_OFFSET, regex=True, na=False))
    plain = excel_times(local) if written == EXCEL else pd.to_datetime(local, format=written, errors="coerce")
    plain = plain.where(plain.dt.year.between(FIRST_YEAR, LAST_YEAR))
    plain = plain.where(~at_24[~with_offset], plain + _DAY)
    if times is None:
        if plain.notna().any():
            raise InputRejected(
                f"times such as {local[plain.notna()].iloc[0]!r} have no offset from UTC: set the gauge's `timezone`"
            )
        return at, {}
    placed, refused = _placed(plain, times)
    return at.where(with_offset, placed.reindex(at.index)), refused


def _placed(plain: pd.Series, times: LocalTimes) -> tuple[pd.Series, dict[Hashable, str]]:
    """Local times as UTC; those of clock changes one by one, in the order of the rows, and why some are none."""
    placed = plain.dt.tz_localize(times.zone, ambiguous="NaT", nonexistent="NaT").dt.tz_convert("UTC")
    odd = plain[plain.notna() & placed.isna()]
    refused: dict[Hashable, str] = {}
    now = datetime.now(UTC)
    before = plain.index[0]
    for block in _blocks(odd, plain.index):
        known = placed[before : block.index[0]].max()
        if pd.notna(known):
            times.note(known.to_pydatetime())
        before = block.index[-1]
        for place, found in zip(block.index, times.utc_of_all(_moments(block), now=now), strict=True):
            if isinstance(found, InputRejected):
                refused[place] = str(found)
            else:
                placed[place] = found
    newest = placed.max()
    if pd.notna(newest):
        times.note(newest.to_pydatetime())
    return placed, refused


def _blocks(odd: pd.Series, index: pd.Index) -> Iterator[pd.Series]:
    """Rows that follow each other in the table."""
    places = pd.Series(index.get_indexer(odd.index), index=odd.index)
    for _, block in odd.groupby(places.diff().ne(1).cumsum()):
        yield block


def _moments(local: pd.Series) -> list[datetime]:
    return [moment.to_pydatetime() for moment in local]


def _is_bare_day(text: str) -> bool:
    return re.fullmatch(BARE_DAY, text) is not None
