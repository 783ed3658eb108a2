"""The whole state of a site's rules as bytes, exactly, so that a replay goes on from there as if nothing had been.

`KeepsState` is another thing: after a restart it takes the time without a look for a gap, which here there is none of.
The bytes are a pickle that is read with an own list of what may be in it: classes that the modules of rules and values
define themselves, and nothing that these modules import: a class of a library may run what it is given (pydantic's
`TypeAdapter` evaluates a string). Arrays are written as numbers, since NumPy's own constructors take any bytes for the
places of objects. They fit the very code that wrote them (`code_fingerprint`) and no other.
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
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Literal
from zoneinfo import ZoneInfo

import numpy as np

from data.errors import InputRejected

_OURS = ("alerts.", "data.model.")
_OF_THE_PIPELINE = frozenset({"engine.judging.conditions", "engine.judging.jumps"})
_NUMBERS = "biuf"  # kinds of NumPy's types
_SOURCES = ("alerts", "data/model", "engine/judging")


class _Writer(pickle.Pickler):
    """Refuses what `_Reader` would. Writes a time zone by its name: its own way would need `getattr`."""

    def __init__(self, into: io.BytesIO, more: Iterable[str]) -> None:
        super().__init__(into, protocol=5)
        self._more = frozenset(more)

    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, type) and _named(thing.__module__, thing.__qualname__, self._more) is not thing:
            raise pickle.PicklingError(f"{thing.__module__}.{thing.__qualname__}")
        if isinstance(thing, ZoneInfo):
            return ZoneInfo, (thing.key,)
        if isinstance(thing, np.ndarray | np.generic) and thing.dtype.kind not in _NUMBERS:
            raise pickle.PicklingError(f"an array of {thing.dtype}")
        if isinstance(thing, np.ndarray):
            order: Literal["C", "F"] = "F" if thing.flags.fnc else "C"
            return _array, (thing.dtype.str, thing.shape, thing.tobytes(order), order)
        if isinstance(thing, np.generic):
            return _number, (thing.dtype.str, thing.tobytes())
        return NotImplemented


class _Reader(pickle._Unpickler):  # the one in C has no step that could be taken over
    """Refuses everything but values and the classes of rules. `more`: modules of rules that lie elsewhere."""

    def __init__(self, content: bytes, more: Iterable[str]) -> None:
        super().__init__(io.BytesIO(content))
        self._more = frozenset(more)

    def find_class(self, module: str, name: str) -> Any:
        """Raises InputRejected."""
        found = _named(module, name, self._more)
        if found is None:
            raise InputRejected(f"a kept state may not hold {module}.{name}")
        return found

    def _fill(self: Any) -> None:
        """Give an object its attributes. A class gets none: it would be another one for the whole process."""
        if isinstance(self.stack[-2], type):
            raise InputRejected("a kept state may not change a class")
        self.load_build()

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = {
        **pickle._Unpickler.dispatch,
        pickle.BUILD[0]: _fill,
    }


def _named(module: str, name: str, more: frozenset[str]) -> Any:
    """What may be in a state by this name; None for anything else."""
    if (module, name) in _PLAIN:
        return _PLAIN[module, name]
    if not (module.startswith(_OURS) or module in _OF_THE_PIPELINE or module in more):
        return None
    found = getattr(importlib.import_module(module), name, None)
    return found if isinstance(found, type) and found.__module__ == module else None


def _array(kind: str, shape: tuple[int, ...], content: bytes, order: Literal["C", "F"]) -> Any:
    """Raises ValueError for anything but numbers: other bytes NumPy would take for the places of objects."""
    return _numbers(kind, content).reshape(shape, order=order).copy(order=order)


def _number(kind: str, content: bytes) -> Any:
    """One of NumPy's own. Raises ValueError, IndexError."""
    return _numbers(kind, content)[0]


def _numbers(kind: str, content: bytes) -> Any:
    dtype = np.dtype(kind)
    if dtype.kind not in _NUMBERS:
        raise ValueError(f"{dtype} is no kind of numbers")
    return np.frombuffer(content, dtype)


_PLAIN: Mapping[tuple[str, str], Any] = MappingProxyType(
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
        (__name__, _array.__name__): _array,
        (__name__, _number.__name__): _number,
    }
)


def freeze(state: Any, more: Iterable[str] = ()) -> bytes:
    """`more`: modules of rules that lie elsewhere. Raises InputRejected where a rule holds what cannot be kept."""
    kept = io.BytesIO()
    try:
        _Writer(kept, more).dump(state)
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
        LookupError,
        OverflowError,
        RecursionError,
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
