"""Finds what does not belong to the scene: whatever moves or newly stands there, with or without a name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from data.local.stages import StageClock
from data.model.durations import Duration
from data.model.frame import Frame
from data.model.labels import UNKNOWN
from data.model.observation import Detection, Detections, EarlierSight, Observation
from data.ports.recipe import Context, Detector, DetectorRecipe
from detectors._background import Background, Box
from detectors._followed import Followed, Follower


class Recipe(DetectorRecipe):
    """Objects without a name (label `unknown`), each with a `track_id`; no network is asked.

    The background is learned in the first ten seconds or more: who stands there all that time belongs to it. Then it
    takes some fifteen seconds, in gusts up to a minute, until it is known what is usual here. Nothing is told before.
    """

    title: ClassVar[str] = "未知物体检测（慢背景） / Foreground: objects without a name"

    kind: Annotated[
        Literal["foreground"], Field(description="What moves or newly stands, by comparison with a slow background.")
    ] = "foreground"
    background_after: Annotated[
        Duration,
        Field(
            ge=timedelta(minutes=1), description="What has stood in the same place for so long belongs to the scene."
        ),
    ] = timedelta(minutes=30)

    def make(self, context: Context) -> Detector:
        return Foreground(self, context)


class Foreground:
    """The live detector of one camera."""

    def __init__(self, recipe: Recipe, context: Context) -> None:
        self._site = context.site.id
        self._stages = StageClock.of(context)
        self._background_after_s = recipe.background_after.total_seconds()
        self._background = Background()
        self._follower = Follower()
        self._settled = False

    def find(self, frame: Frame) -> Sequence[Observation]:
        """One Detections for the picture; empty while the background is learned."""
        with self._stages.measure(self._site, "track"):
            return [Detections.of(self._site, frame.at, self._found(frame), aspect=frame.width / frame.height)]

    def _found(self, frame: Frame) -> list[Detection]:
        background, follower, at = self._background, self._follower, frame.at
        pieces = background.see(frame.luma(), at)
        if pieces is None:
            background.learn(at, [one.box for one in follower.present], [])
            return []
        follower.follow(pieces, background, at)
        settled, self._settled = self._settled, background.is_settled(at)
        if not self._settled:
            background.learn(at, [], [])
            return []
        if not settled:
            follower.forget()
        for one in follower.present:
            stood = one.still_since is not None and (at - one.still_since).total_seconds() >= self._background_after_s
            if one.known and stood:
                background.absorb(one.box)
                one.known = False
        known = [one for one in follower.present if one.known]
        background.learn(
            at, [one.box for one in known], [one.box for one in follower.present if one.awaits(at)]
        )  # fmt: skip
        return [self._detection(one) for one in known if not one.misses]

    def _detection(self, one: Followed) -> Detection:
        """With its first one, all before in which it was not clear yet that it is an object."""
        earlier = () if one.told else tuple(one.pieces)[:-1]
        one.told = True
        sights = tuple(EarlierSight(at, self._fractions(piece.box), one.confidence) for at, piece in earlier)
        return Detection(self._fractions(one.box), one.confidence, UNKNOWN, one.id, earlier=sights)

    def _fractions(self, box: Box) -> tuple[float, float, float, float]:
        width, height = self._background.size
        return box[0] / width, box[1] / height, min(1.0, box[2] / width), min(1.0, box[3] / height)
