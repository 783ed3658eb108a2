"""The whole state of a site's rules as bytes, exactly, so that a replay goes on from there as if nothing had been.

`KeepsState` is another thing: after a restart it takes the time without a look for a gap, which here there is none of.
The bytes are a pickle that is read with an own list of what may be in it: classes of our rules and values, nothing that
could run. They fit the very code that wrote them (`code_fingerprint`) and no other.
"""

from __future__ import annotations

import datetime as dates
import hashlib
import importlib
import io
import pickle
import sys
from array import _array_reconstructor, array  # type: ignore[attr-defined]
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from data.errors import InputRejected

_OURS = ("alerts.", "data.model.", "engine.judging.")
_PLAIN = MappingProxyType(
    {
        ("datetime", "datetime"): dates.datetime,
        ("datetime", "timedelta"): dates.timedelta,
        ("datetime", "timezone"): dates.timezone,
        ("datetime", "time"): dates.time,
        ("datetime", "date"): dates.date,
        ("collections", "deque"): deque,
        ("collections", "OrderedDict"): OrderedDict,
        ("collections", "defaultdict"): defaultdict,
        ("collections", "Counter"): Counter,
        ("zoneinfo", "ZoneInfo"): ZoneInfo,
        ("array", "array"): array,
        ("array", "_array_reconstructor"): _array_reconstructor,
    }
)
_NUMPY = frozenset(
    {"_reconstruct", "ndarray", "dtype", "scalar", "_frombuffer", "float32", "float64", "int64", "bool_"}
)
_SOURCES = ("alerts", "data/model", "engine/judging")


class _Writer(pickle.Pickler):
    """Writes a time zone by its name: its own way would need `getattr`, which may do anything."""

    def reducer_override(self, thing: Any) -> Any:
        return (ZoneInfo, (thing.key,)) if isinstance(thing, ZoneInfo) else NotImplemented


class _Reader(pickle.Unpickler):
    """Refuses everything but values and the classes of rules. `more`: modules of rules that lie elsewhere."""

    def __init__(self, content: bytes, more: Iterable[str]) -> None:
        super().__init__(io.BytesIO(content))
        self._more = frozenset(more)

    def find_class(self, module: str, name: str) -> Any:
        """Raises InputRejected."""
        plain = _PLAIN.get((module, name))
        if plain is not None:
            return plain
        if module.split(".", maxsplit=1)[0] == "numpy" and name in _NUMPY:
            return getattr(importlib.import_module(module), name)
        if (module.startswith(_OURS) or module in self._more) and "." not in name:
            found = getattr(importlib.import_module(module), name, None)
            if isinstance(found, type):
                return found
        raise InputRejected(f"a kept state may not hold {module}.{name}")


def freeze(state: Any) -> bytes:
    """Raises InputRejected where a rule holds what cannot be kept."""
    kept = io.BytesIO()
    try:
        _Writer(kept, protocol=5).dump(state)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise InputRejected(f"the state of the rules cannot be kept: {error}") from error
    return kept.getvalue()


def thaw(content: bytes, more: Iterable[str] = ()) -> Any:
    """What `freeze` was given. Raises InputRejected for anything else than that."""
    try:
        return _Reader(content, more).load()
    except (
        pickle.UnpicklingError,
        EOFError,
        ImportError,
        AttributeError,
        TypeError,
        ValueError,
        IndexError,
        KeyError,
    ) as error:
        raise InputRejected(f"the state of the rules cannot be read: {error!r}") from error


@lru_cache(1)
def code_fingerprint() -> str:
    """Names the code that judges: its sources, Python and NumPy. Another name, and results may be other ones."""
    root = Path(__file__).resolve().parents[2]
    told = hashlib.sha256(f"{sys.version_info[:2]} {np.__version__}".encode())
    for folder in _SOURCES:
        for path in sorted((root / folder).glob("*.py")):
            told.update(path.name.encode() + b"\0" + path.read_bytes())
    return told.hexdigest()[:16]
