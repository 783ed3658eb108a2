"""Writes of settings versions, which are numbered consecutively and never changed."""

from __future__ import annotations

from sqlalchemy import insert

from data.errors import StaleVersion
from data.model.settings_version import SettingsVersion
from data.sql import rows
from data.sql.settings_read import VERSIONS
from data.sql.writing import SqlWriting


class SettingsWriting(SqlWriting):
    """The part of `data.ports.store.Writer` about versions of the settings."""

    def add_settings_version(self, version: SettingsVersion) -> None:
        newest = self.newest_settings()
        if version.number != newest + 1:
            raise StaleVersion(
                f"the settings were changed by somebody else: version {version.number - 1} is now {newest}",
                key="settings.stale",
                base=version.number - 1,
                version=newest,
            )
        values = rows.plain(version) | {"workers": dict(version.workers), "difference": list(version.difference)}
        self._execute(insert(VERSIONS), values, f"version {version.number} of the settings")
