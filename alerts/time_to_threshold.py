"""Raises an alert while there is still time to send somebody: before a rising quantity reaches a limit.

By itself a limit calls when the water is there. Whoever must close a road or set up a pump has to drive first.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from alerts.ladder import CLEAR_SHARE
from alerts.reading_settings import check_reading_settings
from alerts.trend import Trend, noise_of, rise_of_now, trends
from data.errors import InputRejected
from data.model.alert import Alert, AlertKey, Ended, Raised, Signal, Standing
from data.model.alert_life import Condition
from data.model.durations import Duration
from data.model.forecast import Forecast, Outcome, Travel
from data.model.observation import Observation, Quality, Reading, Tick
from data.model.units import UNIT_OF, convert
from data.ports.recipe import Context, Rule, RuleRecipe

_FEWEST, _SPARSE = 8, 6  # so many readings are kept of a gauge that reports seldom, for so many times the window
_LIKELY = 1.1  # the middle forecast must lie within so many times of what is needed: one bold bound alone is no reason
_CLEARLY = 4.0  # standard deviations of a single reading, that the water has risen by in a stretch
_SLACKENS = 0.9  # times as fast as over the whole window
_WAITS = 1.0  # intervals between readings: who waits for the next reading may be late
_QUICKENS = 1.15  # so many times as fast as it rises now a flood may rise before it is there
_HOLDS = 1.5  # an alert that is open goes on while the limit may be reached within so many times of what is needed
_GOOD_FOR = 3  # intervals between readings, after which a forecast without a newer reading is none
_GOOD_AT_LEAST = timedelta(minutes=10)
_RAIN_NOW, _RAIN_AT_MOST = timedelta(minutes=10), 2.0  # how much faster the water may rise than it did, by the rain
_TOLD_EVERY = timedelta(minutes=2)  # an open alert is told a newer forecast at most so often

Row = tuple[float, float]
"""Seconds since 1970, value."""


class Recipe(RuleRecipe):
    """Travel times come from the same routing that dispatch offers tasks by; see docs/rules.md."""

    title: ClassVar[str] = "到限预报（按到场时间提前告警） / Time to threshold: in time to get there"

    kind: Annotated[Literal["time_to_threshold"], Field(description="A limit that is about to be reached.")] = (
        "time_to_threshold"
    )
    quantity: Annotated[str, Field(description=f"What is measured: {', '.join(UNIT_OF)}.")]
    above: Annotated[float, Field(description="The limit, as of the `threshold` that will call when it is reached.")]
    unit: Annotated[str | None, Field(description="Unit of `above`; the quantity's own when left out.")] = None
    vertical_datum: Annotated[
        str | None, Field(description="Zero of the limit of a water level; the gauge's, or one with a known offset.")
    ] = None
    monitor: Annotated[str | None, Field(description="Only readings of this monitor; of all when left out.")] = None
    needs: Annotated[
        tuple[str, ...],
        Field(
            description="Skills of which a unit each must be there: of each the nearest counts, of these the slowest. "
            "As `dispatch.skills` says for the rule when left out, else whoever is nearest."
        ),
    ] = ()
    travel: Annotated[
        Duration,
        Field(gt=timedelta(0), le=timedelta(hours=12), description="Travel time taken where nobody who can is known."),
    ] = timedelta(minutes=15)
    margin: Annotated[
        Duration,
        Field(ge=timedelta(0), le=timedelta(hours=12), description="Wanted besides, to set off and to close the road."),
    ] = timedelta(minutes=5)
    over: Annotated[
        Duration,
        Field(gt=timedelta(0), le=timedelta(hours=6), description="The rise is that of the readings of so long."),
    ] = timedelta(minutes=30)
    rain: Annotated[
        str | None,
        Field(
            description="A monitor of the same site that measures rain: where more of it falls now than in `over`, the "
            "water is expected to rise so much faster, at most twice."
        ),
    ] = None
    keep_firing_for: Annotated[
        Duration,
        Field(ge=timedelta(0), description="Withdrawn when the limit was out of reach, or nothing rose, for so long."),
    ] = timedelta(minutes=30)

    @model_validator(mode="after")
    def _fits(self) -> Recipe:
        check_reading_settings(self.zone, self.quantity, self.vertical_datum)
        try:
            _ = self.limit
        except InputRejected as error:
            raise ValueError(f"unit: {error}") from error
        return self

    @property
    def limit(self) -> float:
        """In the quantity's own unit. Raises InputRejected."""
        return convert(self.above, UNIT_OF[self.quantity] if self.unit is None else self.unit, self.quantity)

    def make(self, context: Context) -> Rule:
        return TimeToThreshold(self, context.site.id)


@dataclass(frozen=True, slots=True)
class _Expected:
    """When one gauge reaches the limit: seconds from `at`, its newest reading.

    likely_s: in the middle, if it rises as fast yet as it may. good_s: for how long this holds. interval_s: between two
    readings.
    """

    at: datetime
    level: float
    slope: float
    earliest_s: float
    likely_s: float
    latest_s: float
    good_s: float
    interval_s: float


class TimeToThreshold:
    """The live rule at one site. A late reading is put in its place, and the line drawn anew."""

    def __init__(self, recipe: Recipe, site: str) -> None:
        self._recipe = recipe
        self._limit = recipe.limit
        self._key = AlertKey(site, recipe.name, "", "")
        self._rows: dict[str, list[Row]] = {}
        self._rain: list[Row] = []
        self._expected: dict[str, _Expected] = {}  # by gauge: by how it rises now
        self._holding: dict[str, _Expected] = {}  # the soonest by any stretch: an open alert goes on while that is near
        self._levels: dict[str, float] = {}
        self._travel = Travel(recipe.travel.total_seconds())
        self._told: Forecast | None = None  # what the open alert says
        self._normal_since: datetime | None = None
        self._over: set[AlertKey] = set()  # alerts of thresholds that are open beyond our limit

    def resume(self, open_alerts: Sequence[Alert]) -> None:
        for alert in open_alerts:
            if alert.is_open and alert.key == self._key:
                known = alert.forecast or self._forecast_of_nothing(alert)
                self._told = replace(known, outcome=Outcome.OPEN if known.level < known.limit else Outcome.REACHED)
                self._travel = known.travel

    def standings(self) -> Sequence[Standing]:
        """Clearing while the limit is out of reach, not yet for long enough."""
        if self._told is None or self._normal_since is None:
            return []
        recipe = self._recipe
        return [Standing(self._key, Condition.CLEARING, self._normal_since, recipe.kind, recipe.priority)]

    def snapshot(self) -> Any:
        """The windows, the travel time, and what is clearing; None before the first reading."""
        if not self._rows:
            return None
        return {
            "rows": {gauge: [list(row) for row in rows] for gauge, rows in self._rows.items()},
            "rain": [list(row) for row in self._rain],
            "travel": asdict(self._travel),
            "normal_since": None if self._normal_since is None else self._normal_since.isoformat(),
            "over": sorted(list(key) for key in self._over),
        }

    def restore(self, state: Any) -> None:
        """Raises ValueError."""
        try:
            rows = {str(gauge): _rows_of(kept) for gauge, kept in state["rows"].items()}
            rain, travel = _rows_of(state["rain"]), Travel(**state["travel"])
            since = None if state["normal_since"] is None else datetime.fromisoformat(state["normal_since"])
            over = {AlertKey(*key) for key in state["over"]}
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"the state cannot be read: {error!r}") from error
        self._rows, self._rain, self._travel, self._over = rows, rain, travel, over
        self._normal_since = since if self._told is not None else None
        for gauge in rows:
            self._expect(gauge)

    def judge(self, seen: Observation | Tick) -> Sequence[Signal]:
        if isinstance(seen, Tick):
            self._travel = seen.travel.get(self._key.rule, self._travel)
            return self._decide(seen.at)
        if not isinstance(seen, Reading) or seen.quality is Quality.BAD:
            return []
        if seen.monitor == self._recipe.rain and seen.quantity in {"rain_intensity", "rainfall"}:
            self._note_rain(seen)
            return []
        if seen.quantity != self._recipe.quantity or self._recipe.monitor not in {None, seen.monitor}:
            return []
        gauge = f"{seen.monitor}/{seen.vertical_datum or ''}"
        if not _put(self._rows.setdefault(gauge, []), seen, self._recipe.over):
            return []
        self._expect(gauge)
        return self._decide(max(_moment(rows[-1][0]) for rows in self._rows.values()))

    def heard(self, signals: Sequence[Signal]) -> Sequence[Signal]:
        """The limit's own rule has raised its alert: there is one alert of a place, and it is that one."""
        given_way: list[Signal] = []
        for signal in signals:
            if isinstance(signal, Ended):
                self._over.discard(signal.key)
            elif signal.kind == "threshold" and signal.label == self._recipe.quantity and signal.value is not None:
                (self._over.add if signal.value >= self._limit else self._over.discard)(signal.key)
                if self._over and self._told is not None:
                    given_way.append(self._ended(signal.at, signal.at, Outcome.SUPERSEDED))
        return given_way

    def _note_rain(self, reading: Reading) -> None:
        """As mm/h since the row before."""
        value = reading.value
        if reading.quantity == "rainfall":
            if not self._rain:
                value = 0.0
            elif (passed_s := reading.at.timestamp() - self._rain[-1][0]) > 0:
                value *= 3600 / passed_s
        _put(self._rain, replace(reading, value=value), self._recipe.over)

    def _expect(self, gauge: str) -> None:
        """Draw the lines of this gauge anew."""
        rows = self._rows[gauge]
        times, values = [row[0] for row in rows], [row[1] for row in rows]
        self._levels[gauge] = values[-1]
        need_s = self._travel.travel_s + self._recipe.margin.total_seconds()
        # A slower rise raises and holds nothing.
        slowest = (self._limit - values[-1]) / (2 * _LIKELY * _QUICKENS * _HOLDS * need_s)
        lines = trends(times, values, slowest)
        rising, now = [line for line in lines if line is not None and line.rises], rise_of_now(lines)
        if now is not None and not (now.rises and now.slope * now.over_s >= _CLEARLY * noise_of(times, values)):
            now = None
        drawn = [line for line in lines if line is not None]
        slackens = bool(drawn) and drawn[0].slope < _SLACKENS * drawn[-1].slope
        for kept, line, quickens in (
            (self._expected, now, 1.0 if slackens else _QUICKENS),
            (self._holding, min(rising, key=lambda one: one.reaches(self._limit)[1], default=None), _QUICKENS),
        ):
            if line is None:
                kept.pop(gauge, None)
            else:
                kept[gauge] = self._expected_by(line, times, values[-1], quickens)

    def _expected_by(self, line: Trend, times: Sequence[float], level: float, quickens: float) -> _Expected:
        earliest_s, middle_s, latest_s = line.reaches(self._limit)
        interval_s = (times[-1] - times[0]) / (len(times) - 1)
        return _Expected(
            _moment(times[-1]), level, line.slope, earliest_s / max(quickens, self._faster(times[-1])),
            middle_s / quickens, latest_s, max(_GOOD_FOR * interval_s, _GOOD_AT_LEAST.total_seconds()), interval_s,
        )  # fmt: skip

    def _faster(self, now_s: float) -> float:
        """How much faster the water may rise now than it did, by the rain: it runs off later than it falls."""
        since_s = now_s - _RAIN_NOW.total_seconds()
        newest = [value for at, value in self._rain if since_s < at <= now_s]
        window = [value for at, value in self._rain if at <= now_s]
        if not newest or sum(window) <= 0:
            return 1.0
        return min(_RAIN_AT_MOST, max(1.0, (sum(newest) / len(newest)) / (sum(window) / len(window))))

    def _decide(self, at: datetime) -> list[Signal]:
        if not self._levels or (self._told is None and not self._expected):
            return []
        if max(self._levels.values()) >= self._limit:
            return self._reached(at)
        need_s = self._travel.travel_s + self._recipe.margin.total_seconds()
        expected = self._expected if self._told is None else self._holding
        nearest = _nearest(expected, at, need_s * (_HOLDS if self._told else 1.0))
        if self._told is None:
            if nearest is None or self._over:
                return []
            self._told = self._forecast(nearest)
            return [self._raised(at)]
        if self._told.outcome is Outcome.REACHED and max(self._levels.values()) > self._limit * CLEAR_SHARE:
            return []
        if nearest is not None:
            self._normal_since = None
            return self._renewed(nearest, at)
        self._normal_since = self._normal_since or at
        if at - self._normal_since < self._recipe.keep_firing_for:
            return []
        was_reached = self._told.outcome is Outcome.REACHED
        return [self._ended(self._normal_since, at, Outcome.REACHED if was_reached else Outcome.RECEDED)]

    def _reached(self, at: datetime) -> list[Signal]:
        """The water is there: an alert that is open stays until the limit's own rule has raised one, or it falls."""
        self._normal_since = None
        if self._told is None or self._told.outcome is Outcome.REACHED:
            return []
        level = max(self._levels.values())
        self._told = replace(self._told, level=level, at_least_s=0.0, at_most_s=0.0, as_of=at, outcome=Outcome.REACHED)
        return [replace(self._raised(at), again=True)]

    def _renewed(self, gauge: str, at: datetime) -> list[Signal]:
        """What the open alert says is told anew now and then, when there is another reading."""
        assert self._told is not None
        told, now = self._told, self._forecast(gauge)
        if now.as_of - told.as_of < _TOLD_EVERY:
            return []
        self._told = now
        return [replace(self._raised(at), again=True)]

    def _forecast(self, gauge: str) -> Forecast:
        one = self._expected.get(gauge) or self._holding[gauge]
        return Forecast(
            monitor=gauge.partition("/")[0], level=one.level, limit=self._limit, unit=UNIT_OF[self._recipe.quantity],
            rise=one.slope * 3600, at_least_s=one.earliest_s, at_most_s=max(one.latest_s, one.earliest_s), as_of=one.at,
            travel=self._travel, margin_s=self._recipe.margin.total_seconds(),
        )  # fmt: skip

    def _forecast_of_nothing(self, alert: Alert) -> Forecast:
        """Of an alert that says nothing of it."""
        level, unit = alert.value or 0.0, UNIT_OF[self._recipe.quantity]
        return Forecast("", level, self._limit, unit, 0.0, 0.0, 0.0, alert.raised_at, self._travel, 0.0)

    def _raised(self, at: datetime) -> Raised:
        assert self._told is not None
        recipe, told = self._recipe, self._told
        return Raised(
            key=self._key, kind=recipe.kind, priority=recipe.priority, started_at=at, at=at, label=recipe.quantity,
            value=told.level, unit=told.unit, forecast=told,
        )  # fmt: skip

    def _ended(self, ended_at: datetime, at: datetime, outcome: Outcome) -> Ended:
        assert self._told is not None
        told, self._told, self._normal_since = self._told, None, None
        level = max(self._levels.values(), default=told.level)
        return Ended(self._key, ended_at=ended_at, at=at, forecast=replace(told, level=level, outcome=outcome))


def _nearest(expected: Mapping[str, _Expected], at: datetime, need_s: float) -> str | None:
    """The gauge that may reach the limit first, and within so long, reckoned from `at`."""
    found: list[tuple[float, str]] = []
    for gauge, one in expected.items():
        age_s = max(0.0, (at - one.at).total_seconds())
        soon_s = need_s + _WAITS * one.interval_s + age_s
        if age_s <= one.good_s and one.earliest_s <= soon_s and one.likely_s < _LIKELY * soon_s:
            found.append((one.earliest_s - age_s, gauge))
    return min(found)[1] if found else None


def _put(rows: list[Row], reading: Reading, over: timedelta) -> bool:
    """Into its place; of two rows of one time the later one corrects. False for a duplicate and what is too old.

    What is older than the window goes, but a gauge that reports seldom keeps some.
    """
    time = reading.at.timestamp()
    place = bisect_left(rows, (time,))
    if place < len(rows) and rows[place][0] == time:
        if rows[place][1] == reading.value:
            return False
        rows[place] = (time, reading.value)
        return True
    rows.insert(place, (time, reading.value))
    newest, window_s = rows[-1][0], over.total_seconds()
    old = bisect_left(rows, (newest - window_s,))
    old = min(old, max(0, len(rows) - _FEWEST))
    old = max(old, bisect_left(rows, (newest - _SPARSE * window_s,)))
    del rows[:old]
    return place >= old


def _rows_of(kept: Any) -> list[Row]:
    """Raises TypeError, ValueError."""
    rows = [(float(at), float(value)) for at, value in kept]
    if rows != sorted(rows):
        raise ValueError("the rows are not in the order of their times")
    return rows


def _moment(time: float) -> datetime:
    return datetime.fromtimestamp(time, UTC)
