"""The map's ground: our own GeoJSON drawn on a canvas. Nothing is fetched from another host."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dash_leaflet as dl

from data.errors import InputRejected
from data.geo import Location
from layouts.context import ScreenContext

_MARGIN = 0.12  # of the extent, around the outermost sites


def draw_map(screens: ScreenContext) -> Any:
    """The map over all sites. Sites and people are drawn onto it by assets/34_map.js."""
    style = {"variable": "yiping.map.style"}
    ground = [dl.GeoJSON(data=part, style=style, interactive=False) for part in ground_of(screens.base_map)]
    return dl.MapContainer(
        [*ground, dl.ScaleControl(imperial=False, position="bottomleft")],
        id="map",
        preferCanvas=True,
        bounds=bounds_of([site.location for site in screens.settings.sites]),
        zoomSnap=0.25,
        zoomControl=False,
        attributionControl=False,
        minZoom=10,
        maxZoom=19,
    )


def bounds_of(places: Sequence[Location]) -> list[list[float]]:
    """[[south, west], [north, east]] around the places with a margin; never smaller than about 200 m."""
    if not places:
        return [[29.5, 106.5], [29.6, 106.6]]
    lats, lons = [place.lat for place in places], [place.lon for place in places]
    lat_room = max(0.001, (max(lats) - min(lats)) * _MARGIN)
    lon_room = max(0.001, (max(lons) - min(lons)) * _MARGIN)
    return [[min(lats) - lat_room, min(lons) - lon_room], [max(lats) + lat_room, max(lons) + lon_room]]


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
