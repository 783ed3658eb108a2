"""Server-side sessions and bearer tokens: 256-bit secrets of which only the SHA-256 is stored."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from data.errors import NotFound
from data.model.people import Actor, Role, Session, User
from data.model.record import AuditEntry, Change
from data.ports.store import Reader, Writer
from web.account_steps import ACCOUNT_TOPIC
from web.deps import ServerDeps

Kind = Literal["session", "token", "second_factor"]
_BY_COOKIE = frozenset({"session", "screen"})
_REMEMBERED = 4096
_LONGEST_AGENT = 300
SECOND_FACTOR_LIFE = timedelta(minutes=5)


def new_secret() -> str:
    """256 random bits, URL-safe."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """What is stored of a secret. A plain hash does: the secret has 256 bits, nobody guesses it."""
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sends a request, and by which session or token."""

    user: User
    session: Session
    must_enrol: bool = False  # the role needs a second factor and there is none yet

    @property
    def actor(self) -> Actor:
        return Actor(self.user.name, self.user.role)

    @property
    def by_cookie(self) -> bool:
        return self.session.kind in _BY_COOKIE


@dataclass(frozen=True, slots=True)
class Opened:
    """A new session. `secret` goes into the HttpOnly cookie and is nowhere else."""

    secret: str
    csrf: str
    expires_at: datetime


class SessionBook:
    """Finds the visitor of a secret; opens and ends sessions. Lives on the event loop."""

    def __init__(self, deps: ServerDeps) -> None:
        self._deps = deps
        self._began = deps.now()
        self._known: dict[str, tuple[float, Visitor]] = {}
        self._last_use: dict[str, datetime] = {}
        self._needs_factor = frozenset(deps.settings.accounts.second_factor)
        self._changes = 0  # how many times accounts have changed: a look-up from before must not be remembered
        self._watched: dict[str, set[asyncio.Event]] = {}

    def see(self, change: Change) -> None:
        """Follow the outbox: accounts are changed by the command line, too."""
        if change.topic == ACCOUNT_TOPIC:
            self.forget(change.subject.partition(":")[2])

    def forget(self, name: str) -> None:
        """This user's account has changed: the next request and every open socket look it up again."""
        self._changes += 1
        self._known = {key: found for key, found in self._known.items() if found[1].user.name != name}
        for event in self._watched.get(name, ()):
            event.set()

    @contextmanager
    def watch(self, name: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever this user's account changes."""
        event = asyncio.Event()
        self._watched.setdefault(name, set()).add(event)
        try:
            yield event
        finally:
            self._watched[name].discard(event)
            if not self._watched[name]:
                del self._watched[name]

    def last_use(self, secret_hash: str) -> datetime | None:
        """When it was used last, as far as this process has seen."""
        return self._last_use.get(secret_hash)

    async def visitor(self, secret: str, kind: Kind) -> Visitor | None:
        """Whose secret this is; None when it is unknown, expired, revoked or of another kind.

        A wall's screen counts as "session": both come by cookie.
        """
        return await self.still(hash_secret(secret), kind)

    async def still(self, secret_hash: str, kind: Kind) -> Visitor | None:
        """Like `visitor`, by the hash: long-lived sockets ask again and again. Counts as use."""
        checked_at, visitor = self._known.get(secret_hash, (0.0, None))
        if visitor is None or time.monotonic() - checked_at > self._deps.sessions.recheck.total_seconds():
            changes = self._changes
            visitor = await self._deps.read(lambda reader: _look_up(reader, secret_hash, self._needs_factor))
            if visitor is None:
                self._known.pop(secret_hash, None)
                return None
            if changes == self._changes:
                self._remember(secret_hash, visitor)
        now = self._deps.now()
        if visitor.session.kind != kind and not (kind == "session" and visitor.by_cookie):
            return None
        if not self._in_time(visitor.session, now):
            # Ended for good: a restart, which forgets the last use, must not bring it back.
            await self._deps.commit(lambda writer: writer.revoke_session(secret_hash, now))
            self._known.pop(secret_hash, None)
            return None
        self._last_use[secret_hash] = now
        return visitor

    async def open(
        self,
        user: User,
        *,
        replaces: Visitor | None = None,
        address: str = "",
        agent: str = "",
        by: str = "password",
        provider_session: str = "",
    ) -> Opened:
        """A session for somebody who has just shown the password, with its audit entry.

        `replaces`: who used this browser before; that session ends. `by`: how they proved who they are.
        """
        secret, csrf, now = new_secret(), new_secret(), self._deps.now()
        expires_at = now + self._deps.sessions.absolute
        session = Session(
            hash_secret(secret),
            user.name,
            now,
            expires_at,
            csrf=csrf,
            address=address,
            agent=agent[:_LONGEST_AGENT],
            provider_session=provider_session,
        )

        before = None if replaces is None or not replaces.by_cookie else replaces.session.secret_hash

        def work(writer: Writer) -> None:
            if before is not None:
                writer.revoke_session(before, now)
            writer.add_session(session)
            detail = {"address": address, "by": by, "id": session.id}
            writer.record(AuditEntry(now, user.name, user.role.value, "login", f"user:{user.name}", detail))

        await self._deps.commit(work)
        if before is not None:
            self._known.pop(before, None)
            self._last_use.pop(before, None)
        return Opened(secret, csrf, expires_at)

    async def open_second_factor(self, user: User, *, address: str) -> str:
        """The secret by which, for some minutes, the second factor may be shown."""
        secret, now = new_secret(), self._deps.now()
        until = now + SECOND_FACTOR_LIFE
        session = Session(hash_secret(secret), user.name, now, until, kind="second_factor", address=address)
        await self._deps.commit(lambda writer: writer.add_session(session))
        return secret

    async def end(self, visitor: Visitor) -> None:
        """Log out: the secret is worth nothing from now on."""
        now, name = self._deps.now(), visitor.user.name

        def work(writer: Writer) -> None:
            writer.revoke_session(visitor.session.secret_hash, now)
            writer.record(AuditEntry(now, name, visitor.user.role.value, "logout", f"user:{name}", {}))

        await self._deps.commit(work)
        self._known.pop(visitor.session.secret_hash, None)
        self._last_use.pop(visitor.session.secret_hash, None)

    def _in_time(self, session: Session, now: datetime) -> bool:
        if session.expires_at is not None and now >= session.expires_at:
            return False
        if session.kind in ("token", "screen"):
            return True
        # The last use is kept in this process only: after a restart the idle time begins anew.
        last_use = self._last_use.get(session.secret_hash, max(session.created_at, self._began))
        return now - last_use < self._deps.sessions.idle

    def _remember(self, secret_hash: str, visitor: Visitor) -> None:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[secret_hash] = (time.monotonic(), visitor)
        if len(self._last_use) >= 16 * _REMEMBERED:
            horizon = self._deps.now() - self._deps.sessions.idle - timedelta(seconds=1)
            self._last_use = {key: at for key, at in self._last_use.items() if at > horizon}


def _look_up(reader: Reader, secret_hash: str, needs_factor: frozenset[Role]) -> Visitor | None:
    session = reader.session(secret_hash)
    if session is None or session.revoked_at is not None:
        return None
    try:
        user = reader.user(session.user)
    except NotFound:
        return None
    if user.disabled_at is not None:
        return None
    # Who logs in at the identity provider has the second factor there.
    own_login = session.kind == "session" and not session.provider_session
    must_enrol = own_login and user.role in needs_factor and user.name not in reader.users_with_factors()
    return Visitor(user, session, must_enrol)
