"""The catalogue of kinds of monitor, detector, rule and channel: one for each public file of their folders.

The folders are not imported here: the builder of a catalogue (the command line) passes how to find them.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from data.ports.channel import ChannelRecipe
from data.ports.recipe import DetectorRecipe, MonitorRecipe, RuleRecipe

T = TypeVar("T")


class UnknownKind(KeyError):
    """An unknown kind; the text suggests the nearest."""


@dataclass(frozen=True)
class Catalogue:
    """Recipe classes by kind, each imported at its first use."""

    monitors: Mapping[str, Callable[[], type[MonitorRecipe]]]
    detectors: Mapping[str, Callable[[], type[DetectorRecipe]]]
    rules: Mapping[str, Callable[[], type[RuleRecipe]]]
    channels: Mapping[str, Callable[[], type[ChannelRecipe]]] = field(default_factory=dict)

    def monitor(self, kind: str) -> type[MonitorRecipe]:
        return self._found(self.monitors, kind, "monitor")()

    def detector(self, kind: str) -> type[DetectorRecipe]:
        return self._found(self.detectors, kind, "detector")()

    def rule(self, kind: str) -> type[RuleRecipe]:
        return self._found(self.rules, kind, "rule")()

    def channel(self, kind: str) -> type[ChannelRecipe]:
        return self._found(self.channels, kind, "channel")()

    @staticmethod
    def _found(kinds: Mapping[str, T], kind: str, what: str) -> T:
        if kind not in kinds:
            raise UnknownKind(f"no {what} {kind!r}{did_you_mean(kind, kinds)}")
        return kinds[kind]


def near_to(word: str, known: Mapping[str, object] | list[str] | tuple[str, ...]) -> str:
    """The known name with the most similar spelling; empty if none is similar."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)), "")


def did_you_mean(word: str, known: Mapping[str, object] | list[str] | tuple[str, ...]) -> str:
    """`, did you mean 'lane'?` if a known name is similar, else the list of known names."""
    if near := near_to(word, known):
        return f", did you mean {near!r}?"
    return f"; known: {', '.join(sorted(known))}" if known else ""
