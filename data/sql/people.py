"""Writes of responders and positions, users, sessions and tokens."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import delete, or_, select, update

from data.errors import IllegalMove, NotFound
from data.model.geo import Location
from data.model.people import AccountCode, Factor, Responder, Session, User
from data.sql import rows
from data.sql.accounts_read import CODES, FACTORS, SESSIONS, USERS
from data.sql.models import PositionRow
from data.sql.reader import RESPONDERS
from data.sql.writing import SqlWriting

POSITIONS = PositionRow.table()


class PeopleWriting(SqlWriting):
    """The part of `data.ports.store.Writer` about responders, users and sessions."""

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
        statement = update(USERS).where(USERS.c.name == user.name).values(**rows.user_values(user))
        if self._execute(statement, {}, f"user {user.name}").rowcount == 0:
            raise NotFound(f"no user {user.name}")

    def add_session(self, session: Session) -> None:
        statement = self._inserting(SESSIONS)
        self._execute(statement, rows.session_values(session), f"session of {session.user}")

    def revoke_session(self, secret_hash: str, at: datetime) -> None:
        """Revoke a session; one that is unknown or already revoked stays as it is."""
        live = SESSIONS.c.revoked_at.is_(None)
        self._connection.execute(
            update(SESSIONS).where(SESSIONS.c.secret_hash == secret_hash, live).values(revoked_at=at)
        )

    def revoke_sessions_of(self, user: str, at: datetime, *, kept: str = "") -> int:
        live = SESSIONS.c.revoked_at.is_(None)
        others = SESSIONS.c.secret_hash != kept
        ended = update(SESSIONS).where(SESSIONS.c.user_name == user, live, others).values(revoked_at=at)
        return self._connection.execute(ended).rowcount

    def add_factor(self, factor: Factor) -> Factor:
        values = rows.factor_values(factor)
        return replace(factor, id=self._number(FACTORS, values, f"second factor of {factor.user}"))

    def save_factor(self, factor: Factor) -> None:
        values = rows.factor_values(factor)
        self._execute(update(FACTORS).where(FACTORS.c.id == factor.id).values(**values), {}, f"factor {factor.id}")

    def remove_factor(self, factor_id: int) -> None:
        self._connection.execute(delete(FACTORS).where(FACTORS.c.id == factor_id))

    def add_account_code(self, code: AccountCode) -> None:
        self._execute(self._inserting(CODES), rows.account_code_values(code), f"code of {code.user}")

    def use_account_code(self, code_hash: str, at: datetime) -> bool:
        """True for the one caller that used it."""
        fresh = update(CODES).where(CODES.c.code_hash == code_hash, CODES.c.used_at.is_(None)).values(used_at=at)
        return self._connection.execute(fresh).rowcount == 1

    def end_account_codes_of(self, user: str, at: datetime) -> None:
        fresh = update(CODES).where(CODES.c.user_name == user, CODES.c.used_at.is_(None)).values(used_at=at)
        self._connection.execute(fresh)

    def prune_sessions(self, before: datetime, limit: int) -> int:
        over = or_(SESSIONS.c.revoked_at < before, SESSIONS.c.expires_at < before)
        some = select(SESSIONS.c.secret_hash).where(over).limit(limit)
        return self._connection.execute(delete(SESSIONS).where(SESSIONS.c.secret_hash.in_(some))).rowcount

    def prune_account_codes(self, before: datetime, limit: int) -> int:
        over = or_(CODES.c.used_at < before, CODES.c.expires_at < before)
        some = select(CODES.c.code_hash).where(over).limit(limit)
        return self._connection.execute(delete(CODES).where(CODES.c.code_hash.in_(some))).rowcount
