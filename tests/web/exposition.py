"""Reading what Prometheus reads: the exposition, and PromQL as far as our dashboard uses it."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from data.local.meter_names import METERS

NAME = re.compile(r"\byiping_[a-z_]+")
PARTS = ("_bucket", "_sum", "_count")
_SELECTED = re.compile(r"(yiping_[a-z_]+)\{([^}]*)\}")
_MATCHED = re.compile(r"([a-z_]+)(?:=~|!=|!~|=)")
_GROUPED = re.compile(r"by \(([^)]*)\)")
_BY_PROMETHEUS = {"instance", "le"}


def families_of(text: str) -> dict[str, Any]:
    """By name; fails for a family that is told twice, or a series that is there twice."""
    families = list(text_string_to_metric_families(text))
    assert len({family.name for family in families}) == len(families)
    series = Counter(
        (sample.name, tuple(sorted(sample.labels.items()))) for family in families for sample in family.samples
    )
    assert [one for one, many in series.items() if many > 1] == []
    return {family.name: family for family in families}


def names_of(expression: str) -> set[str]:
    """The meters in a PromQL expression, without the parts of a histogram."""
    found = set()
    for name in NAME.findall(expression):
        part = next((part for part in PARTS if name.endswith(part) and name.removesuffix(part) in METERS), "")
        found.add(name.removesuffix(part))
    return found


def labels_of(expression: str) -> set[str]:
    """The labels by which an expression selects and groups, without those that Prometheus adds."""
    matched = {label for _, inner in _SELECTED.findall(expression) for label in _MATCHED.findall(inner)}
    grouped = {label.strip() for inner in _GROUPED.findall(expression) for label in inner.split(",")}
    return (matched | grouped) - _BY_PROMETHEUS
