"""Versions of the settings that are kept in the store, where screens may change them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class SettingsVersion:
    """One state of the settings, and how it came about. Never changed; going back is a new version.

    `document`: JSON text of what config.yaml would hold, without the keys that belong to the machine. `hash`: its
    SHA-256, in hex. `workers`: the number of the worker of each site with a camera. `difference`: what differs from the
    version before, as `{path, before, after}`. `restored`: the earlier version whose document this is.
    """

    number: int
    at: datetime
    who: str
    role: str
    note: str
    document: str
    hash: str
    workers: Mapping[str, int] = field(default_factory=dict)
    difference: Sequence[Mapping[str, Any]] = ()
    restored: int | None = None
