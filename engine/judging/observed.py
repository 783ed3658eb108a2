"""What goes into a site's rules, as lines of JSON and back: the same values to the last bit, in the same order.

Kinds of lines, each `[kind, stream, at, ...]`: `b` rules begin (with their settings and what they were given), `c`
their whole state (with their settings), `l` a look, `z` what closer looks in the same picture have shown, `h` a picture
that was not searched, `r` a reading, `v` a vehicle's position, `t` a second, `d` what the rules decided on the line
before, `x` lines were lost.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from data.config.catalogue import Catalogue, UnknownKind
from data.config.settings import SiteSettings
from data.errors import InputRejected
from data.local.observations import microseconds, moment
from data.model.alert import Alert, AlertKey, Ended, Raised, Signal
from data.model.camera_health import HealthSettings
from data.model.datum import Datums
from data.model.durations import format_duration, parse_duration
from data.model.forecast import Travel
from data.model.observation import Detections, EarlierSight, Position, Quality, Reading, Tick
from data.model.place import Place
from data.model.plausible import JumpLimit, RainJump
from data.ports.recipe import CloserSight, Context, RuleRecipe
from engine.judging.jumps import GaugeLimits
from engine.judging.second_looks import CloserFound

BEGIN, STATE, LOOK, CLOSER, UNSEARCHED, READING = "b", "c", "l", "z", "h", "r"
POSITION, SECOND, DECIDED, LOST = "v", "t", "d", "x"

_ALERT = TypeAdapter(Alert)
_RAISED = TypeAdapter(Raised)
_ENDED = TypeAdapter(Ended)
_USUAL_READING = (Quality.GOOD.value, None, None, None, 0)
_USUAL_SECOND: tuple[Any, ...] = (1, [], [], [])


@dataclass(frozen=True, slots=True)
class Begin:
    """What a site's rules began with. `site` has its rules and zones, but neither camera nor gauges nor detectors."""

    site: SiteSettings
    context: Context
    limits: Mapping[str, GaugeLimits]
    open_alerts: tuple[Alert, ...] = ()
    state: Any = None
    pending: tuple[AlertKey, ...] = ()
    second_looks: bool = False  # was there somebody who looks closer?


@dataclass(frozen=True, slots=True)
class Look:
    """One picture, searched: what was found in it, measured in it, and said of the camera itself."""

    detections: Detections | None
    readings: tuple[Reading, ...]
    health: tuple[Signal, ...]
    at: datetime


def rule_settings(recipe: RuleRecipe) -> dict[str, Any]:
    """As in config.yaml: only what was set, since some rules ask whether it was."""
    return {"kind": recipe.kind, **recipe.model_dump(mode="json", exclude_unset=True)}


def begin_fields(begin: Begin) -> list[Any]:
    """As JSON: settings, open alerts, kept state, pending keys."""
    site, context = begin.site, begin.context
    return [
        {
            "place": site.place.model_dump(mode="json", exclude_unset=True),
            "rules": [rule_settings(recipe) for recipe in site.rules],
            "limits": {name: [_limit_fields(known), list(known.doubtful)] for name, known in begin.limits.items()},
            "timezone": context.timezone,
            "datums": {given: dict(offsets) for given, offsets in context.datums.offsets.items()},
            "stale_after": format_duration(context.stale_after),
            "gauges": dict(context.gauges),
            "second_looks": begin.second_looks,
        },
        [_ALERT.dump_python(alert, mode="json") for alert in begin.open_alerts],
        begin.state,
        [list(key) for key in begin.pending],
    ]


def begin_of(fields: Sequence[Any], catalogue: Catalogue) -> Begin:
    """Settings alone are enough. Raises InputRejected where these rules cannot be made here."""
    try:
        told, alerts, state, pending = _filled(fields, [{}, [], None, []])
        rules = tuple(catalogue.rule(str(one["kind"])).model_validate(one) for one in told["rules"])
        place = Place.model_validate(told["place"])
        site = SiteSettings(**dict(place), rules=rules, health=HealthSettings(enabled=False))
        context = Context(
            place, timezone=told["timezone"], datums=Datums(told["datums"]),
            stale_after=parse_duration(told["stale_after"]), gauges=dict(told.get("gauges", {})),
        )  # fmt: skip
        limits = {
            name: GaugeLimits(_limit_of(limit), tuple(doubtful)) for name, (limit, doubtful) in told["limits"].items()
        }
        resumed = tuple(_ALERT.validate_python(alert) for alert in alerts)
        keys, looks = tuple(AlertKey(*key) for key in pending), bool(told.get("second_looks"))
        return Begin(site, context, limits, resumed, state, keys, looks)
    except UnknownKind as error:
        raise InputRejected(f"stored rules cannot be made: {error.args[0]}") from error
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        raise InputRejected(f"stored rules cannot be made: {error}") from error


def _limit_fields(known: GaugeLimits) -> Any:
    if not dataclasses.is_dataclass(known.limit) or isinstance(known.limit, type):
        return None
    fields = {
        name: "inf" if value == float("inf") else value for name, value in dataclasses.asdict(known.limit).items()
    }
    return {"kind": type(known.limit).__name__, **fields}


def _limit_of(fields: Any) -> JumpLimit | RainJump | None:
    if fields is None:
        return None
    values = {name: float(value) for name, value in fields.items() if name != "kind"}
    return RainJump(**values) if fields["kind"] == "RainJump" else JumpLimit(**values)


def look_fields(look: Look) -> list[Any]:
    """As JSON; trailing parts that are empty are left out."""
    found = None if look.detections is None else _detections_fields(look.detections)
    parts = [found, [reading_fields(one) for one in look.readings], signals_fields(look.health)]
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return parts


def look_of(site: str, at: datetime, fields: Sequence[Any]) -> Look:
    found, readings, health = _filled(fields, [None, None, None])
    return Look(
        None if found is None else _detections_of(site, at, found),
        tuple(reading_of(site, one) for one in readings or ()),
        signals_of(health),
        at,
    )


def _detections_fields(found: Detections) -> list[Any]:
    """`[]`: nothing was found, in a picture of 16 : 9."""
    fields: list[Any] = [found.aspect] if found.aspect != 16 / 9 else [0]
    if len(found) or found.earlier:
        fields += [
            _packed(found.xyxy),
            _packed(found.confidence),
            list(found.labels),
            found.track_id.tolist(),
            None if found.appearance is None else [found.appearance.shape[1], _packed(found.appearance)],
            [
                [
                    track,
                    [
                        [microseconds(one.at), [float(side) for side in one.xyxy], float(one.confidence)]
                        for one in sights
                    ],
                ]
                for track, sights in found.earlier.items()
            ],
        ]
    elif found.appearance is not None:
        fields += ["", "", [], [], [found.appearance.shape[1], ""], []]
    return fields if fields != [0] else []


def _detections_of(site: str, at: datetime, fields: Sequence[Any]) -> Detections:
    aspect = float(fields[0]) if fields and fields[0] else 16 / 9
    if len(fields) < 2:
        return Detections.of(site, at, [], aspect)
    _, boxes, confidence, labels, tracks, looks, earlier = fields
    n = len(labels)
    return Detections(
        site=site,
        at=at,
        xyxy=_unpacked(boxes).reshape(n, 4),
        confidence=_unpacked(confidence),
        labels=tuple(labels),
        track_id=np.array(tracks, dtype=np.int64),
        aspect=aspect,
        appearance=None if looks is None else _unpacked(looks[1]).reshape(n, looks[0]),
        earlier={
            int(track): tuple(EarlierSight(moment(us), (b[0], b[1], b[2], b[3]), score) for us, b, score in sights)
            for track, sights in earlier
        },
    )


def closer_fields(found: Iterable[CloserFound]) -> list[Any]:
    """As JSON."""
    return [[[one.rule, one.subject, dataclasses.asdict(one.sight)] for one in found]]


def closer_of(fields: Sequence[Any]) -> tuple[CloserFound, ...]:
    return tuple(CloserFound(rule, subject, CloserSight(**sight)) for rule, subject, sight in fields[0])


def reading_fields(reading: Reading) -> list[Any]:
    """As JSON; trailing parts that are as usual are left out."""
    rest: list[Any] = [
        reading.quality.value, reading.uncertainty, reading.vertical_datum, reading.first_value, reading.corrections
    ]  # fmt: skip
    rest = _shortened(rest, _USUAL_READING)
    return [reading.monitor, reading.quantity, float(reading.value), microseconds(reading.at), *rest]


def reading_of(site: str, fields: Sequence[Any]) -> Reading:
    monitor, quantity, value, us, *rest = fields
    quality, uncertainty, datum, first, corrections = _filled(rest, _USUAL_READING)
    return Reading(
        site, monitor, quantity, float(value), moment(us), Quality(quality), uncertainty, datum, first, corrections
    )


def position_fields(position: Position) -> list[Any]:
    """As JSON."""
    p = position
    return [p.monitor, p.vehicle, float(p.lon), float(p.lat), microseconds(p.at), p.speed_kmh, p.heading_deg]


def position_of(site: str, fields: Sequence[Any]) -> Position:
    monitor, vehicle, lon, lat, us, speed, heading = fields
    return Position(site, monitor, vehicle, float(lon), float(lat), moment(us), speed, heading)


def second_fields(tick: Tick, health: Iterable[Signal]) -> list[Any]:
    """As JSON; nothing for a second in which all could be seen, no mode was on and no travel time was told."""
    travel = [[rule, *dataclasses.astuple(one)] for rule, one in sorted(tick.travel.items())]
    parts: list[Any] = [int(tick.observable), sorted(tick.modes), signals_fields(health), travel]
    return _shortened(parts, _USUAL_SECOND)


def second_of(site: str, at: datetime, fields: Sequence[Any]) -> tuple[Tick, tuple[Signal, ...]]:
    observable, modes, health, travel = _filled(fields, _USUAL_SECOND)
    known = {rule: Travel(*one) for rule, *one in travel}
    return Tick(site, at, bool(observable), frozenset(modes), known), signals_of(health)


def signals_fields(signals: Iterable[Signal]) -> list[Any]:
    """Each with its kind."""
    return [
        [1, _RAISED.dump_python(one, mode="json")]
        if isinstance(one, Raised)
        else [0, _ENDED.dump_python(one, mode="json")]
        for one in signals
    ]


def signals_of(fields: Sequence[Any] | None) -> tuple[Signal, ...]:
    read: Mapping[int, Callable[[Any], Signal]] = {1: _RAISED.validate_python, 0: _ENDED.validate_python}
    return tuple(read[kind](one) for kind, one in fields or ())


def _shortened(fields: list[Any], usual: Sequence[Any]) -> list[Any]:
    """Without the last ones that are as usual."""
    while fields and fields[-1] == usual[len(fields) - 1]:
        fields.pop()
    return fields


def _filled(fields: Sequence[Any], usual: Sequence[Any]) -> list[Any]:
    return [*fields, *usual[len(fields) :]]


def _packed(values: Any) -> str:
    """Base64 of the float32 as they are: shorter than digits, and exact."""
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode("ascii")


def _unpacked(text: str) -> Any:
    return np.frombuffer(base64.b64decode(text), dtype="<f4").astype(np.float32)
