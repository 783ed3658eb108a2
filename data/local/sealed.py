"""Lines that tell whether they are whole: JSON, a tab, and the first half of its SHA-256."""

from __future__ import annotations

import hashlib

from data.errors import InputRejected

_DIGITS = 32  # of the digest: by chance no flipped bit goes unseen
_SPACE = b"\t"  # JSON written by us holds none


class Damaged(InputRejected):
    """A file of ours is not what was written: a bit flipped, or a part of it is missing."""


def seal(content: bytes) -> bytes:
    """The content with its digest, without a line's end. Raises ValueError for content that is not one line."""
    if b"\n" in content or _SPACE in content:
        raise ValueError("only one line without tabs can be sealed")
    return content + _SPACE + _digest(content)


def unseal(line: bytes) -> bytes:
    """The content. A line without a digest, of an earlier version, is taken as it is. Raises Damaged."""
    content, space, digest = line.rpartition(_SPACE)
    if not space:
        return line
    if digest != _digest(content):
        raise Damaged("its digest does not fit")
    return content


def was_cut_off(line: bytes) -> bool:
    """Is it the beginning of a sealed line, so that whoever wrote it has not been told that it is safe?"""
    _, space, digest = line.rpartition(_SPACE)
    return not space or len(digest) < _DIGITS


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest()[:_DIGITS].encode()
