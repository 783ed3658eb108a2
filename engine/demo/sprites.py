"""Four passers-by and a bus, cut out of `bus.jpg` of the ultralytics package with yolo26n-seg.

The pictures come from the installed package (AGPL-3.0), found without importing it, and stay in the cache; nothing
of them is in this repository. The people are real photos, so that what the demo's detector finds, it really finds.
"""

from __future__ import annotations

import hashlib
import importlib.util
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from data.errors import InputRejected
from data.model.frame import Image
from detectors._reference import yolo_class
from detectors._weights import Weights, known_weights

PHOTO = "bus.jpg"
SPRITE_VERSION = 1
"""Raised when the cutting changes, so that cached sprites are cut again."""

_INPUT_PX = 1088  # the photo's own height, next multiple of 32: masks as fine as the model can give

Mask = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """A cut-out: `bgr` uint8 (h, w, 3) and `alpha` uint8 (h, w), 255 where it covers."""

    name: str
    bgr: Image
    alpha: Mask

    @property
    def height(self) -> int:
        return int(self.bgr.shape[0])

    @property
    def width(self) -> int:
        return int(self.bgr.shape[1])


def photo_path() -> Path:
    """Where the sample photo lies, without importing ultralytics (which would load torch)."""
    found = importlib.util.find_spec("ultralytics")
    if found is None or not found.submodule_search_locations:
        raise InputRejected("the demo needs the ultralytics package: run `make setup`")
    path = Path(found.submodule_search_locations[0]) / "assets" / PHOTO
    if not path.is_file():
        raise InputRejected(f"the ultralytics package has no sample photo at {path}")
    return path


def sprite_folder(cache_dir: Path) -> Path:
    """The cache folder of exactly this photo and this way of cutting."""
    content = hashlib.sha256(photo_path().read_bytes()).hexdigest()[:12]
    return cache_dir / "demo" / f"sprites-{SPRITE_VERSION}-{content}"


def cut_sprites(cache_dir: Path) -> Path:
    """Cut once; the folder with one RGBA PNG each: person_1 (leftmost) … person_4 and bus.

    Raises DeviceLost when the segmentation weights cannot be had, InputRejected when the photo is not the known one.
    """
    folder = sprite_folder(cache_dir)
    if (folder / "bus.png").is_file():
        return folder
    photo = cv2.imread(str(photo_path()))
    if photo is None:
        raise InputRejected(f"{photo_path()} is not a picture")
    people, bus = _segment(np.asarray(photo, np.uint8), known_weights("yolo26n-seg", cache_dir), cache_dir)
    image = np.asarray(photo, np.uint8)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        workshop = Path(name) / folder.name
        workshop.mkdir()
        for number, mask in enumerate(sorted(people, key=_left), start=1):
            _save(workshop / f"person_{number}.png", image, _refined(image, mask), feather=1.0)
        whole, outline = _whole_bus(image, bus, people)
        _save(workshop / "bus.png", whole, outline, feather=1.2)
        with suppress(OSError):  # another process may have finished first, with the same pictures
            workshop.rename(folder)
    return folder


def load_sprites(folder: Path) -> Mapping[str, Sprite]:
    """By name; every sprite that `cut_sprites` saved."""
    sprites = {}
    for path in sorted(folder.glob("*.png")):
        rgba = np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), np.uint8)
        sprites[path.stem] = Sprite(path.stem, np.ascontiguousarray(rgba[..., :3]), np.ascontiguousarray(rgba[..., 3]))
    return sprites


def _segment(photo: Image, weights: Weights, cache_dir: Path) -> tuple[list[Mask], Mask]:
    """The masks of the four people and of the bus, uint8 0/1 of the photo's size."""
    model = yolo_class(cache_dir)(str(weights.path))
    result = model.predict(photo, imgsz=_INPUT_PX, retina_masks=True, conf=0.25, device="cpu", verbose=False)[0]
    masks = [] if result.masks is None else list(result.masks.data.numpy().astype(np.uint8))
    labels = [model.names[int(label)] for label in result.boxes.cls]
    people = [mask for mask, label in zip(masks, labels, strict=True) if label == "person"]
    buses = [mask for mask, label in zip(masks, labels, strict=True) if label == "bus"]
    if len(people) != 4 or len(buses) != 1:
        raise InputRejected(f"expected four people and a bus in {PHOTO}, found {', '.join(labels) or 'nothing'}")
    return people, buses[0]


def _left(mask: Mask) -> int:
    return int(np.flatnonzero(mask.any(axis=0))[0])


def _refined(photo: Image, mask: Mask) -> Mask:
    """The mask's edge moved to the colours' edge (GrabCut, Rother et al. 2004); its largest piece."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    guess = np.full(mask.shape, cv2.GC_BGD, np.uint8)
    guess[cv2.dilate(mask, kernel) > 0] = cv2.GC_PR_BGD
    guess[mask > 0] = cv2.GC_PR_FGD
    guess[cv2.erode(mask, kernel) > 0] = cv2.GC_FGD
    x, y, w, h = cv2.boundingRect(cv2.dilate(mask, kernel))
    near = np.ascontiguousarray(guess[y : y + h, x : x + w])
    part = np.ascontiguousarray(photo[y : y + h, x : x + w])
    # The rectangle is not looked at: the mask says where to begin.
    cv2.grabCut(part, near, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_MASK)
    sure = np.isin(near, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(sure)
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])) if count > 1 else 0
    fine = np.zeros_like(mask)
    fine[y : y + h, x : x + w] = pieces == largest
    return fine


def _whole_bus(photo: Image, bus: Mask, people: list[Mask]) -> tuple[Image, Mask]:
    """The bus with the passers-by before it painted over: rows carried on, the front wheel copied from the rear."""
    contours, _ = cv2.findContours(bus, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    hull = cv2.convexHull(np.vstack([c for c in contours if cv2.contourArea(c) > 200]))
    outline = np.zeros_like(bus)
    cv2.fillConvexPoly(outline, np.asarray(hull, np.int32), 1)
    hidden = np.max(np.stack([cv2.dilate(mask, np.ones((9, 9), np.uint8)) for mask in people]), axis=0)
    known = (bus > 0) & (hidden == 0)
    painted = photo.copy()
    for row in np.flatnonzero(outline.any(axis=1)).tolist():
        want = (outline[row] > 0) & ~known[row]
        have = np.flatnonzero(known[row])
        if have.size > 8 and want.any():
            for channel in range(3):
                painted[row, want, channel] = np.interp(np.flatnonzero(want), have, photo[row, have, channel])
    soft = cv2.GaussianBlur(painted, (0, 0), 2.5)
    filled = (outline > 0) & ~known
    painted[filled] = soft[filled]
    x, y, w, h = cv2.boundingRect(outline)
    _copy_wheel(painted, (x, y, w, h))
    return painted, outline


def _copy_wheel(bus: Image, box: tuple[int, int, int, int]) -> None:
    """Paint the rear wheel where the front wheel is hidden; places as fractions of the bus's box."""
    x, y, w, h = box
    left, top, right, bottom = (int(v) for v in (x + 0.852 * w, y + 0.66 * h, x + 0.962 * w, y + 0.93 * h))
    wheel = bus[top:bottom, left:right].copy()
    wheel = np.asarray(cv2.resize(wheel, None, fx=1.06, fy=1.06), np.uint8)
    disc = np.zeros(wheel.shape[:2], np.uint8)
    centre = (wheel.shape[1] // 2, wheel.shape[0] // 2)
    cv2.ellipse(disc, centre, (centre[0] - 2, centre[1] - 2), 0, 0, 360, 255, -1)
    at_x, at_y = int(x + 0.345 * w), int(y + 0.755 * h)
    spot = bus[at_y : at_y + wheel.shape[0], at_x : at_x + wheel.shape[1]]
    weight = cv2.GaussianBlur(disc, (0, 0), 2)[: spot.shape[0], : spot.shape[1], None] / 255.0
    spot[:] = (wheel[: spot.shape[0], : spot.shape[1]] * weight + spot * (1 - weight)).astype(np.uint8)


def _save(path: Path, photo: Image, mask: Mask, feather: float) -> None:
    """Cropped to the mask, with a soft edge (sigma `feather` px) inside it."""
    x, y, w, h = cv2.boundingRect(mask)
    inner = cv2.erode(mask, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE)
    alpha = cv2.GaussianBlur(inner * np.uint8(255), (0, 0), feather, borderType=cv2.BORDER_REPLICATE)
    rgba = np.dstack([photo[y : y + h, x : x + w], alpha[y : y + h, x : x + w]])
    part = path.with_suffix(".part.png")
    cv2.imwrite(str(part), rgba)
    part.replace(path)
