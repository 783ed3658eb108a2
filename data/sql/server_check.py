"""What is wrong with a PostgreSQL server, database or user, in words that say what to do about it."""

from __future__ import annotations

from sqlalchemy import URL, Connection, text
from sqlalchemy.exc import DBAPIError

from data.errors import StoreClosed
from data.model.secrets import redact

OLDEST = 14  # the oldest major version that the tests' SQL is written for and that is still maintained

_SERVER = text(
    "SELECT current_setting('server_version_num')::int, current_setting('server_version'),"
    " getdatabaseencoding(), pg_is_in_recovery()"
)
_ADVICE = {
    "42501": "user {user} lacks a right: make it the owner (ALTER DATABASE {database} OWNER TO {user}), or "
    "GRANT CREATE, CONNECT ON DATABASE {database} TO {user} and GRANT CREATE, USAGE ON SCHEMA public TO {user}",
    "53300": "the server has no connection left; each process of Yiping takes some (max_connections, "
    "docs/operations.md)",
    "57P03": "the server is starting or stopping; it is tried again",
    "25006": "the server takes no writes: it is a standby; name the primary, or both with "
    "target_session_attrs=read-write",
}
"""What to do, by SQLSTATE (PostgreSQL, appendix A)."""
_UNREACHABLE = "does it run there, does it listen on that address, and does pg_hba.conf let user {user} in?"


def place(url: URL) -> str:
    """The store's location, without user and password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    host = url.host or ", ".join(_listed(url.query.get("host"))) or "this machine"
    return f"{url.database} on {host}{f':{url.port}' if url.port else ''}"


def _listed(hosts: object) -> tuple[str, ...]:
    return (hosts,) if isinstance(hosts, str) else tuple(hosts) if isinstance(hosts, tuple) else ()


def refusal(url: URL, error: DBAPIError) -> StoreClosed:
    """Why this store cannot be opened: the server's own words and, where they are known, what to do."""
    said = redact(" ".join(str(error.orig).split()))
    known = f"cannot open the store {place(url)}: {said}"
    if url.get_backend_name() == "sqlite":
        return StoreClosed(known)
    state = getattr(error.orig, "sqlstate", None)
    advice = _UNREACHABLE if state is None else _ADVICE.get(state, "")
    if not advice:
        return StoreClosed(known)
    return StoreClosed(f"{known} — {advice.format(user=url.username or 'of the system', database=url.database)}")


def refuse_unsuitable(connection: Connection, url: URL) -> None:
    """Raises StoreClosed for a server that is too old or a standby, and for a database that is not in UTF-8."""
    number, version, encoding, standby = connection.execute(_SERVER).one()
    where = f"cannot open the store {place(url)}"
    if number < OLDEST * 10_000:
        raise StoreClosed(f"{where}: its PostgreSQL is {version}, and {OLDEST} or newer is needed")
    if encoding != "UTF8":
        raise StoreClosed(
            f"{where}: its encoding is {encoding}; make it anew: CREATE DATABASE {url.database} ENCODING 'UTF8' "
            "TEMPLATE template0"
        )
    if standby:
        raise StoreClosed(f"{where}: {_ADVICE['25006']}")
