"""Queries of settings versions."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import RowMapping, func, select

from data.model.settings_version import SettingsVersion
from data.sql.settings_rows import SettingsVersionRow
from data.sql.whole_rows import WholeRowQueries

VERSIONS = SettingsVersionRow.table()
_NEWEST = select(func.coalesce(func.max(VERSIONS.c.number), 0))
_WITHOUT_DOCUMENT = select(*(column for column in VERSIONS.c if column.name != "document"))


def version_of(row: RowMapping) -> SettingsVersion:
    values = {"document": "", **row}
    return SettingsVersion(difference=tuple(values.pop("difference")), **values)


class SettingsQueries(WholeRowQueries):
    """The part of `data.ports.store.Reader` about versions of the settings."""

    def newest_settings(self) -> int:
        return int(self._connection.execute(_NEWEST).scalar_one())

    def settings_version(self, number: int) -> SettingsVersion:
        return self._one_whole(VERSIONS, number, version_of, "version of the settings")

    def settings_versions(self, *, before: int | None = None, limit: int = 100) -> Sequence[SettingsVersion]:
        found = _WITHOUT_DOCUMENT.order_by(VERSIONS.c.number.desc()).limit(limit)
        return self._all(found if before is None else found.where(VERSIONS.c.number < before), version_of)
