"""Whether a PostgreSQL server verifies checksums of its pages, and whether it has found damaged ones."""

from __future__ import annotations

from sqlalchemy import text

from data.ports.store import PageChecksums
from data.sql.base_queries import BaseQueries

# `ignore_checksum_failure` serves damaged pages, with a warning only in the server's own log.
_ASKED = text(
    "SELECT current_setting('data_checksums') = 'on' AND "
    "coalesce(current_setting('ignore_checksum_failure', true), 'off') = 'off', "
    "(SELECT coalesce(sum(checksum_failures), 0) FROM pg_stat_database "
    "WHERE datname = current_database() OR datname IS NULL)"
)


class PageChecksumQueries(BaseQueries):
    """The part of `data.ports.store.Reader` about checksums of pages."""

    def page_checksums(self) -> PageChecksums | None:
        if self._connection.dialect.name == "sqlite":
            return None
        verified, failures = self._connection.execute(_ASKED).one()
        return PageChecksums(bool(verified), int(failures))
