"""Queries of users, sessions, tokens, second factors and one-time codes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, or_, select

from data.model.people import AccountCode, Factor, FactorKind, Session, User
from data.sql import models, rows
from data.sql.base_queries import BaseQueries

CODES = models.AccountCodeRow.table()
FACTORS = models.FactorRow.table()
SESSIONS = models.SessionRow.table()
USERS = models.UserRow.table()


class AccountQueries(BaseQueries):
    """The part of `data.ports.store.Reader` about accounts."""

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

    def tokens_ending(self, after: datetime, before: datetime, limit: int = 100) -> Sequence[Session]:
        of_time = (SESSIONS.c.expires_at > after, SESSIONS.c.expires_at <= before)
        found = select(SESSIONS).where(SESSIONS.c.kind == "token", SESSIONS.c.revoked_at.is_(None), *of_time)
        return self._all(found.order_by(SESSIONS.c.expires_at).limit(limit), rows.session_of)

    def login_addresses(self, since: datetime, limit: int = 10_000) -> Sequence[tuple[str, str]]:
        newest = func.max(SESSIONS.c.created_at)
        found = (
            select(SESSIONS.c.user_name, SESSIONS.c.address)
            .where(SESSIONS.c.created_at >= since, SESSIONS.c.kind == "session", SESSIONS.c.address != "")
            .group_by(SESSIONS.c.user_name, SESSIONS.c.address)
            .order_by(newest.desc())
            .limit(limit)
        )
        return [(str(name), str(address)) for name, address in self._connection.execute(found)]

    def factors(self, user: str) -> Sequence[Factor]:
        return self._all(select(FACTORS).where(FACTORS.c.user_name == user).order_by(FACTORS.c.id), rows.factor_of)

    def factors_of_kind(self, kind: FactorKind) -> Sequence[Factor]:
        return self._all(select(FACTORS).where(FACTORS.c.kind == kind.value).order_by(FACTORS.c.id), rows.factor_of)

    def users_with_factors(self) -> frozenset[str]:
        found = select(FACTORS.c.user_name).where(FACTORS.c.kind != FactorKind.RECOVERY.value).distinct()
        return frozenset(self._connection.execute(found).scalars())

    def account_code(self, code_hash: str) -> AccountCode | None:
        return self._first(select(CODES).where(CODES.c.code_hash == code_hash), rows.account_code_of)
