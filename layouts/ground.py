"""The map's ground: our own GeoJSON drawn on a canvas. Nothing is fetched from another host."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dash_leaflet as dl

from data.errors import InputRejected
from data.model.geo import Location
from layouts.context import ScreenContext


def draw_map(screens: ScreenContext) -> Any:
    """The map over all sites. Sites and people are drawn onto it by assets/34_map.js."""
    style = {"variable": "yiping.map.style"}
    ground = [dl.GeoJSON(data=part, style=style, interactive=False) for part in ground_of(screens.base_map)]
    return dl.MapContainer(
        [*ground, dl.ScaleControl(imperial=False, position="bottomleft")],
        id="map",
        preferCanvas=True,
        center=middle_of([site.location for site in screens.settings.sites]),
        zoom=15,  # until the script fits it to the sites and the window
        zoomSnap=0.25,
        zoomControl=False,
        attributionControl=False,
        minZoom=10,
        maxZoom=19,
    )


def middle_of(places: Sequence[Location]) -> list[float]:
    """[lat, lon] in the middle of the places' extent; [0, 0] without any."""
    if not places:
        return [0.0, 0.0]
    lats, lons = [place.lat for place in places], [place.lon for place in places]
    return [(min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2]


def ground_of(base_map: Path | None) -> list[dict[str, Any]]:
    """The GeoJSON documents at `base_map` (a file or a folder), areas before lines so that roads lie on top.

    Raises InputRejected for a file that is not GeoJSON.
    """
    if base_map is None or not base_map.exists():
        return []
    files = sorted(base_map.glob("*.geojson")) if base_map.is_dir() else [base_map]
    return sorted((_read(file) for file in files), key=_has_lines)


def _read(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputRejected(f"{file}: not readable as GeoJSON ({error})") from error
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        raise InputRejected(f"{file}: expected a GeoJSON FeatureCollection")
    return document


def _has_lines(document: dict[str, Any]) -> bool:
    return any("Line" in str((f.get("geometry") or {}).get("type")) for f in document.get("features", []))
