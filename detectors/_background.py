"""A slow background of one fixed camera, and what in a picture does not belong to it.

Pictures are compared as ratios (logarithms of brightness), after the exposure of the whole picture has been matched, so
that a shadow or a lamp is a smooth, even difference and an object is not. Each pixel has its own usual difference, the
95th percentile of what was seen there, which waves, leaves and rain raise and an object that is followed does not.
Twice: sharply, in the single picture, and smoothly, over half a second and a wider neighbourhood, where the noise of a
sensor without light is a third and whoever differs by little still shows. Deterministic; time is that of the pictures.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import numpy.typing as npt

from data.model.frame import Image

Plane = npt.NDArray[np.float32]
Box = tuple[int, int, int, int]
"""left, top, right, bottom in pixels of the working picture."""

WORKING_PX = 57_600  # 320 x 180: a person of 20 pixels in a picture 640 wide has 10 here
_LEARN_PICTURES = 24
_LEARN_EVERY = timedelta(seconds=0.39)  # so the first background is of ten seconds: who walks by is not in it
_LEARN_AT_MOST = timedelta(seconds=60)
_LEARN_FEWEST = 10
_BLACK_LEVEL = 6.0  # grey levels: below it a ratio is noise
_SCALE = 100.0  # differences are in hundredths of a natural logarithm: about percent
_OVEREXPOSED = 250
_LEAST_USUAL = 2.5  # one grey level in forty
_LEAST_USUAL_SMOOTH = 1.2
_LEAST_LIMIT = 8.0
_TIMES_USUAL = 1.8  # of the 95th percentile: 3.5 standard deviations of Gaussian noise
_SMOOTH_FOR = timedelta(seconds=0.45)  # three pictures of five a second: a walking man has moved by half his width
_SMOOTH_PX, _SMOOTH_LEARNT = (5, 5), 3
_LEAST_SMOOTH_LIMIT = 4.5
_SETTLES = timedelta(seconds=14)  # after the first background: ten seconds do not show what wind and water do here
_SETTLES_AT_MOST = timedelta(seconds=60)
_UNREST = 2.0  # times as many pixels beyond what is usual as should be: it is not known yet what is usual
_UNREST_S = 5.0
_FOLLOW_S = 10.0  # time constant of the background
_FOLLOW_ODD_S = 60.0  # the same where something differs that is not followed
_USUAL_HALVES_S = 60.0
_SETTLING_HALVES_S = 12.0
_OUTLIERS = 0.05
_LARGE_SHARE = 0.5  # of the picture: the light, the camera, or something right before the lens
_LARGE_FOR = timedelta(seconds=8)
_MOST_PIECES = 40
_LEAST_AREA = 14
_LEAST_SIDE = 3
_LEAST_FILLED = 0.2
_MOST_SIDE = 0.9
_STEEP, _LARGE = 92, 85  # percentiles within a piece: how steep it is at its edges, how large its difference
_RING = 2  # pixels to either side of an outline
_STEADY_SHADE = 0.25  # of its mean difference, within a shadow
_SHADE = (-120.0, -8.0)  # a shadow takes up to two thirds of the light
_PRESERVED = 0.5  # of the background's texture
_FEW = 40  # pixels
_SHOWS = 0.35  # of a smooth piece: so much of it differs clearly, and it is left to that
_SPECKLE = 0.6  # of a clear piece: so much of it lies in a faint one, and it is a part of that
_APART = 3  # pixels
_HALO = (2, 5)  # pixels outside of an outline
_HALO_SHARE = 0.45  # of the limit: there an object has ended, light has not
_DETAIL = (7, 7)


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A coherent piece that differs from the background.

    sharp: how much of its difference is gained from one pixel to the next where it is steep: about 0.3 for whatever has
    edges, little for light. crisp: the same, of the smooth difference, which noise does not sharpen.
    contrast: mean difference in limits of what is usual there. light: it keeps the texture of the background, or is an
    even shade, or goes on beyond its outline. gone: its outline is in the background, not in the picture: what was
    there has left.
    """

    box: Box
    area: int
    sharp: float
    crisp: float
    contrast: float
    light: bool
    gone: bool


class Background:
    """Of one stream. Pictures may be of any size; all of one view."""

    def __init__(self) -> None:
        self._first: list[Plane] = []
        self._first_at: list[datetime] = []
        self._size = (0, 0)
        self._known: Plane = np.zeros((0, 0), np.float32)  # brightness, in the exposure of the last picture
        self._usual: Plane = self._known
        self._usual_smooth: Plane = self._known
        self._lately: deque[tuple[datetime, Plane]] = deque()
        self._began = datetime.min.replace(tzinfo=UTC)
        self._unrest = 1.0
        self._at = datetime.min.replace(tzinfo=UTC)
        self._large_since: datetime | None = None
        self._labels: npt.NDArray[np.int32] = np.zeros((0, 0), np.int32)
        self._difference: Plane = self._known
        self._limit: Plane = self._known
        self._smooth: Plane = self._known
        self._smooth_limit: Plane = self._known
        self._logs: tuple[Plane, Plane] = (self._known, self._known)
        self._overexposed: Image = np.zeros((0, 0), np.uint8)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the working picture."""
        return self._size

    def is_settled(self, at: datetime) -> bool:
        """Is it known what is usual here? Some seconds after the first background, and not while much is unusual."""
        if not len(self._known):
            return False
        known_for = at - self._began
        return known_for >= _SETTLES_AT_MOST or (known_for >= _SETTLES and self._unrest <= _UNREST * _OUTLIERS)

    def see(self, luma: Image, at: datetime) -> Sequence[Piece] | None:
        """What differs in this picture, the largest first; None while that cannot be told.

        `luma`: uint8 (height, width). Call `learn` afterwards.
        """
        small = self._small(luma)
        if not len(self._known):
            self._begin(small, at)
            return None
        picture = small.astype(np.float32)
        self._expose(picture)
        now, known = np.log(picture + _BLACK_LEVEL), np.log(self._known + _BLACK_LEVEL)
        self._logs = (now, known)
        raw = (now - known) * np.float32(_SCALE)
        difference, smooth = np.asarray(cv2.blur(raw, (3, 3)), np.float32), self._smoothed(raw, at)
        self._limit = _limit_of(self._usual, _LEAST_LIMIT)
        self._smooth_limit = _limit_of(self._usual_smooth, _LEAST_SMOOTH_LIMIT)
        self._difference, self._smooth = difference, smooth
        self._overexposed = (small >= _OVEREXPOSED).astype(np.uint8)
        odd = self._odd(np.abs(difference) > self._limit)
        share = float(np.count_nonzero(odd)) / odd.size
        if share > _LARGE_SHARE:
            self._large_since = self._large_since or at
            self._labels = odd.astype(np.int32)
            if at - self._large_since >= _LARGE_FOR:
                self._forget()
                self._begin(small, at)
            return None
        self._large_since = None
        closed = _closed(odd)
        faint = _closed(self._odd(np.abs(smooth) > self._smooth_limit))
        return list(self._pieces(_joined(closed, faint)))

    def _odd(self, differs: npt.NDArray[np.bool_]) -> Image:
        return np.asarray(cv2.medianBlur((differs & (self._overexposed == 0)).astype(np.uint8), 3), np.uint8)

    def learn(self, at: datetime, followed: Sequence[Box], awaited: Sequence[Box]) -> None:
        """Adapt to the picture seen last: nowhere in the boxes that are `followed`, little in those `awaited`."""
        if not len(self._known) or not len(self._difference):
            return
        passed_s = min(max((at - self._at).total_seconds(), 0.0), _FOLLOW_S)
        self._at = at
        odd = self._labels > 0
        weight = np.where(odd, np.float32(_share(passed_s, _FOLLOW_ODD_S)), np.float32(_share(passed_s, _FOLLOW_S)))
        weight[self._overexposed > 0] = 0
        held = np.ones(weight.shape, np.float32)
        for left, top, right, bottom in followed:
            weight[max(0, top - _RING) : bottom + _RING, max(0, left - _RING) : right + _RING] = 0
            held[max(0, top - _RING) : bottom + _RING, max(0, left - _RING) : right + _RING] = 0
        for left, top, right, bottom in awaited:
            held[max(0, top - _RING) : bottom + _RING, max(0, left - _RING) : right + _RING] = 0
        known_s = (at - self._began).total_seconds()
        halves_s = min(max(known_s, _SETTLING_HALVES_S), _USUAL_HALVES_S)  # ever slower: the more is known already
        rate = math.log(2) * passed_s / halves_s
        beyond = _adapt(self._usual, self._difference, rate, held, _LEAST_USUAL)
        _adapt(self._usual_smooth, self._smooth, rate, held, _LEAST_USUAL_SMOOTH)
        self._unrest += _share(passed_s, _UNREST_S) * (beyond - self._unrest)
        now, _ = self._logs
        self._known += weight * ((np.exp(now) - np.float32(_BLACK_LEVEL)) - self._known)
        self._difference = np.zeros((0, 0), np.float32)

    def absorb(self, box: Box) -> None:
        """What is there now is background."""
        left, top, right, bottom = box
        part = np.s_[max(0, top - _RING) : bottom + _RING, max(0, left - _RING) : right + _RING]
        self._known[part] = np.exp(self._logs[0][part]) - np.float32(_BLACK_LEVEL)

    def look_of(self, box: Box) -> Plane:
        """How the picture seen last differs from the background within the box, logarithms."""
        left, top, right, bottom = box
        part = np.s_[top:bottom, left:right]
        return self._logs[0][part] - self._logs[1][part]

    def _smoothed(self, raw: Plane, at: datetime) -> Plane:
        """The median of three pictures of the last moment, with all neighbours: what is in one only is not."""
        while self._lately and not timedelta(0) < at - self._lately[0][0] <= _SMOOTH_FOR:
            self._lately.popleft()
        self._lately.append((at, raw))
        return np.asarray(cv2.blur(_middle_of([one for _, one in self._lately]), _SMOOTH_PX), np.float32)

    def _small(self, luma: Image) -> Image:
        height, width = luma.shape
        scale = min(1.0, math.sqrt(WORKING_PX / (width * height)))
        size = (max(16, round(width * scale)), max(16, round(height * scale)))
        if size != self._size:
            if abs(size[0] - self._size[0]) > 2 or abs(size[1] - self._size[1]) > 2:
                self._forget()
                self._size = size
            size = self._size
        if (width, height) == size:
            return luma
        return np.asarray(cv2.resize(np.ascontiguousarray(luma), size, interpolation=cv2.INTER_AREA), np.uint8)

    def _forget(self) -> None:
        self._first, self._first_at, self._large_since = [], [], None
        self._known = self._usual = self._usual_smooth = self._difference = np.zeros((0, 0), np.float32)
        self._lately.clear()

    def _begin(self, small: Image, at: datetime) -> None:
        """Collect the first pictures; the median of each pixel is the background."""
        if self._first_at and timedelta(0) <= at - self._first_at[-1] < _LEARN_EVERY:
            return
        picture = small.astype(np.float32)
        if self._first:  # all in the exposure of the first
            picture /= np.float32(_gain(picture, self._first[0]))
        self._first.append(picture)
        self._first_at.append(at)
        enough = len(self._first) >= _LEARN_PICTURES
        waited = at - self._first_at[0] >= _LEARN_AT_MOST and len(self._first) >= _LEARN_FEWEST
        if not enough and not waited:
            return
        stack = np.stack(self._first)
        self._known = np.median(stack, axis=0).astype(np.float32)
        logs = np.log(stack + _BLACK_LEVEL) - np.log(self._known + _BLACK_LEVEL)
        logs *= np.float32(_SCALE)
        self._usual = _first_usual(list(logs), (3, 3), _LEAST_USUAL)
        few = range(len(logs) - _SMOOTH_LEARNT + 1)
        middles = [_middle_of(list(logs[i : i + _SMOOTH_LEARNT])) for i in few]
        self._usual_smooth = _first_usual(middles, _SMOOTH_PX, _LEAST_USUAL_SMOOTH)
        self._labels = np.zeros(self._known.shape, np.int32)
        self._at = self._began = at
        self._unrest = 1.0
        self._first, self._first_at = [], []

    def _expose(self, picture: Plane) -> None:
        """Bring the background to the exposure of this picture."""
        gain = _gain(picture, self._known)
        if abs(gain - 1) > 1e-4:
            self._known *= np.float32(gain)

    def _pieces(self, closed: Image) -> Iterator[Piece]:
        count, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8, ltype=cv2.CV_32S)
        self._labels = np.asarray(labels, np.int32)
        order = sorted(range(1, count), key=lambda i: (-int(stats[i, cv2.CC_STAT_AREA]), i))[:_MOST_PIECES]
        for i in order:
            left, top, wide, high, area = (int(v) for v in stats[i])
            if area < _LEAST_AREA or min(wide, high) < _LEAST_SIDE or area < _LEAST_FILLED * wide * high:
                continue
            if wide <= _MOST_SIDE * self._size[0] and high <= _MOST_SIDE * self._size[1]:
                yield self._piece(i, (left, top, left + wide, top + high), area)

    def _piece(self, label: int, box: Box, area: int) -> Piece:
        left, top, right, bottom = box
        margin = 2 * _RING
        part = np.s_[max(0, top - margin) : bottom + margin, max(0, left - margin) : right + margin]
        own = (self._labels[part] == label).astype(np.uint8)
        others = (self._labels[part] > 0) & (own == 0)
        kernel = np.ones((2 * _RING + 1, 2 * _RING + 1), np.uint8)
        outer = (cv2.dilate(own, kernel) > 0) & (own == 0) & ~others
        core = cv2.erode(own, kernel, borderValue=0) > 0
        inner = (own > 0) & ~core
        inside = own > 0
        difference, smooth = self._difference[part], self._smooth[part]
        edges = cv2.dilate(own, np.ones((3, 3), np.uint8)) > 0
        contrast = max(
            float((np.abs(plane[inside]) / limit[part][inside]).mean())
            for plane, limit in ((difference, self._limit), (smooth, self._smooth_limit))
        )
        now, known = (plane[part] for plane in self._logs)
        return Piece(
            box, area, _sharpness(difference, inside, edges), _sharpness(smooth, inside, edges), contrast,
            self._is_light(difference, inside, core, now, known) or self._has_halo(label, box),
            _edge(known, inner | outer) > 1.25 * _edge(now, inner | outer),
        )  # fmt: skip

    def _has_halo(self, label: int, box: Box) -> bool:
        """Does the difference fade outside of the outline, as that of a lamp's shine does, rather than end there?"""
        left, top, right, bottom = box
        near, far = _HALO
        part = np.s_[max(0, top - far) : bottom + far, max(0, left - far) : right + far]
        own = (self._labels[part] == label).astype(np.uint8)
        wide, narrow = (cv2.dilate(own, np.ones((2 * px + 1, 2 * px + 1), np.uint8)) > 0 for px in (far, near))
        ring = wide & ~narrow & (self._labels[part] == 0) & (self._overexposed[part] == 0)
        if np.count_nonzero(ring) < _FEW:
            return False
        smooth = self._smooth[part]
        sign = np.sign(smooth[own > 0].mean())
        return bool(np.median(sign * smooth[ring] / self._smooth_limit[part][ring]) > _HALO_SHARE)

    def _is_light(
        self, difference: Plane, inside: npt.NDArray[np.bool_], core: npt.NDArray[np.bool_], now: Plane, known: Plane
    ) -> bool:
        """Does it show the background in another light?"""
        within = core if np.count_nonzero(core) >= 12 else inside
        count = int(np.count_nonzero(within))
        fine_now, fine_known = ((plane - cv2.blur(plane, _DETAIL))[within] * _SCALE for plane in (now, known))
        fine_now, fine_known = fine_now - fine_now.mean(), fine_known - fine_known.mean()
        power = float(np.dot(fine_known, fine_known))
        if power > count * 1.0:  # a texture of one percent
            kept = float(np.dot(fine_now, fine_known)) / power
            rest = fine_now - np.float32(kept) * fine_known
            doubt = math.sqrt(float(np.dot(rest, rest)) / max(1, count - 1) / power)
            if kept - 2 * doubt > _PRESERVED:
                return True
            if kept + 2 * doubt < _PRESERVED:
                return False
        shade = difference[within]
        mean = float(shade.mean())
        if count < _FEW:  # of so few nobody can tell
            return False
        return _SHADE[0] < mean < _SHADE[1] and float(shade.std()) < _STEADY_SHADE * abs(mean)


def _middle_of(pictures: Sequence[Plane]) -> Plane:
    """The median of the first, the middle one and the last; of two the mean."""
    first, last = pictures[0], pictures[-1]
    if len(pictures) < 3:
        return np.asarray((first + last) / 2, np.float32)
    middle = pictures[len(pictures) // 2]
    return np.asarray(np.maximum(np.minimum(first, last), np.minimum(np.maximum(first, last), middle)), np.float32)


def _closed(odd: Image) -> Image:
    return np.asarray(cv2.morphologyEx(odd, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)), np.uint8)


def _joined(clear: Image, smooth: Image) -> Image:
    """All that is clear, and besides what hardly is: its outlines are wider, and must join nothing that is apart."""
    if not smooth.any():
        return clear
    faint = _of_share(smooth, clear, lambda shown: shown < _SHOWS)
    solid = _of_share(clear, faint, lambda within: within < _SPECKLE)
    near = cv2.dilate(solid, np.ones((2 * _APART + 1, 2 * _APART + 1), np.uint8)) > 0
    return np.asarray(np.where(near, solid, faint | solid), np.uint8)


def _of_share(pieces: Image, other: Image, wanted: Callable[[Plane], npt.NDArray[np.bool_]]) -> Image:
    """The pieces of which a wanted share lies in the other."""
    count, labels = cv2.connectedComponents(pieces, connectivity=8, ltype=cv2.CV_32S)
    area = np.bincount(labels.ravel(), minlength=count)
    share = np.bincount(labels.ravel(), weights=other.ravel(), minlength=count) / np.maximum(area, 1)
    kept = wanted(np.asarray(share, np.float32)).astype(np.uint8)
    kept[0] = 0
    return np.asarray(kept[labels], np.uint8)


def _limit_of(usual: Plane, least: float) -> Plane:
    """From which difference on a pixel does not belong to the scene."""
    around = np.asarray(cv2.dilate(cv2.blur(usual, (3, 3)), np.ones((5, 5), np.uint8)), np.float32)
    return np.asarray(np.maximum(_TIMES_USUAL * around, np.float32(least)), np.float32)


def _adapt(usual: Plane, difference: Plane, rate: float, held: Plane, least: float) -> float:
    """Bring what is usual nearer to the 95th percentile; tell which share of the picture is beyond it."""
    beyond = np.abs(difference) > usual
    usual *= 1 + np.float32(rate) * np.where(beyond, np.float32((1 - _OUTLIERS) / _OUTLIERS), np.float32(-1.0)) * held
    np.maximum(usual, np.float32(least), out=usual)
    return float(np.count_nonzero(beyond)) / beyond.size


def _first_usual(logs: Sequence[Plane], over: tuple[int, int], least: float) -> Plane:
    """The largest difference but one of the pictures that were learned."""
    off = np.stack([np.abs(cv2.blur(one, over)) for one in logs])
    off.partition(len(off) - 2, axis=0)
    usual = np.maximum(off[-2], np.float32(least))
    # Somebody who walked by while it was learned is not usual; rain is, since it falls everywhere.
    middle = np.asarray(cv2.blur(np.median(off, axis=0).astype(np.float32), (9, 9)), np.float32)
    everywhere = np.float32(2 * np.median(usual))
    return np.asarray(np.minimum(usual, np.maximum(6 * middle, everywhere)), np.float32)


def _sharpness(difference: Plane, inside: npt.NDArray[np.bool_], edges: npt.NDArray[np.bool_]) -> float:
    """How much of the difference is gained from one pixel to the next where it is steep."""
    steep = float(np.percentile(_steepness(difference)[edges], _STEEP))
    return steep / max(float(np.percentile(np.abs(difference[inside]), _LARGE)), 1e-3)


def _edge(plane: Plane, band: npt.NDArray[np.bool_]) -> float:
    """Mean steepness along a band."""
    if plane.shape[0] < 3 or plane.shape[1] < 3 or not band.any():
        return 0.0
    return float(_steepness(plane)[band].mean())


def _steepness(plane: Plane) -> Plane:
    """Change from one pixel to the next."""
    across = cv2.Sobel(plane, cv2.CV_32F, 1, 0, ksize=1, scale=0.5)
    down = cv2.Sobel(plane, cv2.CV_32F, 0, 1, ksize=1, scale=0.5)
    return np.asarray(cv2.magnitude(across, down), np.float32)


def _gain(picture: Plane, known: Plane) -> float:
    """By which factor most of the picture is brighter than what is known, where neither is black nor overexposed."""
    now, before = picture[::3, ::3].ravel(), known[::3, ::3].ravel()
    able = (now < _OVEREXPOSED) & (now > 2) & (before > 2) & (before < 4 * 255)
    if np.count_nonzero(able) * 5 < len(now):
        return 1.0
    ratio = now[able] / before[able]
    half = len(ratio) // 2
    return min(max(float(np.partition(ratio, half)[half]), 0.2), 5.0)


def _share(passed_s: float, constant_s: float) -> float:
    return 1.0 - math.exp(-passed_s / constant_s)
