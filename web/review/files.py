"""A report as a file: HTML that needs nothing else, CSV of one of its tables, GeoJSON of its places.

Nothing from outside becomes markup or a formula: HTML is escaped by its template, cells of CSV are made harmless.
"""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from PIL import Image, UnidentifiedImageError

from data.config.settings import Settings
from data.errors import NotFound
from data.model.spreadsheet import harmless_cell
from data.ports.store import EvidenceVault, Reader
from layouts.words import Words
from web.review.document import Loaded
from web.review.teller import teller_of
from web.review.watermark import watermarked

MOST_PICTURES = 12
PICTURE_WIDTH, PICTURE_QUALITY = 960, 80
_MOST_PIXELS = 40_000_000
TEMPLATES = Path(__file__).parents[1] / "templates"


def pictures_of(loaded: Loaded, reader: Reader, vault: EvidenceVault, mark: str = "") -> dict[str, bytes]:
    """JPEG by the picture's id, at most 960 pixels wide: those that the asker may see, and that are there.

    `mark`: is drawn across each. Raises Unavailable where there is no font for it.
    """
    wanted = [
        one["picture"]
        for one in loaded.facts["pictures"]
        if one["picture"] is not None and one["camera"] not in loaded.unwatched
    ][:MOST_PICTURES]
    made = {}
    for evidence in reader.evidence_of(wanted):
        try:
            made[evidence.id] = _small(vault.open(evidence), mark)
        except (NotFound, OSError, UnidentifiedImageError, Image.DecompressionBombError):
            continue  # its hash is in the annex all the same
    return made


def _small(content: bytes, mark: str) -> bytes:
    with Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "WEBP")) as picture:
        if picture.width * picture.height > _MOST_PIXELS:
            raise Image.DecompressionBombError(f"{picture.width} x {picture.height}")
        picture.draft("RGB", (PICTURE_WIDTH, PICTURE_WIDTH))
        small = picture.convert("RGB")
        small.thumbnail((PICTURE_WIDTH, PICTURE_WIDTH))
        sent = io.BytesIO()
        small = watermarked(small, mark) if mark else small
        small.save(sent, "JPEG", quality=PICTURE_QUALITY)
    return sent.getvalue()


def with_foot(told: dict[str, Any], loaded: Loaded, words: Words, who: str, now: datetime) -> dict[str, Any]:
    """The outline with what stands at its end: signature, hash, who exported it and when."""
    tell = teller_of(loaded.facts, words)
    foot = [
        *(told["signature"] or [words("aar.unsigned")]),
        words("aar.facts_as_of", at=tell.at(loaded.facts["made_at"])),
        words("aar.made", who=who, at=tell.at(now.isoformat())),
        words("aar.role_scope"),
    ]
    labels = {name: words(f"aar.{name}") for name in ("outline", "by_system", "by_people", "number", "page")}
    return told | {"foot": foot, "labels": labels, "number": loaded.review.id}


def html_of(told: Mapping[str, Any], pictures: Mapping[str, bytes]) -> bytes:
    """One file with its pictures in it."""
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    shown = {name: "data:image/jpeg;base64," + base64.b64encode(one).decode() for name, one in pictures.items()}
    return environment.get_template("review.html.j2").render(report=told, pictures=shown).encode()


def csv_of(told: Mapping[str, Any], table: str) -> str:
    """One table of the report with its column names. Raises NotFound where the report has no such table."""
    for part in told["parts"]:
        for block in part["blocks"]:
            if block["block"] == "table" and block["name"] == table:
                text = io.StringIO()
                writer = csv.writer(text)
                writer.writerow([harmless_cell(column["name"]) for column in block["columns"]])
                for row in block["rows"]:
                    cells = [cell if isinstance(cell, str) else cell["text"] for cell in row]
                    writer.writerow([harmless_cell(cell) for cell in cells])
                return "\ufeff" + text.getvalue()  # the byte order mark makes spreadsheets read it as UTF-8
    raise NotFound(f"the report has no table {table!r}")


def geojson_of(loaded: Loaded, settings: Settings) -> str:
    """Events where they are, and the sites of alerts, as points with names."""
    places = {site.id: site.location for site in settings.sites}
    features = []
    for one in [loaded.facts["what"], *loaded.facts["events"], *loaded.facts["recurrences"]]:
        if one.get("location"):
            told = {
                name: one[name] for name in ("event", "title", "kind", "priority", "state", "opened_at", "closed_at")
            }
            features.append(_point(one["location"], told | {"place": one["site_name"]}))
    for one in loaded.facts["alerts"]:
        if one["site"] in places:
            told = {name: one[name] for name in ("alert", "kind", "priority", "value", "unit", "raised_at", "ended_at")}
            features.append(_point(places[one["site"]].model_dump(), told | {"place": one["site_name"]}))
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)


def _point(place: Mapping[str, float], properties: Mapping[str, Any]) -> dict[str, Any]:
    geometry = {"type": "Point", "coordinates": [place["lon"], place["lat"]]}
    return {"type": "Feature", "geometry": geometry, "properties": dict(properties)}
