"""Composes the demo's camera videos at first start: drawn scenes, moving water, real people and a real bus.

Every video is marked 演示. Stretches in which nobody moves are encoded once and repeated, so that a video of four
minutes costs little more than what happens in it. A video is kept until anything that shapes it changes
(`content_key`).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from data.local.whole_file import replace_file
from data.model.frame import Image
from engine.demo.scene import HEIGHT, WIDTH, Floats, Painter, paste, written
from engine.demo.scenes import BANK, QUAY, STEPS
from engine.demo.script import PERIOD_S, Actor, Scene, eased, interpolated
from engine.demo.sprites import Sprite, cut_sprites, load_sprites, sprite_folder
from engine.demo.streets import MARKET, SCHOOL, TUNNEL, UNDERPASS
from engine.demo.water import flooding_at, moving

FRAMES_PER_S = 12
_LOOP = 48  # frames after which water, rain and noise come back: two groups of pictures
_GROUP = 24
_SOURCES = ("compose.py", "scene.py", "scenery.py", "scenes.py", "script.py", "sprites.py", "streets.py", "water.py")

SCENES: tuple[Scene, ...] = (QUAY, SCHOOL, UNDERPASS, BANK, MARKET, TUNNEL, STEPS)


def content_key(scene: Scene) -> str:
    """Changes with everything that shapes the video of this scene."""
    digest = hashlib.sha256(scene.id.encode())
    for name in _SOURCES:
        digest.update((Path(__file__).parent / name).read_bytes())
    digest.update(sprite_folder(Path()).name.encode())
    return digest.hexdigest()[:16]


def composed(scene: Scene, folder: Path) -> bool:
    """Is there a video of this scene as it is now?"""
    stamp = folder / f"{scene.id}.key"
    is_there = (folder / f"{scene.id}.mp4").is_file() and stamp.is_file()
    return is_there and stamp.read_text(encoding="ascii") == content_key(scene)


def compose_all(folder: Path, cache_dir: Path, processes: int = 2) -> Iterator[str]:
    """Compose what is missing, in processes of their own; the ids as they are done.

    Raises what `cut_sprites` raises, OSError when the disk is full or not writable.
    """
    missing = [scene for scene in SCENES if not composed(scene, folder)]
    if not missing:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
        sprites = alone.submit(cut_sprites, cache_dir).result()  # torch stays in that process
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        longest_first = sorted(missing, key=lambda scene: scene.bowl is None)
        for done in as_completed([pool.submit(compose_one, scene.id, folder, sprites) for scene in longest_first]):
            yield done.result()


def compose_one(scene_id: str, folder: Path, sprites: Path) -> str:
    """Compose one video into the folder; its id."""
    cv2.setNumThreads(1)
    scene = next(s for s in SCENES if s.id == scene_id)
    part = folder / f"{scene.id}.part.mp4"
    encode(Film(scene, load_sprites(sprites)), part, PERIOD_S)
    part.replace(folder / f"{scene.id}.mp4")
    replace_file(folder / f"{scene.id}.key", content_key(scene).encode("ascii"))
    return scene.id


class Film:
    """A scene as pictures over time."""

    def __init__(self, scene: Scene, sprites: Mapping[str, Sprite]) -> None:
        self.scene = scene
        self._sprites = {actor: _dressed(sprites[actor.sprite], actor, scene.gain) for actor in scene.actors}
        painter = Painter(scene.view, scene.seed)
        scene.draw(painter)
        still = painter.finished(scene.gain)
        random = np.random.default_rng(scene.seed)
        river = list(moving(scene.view, still, scene.river, _LOOP)) if scene.river else [still.copy()] * _LOOP
        self._quiet = [_rained(picture, scene.rain, random) for picture in river]
        self._flooded: list[Image] = []
        self._floods_at: Floats | None = None
        if scene.bowl is not None:
            self._flooded = [_rained(p, scene.rain, random) for p in moving(scene.view, still, scene.bowl, _LOOP)]
            self._floods_at = flooding_at(scene.view, scene.bowl, scene.seed)
        self._noise = [random.normal(0, 0.9, (HEIGHT, WIDTH)).round().astype(np.int8) for _ in range(4)]
        self._labels = _labels(scene)

    def stillness(self, first: int) -> str | None:
        """What is to be seen in the group of pictures from `first` on, while only water and rain move; else None."""
        seen = {self._state(number / FRAMES_PER_S) for number in range(first, first + _GROUP)}
        return f"{first % _LOOP}:{seen.pop()}" if len(seen) == 1 else None

    def _state(self, at_s: float) -> str:
        """Where everybody is and how high the water stands."""
        people = [(number, actor.place(at_s)) for number, actor in enumerate(self.scene.actors)]
        here = [(number, place) for number, place in people if place is not None]
        return f"{here}{eased(self.scene.depth_cm, at_s)}"

    def picture(self, number: int) -> Image:
        """The picture of this number, uint8 (720, 1280, 3)."""
        at_s = number / FRAMES_PER_S
        depth_cm = eased(self.scene.depth_cm, at_s)
        whole = self._ground(number % _LOOP, depth_cm)
        here = [(actor, place) for actor in self.scene.actors if (place := actor.place(at_s)) is not None]
        for actor, (x, y, z) in sorted(here, key=lambda one: -one[1][1]):
            wet = interpolated(actor.wet, at_s)
            if depth_cm > 0 and self.scene.bowl is not None:
                wet = max(wet, min(0.5, (depth_cm / 100 - z) / actor.height_m))
            step = abs(math.sin(at_s * 6.0)) * 0.035 if actor.walks and actor.moving(at_s) else 0.0
            self._stand(whole, actor, (x, y, z + step), wet)
        for label, left, top in self._labels:
            paste(whole, label, left, top)
        return whole

    def planes(self, number: int) -> Image:
        """The picture as I420 with the sensor's noise on its brightness, uint8 (1080, 1280)."""
        planes = np.asarray(cv2.cvtColor(self.picture(number), cv2.COLOR_BGR2YUV_I420), np.uint8)
        planes[:HEIGHT] = cv2.add(planes[:HEIGHT], self._noise[number % len(self._noise)], dtype=cv2.CV_8U)
        return planes

    def _ground(self, phase: int, depth_cm: float) -> Image:
        if self._floods_at is None or depth_cm <= 0:
            return self._quiet[phase].copy()
        whole = self._quiet[phase].copy()
        top = int(np.argmax((self._floods_at < depth_cm).any(axis=1)))  # nothing is wet above this row
        weight = np.clip((depth_cm - self._floods_at[top:]) * 0.5, 0, 0.94).astype(np.float32)
        whole[top:] = cv2.blendLinear(self._flooded[phase][top:], whole[top:], weight, 1 - weight)
        return whole

    def _stand(self, whole: Image, actor: Actor, at: tuple[float, float, float], wet: float) -> None:
        sprite = self._sprites[actor]
        view = self.scene.view
        ((u, v),) = view.project([at]).tolist()
        high = actor.height_m * view.focal_px / max(view.depth(at[1], at[2] + actor.height_m / 2), 0.5)
        scale = high / sprite.height
        if high < 8 or high > HEIGHT * 1.5:
            return
        size = (max(2, round(sprite.width * scale)), max(2, round(high)))
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        bgr = np.asarray(cv2.resize(sprite.bgr, size, interpolation=method), np.uint8)
        alpha = np.asarray(cv2.resize(sprite.alpha, size, interpolation=method), np.float32) / np.float32(255)
        dry = max(1, round(size[1] * (1 - wet)))
        left, top = round(u - size[0] / 2), round(v) - dry
        if wet > 0.01:
            _reflect(whole, bgr[:dry], alpha[:dry], left, top + dry)
            ramp = np.clip((dry - np.arange(dry, dtype=np.float32)) / 4, 0, 1)[:, None].astype(np.float32)
            _blend(whole, bgr[:dry], alpha[:dry] * ramp, left, top)
            _ripple(whole, (u, v), size[0])
            return
        _shade(whole, (u, v), size[0], high)
        _blend(whole, bgr, alpha, left, top)


def encode(film: Film, path: Path, length_s: float) -> None:
    """Write the film as H.264 in MP4: a keyframe every 2 s, no B-frames, quiet groups encoded once."""
    import av  # noqa: PLC0415 - loads FFmpeg

    options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "29", "g": str(_GROUP), "sc_threshold": "0"}
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream: Any = container.add_stream("libx264", rate=FRAMES_PER_S, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.thread_count = 1
        stream.codec_context.time_base = Fraction(1, FRAMES_PER_S)
        stream.time_base = Fraction(1, FRAMES_PER_S)
        still: dict[str, list[tuple[bytes, bool]]] = {}
        for first in range(0, round(length_s * FRAMES_PER_S), _GROUP):
            same = film.stillness(first)
            group = _encoded(film, stream, first) if same is None or same not in still else still[same]
            if same is not None:
                still[same] = group
            for number, (content, is_keyframe) in enumerate(group, start=first):
                packet = av.Packet(content)
                packet.stream, packet.pts, packet.dts = stream, number, number
                packet.time_base, packet.duration = Fraction(1, FRAMES_PER_S), 1
                packet.is_keyframe = is_keyframe
                container.mux(packet)


def _encoded(film: Film, stream: Any, first: int) -> list[tuple[bytes, bool]]:
    """One group of pictures, beginning with a keyframe; one packet each, as zero latency promises."""
    import av  # noqa: PLC0415
    from av.video.frame import PictureType  # noqa: PLC0415

    packets = []
    for number in range(first, first + _GROUP):
        frame = av.VideoFrame.from_ndarray(film.planes(number), format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, FRAMES_PER_S)
        if number == first:
            frame.pict_type = PictureType.I
        packets += [(bytes(packet), bool(packet.is_keyframe)) for packet in stream.encode(frame)]
    if len(packets) != _GROUP:
        raise RuntimeError(f"the encoder gave {len(packets)} packets for {_GROUP} pictures")
    return packets


def _dressed(sprite: Sprite, actor: Actor, gain: tuple[float, float, float]) -> Sprite:
    """The sprite in the scene's light, mirrored or in other colours as the script says."""
    bgr, alpha = sprite.bgr, sprite.alpha
    if actor.hue:
        hsv = cv2.cvtColor(bgr, cv2.COLOR_BGR2HSV)
        skin = (hsv[..., 0] < 22) & (hsv[..., 1] > 40)
        turned = (hsv[..., 0].astype(np.int16) + actor.hue) % 180
        hsv[..., 0] = np.where(skin & actor.walks, hsv[..., 0], turned)
        bgr = np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR), np.uint8)
    lit = np.clip(bgr.astype(np.float32) * (np.asarray(gain, np.float32) * 0.98), 0, 255).astype(np.uint8)
    if actor.mirrored:
        lit, alpha = np.ascontiguousarray(lit[:, ::-1]), np.ascontiguousarray(alpha[:, ::-1])
    return Sprite(sprite.name, lit, alpha)


def _blend(whole: Image, bgr: Image, alpha: Floats, left: int, top: int) -> None:
    """Lay a cut-out over the picture in place, clipped to it."""
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + bgr.shape[1], WIDTH), min(top + bgr.shape[0], HEIGHT)
    if x0 >= x1 or y0 >= y1:
        return
    part = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    weight = np.ascontiguousarray(alpha[part])
    spot = np.ascontiguousarray(whole[y0:y1, x0:x1])
    whole[y0:y1, x0:x1] = cv2.blendLinear(np.ascontiguousarray(bgr[part]), spot, weight, 1 - weight)


def _reflect(whole: Image, bgr: Image, alpha: Floats, left: int, top: int) -> None:
    """A dim mirror image below the waterline."""
    fading = np.linspace(0.42, 0.0, bgr.shape[0], dtype=np.float32)[:, None]
    soft = cv2.GaussianBlur(np.ascontiguousarray(bgr[::-1]), (0, 0), sigmaX=2.0, sigmaY=4.0)
    _blend(whole, np.asarray(soft, np.uint8), alpha[::-1] * fading, left, top)


def _ripple(whole: Image, foot: tuple[float, float], width: int) -> None:
    """A light ring of disturbed water."""
    centre = (round(foot[0]), round(foot[1]))
    for grow, shade in ((0.62, 168), (0.95, 150)):
        axes = (max(2, round(width * grow)), max(1, round(width * grow * 0.16)))
        cv2.ellipse(whole, centre, axes, 0, 8, 172, (shade, shade + 4, shade), 1, cv2.LINE_AA)


def _shade(whole: Image, foot: tuple[float, float], width: int, high: float) -> None:
    """A soft shadow on the ground."""
    half_w, half_h = round(width * 0.62) + 3, max(3, round(high * 0.055) + 2)
    rows, columns = np.mgrid[-half_h : half_h + 1, -half_w : half_w + 1].astype(np.float32)
    weight = np.clip(1.1 - (rows / half_h) ** 2 - (columns / half_w) ** 2, 0, 1) ** 0.8 * np.float32(0.55)
    dark = np.full((*weight.shape, 3), 18, np.uint8)
    lift = round(high * 0.012)
    _blend(whole, dark, weight.astype(np.float32), round(foot[0]) - half_w, round(foot[1]) - half_h - lift)


def _rained(picture: Image, strength: float, random: np.random.Generator) -> Image:
    """The picture with fresh streaks of rain, `strength` 0..1."""
    if strength <= 0:
        return picture
    streaks = np.zeros((HEIGHT // 2, WIDTH // 2), np.uint8)
    for _ in range(int(260 * strength)):
        x, y = int(random.integers(0, WIDTH // 2)), int(random.integers(-10, HEIGHT // 2))
        long = int(random.integers(7, 22))
        cv2.line(streaks, (x, y), (x - long // 6, y + long), int(random.integers(16, 46)), 1)
    large = cv2.GaussianBlur(cv2.resize(streaks, (WIDTH, HEIGHT)), (0, 0), 0.8)
    return np.asarray(cv2.add(picture, cv2.cvtColor(large, cv2.COLOR_GRAY2BGR)), np.uint8)


def _labels(scene: Scene) -> list[tuple[Any, int, int]]:
    """The camera's name and the mark 演示, with their places."""
    name = written(scene.title, 26, (240, 240, 240), scene.latin)
    mark = written("演示", 30, (80, 200, 255), "DEMO")
    return [(name, 24, 20), (mark, WIDTH - 24 - mark.shape[1], 20)]
