"""The server's own key for accounts: `VAR/keys/accounts.key`, made at the first use, readable by the server alone."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from functools import cached_property
from pathlib import Path

from data.errors import StoreClosed

_BYTES = 32


class AccountKey:
    """Gives a key for each purpose, derived from the one in the file."""

    def __init__(self, var_dir: Path) -> None:
        self._path = var_dir / "keys" / "accounts.key"

    def derive(self, purpose: str) -> bytes:
        """32 bytes, always the same for a purpose. Raises StoreClosed where the file can be neither read nor made."""
        return hmac.new(self._key, purpose.encode(), hashlib.sha256).digest()

    @cached_property
    def _key(self) -> bytes:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._path.exists():
                self._make()
            key = self._path.read_bytes()
        except OSError as error:
            raise StoreClosed(f"{self._path}: {error.strerror}; the key for accounts is needed") from error
        if len(key) != _BYTES:
            raise StoreClosed(f"{self._path}: {len(key)} bytes instead of {_BYTES}; restore it from the backup")
        return key

    def _make(self) -> None:
        """Written aside and linked whole: of several processes that begin at once, the first one's key stays."""
        fresh = self._path.with_name(f".{secrets.token_hex(8)}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            with contextlib.suppress(FileExistsError):
                self._path.hardlink_to(fresh)
        finally:
            fresh.unlink()
