"""What logging in and looking after accounts share: sessions, password checks, limits, device cookies, the key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from fastapi import Request

from data.errors import Forbidden, NotFound
from data.model.people import PERMITTED, Action, User
from data.ports.store import Reader, Writer
from web.account_key import AccountKey
from web.addresses import network_of
from web.deps import ServerDeps
from web.device_cookie import DeviceCookies
from web.login_limit import LoginLimit, Try
from web.passwords import HashingBusy, PasswordCheck
from web.second_factor import Passkeys, Totp
from web.sessions import SessionBook, Visitor
from web.wall_screens import Hands

T = TypeVar("T")

_ADDRESSES_OF = timedelta(days=30)  # networks of logins not longer ago are known


class WrongPassword(Forbidden):
    """The password that was to confirm a step is wrong (HTTP 403)."""

    reason = "wrong_password"


@dataclass(frozen=True)
class Identity:
    """One of each, made by the server."""

    deps: ServerDeps
    book: SessionBook
    passwords: PasswordCheck
    limit: LoginLimit
    key: AccountKey
    devices: DeviceCookies
    totp: Totp
    passkeys: Passkeys
    hands: Hands

    async def start(self) -> None:
        """Remember from which networks people have logged in lately."""
        since = self.deps.now() - _ADDRESSES_OF
        for name, address in reversed(await self.deps.read(lambda reader: reader.login_addresses(since))):
            self.limit.trust(name, network_of(address))

    async def change(self, name: str, work: Callable[[Writer], T]) -> T:
        """Commit a change of this account; it is in force when this returns."""
        done = await self.deps.commit(work)
        self.book.forget(name)
        return done

    async def check(self, request: Request, name: str, password: str) -> User | None:
        """Somebody who sits at another's session shows name and password. Counts like a login; None: they are wrong.

        Raises TooManyTries and HashingBusy.
        """
        attempt = self.limit.reserve(name, address_of(request))
        try:
            user = await self.checked(attempt, name, password)
        except HashingBusy:
            self.limit.give_back(attempt)
            raise
        if user is not None:
            self.limit.succeeded(attempt, name)
        return user

    async def checked(self, attempt: Try, name: str, password: str) -> User | None:
        """The user whose password this is. Names that nobody has take the same way and the same time."""
        await asyncio.sleep(attempt.delay_s)
        user = await self.deps.read(lambda reader: _active(reader, name))
        known = None if user is None else user.password_hash
        right = await self.passwords.matches(known, password, urgency=attempt.trust, sender=attempt.network)
        return user if right else None

    def rights_of(self, user: User) -> frozenset[Action]:
        """What this user may do."""
        return PERMITTED[user.role]

    async def confirm(self, request: Request, visitor: Visitor, password: str) -> User:
        """The visitor shows the password once more before something grave. Counts like a login.

        Raises WrongPassword, TooManyTries and HashingBusy.
        """
        name = visitor.user.name
        user = await self.deps.read(lambda reader: reader.user(name))
        if user.password_hash is None:
            raise Forbidden("this account has no password; an administrator can give a code to set one")
        attempt = self.limit.reserve(name, address_of(request))
        try:
            right = await self.passwords.matches(user.password_hash, password, sender=attempt.network)
        except HashingBusy:
            self.limit.give_back(attempt)
            raise
        if not right:
            raise WrongPassword("the password is wrong", key="password")
        self.limit.succeeded(attempt, name)
        return user


def identity_of(deps: ServerDeps, book: SessionBook) -> Identity:
    """All of it for one server."""
    key = AccountKey(deps.var_dir)
    return Identity(
        deps, book, PasswordCheck(), LoginLimit(), key, DeviceCookies(key), Totp(key), Passkeys(key), Hands(deps.now)
    )


def _active(reader: Reader, name: str) -> User | None:
    try:
        user = reader.user(name)
    except NotFound:
        return None
    return user if user.disabled_at is None else None


def address_of(request: Request) -> str:
    """Where the request comes from."""
    return request.client.host if request.client else ""
