"""Looking up users, their sessions and tokens, second factors and one-time codes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select

from data.people import AccountCode, Factor, FactorKind, Session, User
from data.sql import models, rows
from data.sql.looking import Looking

CODES = models.AccountCodeRow.table()
FACTORS = models.FactorRow.table()
SESSIONS = models.SessionRow.table()
USERS = models.UserRow.table()

_MOST_ADDRESSES = 50


class AccountLooking(Looking):
    """The part of `data.store.Reader` about accounts."""

    def user(self, name: str) -> User:
        return self._one(USERS, name, rows.user_of, "user")

    def users(self) -> Sequence[User]:
        return self._all(select(USERS).order_by(USERS.c.name), rows.user_of)

    def user_with_identity(self, identity: str) -> User | None:
        return self._first(select(USERS).where(USERS.c.identity == identity, USERS.c.identity != ""), rows.user_of)

    def session(self, secret_hash: str) -> Session | None:
        return self._first(select(SESSIONS).where(SESSIONS.c.secret_hash == secret_hash), rows.session_of)

    def sessions(self, now: datetime, *, user: str | None = None) -> Sequence[Session]:
        in_time = or_(SESSIONS.c.expires_at.is_(None), SESSIONS.c.expires_at > now)
        found = select(SESSIONS).where(SESSIONS.c.revoked_at.is_(None), in_time).order_by(SESSIONS.c.created_at.desc())
        if user is not None:
            found = found.where(SESSIONS.c.user_name == user)
        return self._all(found, rows.session_of)

    def sessions_at_provider(self, provider_session: str) -> Sequence[Session]:
        same = SESSIONS.c.provider_session == provider_session
        live = select(SESSIONS).where(same, SESSIONS.c.provider_session != "", SESSIONS.c.revoked_at.is_(None))
        return self._all(live, rows.session_of)

    def addresses_of(self, user: str, since: datetime) -> Sequence[str]:
        found = (
            select(SESSIONS.c.address)
            .where(SESSIONS.c.user_name == user, SESSIONS.c.created_at >= since, SESSIONS.c.kind == "session")
            .where(SESSIONS.c.address != "")
            .distinct()
            .limit(_MOST_ADDRESSES)
        )
        return list(self._connection.execute(found).scalars())

    def factors(self, user: str) -> Sequence[Factor]:
        return self._all(select(FACTORS).where(FACTORS.c.user_name == user).order_by(FACTORS.c.id), rows.factor_of)

    def users_with_factors(self) -> frozenset[str]:
        found = select(FACTORS.c.user_name).where(FACTORS.c.kind != FactorKind.RECOVERY.value).distinct()
        return frozenset(self._connection.execute(found).scalars())

    def account_code(self, code_hash: str) -> AccountCode | None:
        return self._first(select(CODES).where(CODES.c.code_hash == code_hash), rows.account_code_of)
