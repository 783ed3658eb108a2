"""Signed checkpoints of the audit chain: how many entries it had and which hash it ended with, at a time.

The chain shows a change in its middle; only somebody who remembers its end notices that the end was cut off or that the
whole was made anew. A checkpoint is that memory, signed with Ed25519 and kept outside the database, too.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from data.errors import InputRejected, StoreClosed
from data.local.whole_file import replace_file

STORED_AS = "audit_checkpoint"
"""Name of the newest checkpoint among the store's named values."""

_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`count` entries, the last of them with the number `seq` and the hash `head`.

    `number` counts the checkpoints from 1; `previous` is the SHA-256 of the one before, so that none can be left out.
    `signature`: Ed25519 over everything else, in hex.
    """

    number: int
    at: str  # ISO 8601 in UTC
    seq: int
    count: int
    head: str
    previous: str = ""
    signature: str = ""

    @property
    def signed(self) -> bytes:
        """What the signature covers."""
        fields = [self.number, self.at, self.seq, self.count, self.head, self.previous]
        return b"yiping audit checkpoint 1\n" + json.dumps(fields, separators=(",", ":")).encode()

    @property
    def digest(self) -> str:
        """SHA-256 of the whole checkpoint, in hex."""
        return hashlib.sha256(self.signed + b"\n" + self.signature.encode()).hexdigest()

    def as_line(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self), separators=(",", ":"))


def checkpoint_of(value: Any) -> Checkpoint:
    """The checkpoint in parsed JSON. Raises InputRejected for anything else."""
    names = Checkpoint.__dataclass_fields__
    if not isinstance(value, dict) or set(value) != set(names):
        raise InputRejected("this is no checkpoint of the audit trail")
    for name, one in value.items():
        whole = name in {"number", "seq", "count"}
        if isinstance(one, bool) or not isinstance(one, int if whole else str):
            raise InputRejected(f"a checkpoint's {name} cannot be {type(one).__name__}")
    return Checkpoint(**value)


class CheckpointKey:
    """The private key in `VAR/keys/audit.key`, made at the first use, readable by the server alone."""

    def __init__(self, var_dir: Path) -> None:
        self.path = var_dir / "keys" / "audit.key"

    def sign(self, checkpoint: Checkpoint) -> Checkpoint:
        """The same checkpoint with its signature. Raises StoreClosed where the key can be neither read nor made."""
        signature = self._key.sign(checkpoint.signed).hex()
        return Checkpoint(**asdict(checkpoint) | {"signature": signature})

    def sign_bytes(self, content: bytes) -> str:
        """The signature in hex. `content` begins with a line that says what it is, so that it signs nothing else.

        Raises StoreClosed where the key can be neither read nor made.
        """
        return self._key.sign(content).hex()

    @property
    def public(self) -> str:
        """The public key in hex: note it elsewhere, and give it to `audit verify --key`."""
        return self._key.public_key().public_bytes_raw().hex()

    @cached_property
    def _key(self) -> Ed25519PrivateKey:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self.path.exists():
                self._make()
            content = self.path.read_bytes()
        except OSError as error:
            raise StoreClosed(f"{self.path}: {error.strerror}; the key of the audit checkpoints is needed") from error
        if len(content) != _KEY_BYTES:
            raise StoreClosed(f"{self.path}: {len(content)} bytes instead of {_KEY_BYTES}; restore it from the backup")
        return Ed25519PrivateKey.from_private_bytes(content)

    def _make(self) -> None:
        """Written aside and linked whole: of several processes that begin at once, the first one's key stays."""
        fresh = self.path.with_name(f".{secrets.token_hex(8)}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(Ed25519PrivateKey.generate().private_bytes_raw())
            file.flush()
            os.fsync(file.fileno())
        try:
            with contextlib.suppress(FileExistsError):
                self.path.hardlink_to(fresh)
        finally:
            fresh.unlink()


def is_signed_by(checkpoint: Checkpoint, public_key: str) -> bool:
    """Was it signed with this key (public, hex)? Raises InputRejected for what is no key."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
    except ValueError as error:
        raise InputRejected(f"a public key has 64 hexadecimal digits, not {public_key[:80]!r}") from error
    try:
        key.verify(bytes.fromhex(checkpoint.signature), checkpoint.signed)
    except (InvalidSignature, ValueError):
        return False
    return True


class CheckpointFile:
    """`VAR/audit/checkpoints.jsonl`: one checkpoint a line, only ever appended to; beside it the public key."""

    def __init__(self, var_dir: Path) -> None:
        self.path = var_dir / "audit" / "checkpoints.jsonl"
        self.public_key_path = var_dir / "audit" / "public-key.txt"

    def append(self, checkpoint: Checkpoint, public_key: str) -> None:
        """On the disk when this returns. Raises OSError."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.public_key_path.exists():
            replace_file(self.public_key_path, f"{public_key}\n".encode(), mode=0o600, durable=True)
        handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(handle).st_size
            torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"  # a power cut in the middle of a line
            os.write(handle, (("\n" if torn else "") + checkpoint.as_line() + "\n").encode())
            os.fsync(handle)
        finally:
            os.close(handle)

    def read(self) -> tuple[Sequence[Checkpoint], Sequence[int]]:
        """The checkpoints, and the numbers of the lines that are none. Empty where there is no file. Raises OSError."""
        return read_checkpoints(self.path) if self.path.exists() else ((), ())


def read_checkpoints(path: Path) -> tuple[Sequence[Checkpoint], Sequence[int]]:
    """The checkpoints of a file, and the numbers of the lines that are none. Raises OSError."""
    found: list[Checkpoint] = []
    damaged: list[int] = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        try:
            found.append(checkpoint_of(json.loads(line)))
        except (ValueError, RecursionError, InputRejected):
            damaged.append(number)
    return found, damaged


def following(newest: Checkpoint | None, seq: int, count: int, head: str, now: datetime) -> Checkpoint:
    """The unsigned checkpoint that comes after `newest`."""
    at = now.astimezone(UTC).isoformat(timespec="seconds")
    if newest is None:
        return Checkpoint(1, at, seq, count, head)
    return Checkpoint(newest.number + 1, at, seq, count, head, newest.digest)
