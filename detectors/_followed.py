"""Follows pieces that differ from the background until it is clear whether each is an object.

An object goes its way: it keeps its size, moves no faster than something of its size can, and gets somewhere; or it has
come to stand and does not change. Leaves and waves stay where they are and change; rain, insects and lost rows of a
picture are elsewhere in the next one; light has no edge.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median

import cv2
import numpy as np

from detectors._background import Background, Box, Piece, Plane

_LEAST_LOOKS = 4
_LEAST_S = 0.5
_SEEN_SHARE = 0.7  # of the looks since it was first seen
_KEPT = 25  # looks
_SHARP = 0.18  # an edge in focus takes three pixels of the working picture, smoothed; light takes ten and more
_CRISP = 0.075  # of the smooth difference: a lamp's shine is softer, whatever noise lies over it
_SPEED = 3.0  # own sizes a second: a running man, a car in a street
_TURN = 1.0  # own sizes a second off the way that it was on
_JUMP = 0.4  # own sizes, besides: how exactly a piece is outlined
_SURE = 8.0  # logarithm of the odds that what was seen in a row is one thing and not others by chance
_CHANCE = 0.05  # least chance of that in one picture
_ALIKE_SHARE = 0.5  # of other pieces, that are as large
_MISSED = -1.6  # of one picture without it
_CLUTTER_S = 5.0  # time constant of how many other pieces there are
_LIKE = 2.2  # times as large as before
_LOST_MOVING_S = 1.0
_LOST_STANDING_S = 5.0
_GOES = 0.9  # roots of its own box: so far it has got somewhere
_STRAIGHT = 0.55  # net way by the whole way, in steps of half a second
_MERGED_S, _MERGED_SHARE = 2.0, 0.7  # so long it is taken to be within a piece that covers so much of it
_LEAST_WAY, _LEAST_WAY_IN = 3.0, 9.0  # pixels; of what comes in by an edge of the picture only one side is seen to move
_STEP_S = 0.5
_LEAP = 0.6  # of the net way, between two sights: what was there and what is here now are two edges of a twig
_STAYS = 0.2  # own sizes
_APPEARED_S = 4.0  # what was not seen to come must have stood for so long
_SAME_LOOK = 0.5  # of its difference from the background
_AWAITED_S = 12.0
_CELL = 8  # pixels: so finely it is known where something comes again and again
_APART_S = 4.0  # what comes again sooner is the same
_COMES_HALVES_S = 60.0
_RESTLESS = 1.8  # times: twice of late
_RESTLESS_TIMES = 2.0  # as often as in the middle place of the picture: rain and noise come everywhere
_RESTLESS_SHARE = 0.25  # of its box and half of its size around: a gust swings a twig farther than those before
_GOES_FAR, _STRAIGHT_FAR = 2.5, 0.75  # among leaves, an object must have got farther than they swing
_APPEARED_RESTLESS_S = 20.0
_ALONE_SHARE = 0.05  # of the picture that differs: more at once is the light


@dataclass(slots=True)
class Followed:
    """One piece from picture to picture. `known`: it is an object."""

    id: int
    born_at: datetime
    box: Box
    seen_at: datetime
    pieces: deque[tuple[datetime, Piece]] = field(default_factory=lambda: deque(maxlen=_KEPT))
    looks: int = 0
    seen: int = 0
    misses: int = 0
    odds: float = 0.0
    known: bool = False
    told: bool = False
    came: bool = False  # it was seen to move
    crowded: bool = False  # much else began to differ with it
    look: Plane | None = None  # of its box when it came to stand
    look_box: Box = (0, 0, 0, 0)
    still_since: datetime | None = None

    @property
    def size(self) -> float:
        left, top, right, bottom = self.box
        return float(max(right - left, bottom - top))

    @property
    def confidence(self) -> float:
        """How clearly it stands out from what is usual there, 0..1."""
        contrast = median(piece.contrast for _, piece in self.pieces)
        return min(0.95, max(0.05, 1.0 - 1.0 / max(1.0, contrast) * 0.8))

    def expected(self, at: datetime) -> tuple[float, float]:
        """Its middle now, if it goes on as it did."""
        x, y = _middle(self.box)
        if len(self.pieces) < 2 or self.pieces[-1][1].box != self.box:
            return x, y
        recent = [one for one in self.pieces if (self.pieces[-1][0] - one[0]).total_seconds() <= _STEP_S]
        (first_at, first), (last_at, last) = recent[0] if len(recent) > 1 else self.pieces[-2], self.pieces[-1]
        passed_s = max((last_at - first_at).total_seconds(), 1e-3)
        ahead = min((at - last_at).total_seconds() / passed_s, 3.0)
        return (
            x + ahead * (_middle(last.box)[0] - _middle(first.box)[0]),
            y + ahead * (_middle(last.box)[1] - _middle(first.box)[1]),
        )

    def reach(self, passed_s: float) -> float:
        """How far from there it may be, pixels."""
        since_s = min(passed_s * (self.misses + 1), _LOST_MOVING_S)
        return max(3.0, self.size * (_JUMP + (_SPEED if self.seen < 2 else _TURN) * since_s))

    def age_s(self, now: datetime) -> float:
        return (now - self.born_at).total_seconds()

    def awaits(self, now: datetime) -> bool:
        """May it be an object, though it is not clear yet?"""
        if self.known or self.seen < 2 or self.age_s(now) > _AWAITED_S:
            return False
        return self.has_edges and not self.is_light

    @property
    def has_edges(self) -> bool:
        sharp = median(piece.sharp for _, piece in self.pieces)
        return sharp >= _SHARP and median(piece.crisp for _, piece in self.pieces) >= _CRISP

    @property
    def is_light(self) -> bool:
        return 2 * sum(piece.light for _, piece in self.pieces) > len(self.pieces)

    @property
    def is_gone(self) -> bool:
        """Is it a place that something has left?"""
        return 2 * sum(piece.gone for _, piece in self.pieces) > len(self.pieces)


class Comings:
    """Where in the picture something comes again and again: twigs in gusts, lamps that sweep by, waves at a stone."""

    def __init__(self) -> None:
        self._times: Plane = np.zeros((0, 0), np.float32)  # how often, each halved after a minute
        self._last_s: Plane = self._times
        self._now_s = 0.0

    def pass_by(self, size: tuple[int, int], passed_s: float) -> None:
        """The next picture: `size` is its width and height."""
        shape = (-(-size[1] // _CELL), -(-size[0] // _CELL))
        if self._times.shape != shape:
            self._times, self._last_s = np.zeros(shape, np.float32), np.full(shape, -_APART_S, np.float32)
            self._now_s = 0.0
        self._now_s += passed_s
        self._times *= np.float32(0.5 ** (passed_s / _COMES_HALVES_S))

    def note(self, box: Box) -> None:
        """Something has come there, and a cell around."""
        part = _cells(box, 1)
        new = self._now_s - self._last_s[part] >= _APART_S
        self._times[part] += new
        self._last_s[part][new] = self._now_s

    def is_restless(self, box: Box) -> bool:
        often = max(_RESTLESS, _RESTLESS_TIMES * float(np.median(self._times)))
        left, top, right, bottom = box
        across, down = (right - left) // 2, (bottom - top) // 2
        within = self._times[_cells((left - across, top - down, right + across, bottom + down), 0)]
        return bool(np.count_nonzero(within >= often) > _RESTLESS_SHARE * within.size)


class Follower:
    """All that is followed before one camera."""

    def __init__(self) -> None:
        self.present: list[Followed] = []
        self._next = 1
        self._at: datetime | None = None
        self._clutter = 0.0  # pieces in a picture that belong to nothing known
        self._comings = Comings()

    def forget(self) -> None:
        """Begin anew with whom to follow; where things come again and again stays known."""
        self.present = []

    def follow(self, pieces: Sequence[Piece], background: Background, at: datetime) -> None:
        """Take up the pieces of the next picture."""
        passed_s = 0.2 if self._at is None else (at - self._at).total_seconds()
        if passed_s <= 0:  # the pictures of before come again
            self.present = [one for one in self.present if one.known]
            for one in self.present:
                one.seen_at = min(one.seen_at, at)
            passed_s = 0.2
        self._at = at
        whole = max(1, background.size[0] * background.size[1])
        self._comings.pass_by(background.size, passed_s)
        differing = sum(piece.area for piece in pieces) / whole
        free = set(range(len(pieces)))
        for one, i in self._pairs(pieces, passed_s, at):
            if i in free and one.seen_at < at:
                free.discard(i)
                alike = sum(_alike_in_size(one, piece) for piece in pieces) - 1
                others = max(alike, _ALIKE_SHARE * (self._clutter - 1), 0.0)
                chance = math.pi * one.reach(passed_s) ** 2 / whole * others
                self._see(one, pieces[i], at, min(1.0, max(_CHANCE, chance)))
        for one in self.present:
            one.looks += 1
            if one.seen_at < at:
                self._miss(one, pieces, background, at)
        unknown = len(pieces) - sum(one.known and not one.misses for one in self.present)
        weight = 1 - math.exp(-passed_s / _CLUTTER_S)
        self._clutter += max(weight, 0.2 if unknown > self._clutter else 0.0) * (max(0, unknown) - self._clutter)
        for i in sorted(free):
            one = Followed(self._next, at, pieces[i].box, at, crowded=differing > _ALONE_SHARE)
            one.pieces.append((at, pieces[i]))
            one.looks = one.seen = 1
            self._next += 1
            self.present.append(one)
            self._comings.note(one.box)
        for one in self.present:
            if not one.misses:
                self._judge(one, background, at)
        self.present = [one for one in self.present if not self._is_over(one, at)]

    def _pairs(self, pieces: Sequence[Piece], passed_s: float, at: datetime) -> list[tuple[Followed, int]]:
        """Who may be which piece, the likeliest first; each of them may be in several."""
        ranked = []
        for order, one in enumerate(self.present):
            reach, expected = one.reach(passed_s), one.expected(at)
            for i, piece in enumerate(pieces):
                apart = math.dist(expected, _middle(piece.box))
                times = piece.area / max(1, one.pieces[-1][1].area)
                if apart > reach or not _alike_in_size(one, piece):
                    continue
                ranked.append((not one.known, apart / max(one.size, 4.0) + abs(math.log(times)), order, i))
        used: set[int] = set()
        pairs = list[tuple[Followed, int]]()
        for _, _, order, i in sorted(ranked):
            if order not in used and i not in {j for _, j in pairs}:
                used.add(order)
                pairs.append((self.present[order], i))
        return pairs

    @staticmethod
    def _see(one: Followed, piece: Piece, at: datetime, chance: float) -> None:
        one.pieces.append((at, piece))
        one.box, one.seen_at, one.misses = piece.box, at, 0
        one.seen += 1
        one.odds -= math.log(chance)

    @staticmethod
    def _miss(one: Followed, pieces: Sequence[Piece], background: Background, at: datetime) -> None:
        """It is no piece of its own: hidden, merged with another, or away. What stood there unchanged still stands."""
        own_s = (at - one.pieces[-1][0]).total_seconds()
        if one.known and own_s <= _MERGED_S and any(_covers(piece.box, one.box) for piece in pieces):
            one.seen_at, one.misses = at, 0
            return
        if one.known and one.look is not None and _alike(one.look, background.look_of(one.look_box)):
            one.seen_at, one.misses, one.box = at, 0, one.look_box
            one.seen += 1
            return
        one.misses += 1
        one.odds = max(0.0, one.odds + _MISSED)

    def _judge(self, one: Followed, background: Background, at: datetime) -> None:
        restless = self._comings.is_restless(one.box)
        if one.seen >= _LEAST_LOOKS:
            least = (_GOES_FAR, _STRAIGHT_FAR) if restless else (_GOES, _STRAIGHT)
            one.came = one.came or _gets_somewhere(one, background.size, *least)
            self._rest(one, background, at)
        if (
            one.known
            or one.seen < _LEAST_LOOKS
            or one.age_s(at) < _LEAST_S
            or one.odds < _SURE + math.log1p(self._clutter)
        ):
            return
        if one.seen < _SEEN_SHARE * one.looks or one.is_light or not one.has_edges:
            return
        if one.came:
            one.known = True
            return
        appeared_s = _APPEARED_RESTLESS_S if restless else _APPEARED_S
        if one.still_since is None or (at - one.still_since).total_seconds() < appeared_s:
            return
        if one.is_gone:
            background.absorb(one.box)
        elif not one.crowded:
            one.known = True

    @staticmethod
    def _rest(one: Followed, background: Background, at: datetime) -> None:
        """Does it stand, and look as it did?"""
        recent = [piece.box for seen_at, piece in one.pieces if (at - seen_at).total_seconds() <= 1.0] or [one.box]
        spread = max(math.dist(_middle(box), _middle(recent[-1])) for box in recent)
        stands = spread <= max(1.5, _STAYS * one.size)
        if not stands or one.look is None or not _alike(one.look, background.look_of(one.look_box)):
            one.look, one.look_box = background.look_of(one.box), one.box
            one.still_since = at if stands else None

    @staticmethod
    def _is_over(one: Followed, at: datetime) -> bool:
        lost_s = (at - one.seen_at).total_seconds()
        if not one.known:
            return one.misses >= 2 and lost_s > 0.4
        standing = one.still_since is not None
        return one.misses >= 2 and lost_s > (_LOST_STANDING_S if standing else _LOST_MOVING_S)


def _gets_somewhere(one: Followed, size: tuple[int, int], goes: float, straight: float) -> bool:
    """Has it moved as a whole, so many of its own sizes, on a way that leads somewhere?"""
    way = [(one.pieces[0][0], one.pieces[0][1].box)]
    for at, piece in one.pieces:
        if (at - way[-1][0]).total_seconds() >= _STEP_S:
            way.append((at, piece.box))
    last = one.pieces[-1][1].box
    if len(way) < 2:
        return False
    steps = sum(math.dist(_middle(a[1]), _middle(b[1])) for a, b in itertools.pairwise(way))
    first = way[0][1]
    moved = [b - a for a, b in zip(first, last, strict=True)]
    # Both sides must have moved: a piece that grows or loses a part has not.
    across = _moved_by(moved[0], moved[2], first[0] <= 1, first[2] >= size[0] - 1)
    down = _moved_by(moved[1], moved[3], first[1] <= 1, first[3] >= size[1] - 1)
    net = math.hypot(across, down)
    sights = [_middle(piece.box) for _, piece in one.pieces]
    if max(math.dist(a, b) for a, b in itertools.pairwise(sights)) > _LEAP * math.dist(sights[0], sights[-1]):
        return False
    width = median(math.sqrt((b[2] - b[0]) * (b[3] - b[1])) for _, b in way)
    at_edge = first[0] <= 1 or first[1] <= 1 or first[2] >= size[0] - 1 or first[3] >= size[1] - 1
    return net >= max(_LEAST_WAY_IN if at_edge else _LEAST_WAY, goes * width) and net >= straight * steps


def _moved_by(near: int, far: int, from_near: bool, from_far: bool) -> int:
    """How far both sides went the same way; what comes in by an edge of the picture shows that by the other side."""
    if from_near and not from_far and far > 0:
        return far
    if from_far and not from_near and near < 0:
        return -near
    return min(abs(near), abs(far)) if near * far > 0 else 0


def _covers(whole: Box, part: Box) -> bool:
    """Does most of it lie in the other, larger one?"""
    across, down = (max(0, min(whole[i + 2], part[i + 2]) - max(whole[i], part[i])) for i in (0, 1))
    return across * down >= _MERGED_SHARE * (part[2] - part[0]) * (part[3] - part[1])


def _cells(box: Box, around: int) -> tuple[slice, slice]:
    left, top, right, bottom = box
    return (
        slice(max(0, top // _CELL - around), -(-bottom // _CELL) + around),
        slice(max(0, left // _CELL - around), -(-right // _CELL) + around),
    )


def _middle(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _alike_in_size(one: Followed, piece: Piece) -> bool:
    return 1 / _LIKE <= piece.area / max(1, one.pieces[-1][1].area) <= _LIKE


def _alike(before: Plane, now: Plane) -> bool:
    """Does it differ from the background as it did before?"""
    if before.shape != now.shape or not before.size:
        return False
    change, whole = (np.abs(cv2.blur(one, (3, 3))).mean() for one in (now - before, before))
    return bool(change <= _SAME_LOOK * whole)
