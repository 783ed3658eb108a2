"""Drawing streets in perspective: a pinhole view of a ground plane and a painter that draws into it.

World metres: x to the right, y away from the camera, z up; the camera stands at (0, 0, height) and looks along y,
tilted down by `pitch`. Everything is drawn twice as large as the picture and then halved, which smooths edges.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PilImage
from PIL import ImageDraw, ImageFont

from data.model.frame import Image

WIDTH, HEIGHT = 1280, 720
_SHARPER = 2

Floats = npt.NDArray[np.float32]
Colour = tuple[int, int, int]
World = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class View:
    """Where a camera hangs and how it looks: `height_m` above the ground, `pitch_deg` down, `focal_px`."""

    height_m: float = 5.0
    pitch_deg: float = 14.0
    focal_px: float = 950.0

    def depth(self, y: float, z: float = 0.0) -> float:
        """Distance along the optical axis, metres."""
        pitch = math.radians(self.pitch_deg)
        return y * math.cos(pitch) + (self.height_m - z) * math.sin(pitch)

    def project(self, points: Sequence[World]) -> Floats:
        """Pixels (n, 2) of world points; those behind the camera are brought to 0.3 m before it."""
        pitch = math.radians(self.pitch_deg)
        at = np.asarray(points, np.float64).reshape(-1, 3)
        below = self.height_m - at[:, 2]
        depth = np.maximum(at[:, 1] * math.cos(pitch) + below * math.sin(pitch), 0.3)
        down = below * math.cos(pitch) - at[:, 1] * math.sin(pitch)
        u = WIDTH / 2 + self.focal_px * at[:, 0] / depth
        v = HEIGHT / 2 + self.focal_px * down / depth
        return np.stack([u, v], axis=1).astype(np.float32)

    def fractions(self, points: Sequence[World]) -> list[tuple[float, float]]:
        """World points as fractions of the picture, cut to it: the form of a zone's polygon."""
        pixels = self.project(points)
        return [(min(max(u / WIDTH, 0.0), 1.0), min(max(v / HEIGHT, 0.0), 1.0)) for u, v in pixels.tolist()]

    def ground(self, scale: float = 1.0, z: float = 0.0) -> tuple[Floats, Floats, Floats]:
        """For every pixel of a picture of this scale, the x, y of the plane at `z` seen there and 1 below horizon."""
        pitch = math.radians(self.pitch_deg)
        u, v = np.meshgrid(
            (np.arange(int(WIDTH * scale), dtype=np.float32) + 0.5) / scale - WIDTH / 2,
            (np.arange(int(HEIGHT * scale), dtype=np.float32) + 0.5) / scale - HEIGHT / 2,
        )
        falling = v * math.cos(pitch) + self.focal_px * math.sin(pitch)
        below = falling > 4.0
        reach = (self.height_m - z) / np.where(below, falling, 4.0)
        x = u * reach
        y = (self.focal_px * math.cos(pitch) - v * math.sin(pitch)) * reach
        return x.astype(np.float32), y.astype(np.float32), below.astype(np.float32)


class Painter:
    """A picture being drawn through a view."""

    def __init__(self, view: View, seed: int) -> None:
        self.view = view
        self.random = np.random.default_rng(seed)
        self.canvas = np.zeros((HEIGHT * _SHARPER, WIDTH * _SHARPER, 3), np.uint8)
        self.glow = np.zeros((HEIGHT // 2, WIDTH // 2, 3), np.float32)

    def sky(self, top: Colour, horizon: Colour) -> None:
        """A vertical gradient over the whole picture; everything else is drawn over it."""
        pitch = math.radians(self.view.pitch_deg)
        line = max(HEIGHT / 2 - self.view.focal_px * math.tan(pitch), 1.0) * _SHARPER
        weight = np.clip(np.arange(self.canvas.shape[0]) / line, 0, 1)[:, None]
        rows = (1 - weight) * np.asarray(top) + weight * np.asarray(horizon)
        self.canvas[:] = rows[:, None, :].astype(np.uint8)

    def polygon(self, points: Sequence[World], colour: Colour, grain: float = 0.0) -> None:
        """Fill a flat polygon; `grain` is the spread of its brightness, for asphalt and plaster."""
        corners = np.round(self.view.project(points) * _SHARPER * 16).astype(np.int64)
        corners = np.clip(corners, -(2**24), 2**24).astype(np.int32)
        if grain <= 0:
            cv2.fillPoly(self.canvas, [corners], colour, cv2.LINE_AA, shift=4)
            return
        mask = np.zeros(self.canvas.shape[:2], np.uint8)
        cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, shift=4)
        x, y, w, h = cv2.boundingRect(mask)
        if w == 0 or h == 0:
            return
        fine = self.random.normal(0, grain, (h // 3 + 1, w // 5 + 1)).astype(np.float32)
        broad = self.random.normal(0, grain * 0.6, (h // 40 + 2, w // 90 + 2)).astype(np.float32)
        speckle = cv2.resize(fine, (w, h)) + cv2.resize(broad, (w, h), interpolation=cv2.INTER_CUBIC)
        filled = np.clip(np.asarray(colour, np.float32) + speckle[..., None], 0, 255)
        weight = mask[y : y + h, x : x + w, None].astype(np.float32) / 255
        part = self.canvas[y : y + h, x : x + w]
        part[:] = (filled * weight + part * (1 - weight)).astype(np.uint8)

    def line(self, start: World, end: World, colour: Colour, width_m: float = 0.05) -> None:
        """A stroke whose width shrinks with distance."""
        ends = self.view.project([start, end]) * _SHARPER
        depth = self.view.depth((start[1] + end[1]) / 2, (start[2] + end[2]) / 2)
        thick = max(1, round(width_m * self.view.focal_px / max(depth, 1.0) * _SHARPER))
        first, last = ((int(x), int(y)) for x, y in np.clip(ends, -20000, 20000).tolist())
        cv2.line(self.canvas, first, last, colour, thick, cv2.LINE_AA)

    def light(self, at: World, colour: Colour, radius_m: float) -> None:
        """A glow added over the finished picture."""
        ((u, v),) = self.view.project([at]).tolist()
        radius = radius_m * self.view.focal_px / max(self.view.depth(at[1], at[2]), 1.0)
        rows, columns = np.mgrid[0 : self.glow.shape[0], 0 : self.glow.shape[1]].astype(np.float32)
        near = np.hypot(columns * 2 - u, rows * 2 - v) / max(radius, 1.0)
        self.glow += np.exp(-(near**1.1) * 2.2)[..., None] * np.asarray(colour, np.float32)

    def text(self, corners: Sequence[World], text: str, colour: Colour, back: Colour) -> None:
        """A sign: text fitted into a flat rectangle given as top left, top right, bottom right, bottom left."""
        board = _sign(text, colour, back)
        height, width = board.shape[:2]
        source = np.asarray([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        warp = cv2.getPerspectiveTransform(source, (self.view.project(corners) * _SHARPER).astype(np.float32))
        size = (self.canvas.shape[1], self.canvas.shape[0])
        drawn = cv2.warpPerspective(board, warp, size, flags=cv2.INTER_AREA)
        covered = cv2.warpPerspective(np.full((height, width), 255, np.uint8), warp, size)
        weight = covered[..., None].astype(np.float32) / 255
        self.canvas[:] = (drawn * weight + self.canvas * (1 - weight)).astype(np.uint8)

    def finished(self, gain: tuple[float, float, float]) -> Image:
        """The picture, uint8 (720, 1280, 3): graded by `gain` (b, g, r), lit, softened and darker at its corners."""
        small = cv2.GaussianBlur(cv2.resize(self.canvas, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), (0, 0), 0.7)
        lit = np.asarray(cv2.resize(self.glow, (WIDTH, HEIGHT)), np.float32)
        bright = small.astype(np.float32) * np.asarray(gain, np.float32) * (1 + lit / 220) + lit * 0.55
        rows, columns = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
        corner = 1 - 0.22 * np.clip(rows**2 + columns**2 - 0.35, 0, 2)
        return np.asarray(np.clip(bright * corner[..., None], 0, 255), np.uint8)


def font(size: int) -> tuple[ImageFont.FreeTypeFont | ImageFont.ImageFont, bool]:
    """A font and whether it can write Chinese; Pillow's own Latin font where no Chinese one is installed."""
    folders = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path("/Library/Fonts"))
    wanted = ("NotoSansCJK*-Bold.tt?", "NotoSansCJK*.tt?", "NotoSansSC*.?tf", "wqy-*.tt?", "SourceHanSans*.?t?")
    for pattern in wanted:
        for folder in folders:
            for path in sorted(folder.rglob(pattern)) if folder.is_dir() else ():
                return ImageFont.truetype(str(path), size), True
    return ImageFont.load_default(size), False


def written(text: str, size: int, colour: Colour, latin: str = "") -> npt.NDArray[np.uint8]:
    """Text as BGRA with a thin dark rim; `latin` stands in where no Chinese font is installed."""
    face, chinese = font(size)
    words = text if chinese else latin
    left, top, right, bottom = (int(v) for v in face.getbbox(words or " ", stroke_width=2))
    picture = PilImage.new("RGBA", (right - left + 4, bottom - top + 4), (0, 0, 0, 0))
    red, green, blue = colour[2], colour[1], colour[0]
    pen = ImageDraw.Draw(picture)
    pen.text((2 - left, 2 - top), words, (red, green, blue, 255), face, stroke_width=2, stroke_fill=(20, 20, 20, 200))
    return np.ascontiguousarray(np.asarray(picture, np.uint8)[..., [2, 1, 0, 3]])


def paste(picture: Image, label: npt.NDArray[np.uint8], x: int, y: int) -> None:
    """Draw BGRA text over a picture in place, its top left at (x, y)."""
    height, width = label.shape[:2]
    spot = picture[y : y + height, x : x + width]
    weight = label[: spot.shape[0], : spot.shape[1], 3:].astype(np.float32) / 255
    spot[:] = (label[: spot.shape[0], : spot.shape[1], :3] * weight + spot * (1 - weight)).astype(np.uint8)


def _sign(text: str, colour: Colour, back: Colour) -> Image:
    face, chinese = font(96)
    board = PilImage.new("RGB", (max(130, 110 * len(text)), 130), (back[2], back[1], back[0]))
    if chinese:
        pen = ImageDraw.Draw(board)
        pen.text((board.width / 2, 62), text, (colour[2], colour[1], colour[0]), face, anchor="mm")
    return np.ascontiguousarray(np.asarray(board, np.uint8)[..., ::-1])
