"""Settings of dispatch: cost of candidates, closed roads, automatic dispatch, durations of offers."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from data.model.alert import Alert, Priority
from data.model.durations import Duration


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CostSettings(_Settings):
    """Cost of a candidate = travel time + load + rest - bonus of the zone's owner, in seconds."""

    load: Annotated[Duration, Field(description="For each task accepted in the last 8 h.")] = timedelta(seconds=60)
    rest: Annotated[Duration, Field(description="Right after a task; falls to nothing within `rest_for`.")] = timedelta(
        minutes=3
    )
    rest_for: Annotated[Duration, Field(description="How long somebody should rest after a task.")] = timedelta(
        minutes=30
    )
    own_grid: Annotated[Duration, Field(description="Bonus for whose home grid the place is.")] = timedelta(minutes=2)


class ClosureSettings(_Settings):
    """While such an alert is open, roads within `radius` of its site are closed for these ways of travel."""

    rules: Annotated[tuple[str, ...], Field(min_length=1, description="Rule ids.")]
    radius: Annotated[float, Field(gt=0, le=2000, description="Metres around the site.")] = 40.0
    travel: Annotated[tuple[Literal["walk", "e-bike", "car"], ...], Field(description="Who cannot pass any more.")] = (
        "car",
        "e-bike",
    )
    from_priority: Annotated[Priority, Field(description="Alerts of this priority or a higher one.")] = Priority.P2

    def fits(self, alert: Alert) -> bool:
        """True if this alert closes the roads."""
        return alert.key.rule in self.rules and alert.priority <= self.from_priority


class AutomaticSettings(_Settings):
    """These alerts are offered to the nearest at once; everything else waits for a human's click."""

    rules: Annotated[tuple[str, ...], Field(description="Rule ids.")] = ()
    priorities: Annotated[tuple[Priority, ...], Field(description="Of these priorities; all when empty.")] = ()

    def fits(self, alert: Alert) -> bool:
        """True if this alert is dispatched automatically."""
        return alert.key.rule in self.rules and (not self.priorities or alert.priority in self.priorities)


class DispatchSettings(_Settings):
    """Offers and their time limits."""

    roads: Annotated[
        Path | None,
        Field(
            description="The road network: GeoJSON lines, or an OpenStreetMap extract (.osm, .osm.pbf). Without it "
            "distance is a straight line."
        ),
    ] = None
    accept_within: Annotated[
        dict[Priority, Duration], Field(description="An offer expires after this time, by priority.")
    ] = Field(
        default_factory=lambda: {
            Priority.P1: timedelta(seconds=60),
            Priority.P2: timedelta(minutes=3),
            Priority.P3: timedelta(minutes=15),
            Priority.P4: timedelta(hours=2),
        }
    )
    position_max_age: Annotated[
        Duration, Field(description="A responder whose last position is older is not offered a task.")
    ] = timedelta(minutes=30)
    position_max_kmh: Annotated[
        float,
        Field(
            gt=0,
            le=1200,
            description="A position that would mean a faster journey, km/h, is kept apart until the next one agrees.",
        ),
    ] = 200.0
    area_km: Annotated[
        float,
        Field(
            gt=0,
            le=20_000,
            description="Positions and reports farther than this from every site, km, are not believed.",
        ),
    ] = 200.0
    offers_at_once: Annotated[
        dict[Priority, Annotated[int, Field(ge=1, le=3)]],
        Field(description="To how many a task is offered at the same time; who accepts first has it."),
    ] = Field(default_factory=lambda: {Priority.P1: 2, Priority.P2: 1, Priority.P3: 1, Priority.P4: 1})
    deliver_within: Annotated[
        Duration | None,
        Field(
            description="An offer that has not reached its responder's phone by then goes to the next; `null`: wait."
        ),
    ] = timedelta(seconds=10)
    reach: Annotated[
        dict[Priority, Duration],
        Field(
            description="Who would travel longer is not offered a task, by priority, until a human widens the search; "
            "without a value there is no limit."
        ),
    ] = Field(default_factory=dict)
    unaccepted_escalates: Annotated[
        dict[Priority, Duration],
        Field(
            description="After so long without anybody who accepts, and after each such time again, the next post "
            "above is told (`notices.clocks`), by priority; without a value nobody is."
        ),
    ] = Field(
        default_factory=lambda: {
            Priority.P1: timedelta(minutes=2),
            Priority.P2: timedelta(minutes=5),
            Priority.P3: timedelta(minutes=30),
        }
    )
    handover_late_after: Annotated[
        Duration | None,
        Field(
            description="A shift handover that still lacks a signature so long after the change of shift in the roster "
            "is told on every page and in Health; `null`: never."
        ),
    ] = timedelta(minutes=30)
    skills: Annotated[
        dict[str, tuple[str, ...]],
        Field(description="Skills or powers without which nobody is sent, by rule id or kind of alert or event."),
    ] = Field(default_factory=dict)
    cost: Annotated[CostSettings, Field(description="What counts beside the travel time.")] = CostSettings()
    closures: Annotated[
        tuple[ClosureSettings, ...], Field(description="Open alerts that close the roads around their site.")
    ] = ()
    automatic: Annotated[
        AutomaticSettings, Field(description="Alerts that are dispatched without waiting for a human.")
    ] = AutomaticSettings()
