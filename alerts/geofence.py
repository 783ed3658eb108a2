"""Raises an alert for each vehicle that is where it must not be: in a closed street, at night, without a permit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from alerts.ground import LonLat, Plane, cuts, distance_of_ways, distance_to_way, inside, require_small
from alerts.passages import Passages
from alerts.permits import MOST_PERMITS, Permit, Permits, Plate
from alerts.schedule import Hours, in_force
from alerts.trails import Step, Trails
from data.model.alert import Alert, Raised, Signal
from data.model.durations import Duration
from data.model.observation import Observation, Position, Reading, Tick
from data.model.vehicle import VehicleSight, plate_of
from data.ports.recipe import Context, Rule, RuleRecipe

_MOST_WAITING = 5000  # vehicles that are there, without an alert yet


class Recipe(RuleRecipe):
    """Judges the positions that vehicles tell. One alert for each vehicle, until it is out, or unheard, for a while.

    Between two positions at most 60 s apart a vehicle is taken to drive straight, so a street is seen to be driven
    through even where no position lies in it.
    """

    title: ClassVar[str] = "电子围栏（车辆位置） / Geofence: positions of vehicles"
    judges_positions: ClassVar[bool] = True

    kind: Annotated[Literal["geofence"], Field(description="A vehicle is where it must not be.")] = "geofence"
    area: Annotated[
        tuple[LonLat, ...],
        Field(max_length=500, description="Corners [lon, lat] of an area, WGS-84 degrees, in order."),
    ] = ()
    street: Annotated[
        tuple[LonLat, ...],
        Field(max_length=500, description="Points [lon, lat] along the middle of a street, instead of an area."),
    ] = ()
    width: Annotated[float, Field(gt=0, le=500, description="Width of the street with its margins, metres.")] = 30.0
    radius: Annotated[
        float | None, Field(gt=0, le=50_000, description="A circle around the site, metres, instead of an area.")
    ] = None
    when: Annotated[
        Literal["inside", "outside"],
        Field(description="inside: alarming there. outside: alarming anywhere else, as off a prescribed route."),
    ] = "inside"
    during: Annotated[
        tuple[Hours, ...],
        Field(
            description='When nobody may, in the city\'s time zone, e.g. [{start: "22:00", end: "06:00"}]; always when '
            "empty."
        ),
    ] = ()
    permits: Annotated[
        tuple[Permit, ...],
        Field(max_length=MOST_PERMITS, description="Vehicles that may: {plate, from, until, during}."),
    ] = ()
    vehicles: Annotated[
        tuple[Plate, ...],
        Field(max_length=MOST_PERMITS, description="These vehicles only; all that are heard when empty."),
    ] = ()
    monitor: Annotated[str | None, Field(description="Only positions of this monitor; of all when left out.")] = None
    label: Annotated[
        str, Field(min_length=1, max_length=40, description="What the vehicles are, in a detector's words: truck.")
    ] = "vehicle"
    positions: Annotated[
        int,
        Field(ge=1, le=100, description="Alert only after so many positions in a row there, or on the way through."),
    ] = 2
    at_least: Annotated[Duration, Field(ge=timedelta(0), description="And after it was there for so long.")] = (
        timedelta(0)
    )
    keep_firing_for: Annotated[
        Duration, Field(gt=timedelta(0), description="Ends when nothing was heard of it there for so long.")
    ] = timedelta(minutes=2)

    @model_validator(mode="after")
    def _one_shape(self) -> Recipe:
        shapes = [name for name in ("area", "street", "radius") if getattr(self, name)]
        if len(shapes) != 1:
            raise ValueError(f"give one of area, street and radius; these are given: {', '.join(shapes) or 'none'}")
        if self.zone is not None:
            raise ValueError("zone: is a polygon in a picture; write `area`, `street` or `radius`")
        if self.area and len(set(self.area)) < 3:
            raise ValueError("area: needs three different corners")
        if self.street and len(set(self.street)) < 2:
            raise ValueError("street: needs two different points")
        require_small(self.area or self.street)
        return self

    def make(self, context: Context) -> Rule:
        return Geofence(self, context)


class Geofence:
    """The live rule at one site."""

    def __init__(self, recipe: Recipe, context: Context) -> None:
        self._recipe = recipe
        zone, site = ZoneInfo(context.timezone), context.site
        self._zone = zone
        lon, lat = (recipe.area or recipe.street or ((site.location.lon, site.location.lat),))[0]
        plane = Plane(lon, lat)
        self._corners = [plane.metres(*corner) for corner in recipe.area]
        self._street = [plane.metres(*point) for point in recipe.street]
        self._trails = Trails(plane)
        self._permits = Permits(recipe.permits, zone)
        self._vehicles = frozenset(plate_of(plate) for plate in recipe.vehicles)
        self._passages = Passages(site.id, recipe.name, recipe.keep_firing_for)
        self._there: dict[str, tuple[int, datetime]] = {}  # how many positions in a row, and since when

    def resume(self, open_alerts: Sequence[Alert]) -> None:
        self._passages.resume(open_alerts)

    @property
    def gauges(self) -> Sequence[str]:
        """Vehicles that have an alert: when these change, the state is stored (`data.ports.recipe.KnowsByReadings`)."""
        return self._passages.subjects

    def note_stored(self, reading: Reading) -> None:
        """Readings say nothing of vehicles."""

    def snapshot(self) -> Any:
        there = {name: [count, since.isoformat()] for name, (count, since) in self._there.items()}
        trails, open_ones = self._trails.snapshot(), self._passages.snapshot()
        return {"trails": trails, "there": there, "open": open_ones} if trails or there or open_ones else None

    def restore(self, state: Any) -> None:
        """Raises ValueError."""
        try:
            there = {
                str(name): (int(count), datetime.fromisoformat(since))
                for name, (count, since) in state["there"].items()
            }
            self._trails.restore(state["trails"])
            self._passages.restore(state["open"])
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"the state cannot be read: {error!r}") from error
        self._there = there

    def judge(self, seen: Observation | Tick) -> Sequence[Signal]:
        signals: list[Signal] = []
        if isinstance(seen, Position) and self._is_judged(seen):
            step = self._trails.step(seen)
            if step is not None:
                signals += self._followed(step, seen)
        return [*signals, *self._passages.over(seen)] if isinstance(seen, Position | Tick) else signals

    def _is_judged(self, position: Position) -> bool:
        if self._recipe.monitor not in {None, position.monitor}:
            return False
        return not self._vehicles or position.vehicle in self._vehicles

    def _followed(self, step: Step, position: Position) -> list[Signal]:
        plate, at, recipe = step.vehicle, step.at, self._recipe
        forbidden = in_force(recipe.during, at, self._zone) and self._is_there(step)
        if not forbidden or self._permits.allows(plate, at):
            self._there.pop(plate, None)
            return []
        count, since = self._there.pop(plate, (0, at))
        self._there[plate] = (count + 1, since)
        if len(self._there) > _MOST_WAITING:
            del self._there[next(iter(self._there))]
        if count + 1 < recipe.positions or at - since < recipe.at_least:
            return []
        if not self._passages.seen(plate, at):
            return []
        return [self._raised(position, since)]

    def _is_there(self, step: Step) -> bool:
        if self._recipe.when == "outside":
            return not self._contains(step.now)
        return self._contains(step.now) or (step.before is not None and self._is_driven_through(step.before, step.now))

    def _contains(self, point: tuple[float, float]) -> bool:
        if self._corners:
            return inside(point, self._corners)
        if self._street:
            return min(distance_to_way(point, a, b) for a, b in pairwise(self._street)) <= self._recipe.width / 2
        return distance_to_way(point, (0.0, 0.0), (0.0, 0.0)) <= (self._recipe.radius or 0.0)

    def _is_driven_through(self, before: tuple[float, float], now: tuple[float, float]) -> bool:
        if self._corners:
            return self._contains(before) or cuts(before, now, self._corners)
        if self._street:
            near = min(distance_of_ways(before, now, a, b) for a, b in pairwise(self._street))
            return near <= self._recipe.width / 2
        return distance_to_way((0.0, 0.0), before, now) <= (self._recipe.radius or 0.0)

    def _raised(self, position: Position, since: datetime) -> Raised:
        recipe, plate = self._recipe, position.vehicle
        permit, until = self._permits.state(plate, position.at)
        return Raised(
            key=self._passages.key(plate),
            kind=recipe.kind,
            priority=recipe.priority,
            started_at=since,
            at=position.at,
            label=recipe.label,
            value=position.speed_kmh,
            unit="" if position.speed_kmh is None else "km/h",
            vehicle=VehicleSight(
                plate, position.lon, position.lat, position.speed_kmh, permit=permit, permit_until=until
            ),
        )
