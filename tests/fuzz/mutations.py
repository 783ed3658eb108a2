"""Inputs nobody meant: bytes and JSON bent by chance, the same for the same seed."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Sequence
from typing import Any

TOKENS = (
    b"\x00", b"\xff" * 8, b"\x7e\x7e", b"\xf1\xf1", b"\xf0\xf0", b"\xaa" * 4, b"NaN", b"1e999", b"-", b'"', b"{",
    b"[" * 50,
    b"<!DOCTYPE a>", b"<![CDATA[", b"&lt;", b"</alert>", b"9" * 400, b"\r\n", b",", b"\xe4\xb8",
    b"0001-01-01T00:00:00Z",
    b"9999-12-31T23:59:59-23:59", b"\xed\xa0\x80", b"%s%n", b"../../etc/passwd",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1e308, -1e308, 10**400, 2**63, 1e11, 1e18, "", " ", "NaN", "inf", "-1.5", "1e5",
    "\x00", "\ud800",
    "2024-07-12T12:00:00", "2024-07-12T12:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "a/b/c",
    "m" * 500,
    "m**m", "1/0", "ft", "cm/cm", "mm/h", "°C", "10**10**10", "(", "delta_degC", "[m]", "m^9^9^9", "m**9**9**9",
    [], [[]], {}, {"a": {}}, ["good", 7],
)  # fmt: skip


def bent(chance: random.Random, seeds: Sequence[bytes]) -> bytes:
    """A seed with one to six places changed."""
    content = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, 6)):
        place = chance.randint(0, len(content))
        how = chance.randrange(7)
        if how == 0 and content:
            content[place % len(content)] = chance.randrange(256)
        elif how == 1 and content:
            content[place % len(content)] ^= 1 << chance.randrange(8)
        elif how == 2:
            content[place:place] = chance.choice(TOKENS)
        elif how == 3:
            del content[place : place + chance.randint(1, 12)]
        elif how == 4:
            content[place:place] = chance.randbytes(chance.randint(1, 16))
        elif how == 5:
            other = chance.choice(seeds)
            start = chance.randint(0, len(other))
            content[place:place] = other[start : start + chance.randint(1, 40)]
        else:
            content = content[:place]
    return bytes(content)


def bent_json(chance: random.Random, seeds: Sequence[Any]) -> bytes:
    """A JSON value with some of its parts replaced, left out or repeated; now and then bent as bytes, too."""
    value = copy.deepcopy(chance.choice(seeds))
    for _ in range(chance.randint(1, 4)):
        value = _changed(chance, value)
    text = json.dumps(value).encode("utf-8", "surrogatepass")
    return bent(chance, [text]) if chance.random() < 0.3 else text


def _changed(chance: random.Random, value: Any) -> Any:
    if isinstance(value, dict) and value and chance.random() < 0.85:
        name = chance.choice(list(value))
        if chance.random() < 0.15:
            del value[name]
        else:
            value[name] = _changed(chance, value[name])
        return value
    if isinstance(value, list) and value and chance.random() < 0.85:
        place = chance.randrange(len(value))
        value[place] = _changed(chance, value[place])
        return value * 2 if chance.random() < 0.05 else value
    return copy.deepcopy(chance.choice(VALUES))
