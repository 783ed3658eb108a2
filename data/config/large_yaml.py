"""Large YAML files: cut into events by libyaml, made into the same tree with line numbers by ruamel.yaml.

ruamel.yaml in Python reads some 2,500 lines a second, a district of 2,000 sites for seven seconds. Its rules for what a
value is (YAML 1.2) stay in force. What libyaml might cut in another way, and whatever is wrong, is left to ruamel.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import yaml
from ruamel.yaml import YAML, events
from ruamel.yaml.error import YAMLError

LARGE_CHARACTERS = 50_000  # below it nobody waits
# Line ends of YAML 1.1 alone, directives, tags and tabs: their rules differ between the two.
_UNUSUAL = re.compile("[\x85\u2028\u2029\t]|^%", re.MULTILINE)


class _Unusual(Exception):
    """It is to be read by ruamel.yaml alone."""


def read_large(text: str) -> Any:
    """The tree of a large text as ruamel.yaml gives it; None where that is to read it itself."""
    if len(text) < LARGE_CHARACTERS or not yaml.__with_libyaml__ or _UNUSUAL.search(text):
        return None
    reader = YAML(typ="rt")
    reader.Parser = partial(_Parser, text)
    try:
        return reader.load(text)
    except (yaml.YAMLError, YAMLError, _Unusual, ValueError, RecursionError):
        return None


class _Parser:
    """ruamel's parser, by libyaml."""

    def __init__(self, text: str, loader: Any) -> None:
        del loader
        self._events = _events(text)
        self._next: Any = None

    def check_event(self, *choices: type) -> bool:
        event = self.peek_event()
        return event is not None and (not choices or isinstance(event, choices))

    def peek_event(self) -> Any:
        if self._next is None:
            self._next = next(self._events, None)
        return self._next

    def get_event(self) -> Any:
        event, self._next = self.peek_event(), None
        return event

    def dispose(self) -> None:
        self._events.close()


def _events(text: str) -> Generator[Any, None, None]:
    """Raises _Unusual for a tag that is written out."""
    from yaml.cyaml import CParser  # noqa: PLC0415 (there where libyaml is)

    parser = CParser(text)
    try:
        while parser.check_event():
            given = parser.get_event()
            if getattr(given, "tag", None) is not None:
                raise _Unusual
            yield _MADE_OF[type(given)](given, given.start_mark, given.end_mark)
    finally:
        parser.dispose()


def _scalar(given: Any, start: Any, end: Any) -> events.ScalarEvent:
    return events.ScalarEvent(given.anchor, None, given.implicit, given.value, start, end, given.style)


_MADE_OF: Mapping[type, Callable[[Any, Any, Any], Any]] = MappingProxyType(
    {
        yaml.StreamStartEvent: lambda _, start, end: events.StreamStartEvent(start, end),
        yaml.StreamEndEvent: lambda _, start, end: events.StreamEndEvent(start, end),
        yaml.DocumentStartEvent: lambda given, start, end: events.DocumentStartEvent(start, end, given.explicit),
        yaml.DocumentEndEvent: lambda given, start, end: events.DocumentEndEvent(start, end, given.explicit),
        yaml.AliasEvent: lambda given, start, end: events.AliasEvent(given.anchor, start, end),
        yaml.ScalarEvent: _scalar,
        yaml.SequenceStartEvent: lambda given, start, end: events.SequenceStartEvent(
            given.anchor, None, given.implicit, start, end, given.flow_style
        ),
        yaml.SequenceEndEvent: lambda _, start, end: events.SequenceEndEvent(start, end),
        yaml.MappingStartEvent: lambda given, start, end: events.MappingStartEvent(
            given.anchor, None, given.implicit, start, end, given.flow_style
        ),
        yaml.MappingEndEvent: lambda _, start, end: events.MappingEndEvent(start, end),
    }
)
