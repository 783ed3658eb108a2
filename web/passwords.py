"""Password hashes: argon2id. Hashing is slow on purpose: it has threads of its own, and a line that has an end."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import heapq
import os
import secrets
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from argon2.low_level import ARGON2_VERSION

from data.errors import YipingError
from web.password_policy import LONGEST, PasswordRefused, check_password

_AT_ONCE = 1  # 64 MiB, and four threads that share the work
_MOST_WAITING = 64
_NICE = 19  # a flood of passwords must not take the processor from those who acknowledge; a hash is eight threads' work


class HashingBusy(YipingError):
    """More passwords wait to be checked than are taken (HTTP 503)."""


def hash_password(password: str, *own_words: str) -> str:
    """The argon2id hash to keep. Raises PasswordRefused for a password that is too short or too common.

    `own_words`: the user's name and display name, which make a bad password.
    """
    check_password(password, *own_words)
    return PasswordHasher().hash(password)


def random_password(*own_words: str) -> str:
    """Twelve random characters that the policy takes."""
    while True:
        password = secrets.token_urlsafe(9)
        with contextlib.suppress(PasswordRefused):
            check_password(password, *own_words)
            return password


@dataclass(order=True, slots=True)
class _Waiting:
    """A place in the line: first by urgency, then fairly by sender, then by arrival."""

    urgency: int
    turn: int
    number: int
    sender: str = field(compare=False)
    granted: asyncio.Future[None] = field(compare=False)


class PasswordCheck:
    """Compares passwords; takes the same time for a user who does not exist or has no password.

    One is compared at a time and 64 wait. A sender with many waiting comes after others with fewer; when the
    line is full, its last one is refused. Lives on the event loop.
    """

    def __init__(self, *, at_once: int = _AT_ONCE, most_waiting: int = _MOST_WAITING) -> None:
        self._hasher = PasswordHasher()
        self._nobody = _hash_of_nothing(self._hasher)
        self._threads = ThreadPoolExecutor(at_once, "password", initializer=_run_nicely)
        self._free = at_once
        self._most_waiting = most_waiting
        self._line: list[_Waiting] = []
        self._waiting_of: Counter[str] = Counter()
        self._number = 0

    async def matches(self, password_hash: str | None, password: str, *, urgency: int = 0, sender: str = "") -> bool:
        """Is this the password? Always False without a hash. The smaller `urgency` is served first.

        Raises HashingBusy when the line is full.
        """
        await self._turn(urgency, sender)
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._threads, self._verify, password_hash or self._nobody, password)
        work.add_done_callback(lambda _: self._release())  # also when the visitor has gone meanwhile
        right = await asyncio.shield(work)
        return right and password_hash is not None

    async def hashed(self, password: str, *own_words: str) -> str:
        """The hash to keep, made in the same threads. Raises PasswordRefused and HashingBusy."""
        await self._turn(0, "")
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._threads, hash_password, password, *own_words)
        work.add_done_callback(lambda _: self._release())
        return await asyncio.shield(work)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _turn(self, urgency: int, sender: str) -> None:
        if self._free > 0:
            self._free -= 1
            return
        self._number += 1
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._line, _Waiting(urgency, self._waiting_of[sender], self._number, sender, granted))
        self._waiting_of[sender] += 1
        if len(self._line) > self._most_waiting:
            last = max(self._line)
            self._leave(last)
            last.granted.set_exception(HashingBusy("too many logins at once; try again in a few seconds"))
        try:
            await granted
        except asyncio.CancelledError:
            gone = next((one for one in self._line if one.granted is granted), None)
            if gone is not None:
                self._leave(gone)
            elif granted.done() and not granted.cancelled() and granted.exception() is None:
                self._release()  # the turn came just when the visitor went
            raise

    def _release(self) -> None:
        self._free += 1
        while self._line and self._free > 0:
            following = heapq.heappop(self._line)
            self._uncount(following.sender)
            if not following.granted.done():
                self._free -= 1
                following.granted.set_result(None)

    def _leave(self, one: _Waiting) -> None:
        self._line.remove(one)
        heapq.heapify(self._line)
        self._uncount(one.sender)

    def _uncount(self, sender: str) -> None:
        self._waiting_of[sender] -= 1
        if self._waiting_of[sender] <= 0:
            del self._waiting_of[sender]

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password[: LONGEST + 1])
        except (VerifyMismatchError, VerificationError, InvalidHashError):
            return False


def _hash_of_nothing(hasher: PasswordHasher) -> str:
    """A hash of the hasher's cost that no known password has. Random, not computed: a start does not wait for it."""
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    salt, digest = (
        base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=")
        for length in (hasher.salt_len, hasher.hash_len)
    )
    return f"$argon2id$v={ARGON2_VERSION}${cost}${salt}${digest}"


def _run_nicely() -> None:
    """Lower this thread's priority where the system counts priorities by thread (Linux)."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
