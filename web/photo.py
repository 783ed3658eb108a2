"""A photo that somebody sent: checked, turned upright, made anew without what the phone wrote into it.

Place and time from its EXIF are not thrown away: they go into the audit trail, where few can read them.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from data.errors import InputRejected

LARGEST_BYTES = 10 * 1024 * 1024
LARGEST_PIXELS = 60_000_000
LONGEST_SIDE = 2560
FORMATS = ("JPEG", "PNG", "WEBP")
_QUALITY = 85


@dataclass(frozen=True, slots=True)
class Photo:
    """A JPEG without metadata, and what the original's EXIF said of time and place."""

    jpeg: bytes
    exif: Mapping[str, Any]


def clean_photo(content: bytes) -> Photo:
    """The photo as it is kept. Raises InputRejected for what is no picture, or one too large."""
    if len(content) > LARGEST_BYTES:
        raise InputRejected(f"the photo has {len(content)} bytes, at most {LARGEST_BYTES} are taken")
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if image.width * image.height > LARGEST_PIXELS:
                raise InputRejected(f"the photo has more than {LARGEST_PIXELS} pixels")
            exif = _told(image.getexif())
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except Image.DecompressionBombError as error:
        raise InputRejected(f"the photo has more than {LARGEST_PIXELS} pixels") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise InputRejected(f"the photo is no picture that can be read ({', '.join(FORMATS)})") from error
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    # A new picture from the pixels alone: nothing of the original's metadata can come along.
    bare = Image.frombytes("RGB", upright.size, upright.tobytes())
    out = io.BytesIO()
    bare.save(out, "JPEG", quality=_QUALITY, optimize=True)
    return Photo(out.getvalue(), exif)


def _told(exif: Image.Exif) -> dict[str, Any]:
    """Time, place and device from EXIF, as far as they can be read."""
    details = exif.get_ifd(ExifTags.IFD.Exif)
    told: dict[str, Any] = {}
    taken = details.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime)
    if isinstance(taken, str):
        told["taken_at"] = taken.strip("\0 ")[:40]
    offset = details.get(ExifTags.Base.OffsetTimeOriginal)
    if isinstance(offset, str):
        told["utc_offset"] = offset.strip("\0 ")[:10]
    place = _place(exif.get_ifd(ExifTags.IFD.GPSInfo))
    if place is not None:
        told["lat"], told["lon"] = place
    return told


def _place(gps: Mapping[int, Any]) -> tuple[float, float] | None:
    """Latitude and longitude in degrees (EXIF 2.32, GPS IFD); None where they cannot be read."""
    try:
        lat = _degrees(gps[ExifTags.GPS.GPSLatitude], str(gps[ExifTags.GPS.GPSLatitudeRef]), "S")
        lon = _degrees(gps[ExifTags.GPS.GPSLongitude], str(gps[ExifTags.GPS.GPSLongitudeRef]), "W")
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return (round(lat, 6), round(lon, 6)) if abs(lat) <= 90 and abs(lon) <= 180 else None


def _degrees(parts: Any, reference: str, negative: str) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    value = degrees + minutes / 60 + seconds / 3600
    return -value if reference.strip("\0 ").upper() == negative else value
