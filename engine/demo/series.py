"""Made-up gauge series in the shape of real floods: a day pressed into one period, which then begins again.

The stage rises steeply to a first crest, dips, rises to its crest and recedes slowly, as gauges on rivers show in
a storm. The road depths are those that the composed videos show.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.demo.script import PERIOD_S, Keys, eased
from engine.demo.streets import TUNNEL, UNDERPASS

EVERY_S = 2.0
_BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)  # only differences count: the series is replayed from now

STAGE_M: Keys = (
    (0, 178.62), (26, 178.70), (58, 179.55), (84, 180.72), (100, 181.28), (112, 181.36), (126, 181.17),
    (150, 181.74), (166, 181.92), (184, 181.40), (204, 180.35), (224, 179.20), (238, 178.64),
)  # fmt: skip
"""River stage in metres above the Yellow Sea datum of 1956; warning stage 181.0."""

RAIN_MM_H: Keys = (
    (0, 2), (18, 9), (34, 36), (56, 58), (74, 40), (92, 22),
    (118, 31), (138, 44), (156, 18), (190, 6), (222, 2), (238, 2),
)  # fmt: skip
"""Rain intensity in millimetres an hour."""

SERIES: dict[str, Keys] = {
    "river-stage": STAGE_M,
    "rain": RAIN_MM_H,
    UNDERPASS.id: UNDERPASS.depth_cm,
    TUNNEL.id: TUNNEL.depth_cm,
}
"""By file name; in metres, millimetres an hour and centimetres."""


def write_series(folder: Path) -> None:
    """One CSV each, with the columns `time` (ISO 8601, UTC) and `value`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, keys in SERIES.items():
        lines = ["time,value"]
        for number in range(round(PERIOD_S / EVERY_S)):
            at = _BEGINNING + timedelta(seconds=number * EVERY_S)
            # A ripple of the last digit, as instruments have; the same in every run.
            ripple = ((number * 7919) % 13 - 6) / 6 * {"river-stage": 0.008, "rain": 0.6}.get(name, 0.15)
            value = max(0.0, eased(keys, number * EVERY_S) + (ripple if eased(keys, number * EVERY_S) > 0 else 0.0))
            lines.append(f"{at.isoformat()},{value:.3f}")
        part = folder / f"{name}.part"
        part.write_text("\n".join(lines) + "\n", encoding="ascii")
        part.replace(folder / f"{name}.csv")
