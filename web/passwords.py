"""Password hashes: argon2id. Hashing is slow on purpose, so it runs in threads of its own."""

from __future__ import annotations

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from data.errors import InputRejected

SHORTEST = 10
LONGEST = 1024
_AT_ONCE = 2  # 64 MiB each


def hash_password(password: str) -> str:
    """The argon2id hash to keep. Raises InputRejected for a password that is too short or absurdly long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InputRejected(f"a password has {SHORTEST} to {LONGEST} characters, this one has {len(password)}")
    return PasswordHasher().hash(password)


class PasswordCheck:
    """Compares passwords; takes the same time for a user who does not exist or has no password."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_urlsafe(16))
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="password")

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Is this the password? Always False without a hash."""
        loop = asyncio.get_running_loop()
        right = await loop.run_in_executor(self._threads, self._verify, password_hash or self._nobody, password)
        return right and password_hash is not None

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password[: LONGEST + 1])
        except (VerifyMismatchError, VerificationError, InvalidHashError):
            return False
