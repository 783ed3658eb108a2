"""`make security`: every part of it, and one line of JSON at the end.

Each part is a module of this folder with `measure() -> dict[str, object]`, which gives some of the keys below. A part
that is missing or fails leaves its keys null, says why, and the exit status is 1.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from types import MappingProxyType

PARTS = ("routes", "schemathesis", "fuzz", "canary", "audit", "attack")

# Every key, in the order of the issue, and when its value is good.
GOOD: Mapping[str, Callable[[object], bool]] = MappingProxyType(
    {
        "routes": lambda found: _number(found) > 0,
        "open_routes_unexpected": lambda found: found == 0,
        "role_cells": lambda found: _number(found) > 0,
        "role_cells_wrong": lambda found: found == 0,
        "schemathesis_failures": lambda found: found == 0,
        "fuzz_inputs": lambda found: _number(found) >= 1_000_000,
        "crashes": lambda found: found == 0,
        "canary_leaks": lambda found: found == 0,
        "ack_ms_p95_under_attack": lambda found: 0 <= _number(found) <= 300,
        "web_rss_mib_under_attack": lambda found: 0 < _number(found) <= 700,
        "audit_tampers_found": lambda found: found == "5 of 5",
    }
)


def _number(found: object) -> float:
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else -1.0


def run(parts: tuple[str, ...] = PARTS) -> dict[str, object]:
    """What the parts found, with exactly the keys of `GOOD`; null where a part gave nothing."""
    found: dict[str, object] = dict.fromkeys(GOOD)
    for part in parts:
        name = f"bench.security_{part}"
        if importlib.util.find_spec(name) is None:
            print(f"--- {part}: not built", flush=True)
            continue
        print(f"--- {part}", flush=True)
        begun = time.monotonic()
        try:
            measured = importlib.import_module(name).measure()
        except Exception:  # noqa: BLE001 - one part's failure must not hide what the others find
            traceback.print_exc()
            continue
        found |= {key: value for key, value in measured.items() if key in GOOD}
        print(
            f"    {json.dumps(measured, ensure_ascii=False, default=str)} in {time.monotonic() - begun:.0f} s",
            flush=True,
        )
    return found


def main() -> int:
    parts = tuple(sys.argv[1:]) or PARTS
    unknown = set(parts) - set(PARTS)
    if unknown:
        print(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    found = run(parts)
    bad = [key for key, is_good in GOOD.items() if not is_good(found[key])]
    if bad and parts == PARTS:
        print(f"not as promised: {', '.join(bad)}", flush=True)
    print(json.dumps(found, ensure_ascii=False))
    return 1 if bad and parts == PARTS else 0


if __name__ == "__main__":
    sys.exit(main())
