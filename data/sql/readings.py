"""Writes of readings. Another value for the same time is a correction: the newest counts, earlier ones are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Table, bindparam, delete, insert, select, update

from data.model.observation import Reading
from data.sql import rows
from data.sql.reader import NEWEST
from data.sql.readings_read import READINGS, SUPERSEDED
from data.sql.writing import SqlWriting, newest_first_by

_GAUGE = ("site", "monitor", "quantity")
_MEASURED = ("value", "quality", "uncertainty", "vertical_datum")


class ReadingWriting(SqlWriting):
    """The part of `data.ports.store.Writer` about readings."""

    def add_readings(self, readings: Sequence[Reading]) -> int:
        values = [rows.reading_values(reading) for reading in readings]
        if not values:
            return 0
        statement = self._inserting(READINGS).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
        new = int(self._connection.execute(statement, values).rowcount)
        if new:
            self._keep_newest(values)
        return new if new == len(values) else new + self._correct(readings, values)

    def forget_newest_after(self, at: datetime) -> None:
        newest = [NEWEST.c[name] for name in _GAUGE]
        for row in self._connection.execute(select(*newest).where(NEWEST.c.at > at)).all():
            of_gauge = zip(_GAUGE, row, strict=True)
            before = (
                select(READINGS)
                .where(*(READINGS.c[name] == value for name, value in of_gauge), READINGS.c.at <= at)
                .order_by(READINGS.c.at.desc())
                .limit(1)
            )
            known = self._connection.execute(before).mappings().first()
            same = [column == value for column, value in zip(newest, row, strict=True)]
            if known is None:
                self._connection.execute(delete(NEWEST).where(*same))
            else:
                values = {name: known[name] for name in NEWEST.c.keys() if name not in _GAUGE}  # noqa: SIM118
                self._connection.execute(update(NEWEST).where(*same).values(**values))

    def _keep_newest(self, values: Sequence[Mapping[str, Any]]) -> None:
        statement = self._inserting(NEWEST)
        changed = {name: statement.excluded[name] for name in values[0] if name not in _GAUGE}
        newer = statement.excluded.at > NEWEST.c.at
        known = statement.on_conflict_do_update(index_elements=list(_GAUGE), set_=changed, where=newer)
        self._connection.execute(known, list(newest_first_by(values, *_GAUGE).values()))

    def _correct(self, readings: Sequence[Reading], values: Sequence[Mapping[str, Any]]) -> int:
        """Apply corrections, in order: readings whose value differs from the stored one; returns how many."""
        current: dict[tuple[Any, ...], Mapping[str, Any]] = dict(self._stored(readings))
        replaced: list[dict[str, Any]] = []
        corrected: dict[tuple[Any, ...], dict[str, Any]] = {}
        for value in values:
            place = tuple(value[name] for name in (*_GAUGE, "at"))
            known = current[place]
            if all(known[name] == value[name] for name in _MEASURED):
                continue
            replaced.append(
                {name: known[name] for name in (*_GAUGE, "at", *_MEASURED)} | {"superseded_at": self._now()}
            )
            first = known["value"] if known["first_value"] is None else known["first_value"]
            current[place] = corrected[place] = {
                **value, "first_value": first, "corrections": known["corrections"] + 1
            }  # fmt: skip
        if replaced:
            self._connection.execute(insert(SUPERSEDED), replaced)
            for table in (READINGS, NEWEST):
                self._connection.execute(_corrected(table), [_named(row) for row in corrected.values()])
        return len(replaced)

    def _stored(self, readings: Sequence[Reading]) -> dict[tuple[Any, ...], RowMapping]:
        """The rows of these readings, by their key."""
        found: dict[tuple[Any, ...], RowMapping] = {}
        for site in {reading.site for reading in readings}:
            times = sorted({reading.at for reading in readings if reading.site == site})
            for row in self._rows_at(site, times):
                found[tuple(row[name] for name in (*_GAUGE, "at"))] = row
        return found


def _corrected(table: Table) -> Any:
    """UPDATE of the row of one gauge at one time; of the newest readings only where that time is the newest."""
    place = [table.c[name] == bindparam(f"at_{name}") for name in (*_GAUGE, "at")]
    new_values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in (*_MEASURED, "first_value", "corrections")}
    return update(table).where(*place).values(new_values)


def _named(row: Mapping[str, Any]) -> dict[str, Any]:
    return {f"at_{name}": row[name] for name in (*_GAUGE, "at")} | {
        f"new_{name}": row[name] for name in (*_MEASURED, "first_value", "corrections")
    }
