"""What a rule expects of a gauge, and how long whoever is needed there travels. Kept with the alert, shown as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol


class Outcome(StrEnum):
    """What became of a forecast."""

    OPEN = "open"
    REACHED = "reached"  # the limit was reached
    SUPERSEDED = "superseded"  # the limit was reached, and its own rule has raised an alert
    RECEDED = "receded"  # it rises no more, or much slower: withdrawn


@dataclass(frozen=True, slots=True)
class Travel:
    """How long the slowest of the needed units travels to a site: of each skill the nearest who can come.

    skill: which one is the slowest, empty where no skill is needed. who: id of the responder, empty where nobody is
    known and a usual time is taken. road: along roads, not straight.
    """

    travel_s: float
    skill: str = ""
    who: str = ""
    road: bool = False


@dataclass(frozen=True, slots=True)
class Forecast:
    """When a level reaches a limit, if it goes on rising as it does; seconds from `as_of`, the newest reading.

    level, limit: in `unit`. rise: in `unit` an hour. at_least_s, at_most_s: 90 % lie between. margin_s: time wanted on
    the spot before the limit is reached. monitor: the gauge.
    """

    monitor: str
    level: float
    limit: float
    unit: str
    rise: float
    at_least_s: float
    at_most_s: float
    as_of: datetime
    travel: Travel
    margin_s: float
    outcome: Outcome = Outcome.OPEN


class Foreseen(Protocol):
    """A signal that may hold a forecast."""

    @property
    def forecast(self) -> Forecast | None: ...


def forecast_values(forecast: Forecast | None) -> dict[str, Any] | None:
    """As JSON, in the store, REST and the screens."""
    if forecast is None:
        return None
    told = asdict(forecast)
    for name in ("level", "limit", "rise"):
        told[name] = round(told[name], 4)
    for name in ("at_least_s", "at_most_s", "margin_s"):
        told[name] = round(told[name], 1)
    told["travel"]["travel_s"] = round(forecast.travel.travel_s, 1)
    return told | {"as_of": forecast.as_of.isoformat(timespec="milliseconds"), "outcome": forecast.outcome.value}


def forecast_of(values: Mapping[str, Any] | None) -> Forecast | None:
    """Back from `forecast_values`."""
    if values is None:
        return None
    as_of, outcome = datetime.fromisoformat(values["as_of"]), Outcome(values["outcome"])
    return Forecast(**{**values, "as_of": as_of, "outcome": outcome, "travel": Travel(**values["travel"])})
