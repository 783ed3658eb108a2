"""A photo that somebody sent: checked, turned upright, made anew without what the phone wrote into it.

Place and time from its EXIF are not thrown away: they go into the audit trail, where few can read them. The decoding
runs in a process of its own with a memory limit (`web.photo_decoder`), one at a time.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.errors import Busy, InputRejected
from data.model.picture_limits import LARGEST_PIXELS
from data.model.record import Evidence
from web.deps import ServerDeps
from web.photo_decoder import FORMATS
from web.problems import TooLarge

LARGEST_BYTES = 10 * 1024 * 1024
LONGEST_SIDE = 2560
MEMORY_BYTES = 640 * 1024 * 1024  # address space: the interpreter and Pillow take a third of it
CPU_S = 20
WITHIN_S = 60.0
_DECODER = Path(__file__).with_name("photo_decoder.py")
_MEGAPIXEL = 1_000_000


@dataclass(frozen=True, slots=True)
class Photo:
    """A JPEG without metadata, and what the original's EXIF said of time and place."""

    jpeg: bytes
    exif: Mapping[str, Any]


def clean_photo(content: bytes) -> Photo:
    """The photo as it is kept; blocks until its process has ended.

    Raises TooLarge for too many bytes or pixels, InputRejected for what is no picture, Busy when the machine is too
    slow just now.
    """
    _check_bytes(content)
    limits = (LARGEST_PIXELS, LONGEST_SIDE, MEMORY_BYTES, CPU_S)
    command = [sys.executable, "-I", str(_DECODER), *map(str, limits)]
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=WITHIN_S, check=False)
    except subprocess.TimeoutExpired:
        raise Busy("照片处理超时，请稍后重发 / the photo could not be read in time; please send it again") from None
    line, _, jpeg = done.stdout.partition(b"\n")
    if done.returncode != 0 or not line:
        raise InputRejected("照片解压后过大，无法处理 / the photo needs too much memory or time to be unpacked")
    answer = json.loads(line)
    if "refused" in answer:
        raise _refusal(answer)
    return Photo(jpeg, answer["exif"])


async def keep_photo(deps: ServerDeps, content: bytes, origin: str) -> tuple[Evidence, Photo]:
    """The photo made anew, in the vault. Raises what `clean_photo` raises, and Busy when too many wait."""
    _check_bytes(content)

    def kept() -> tuple[Evidence, Photo]:
        photo = clean_photo(content)
        return deps.vault.keep(photo.jpeg, "image/jpeg", deps.now(), origin), photo

    return await deps.lanes.photos.run(kept)


def _check_bytes(content: bytes) -> None:
    if len(content) > LARGEST_BYTES:
        most = LARGEST_BYTES // 1024 // 1024
        raise TooLarge(f"照片超过 {most} MB / the photo is larger than {most} MB")


def _refusal(answer: Mapping[str, Any]) -> InputRejected | TooLarge:
    most = LARGEST_PIXELS // _MEGAPIXEL
    if answer["refused"] == "pixels":
        width, height = answer["width"], answer["height"]
        return TooLarge(
            f"照片有 {width} × {height} 像素，超过 {most * 100} 万，请缩小后重发 / the photo has {width} × {height} "
            f"pixels, more than {most} million: please send a smaller one"
        )
    if answer["refused"] == "memory":
        return InputRejected("照片解压后过大，无法处理 / the photo needs too much memory to be unpacked")
    kinds = ", ".join(FORMATS)
    return InputRejected(f"无法读取照片，请用 {kinds} 格式 / the photo is no picture that can be read ({kinds})")
