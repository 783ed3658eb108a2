"""Versions of the settings in the store, for installations whose settings are changed on screens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class SettingsVersion:
    """One version of the settings, and how it came about. Versions never change; a rollback is a new version.

    `document`: JSON text of what config.yaml would contain, without the keys that belong to the machine. `hash`: its
    SHA-256 in hex. `workers`: the worker's number for each site with a camera. `difference`: changes from the previous
    version, as `{path, before, after}`. `restored`: the earlier version whose document this is.
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
