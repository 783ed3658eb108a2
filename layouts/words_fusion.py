"""The words of the kinds of evidence."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

FUSION: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "proof.gauge": ("水位计", "Gauge"),
        "proof.camera_water": ("画面积水", "Water in the picture"),
        "proof.camera_objects": ("画面目标", "Seen in the picture"),
        "proof.citizen": ("市民报告", "Citizen's report"),
        "proof.forecast": ("雨情预报", "Rain or forecast"),
        "proof.human": ("人工核实", "Somebody on the spot"),
    }
)
