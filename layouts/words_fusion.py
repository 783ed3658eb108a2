"""The words of evidence: what kind it is, whether it speaks for or against an alert, what is known of its truth."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

FUSION: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "proofs": ("证据", "Evidence"),
        "proofs.none": ("尚无证据", "No evidence yet"),
        "proofs.for": ("支持", "speaks for it"),
        "proofs.against": ("相反", "contradicts"),
        "proof.gauge": ("水位计", "Gauge"),
        "proof.camera_water": ("画面积水", "Water in the picture"),
        "proof.camera_objects": ("画面目标", "Seen in the picture"),
        "proof.citizen": ("市民报告", "Citizen's report"),
        "proof.forecast": ("雨情预报", "Rain or forecast"),
        "proof.human": ("人工核实", "Somebody on the spot"),
    }
)
