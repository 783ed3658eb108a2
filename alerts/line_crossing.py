"""Raises an alert for what crosses a line: objects before a camera, vehicles by their positions."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from alerts.crossings import Crossings, Direction, Line
from alerts.ground import LonLat, Plane, require_small
from alerts.passages import Passages
from alerts.permits import MOST_PERMITS, Permit, Permits, Plate
from alerts.schedule import Hours, in_force
from alerts.trails import JOINED_WITHIN, Trails
from data.model.alert import Alert, Raised, Signal
from data.model.durations import Duration
from data.model.observation import Detections, Observation, Position, Reading, Tick
from data.model.vehicle import VehicleSight, plate_of
from data.model.zone import Point
from data.ports.recipe import Context, Rule, RuleRecipe

_PICTURE_MARGIN = 0.01  # of the picture's height, to either side of the line
_GROUND_MARGIN_M = 3.0
_UNSEEN_FOR = timedelta(seconds=5)  # a track that comes back later is another object
_SHORTEST = 0.01  # of a line in the picture
_SHORTEST_M = 5.0
_CAMERA, _POSITIONS = "camera", "positions"  # subjects of alerts about many


class Recipe(RuleRecipe):
    """One alert for each crossing, or one when there were `count` of them.

    An object of a picture is where its foot is. What only touches the line has not crossed it.
    """

    title: ClassVar[str] = "越线（方向、计数） / Line crossing: direction, count"
    judges_positions: ClassVar[bool] = True

    kind: Annotated[Literal["line_crossing"], Field(description="Something crosses a line.")] = "line_crossing"
    line: Annotated[
        tuple[Point, Point] | None,
        Field(description="In the camera's picture: two ends [x, y] as fractions of its width and height, 0..1."),
    ] = None
    ground: Annotated[
        tuple[LonLat, LonLat] | None,
        Field(description="On the ground, for positions of vehicles: two ends [lon, lat], WGS-84 degrees."),
    ] = None
    direction: Annotated[
        Literal["any", "to_right", "to_left"],
        Field(description="Which crossings count: seen from the first end to the second, to the right or to the left."),
    ] = "any"
    labels: Annotated[
        tuple[str, ...], Field(description="Classes of objects that count, e.g. truck; all that are found when empty.")
    ] = ()
    confidence: Annotated[
        float, Field(ge=0, lt=1, description="Detections less certain than this do not count, 0..1.")
    ] = 0.0
    during: Annotated[
        tuple[Hours, ...],
        Field(description="When the rule holds, in the city's time zone; always when empty."),
    ] = ()
    count: Annotated[int, Field(ge=1, le=10_000, description="Alert only when so many crossed ...")] = 1
    within: Annotated[Duration, Field(gt=timedelta(0), description="... within this time.")] = timedelta(minutes=10)
    permits: Annotated[
        tuple[Permit, ...],
        Field(
            max_length=MOST_PERMITS, description="Vehicles that may, by their positions: {plate, from, until, during}."
        ),
    ] = ()
    vehicles: Annotated[
        tuple[Plate, ...],
        Field(max_length=MOST_PERMITS, description="Of those that tell positions these only; all when empty."),
    ] = ()
    label: Annotated[
        str,
        Field(min_length=1, max_length=40, description="What vehicles that tell positions are, in a detector's words."),
    ] = "vehicle"
    keep_firing_for: Annotated[
        Duration, Field(gt=timedelta(0), description="The alert ends so long after the last crossing.")
    ] = timedelta(minutes=2)

    @model_validator(mode="after")
    def _a_line(self) -> Recipe:
        if self.line is None and self.ground is None:
            raise ValueError("give `line` in the camera's picture, `ground` for positions of vehicles, or both")
        if self.zone is not None:
            raise ValueError("zone: is a polygon; write `line`")
        if self.line is not None:
            (ax, ay), (bx, by) = self.line
            if max(abs(bx - ax), abs(by - ay)) < _SHORTEST:
                raise ValueError("line: its ends lie on each other")
        if self.ground is not None:
            require_small(self.ground)
            east, north = Plane(*self.ground[0]).metres(*self.ground[1])
            if max(abs(east), abs(north)) < _SHORTEST_M:
                raise ValueError(f"ground: its ends lie less than {_SHORTEST_M:g} m apart")
        return self

    def make(self, context: Context) -> Rule:
        return LineCrossing(self, context)


class LineCrossing:
    """The live rule at one site."""

    def __init__(self, recipe: Recipe, context: Context) -> None:
        self._recipe = recipe
        self._zone = ZoneInfo(context.timezone)
        self._permits = Permits(recipe.permits, self._zone)
        self._vehicles = frozenset(plate_of(plate) for plate in recipe.vehicles)
        self._passages = Passages(context.site.id, recipe.name, recipe.keep_firing_for)
        self._subjects: dict[str, str] = {}  # of alerts about objects, by track
        self._crossed: dict[str, deque[datetime]] = {_CAMERA: deque(), _POSITIONS: deque()}
        self._in_picture: Crossings | None = None
        self._aspect = 0.0
        self._on_ground: Crossings | None = None
        if recipe.ground is not None:
            first, second = recipe.ground
            plane = Plane(*first)
            self._trails = Trails(plane)
            line = Line(plane.metres(*first), plane.metres(*second), _GROUND_MARGIN_M)
            self._on_ground = Crossings(line, JOINED_WITHIN)

    def resume(self, open_alerts: Sequence[Alert]) -> None:
        self._passages.resume(open_alerts)

    @property
    def gauges(self) -> Sequence[str]:
        """What has an alert: when that changes, the state is stored (`data.ports.recipe.KnowsByReadings`)."""
        return self._passages.subjects

    def note_stored(self, reading: Reading) -> None:
        """Readings say nothing of vehicles."""

    def snapshot(self) -> Any:
        """Tracks of a camera begin anew with each start: of these only counts and open alerts are known afterwards."""
        crossed = {of: [at.isoformat() for at in times] for of, times in self._crossed.items() if times}
        ground = None if self._on_ground is None else [self._trails.snapshot(), self._on_ground.snapshot()]
        open_ones = self._passages.snapshot()
        if not (crossed or open_ones or (ground and ground[0])):
            return None
        return {"open": open_ones, "crossed": crossed, "ground": ground}

    def restore(self, state: Any) -> None:
        """Raises ValueError."""
        try:
            crossed = {of: [datetime.fromisoformat(at) for at in times] for of, times in state["crossed"].items()}
            if state["ground"] is not None and self._on_ground is not None:
                trails, clear = state["ground"]
                self._trails.restore(trails)
                self._on_ground.restore(clear)
            self._passages.restore(state["open"])
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"the state cannot be read: {error!r}") from error
        for of, times in crossed.items():
            self._crossed[of] = deque(times)

    def judge(self, seen: Observation | Tick) -> Sequence[Signal]:
        if isinstance(seen, Detections):
            return [*self._looked(seen), *self._passages.over(seen)]
        if isinstance(seen, Position):
            return [*self._followed(seen), *self._passages.over(seen)]
        return self._passages.over(seen) if isinstance(seen, Tick) else []

    def _looked(self, seen: Detections) -> list[Signal]:
        recipe, signals = self._recipe, list[Signal]()
        if recipe.line is None:
            return signals
        if self._in_picture is None or seen.aspect != self._aspect:
            self._aspect = seen.aspect
            (ax, ay), (bx, by) = recipe.line
            # A picture's y grows downwards: turned round, left is left for who looks at it.
            line = Line((ax * seen.aspect, -ay), (bx * seen.aspect, -by), _PICTURE_MARGIN)
            self._in_picture = Crossings(line, _UNSEEN_FOR)
        holds = in_force(recipe.during, seen.at, self._zone)
        for found in seen:
            if found.track_id is None or found.confidence < recipe.confidence:
                continue
            if recipe.labels and found.label not in recipe.labels:
                continue
            x, y = found.foot
            direction = self._in_picture.follow(str(found.track_id), (x * seen.aspect, -y), seen.at)
            if direction is None or not holds or not self._counts(direction, _CAMERA, seen.at):
                continue
            subject = self._subject(str(found.track_id), seen.at) if recipe.count == 1 else _CAMERA
            if self._passages.seen(subject, seen.at):
                raised = self._raised(subject, seen.at, _CAMERA, found.label)
                signals.append(replace(raised, confidence=found.confidence, xyxy=found.xyxy))
        return signals

    def _followed(self, seen: Position) -> list[Signal]:
        recipe = self._recipe
        if self._on_ground is None or (self._vehicles and seen.vehicle not in self._vehicles):
            return []
        step = self._trails.step(seen)
        direction = None if step is None else self._on_ground.follow(seen.vehicle, step.now, step.at)
        if direction is None or not in_force(recipe.during, seen.at, self._zone):
            return []
        if self._permits.allows(seen.vehicle, seen.at) or not self._counts(direction, _POSITIONS, seen.at):
            return []
        subject = seen.vehicle if recipe.count == 1 else _POSITIONS
        if not self._passages.seen(subject, seen.at):
            return []
        raised = self._raised(subject, seen.at, _POSITIONS, recipe.label)
        if recipe.count > 1:
            return [raised]
        permit, until = self._permits.state(seen.vehicle, seen.at)
        return [
            replace(
                raised,
                value=seen.speed_kmh,
                unit="" if seen.speed_kmh is None else "km/h",
                vehicle=VehicleSight(
                    seen.vehicle, seen.lon, seen.lat, seen.speed_kmh, permit=permit, permit_until=until
                ),
            )
        ]

    def _counts(self, direction: Direction, of: str, at: datetime) -> bool:
        """Is it a crossing of the wanted direction, and are there enough of them now?"""
        recipe, crossed = self._recipe, self._crossed[of]
        if recipe.direction not in {"any", direction.value}:
            return False
        crossed.append(at)
        while crossed and (at - crossed[0] > recipe.within or len(crossed) > recipe.count):
            crossed.popleft()
        return len(crossed) >= recipe.count

    def _subject(self, track: str, at: datetime) -> str:
        """Track ids begin anew with each start: the time makes the subject the only one of its name."""
        known = self._subjects.get(track)
        open_ones = self._passages.subjects
        if known is None or known not in open_ones:
            self._subjects = {name: subject for name, subject in self._subjects.items() if subject in open_ones}
            known = self._subjects[track] = f"{at:%Y%m%dT%H%M%S}-{track}"
        return known

    def _raised(self, subject: str, at: datetime, of: str, label: str) -> Raised:
        recipe = self._recipe
        began = self._crossed[of][0] if recipe.count > 1 else at
        return Raised(
            key=self._passages.key(subject),
            kind=recipe.kind,
            priority=recipe.priority,
            started_at=began,
            at=at,
            label=label,
            value=float(len(self._crossed[of])) if recipe.count > 1 else None,
        )
