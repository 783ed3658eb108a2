"""Checks an event that Yiping has exported: is every file as it was signed? It needs Python 3.11 and nothing else.

    python3 -I verify.py                       the folder in which this file lies, or
    python3 -I verify.py event-12.zip          the ZIP as it came
    python3 -I verify.py event-12.zip --key 8a41…    with the public key that was noted elsewhere

Checked are the SHA-256 and size of every file, the Ed25519 signature (RFC 8032) over the list of them, that nothing is
missing or was put in, and the hash of each entry of the audit trail that lies in it. Exit status 0: all of it holds;
1: something does not, and each file is named; 2: this is no export. Not judged again here: whether the rules decide the
same on the observations says `app.py export verify event-12.zip` of an installed Yiping.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

MANIFEST, SIGNATURE, KEY, AUDIT = "manifest.json", "manifest.sig", "public-key.txt", "audit.jsonl"
SIGNED_AS = b"yiping event export 1\n"
"""Stands before the manifest in what is signed, so that the signature is none of anything else."""

_CHUNK = 1 << 20
_LARGEST_MANIFEST = 64 << 20
_WORDS = {
    "changed": ("已被改动", "was changed"),
    "missing": ("不见了", "is missing"),
    "added": ("不在签名的清单里，是后来放进去的", "is not in the signed list: it was put in later"),
    "twice": ("在 ZIP 里出现了两次", "is in the ZIP twice"),
    "unsigned": (
        "签名不符：清单本身已被改动，或不是用这把钥匙签的",
        "the signature does not hold: changed, or of another key",
    ),
    "key": ("不是另行记下的公钥", "is not the public key that was noted elsewhere"),
    "entry": ("审计记录与自身的哈希不符", "an entry of the audit trail is not what its hash says"),
    "kept": ("导出时就已不是当初保存的那一份", "was not what had been kept, already when it was exported"),
}


class NoExport(Exception):
    """There is nothing here that could be checked."""


@dataclass
class Checked:
    """What was found. `findings`: kind (of the words) and the file's name, in the order of the files."""

    manifest: dict[str, Any]
    files: int = 0
    entries: int = 0
    findings: list[tuple[str, str]] = field(default_factory=list)


class Source(Protocol):
    """A folder or a ZIP."""

    def names(self) -> list[str]: ...

    def open(self, name: str) -> IO[bytes]: ...

    def close(self) -> None: ...


class _Folder:
    def __init__(self, path: Path) -> None:
        self._path = path

    def names(self) -> list[str]:
        return sorted(one.relative_to(self._path).as_posix() for one in self._path.rglob("*") if not one.is_dir())

    def open(self, name: str) -> IO[bytes]:
        return (self._path / name).open("rb")

    def close(self) -> None: ...


class _Zip:
    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)

    def names(self) -> list[str]:
        return sorted(one for one in self._zip.namelist() if not one.endswith("/"))

    def open(self, name: str) -> IO[bytes]:
        return self._zip.open(name)

    def close(self) -> None:
        self._zip.close()


def source_of(path: Path) -> Source:
    """Raises NoExport."""
    try:
        return _Folder(path) if path.is_dir() else _Zip(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise NoExport(f"{path}: {error}") from error


def check(source: Source, key: str = "") -> Checked:
    """`key`: the public key in hex that was noted elsewhere. Raises NoExport."""
    names = source.names()
    try:
        manifest_bytes = _whole(source, MANIFEST)
        manifest = json.loads(manifest_bytes)
        told = {str(name): (str(one["sha256"]), int(one["size"])) for name, one in manifest["files"].items()}
        own_key = str(manifest["public_key"])
        found = Checked(manifest)
    except _UNREADABLE as error:
        raise NoExport(f"{MANIFEST} cannot be read: {error!r}") from error
    if not _is_signed(source, manifest_bytes, own_key):
        found.findings.append(("unsigned", MANIFEST))
    if key and key.strip().lower() != own_key.lower():
        found.findings.append(("key", KEY))
    found.findings += [("twice", name) for name in sorted({one for one in names if names.count(one) > 1})]
    found.findings += [("added", name) for name in sorted({*names} - {*told, MANIFEST, SIGNATURE})]
    for name, (sha256, size) in told.items():
        found.files += 1
        if name not in names:
            found.findings.append(("missing", name))
        elif _digest(source, name) != (sha256, size):
            found.findings.append(("changed", name))
        elif manifest["files"][name].get("kept_as", sha256) != sha256:
            found.findings.append(("kept", name))
    if AUDIT in names and ("changed", AUDIT) not in found.findings:
        for line in _whole(source, AUDIT).splitlines():
            found.entries += 1
            if not _is_entry(line):
                found.findings.append(("entry", f"{AUDIT}:{found.entries}"))
    return found


def _digest(source: Source, name: str) -> tuple[str, int] | None:
    """SHA-256 and size; None for what cannot be read, as a damaged ZIP says of itself."""
    found, size = hashlib.sha256(), 0
    try:
        with source.open(name) as file:
            for chunk in iter(lambda: file.read(_CHUNK), b""):
                found.update(chunk)
                size += len(chunk)
    except _UNREADABLE:
        return None
    return found.hexdigest(), size


def _whole(source: Source, name: str) -> bytes:
    with source.open(name) as file:
        return file.read(_LARGEST_MANIFEST)


def _is_signed(source: Source, manifest: bytes, key: str) -> bool:
    try:
        signature = bytes.fromhex(_whole(source, SIGNATURE).decode("ascii").strip())
        return is_signature(bytes.fromhex(key), SIGNED_AS + manifest, signature)
    except _UNREADABLE:
        return False


def _is_entry(line: bytes) -> bool:
    """Is its hash that of its content and of the hash before it?"""
    try:
        one = json.loads(line)
        content = [one["at"], one["actor"], one["role"], one["action"], one["subject"], one["detail"]]
        text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return bool(hashlib.sha256(f"{one['previous_hash']}\n{text}".encode()).hexdigest() == one["hash"])
    except _UNREADABLE:
        return False


_UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, NotImplementedError, zlib.error,
               zipfile.BadZipFile, RuntimeError)  # fmt: skip


# ---- Ed25519 (RFC 8032), verification only: nothing here is secret, so that its time may tell what it will

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)  # of -1

Point = tuple[int, int, int, int]
"""X, Y, Z and T of the point x = X/Z, y = Y/Z, xy = T/Z."""


def is_signature(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Is it an Ed25519 signature of this message by this key?"""
    if len(public_key) != 32 or len(signature) != 64:
        return False
    a, r = _point(public_key), _point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= _L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % _L
    return _same(_times(s, _BASE), _sum(r, _times(h, a)))


def _point(encoded: bytes) -> Point | None:
    """None for what is no point of the curve, or not in its one form."""
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    x = None if y >= _P else _x_of(y, sign)
    return None if x is None else (x, y, 1, x * y % _P)


def _x_of(y: int, sign: int) -> int | None:
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    if square == 0:
        return None if sign else 0
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT % _P
    if (x * x - square) % _P:
        return None
    return _P - x if x & 1 != sign else x


def _sum(one: Point, other: Point) -> Point:
    a, b = (one[1] - one[0]) * (other[1] - other[0]) % _P, (one[1] + one[0]) * (other[1] + other[0]) % _P
    c, d = 2 * one[3] * other[3] * _D % _P, 2 * one[2] * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(number: int, point: Point) -> Point:
    found: Point = (0, 1, 1, 0)
    while number:
        if number & 1:
            found = _sum(found, point)
        point, number = _sum(point, point), number >> 1
    return found


def _same(one: Point, other: Point) -> bool:
    return (one[0] * other[2] - other[0] * one[2]) % _P == 0 and (one[1] * other[2] - other[1] * one[2]) % _P == 0


def _base() -> Point:
    y = 4 * pow(5, -1, _P) % _P
    x = _x_of(y, 0)
    assert x is not None
    return x, y, 1, x * y % _P


_BASE = _base()


# ---- in words


def in_words(found: Checked) -> Iterator[str]:
    """What was found, Chinese and English."""
    for kind, name in found.findings:
        chinese, english = _WORDS[kind]
        yield f"✗ {name}：{chinese} / {english}"
    for one in found.manifest.get("not_in_it", []):
        yield f"– {one['what']}：{one['why']}"
    key = found.manifest["public_key"]
    if not found.findings:
        event, at = found.manifest.get("event"), found.manifest.get("made_at")
        files, entries = found.files, found.entries
        yield f"✓ 事件 {event}：{files} 个文件均与签名时一致（{at}） / event {event}: all {files} files are as signed"
        yield f"✓ {entries} 条审计记录与其哈希一致 / {entries} entries of the audit trail are what their hashes say"
    yield f"  公钥 / public key: {key}"
    yield "  请与另行记下的公钥核对 / compare it with the key that was noted elsewhere, or give it with --key"


def main(arguments: list[str] | None = None, say: Callable[[str], None] = print) -> int:
    parser = argparse.ArgumentParser(description="Is an exported event as it was signed?")
    parser.add_argument("path", type=Path, nargs="?", default=Path(__file__).resolve().parent)
    parser.add_argument("--key", default="", help="the public key that was noted elsewhere, in hex")
    given = parser.parse_args(arguments)
    try:
        with closing(source_of(given.path)) as source:
            found = check(source, given.key)
    except NoExport as error:
        say(f"✗ 这不是导出的事件 / this is no exported event: {error}")
        return 2
    for line in in_words(found):
        say(line)
    return 1 if found.findings else 0


if __name__ == "__main__":
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    sys.exit(main())
