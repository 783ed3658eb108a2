"""The cameras of the reference material: what a user would mark, and one look at a picture."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np

from alerts.threshold import Recipe as Threshold
from data.config.settings import SiteSettings
from data.model.frame import Image
from data.model.geo import Location
from data.model.observation import Reading
from data.model.picture import ArrayFrame
from data.model.zone import Zone
from data.ports.recipe import Context
from detectors.flood_extent import FloodExtent, Recipe

EVENING = datetime(2024, 7, 12, 12, 0, tzinfo=UTC)
FLOODED_FROM = 0.5  # the one threshold for every camera
NIGHT, DAY, TUNNEL = "silveira_martins", "siqueira_campos_box", "siqueira_campos_tunnel"

ZONES = {
    NIGHT: (
        Zone(id="road", polygon=((0, 0.62), (0.28, 0.42), (0.6, 0.3), (0.78, 0.3), (0.74, 0.62), (0.55, 1), (0, 1))),
        Zone(id="wall", polygon=((0, 0.26), (0.14, 0.26), (0.14, 0.36), (0, 0.36))),
        Zone(id="houses", polygon=((0.2, 0.06), (0.5, 0.06), (0.5, 0.17), (0.2, 0.17))),
        Zone(id="trees", polygon=((0.72, 0.06), (0.95, 0.06), (0.95, 0.4), (0.8, 0.4))),
    ),
    DAY: (
        Zone(id="road", polygon=((0.32, 0.4), (0.95, 0.28), (1, 0.4), (1, 1), (0.05, 1), (0.05, 0.62))),
        Zone(id="pavement", polygon=((0, 0.26), (0.2, 0.26), (0.34, 0.33), (0.1, 0.45), (0, 0.45))),
        Zone(id="shop", polygon=((0.85, 0), (1, 0), (1, 0.22), (0.85, 0.22))),
        Zone(id="pole", polygon=((0.3, 0), (0.36, 0), (0.36, 0.15), (0.3, 0.15))),
    ),
    TUNNEL: (
        Zone(id="road", polygon=((0.55, 0.05), (1, 0.05), (1, 1), (0.1, 1))),
        Zone(id="wall", polygon=((0.16, 0.06), (0.5, 0.02), (0.5, 0.1), (0.02, 0.45), (0, 0.28))),
    ),
}


def camera(folder: Path, name: str, references: Sequence[str], prefix: str = "not_flooded_") -> SiteSettings:
    zones = ZONES[name]
    recipe = Recipe(
        zone="road",
        fixed=tuple(zone.id for zone in zones[1:]),
        references=tuple(folder / name / f"{prefix}{number}.jpg" for number in references),
        every=timedelta(0),
    )
    rule = Threshold(quantity="flood_index", above=FLOODED_FROM)
    place = Location(lon=-43.2, lat=-22.9)
    return SiteSettings(id="point-1", location=place, zones=zones, detectors=(recipe,), rules=(rule,))


def live(site: SiteSettings) -> FloodExtent:
    found = site.detectors[0].make(Context(site=site.place))
    assert isinstance(found, FloodExtent)
    return found


def picture(path: Path) -> Image:
    image = cv2.imread(str(path))
    assert image is not None
    return np.asarray(image, dtype=np.uint8)


def reading(detector: FloodExtent, image: Image, second: float = 0) -> Reading | None:
    found = detector.find(ArrayFrame("point-1", EVENING + timedelta(seconds=second), image))
    return next((one for one in found if isinstance(one, Reading)), None)


def index(detector: FloodExtent, image: Image) -> float | None:
    seen = reading(detector, image)
    return None if seen is None else seen.value
