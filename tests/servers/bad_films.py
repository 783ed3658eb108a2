"""Films of a camera that goes bad for a while, made from a clip, to be played by `tests.servers.rtsp`."""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from data.model.frame import Image
from tests.servers.rtsp import ONE_SLICE

SIZE = (480, 360)
PER_SECOND = 5

Change = Callable[[Image], Image]


def _covered(picture: Image) -> Image:
    """A bag has blown before the lens."""
    height, width = picture.shape[:2]
    hidden = picture.copy()
    hidden[height // 8 :, width // 6 : width * 9 // 10] = (104, 118, 110)
    return hidden


def _dark(picture: Image) -> Image:
    """The light has been switched off: a fifth of it is left, and the sensor's noise."""
    noise = np.random.default_rng(int(picture[::7, ::7].sum())).normal(0, 2, picture.shape[:2])
    return np.asarray((picture * 0.2 + 12 + noise[..., None]).clip(0, 255), np.uint8)


FAULTS: dict[str, Change] = {
    "video_black": lambda picture: np.full_like(picture, 9),
    "video_white": lambda picture: np.full_like(picture, 243),
    "video_occlusion": _covered,
    "video_defocus": lambda picture: np.asarray(cv2.GaussianBlur(picture, (0, 0), picture.shape[0] / 180), np.uint8),
    "scene_change": lambda picture: np.ascontiguousarray(picture[:, ::-1]),
}
"""By the name of the alert; `video_frozen` repeats a picture, and is made by `bad_film` itself."""


NO_FAULTS: dict[str, Change] = {"light_switched": _dark}


def bad_film(clip: Path, fault: str, *, well_s: int, bad_s: int, folder: Path) -> Path:
    """The clip in a loop, well and then bad for so many seconds, as H.264 in `folder`, where it is made once."""
    key = hashlib.sha256(f"{clip.name} {fault} {well_s} {bad_s} {SIZE} {PER_SECOND}".encode()).hexdigest()[:12]
    film = folder / f"{fault}-{key}.mp4"
    if film.exists():
        return film
    pictures = list(_pictures(clip))
    with tempfile.TemporaryDirectory(dir=folder) as work:
        made = Path(work) / "film.mp4"
        command = ["nice", "-n", "5", "ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "bgr24"]
        command += ["-s", f"{SIZE[0]}x{SIZE[1]}", "-r", str(PER_SECOND), "-i", "-", "-c:v", "libx264"]
        command += ["-preset", "ultrafast", "-tune", "zerolatency", "-g", "20", "-pix_fmt", "yuv420p", *ONE_SLICE]
        command.append(str(made))
        with subprocess.Popen(command, stdin=subprocess.PIPE) as ffmpeg:
            assert ffmpeg.stdin is not None
            for number in range((well_s + bad_s) * PER_SECOND):
                picture = pictures[number % len(pictures)]
                if number >= well_s * PER_SECOND:
                    picture = pictures[0] if fault == "video_frozen" else {**FAULTS, **NO_FAULTS}[fault](picture)
                ffmpeg.stdin.write(picture.tobytes())
        assert ffmpeg.returncode == 0
        made.replace(film)
    return film


def _pictures(clip: Path) -> Iterator[Image]:
    """Five a second."""
    video = cv2.VideoCapture(str(clip))
    every = video.get(cv2.CAP_PROP_FPS) / PER_SECOND
    number = 0
    while (read := video.read())[0]:
        if int(number / every) != int((number - 1) / every):
            yield np.asarray(cv2.resize(read[1], SIZE, interpolation=cv2.INTER_AREA), np.uint8)
        number += 1
