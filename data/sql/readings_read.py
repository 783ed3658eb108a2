"""Queries of readings and of their values before correction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import RowMapping, and_, select

from data.model.observation import Reading
from data.sql import models, rows
from data.sql.base_queries import BaseQueries

READINGS = models.ReadingRow.table()
SUPERSEDED = models.SupersededReadingRow.table()
_AT_ONCE = 500  # times in one statement


class ReadingQueries(BaseQueries):
    """The part of `data.ports.store.Reader` about the versions of readings."""

    def _rows_at(self, site: str, times: Sequence[datetime]) -> Iterator[RowMapping]:
        """The readings of a site at these times, as rows."""
        for start in range(0, len(times), _AT_ONCE):
            asked = select(READINGS).where(READINGS.c.site == site, READINGS.c.at.in_(times[start : start + _AT_ONCE]))
            yield from self._connection.execute(asked.order_by(READINGS.c.at)).mappings()

    def corrected_readings(
        self, sites: Sequence[str], *, since: datetime, until: datetime, limit: int = 500
    ) -> Sequence[Reading]:
        at = SUPERSEDED.c.at  # few readings were corrected, so these are searched instead of the readings
        places = (SUPERSEDED.c.site, SUPERSEDED.c.monitor, SUPERSEDED.c.quantity, at)
        replaced = select(*places).distinct().where(SUPERSEDED.c.site.in_(sites), at >= since, at < until)
        few = replaced.order_by(at).limit(limit).subquery()
        same = and_(*(READINGS.c[column.name] == few.c[column.name] for column in places))
        return self._all(select(READINGS).join(few, same).order_by(READINGS.c.at), rows.reading_of)

    def reading_versions(self, site: str, times: Sequence[datetime]) -> Sequence[Reading]:
        found: list[Reading] = []
        for start in range(0, len(times), _AT_ONCE):
            asked = times[start : start + _AT_ONCE]
            earlier = select(SUPERSEDED).where(SUPERSEDED.c.site == site, SUPERSEDED.c.at.in_(asked))
            found += self._all(earlier.order_by(SUPERSEDED.c.id), rows.superseded_reading_of)
        return [*found, *(rows.reading_of(row) for row in self._rows_at(site, times))]
