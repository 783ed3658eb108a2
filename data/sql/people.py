"""Writing who there is: responders and where they are, users, their sessions and tokens."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update

from data.errors import IllegalMove
from data.geo import Location
from data.people import Responder, Session, User
from data.sql import rows
from data.sql.models import PositionRow
from data.sql.reader import RESPONDERS, SESSIONS, USERS
from data.sql.writing import SqlWriting

POSITIONS = PositionRow.table()


class PeopleWriting(SqlWriting):
    """The part of `data.store.Writer` about responders, users and sessions."""

    def put_responder(self, responder: Responder) -> None:
        values = rows.responder_values(responder)
        statement = self._inserting(RESPONDERS)
        changed = {name: statement.excluded[name] for name in values if name != "id"}
        known = statement.on_conflict_do_update(index_elements=["id"], set_=changed)
        self._execute(known, values, f"responder {responder.id}")

    def put_position(self, responder_id: str, at: datetime, location: Location, doubt: str = "") -> bool:
        """Raises NotFound for an unknown responder."""
        known_at = self.responder(responder_id).position_at
        point = {"lon": location.lon, "lat": location.lat}
        track = self._inserting(POSITIONS).on_conflict_do_nothing()
        self._execute(
            track, {"responder": responder_id, "at": at, "doubt": doubt, **point}, f"position of {responder_id}"
        )
        if doubt or (known_at is not None and at <= known_at):
            return False
        moved = update(RESPONDERS).where(RESPONDERS.c.id == responder_id)
        self._execute(moved, {"position_at": at, **point}, f"position of {responder_id}")
        return True

    def add_user(self, user: User) -> None:
        statement = self._inserting(USERS).on_conflict_do_nothing().returning(USERS.c.name)
        if self._execute(statement, rows.user_values(user), f"user {user.name}").scalar() is None:
            raise IllegalMove(f"there is a user {user.name!r} already")

    def save_user(self, user: User) -> None:
        """Raises NotFound."""
        values = rows.user_values(user)
        self._check_times(USERS, user.name, values, "user")
        self._execute(update(USERS).where(USERS.c.name == user.name).values(**values), {}, f"user {user.name}")

    def add_session(self, session: Session) -> None:
        statement = self._inserting(SESSIONS)
        self._execute(statement, rows.session_values(session), f"session of {session.user}")

    def revoke_session(self, secret_hash: str, at: datetime) -> None:
        """Once; a session that is unknown or revoked already stays as it is."""
        live = SESSIONS.c.revoked_at.is_(None)
        self._connection.execute(
            update(SESSIONS).where(SESSIONS.c.secret_hash == secret_hash, live).values(revoked_at=at)
        )

    def revoke_sessions_of(self, user: str, at: datetime) -> int:
        live = SESSIONS.c.revoked_at.is_(None)
        ended = update(SESSIONS).where(SESSIONS.c.user_name == user, live).values(revoked_at=at)
        return self._connection.execute(ended).rowcount
