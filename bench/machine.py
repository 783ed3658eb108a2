"""What the figures were measured on."""

from __future__ import annotations

import os
from pathlib import Path


def cpuinfo(field: str, text: str | None = None) -> str:
    """The first value of a field of /proc/cpuinfo; empty where there is none."""
    try:
        lines = (Path("/proc/cpuinfo").read_text(encoding="utf-8") if text is None else text).splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == field), "")


def processor() -> str:
    return cpuinfo("model name") or "unknown"


def has_amx_bf16() -> bool:
    """Absolute numbers of cameras hold only where this is true; elsewhere the ratios decide."""
    return "amx_bf16" in cpuinfo("flags").split()


def cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0))
