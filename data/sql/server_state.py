"""How a PostgreSQL server is: its version, and how many of its connections are taken."""

from __future__ import annotations

from sqlalchemy import text

from data.ports.store import ServerState
from data.sql.base_queries import BaseQueries

# Counted by pg_stat_database, since pg_stat_activity hides from a plain user what the rows of others are.
_ASKED = text(
    "SELECT split_part(current_setting('server_version'), ' ', 1), current_database(), "
    "(SELECT coalesce(sum(numbackends), 0) FROM pg_stat_database), "
    "current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
)


class ServerStateQueries(BaseQueries):
    """The part of `data.ports.store.Reader` about the database's server."""

    def server_state(self) -> ServerState | None:
        if self._connection.dialect.name == "sqlite":
            return None
        version, database, taken, limit = self._connection.execute(_ASKED).one()
        return ServerState(str(version), str(database), int(taken), int(limit))
