"""Cut-outs for canary targets: three of our own, or people and vehicles cut out of pictures that a user gives.

By the segmentation network of the demo city (`engine.demo.sprites`), in a process of the command line; a worker only
reads what lies in the folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from data.errors import InputRejected
from data.local.cutouts import MOST_HEIGHT_PX, save_cutout
from data.model.frame import Image
from data.model.labels import family
from data.model.live_recall import Cutout
from detectors._area import shrunk
from detectors._reference import yolo_class
from detectors._weights import known_weights
from engine.demo.sprites import cut_sprites, load_sprites

_KINDS = ("person", "vehicle")
_OWN = ("person_2", "person_3", "bus")  # of the demo's sprites, those that the photo's border does not cut
_SURE = 0.6
_LEAST_HEIGHT_PX = 64  # a smaller one shows too little to stand for what is near the camera
_LARGEST_INPUT_PX = 1280


def own_cutouts(cache_dir: Path) -> list[Cutout]:
    """Two passers-by and a bus. Raises what `cut_sprites` raises."""
    sprites = load_sprites(cut_sprites(cache_dir))
    return [_reduced(name, name.partition("_")[0], sprites[name].bgr, sprites[name].alpha) for name in _OWN]


def cut_out_of(path: Path, cache_dir: Path) -> Iterator[Cutout]:
    """Every person and vehicle that is surely and wholly seen in the picture.

    Raises InputRejected for what is no picture, DeviceLost when the segmentation weights cannot be had.
    """
    read = cv2.imread(str(path))
    if read is None:
        raise InputRejected(f"{path}: no picture that can be read")
    photo = np.asarray(read, np.uint8)
    height, width = photo.shape[:2]
    side = min(_LARGEST_INPUT_PX, -(-max(height, width) // 32) * 32)
    model = yolo_class(cache_dir)(str(known_weights("yolo26n-seg", cache_dir).path))
    result = model.predict(photo, imgsz=side, retina_masks=True, conf=_SURE, device="cpu", verbose=False)[0]
    masks = [] if result.masks is None else list(result.masks.data.numpy().astype(np.uint8))
    for number, (mask, box, label) in enumerate(zip(masks, result.boxes.xyxy, result.boxes.cls, strict=True), 1):
        name = str(model.names[int(label)])
        left, top, right, bottom = (int(v) for v in box)
        whole = left > 1 and top > 1 and right < width - 2 and bottom < height - 2
        if family(name) not in _KINDS or not whole or bottom - top < _LEAST_HEIGHT_PX or not mask.any():
            continue
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        cover = np.asarray(cv2.GaussianBlur(cv2.erode(mask, np.ones((3, 3), np.uint8)) * np.uint8(255), (0, 0), 1.0))
        yield _reduced(f"{path.stem}-{number}", name, photo[part], cover[part].astype(np.uint8))


def save_all(cutouts: Iterator[Cutout] | list[Cutout], folder: Path) -> list[Path]:
    """The files that were written."""
    return [save_cutout(folder, cutout) for cutout in cutouts]


def _reduced(name: str, label: str, bgr: Image, alpha: Image) -> Cutout:
    """No higher than is ever shown in the model's input."""
    height, width = alpha.shape
    if height > MOST_HEIGHT_PX:
        size = (max(1, round(width * MOST_HEIGHT_PX / height)), MOST_HEIGHT_PX)
        bgr, alpha = shrunk(bgr, *size), shrunk(alpha, *size)
    return Cutout(name, label, np.ascontiguousarray(bgr), np.ascontiguousarray(alpha))
