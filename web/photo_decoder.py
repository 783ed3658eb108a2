"""The process that decodes one photo: `python -I photo_decoder.py LARGEST_PIXELS LONGEST_SIDE MEMORY_BYTES CPU_S`.

A picture of some kilobytes may unpack to gigabytes, so it is never unpacked in the server. This file is run by its path
and needs nothing of this project. The photo comes on standard input; standard output gets one line of JSON and then,
where the photo was taken, the new JPEG. `{"refused": code, ...}`: `pixels` (with width and height), `memory`,
`unreadable`.
"""

from __future__ import annotations

import io
import json
import os
import resource
import sys
from typing import Any

FORMATS = ("JPEG", "PNG", "WEBP")
_QUALITY = 85
_YIELDING = 5  # nice: screens and cameras go first


class _Refused(Exception):
    def __init__(self, code: str, **more: Any) -> None:
        super().__init__(code)
        self.answer = {"refused": code, **more}


def main() -> None:
    """Answer on standard output; the exit status is 0 unless a limit of the system ended the process."""
    largest_pixels, longest_side, memory_bytes, cpu_s = (int(word) for word in sys.argv[1:5])
    os.nice(_YIELDING)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    out = sys.stdout.buffer
    try:
        answer, jpeg = decode(sys.stdin.buffer.read(), largest_pixels, longest_side)
    except _Refused as refused:
        answer, jpeg = refused.answer, b""
    except MemoryError:
        answer, jpeg = {"refused": "memory"}, b""
    out.write(json.dumps(answer).encode() + b"\n" + jpeg)
    out.flush()


def decode(content: bytes, largest_pixels: int, longest_side: int) -> tuple[dict[str, Any], bytes]:
    """What its EXIF says of time and place, and the photo upright, as a JPEG made from its pixels alone."""
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - after the limits are set

    unreadable = (UnidentifiedImageError, OSError, SyntaxError, ValueError, OverflowError, EOFError)
    Image.MAX_IMAGE_PIXELS = largest_pixels
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if image.width * image.height > largest_pixels:
                raise _Refused("pixels", width=image.width, height=image.height)
            exif = _told(image)
            bare = _bare(image, longest_side)
    except Image.DecompressionBombError:
        try:
            width, height = _size(content)
        except unreadable:
            raise _Refused("unreadable") from None
        raise _Refused("pixels", width=width, height=height) from None
    except unreadable:
        raise _Refused("unreadable") from None
    out = io.BytesIO()
    bare.save(out, "JPEG", quality=_QUALITY, optimize=True)
    return {"exif": exif}, out.getvalue()


def _size(content: bytes) -> tuple[int, int]:
    from PIL import Image  # noqa: PLC0415

    Image.MAX_IMAGE_PIXELS = None
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        return image.size


def _bare(image: Any, longest_side: int) -> Any:
    """The picture upright and not larger than `longest_side`, without anything of the original's metadata."""
    from PIL import Image, ImageOps  # noqa: PLC0415

    image.draft("RGB", (longest_side, longest_side))  # a JPEG is decoded at half its size where that is enough
    if image.mode.startswith("I"):  # 16 bits a pixel: converting them as they are gives a white picture
        grey = image.convert("I").point(lambda value: value / 256).convert("L")
        grey.info = image.info  # where it is turned
        image = grey
    ImageOps.exif_transpose(image, in_place=True)  # a copy of twenty megapixels is 60 MB
    if image.mode in {"P", "PA", "LA"}:
        image = image.convert("RGBA")
    image.thumbnail((longest_side, longest_side))
    colours = image.convert("RGB")
    return Image.frombytes("RGB", colours.size, colours.tobytes())


def _told(image: Any) -> dict[str, Any]:
    """Time, place and device from EXIF, as far as they can be read."""
    from PIL import ExifTags  # noqa: PLC0415

    exif = image.getexif()
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


def _place(gps: Any) -> tuple[float, float] | None:
    """Latitude and longitude in degrees (EXIF 2.32, GPS IFD); None where they cannot be read."""
    from PIL import ExifTags  # noqa: PLC0415

    try:
        lat = _degrees(gps[ExifTags.GPS.GPSLatitude], str(gps[ExifTags.GPS.GPSLatitudeRef]), "S")
        lon = _degrees(gps[ExifTags.GPS.GPSLongitude], str(gps[ExifTags.GPS.GPSLongitudeRef]), "W")
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return (round(lat, 6), round(lon, 6)) if abs(lat) <= 90 and abs(lon) <= 180 else None


def _degrees(parts: Any, reference: str, negative: str) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    value = degrees + minutes / 60 + seconds / 3600
    return -value if reference.strip("\0 ").upper() == negative else value


if __name__ == "__main__":
    main()
