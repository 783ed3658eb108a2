"""Class names that mean one kind of object."""

from __future__ import annotations

from types import MappingProxyType

UNKNOWN = "unknown"
"""Label of an object that was found because it does not belong to the scene; no rule counts it that does not ask."""

_FAMILY = MappingProxyType({"car": "vehicle", "truck": "vehicle", "bus": "vehicle", "train": "vehicle"})


def family(label: str) -> str:
    """`vehicle` for car, truck, bus and train, which a model confuses between pictures; else the label itself."""
    return _FAMILY.get(label, label)
