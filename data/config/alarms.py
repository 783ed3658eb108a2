"""Settings of alerts' life: firing again, duration of people's decisions, flapping, inhibition, grouping."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from data.model.alert import Alert, Priority
from data.model.durations import Duration
from data.model.people import Role


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FlappingSettings(_Settings):
    """An alert that comes and goes is latched: it stays open until it has been quiet for a while."""

    openings: Annotated[int, Field(ge=2, le=1000, description="Latched when it fires so many times ...")] = 3
    within: Annotated[Duration, Field(gt=timedelta(0), description="... within this time.")] = timedelta(minutes=10)
    quiet_for: Annotated[Duration, Field(gt=timedelta(0), description="Ends when it was normal for so long.")] = (
        timedelta(minutes=10)
    )


class InhibitionSettings(_Settings):
    """While an alert of `by_kinds` or `by_rules` is open, those of `kinds` and `rules` near it are kept quiet."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", description="Name of the inhibition.")]
    by_kinds: Annotated[tuple[str, ...], Field(description="Kinds of alerts that inhibit.")] = ()
    by_rules: Annotated[tuple[str, ...], Field(description="Rule ids of alerts that inhibit.")] = ()
    by_priority: Annotated[Priority, Field(description="Of this priority or a higher one.")] = Priority.P4
    kinds: Annotated[tuple[str, ...], Field(description="Kinds of alerts that are kept quiet.")] = ()
    rules: Annotated[tuple[str, ...], Field(description="Rule ids of alerts that are kept quiet.")] = ()
    boxes: Annotated[bool, Field(description="And every alert of an object seen by the camera.")] = False
    priorities: Annotated[
        tuple[Priority, ...],
        Field(
            description="Only of these priorities: who was seen in the river is called out although the camera went."
        ),
    ] = (Priority.P2, Priority.P3, Priority.P4)
    radius: Annotated[float, Field(ge=0, le=5000, description="Metres; 0: only at the same site.")] = 0.0

    def inhibits(self, alert: Alert) -> bool:
        """True if this alert inhibits others while it is open."""
        return (alert.kind in self.by_kinds or alert.key.rule in self.by_rules) and alert.priority <= self.by_priority

    def concerns(self, alert: Alert) -> bool:
        """True if this alert is inhibited when it is near."""
        named = alert.kind in self.kinds or alert.key.rule in self.rules or (self.boxes and alert.xyxy is not None)
        return named and alert.priority in self.priorities and not self.inhibits(alert)


class GroupingSettings(_Settings):
    """An alert that is near an open event of its kind belongs to it."""

    radius: Annotated[float, Field(ge=0, le=2000, description="Metres; sites of one catchment are always near.")] = (
        150.0
    )
    within: Annotated[Duration, Field(description="The event was opened at most so long ago.")] = timedelta(hours=2)
    priorities: Annotated[
        tuple[Priority, ...], Field(description="Linked by themselves; others when somebody is sent, with a task each.")
    ] = (Priority.P2, Priority.P3, Priority.P4)
    groups: Annotated[
        tuple[tuple[str, ...], ...],
        Field(description="Kinds or rule ids that are of one kind; others only with the same kind and label."),
    ] = ()


def _camera_away() -> tuple[InhibitionSettings, ...]:
    seen = ("intrusion", "dwell", "congestion", "unknown_object", "live_recall")
    return (InhibitionSettings(id="camera", by_kinds=("camera_health",), kinds=seen, boxes=True),)


class AlarmSettings(_Settings):
    """The life of alerts."""

    reappears_within: Annotated[
        Duration, Field(ge=timedelta(0), description="So soon after its end it is the same alert, firing once more.")
    ] = timedelta(minutes=30)
    acknowledged_for: Annotated[
        dict[Priority, Duration | None],
        Field(description="An acknowledgement without work behind it counts for so long; `null`: for ever."),
    ] = Field(
        default_factory=lambda: {
            Priority.P1: timedelta(minutes=30),
            Priority.P2: timedelta(hours=2),
            Priority.P3: timedelta(hours=8),
            Priority.P4: None,
        }
    )
    shelve_at_most: Annotated[
        dict[Role, Duration], Field(description="Who may shelve an alert, and for how long at most.")
    ] = Field(
        default_factory=lambda: {
            Role.SECTION_HEAD: timedelta(hours=2),
            Role.DUTY_OFFICER: timedelta(hours=8),
            Role.COMMANDER: timedelta(hours=24),
        }
    )
    undo_within: Annotated[
        Duration,
        Field(
            ge=timedelta(0),
            le=timedelta(minutes=1),
            description="So soon whoever acknowledged, dismissed or dispatched may take it back; 0: never.",
        ),
    ] = timedelta(seconds=10)
    stale_after: Annotated[
        Duration, Field(ge=timedelta(0), description="An open alert is stale when nothing was seen for so long.")
    ] = timedelta(seconds=10)
    flapping: Annotated[FlappingSettings, Field(description="Alerts that come and go.")] = FlappingSettings()
    inhibitions: Annotated[tuple[InhibitionSettings, ...], Field(description="What keeps what quiet, by design.")] = (
        Field(default_factory=_camera_away)
    )
    on_closed_roads: Annotated[
        tuple[str, ...], Field(description="Kinds kept quiet where `dispatch.closures` close the roads.")
    ] = ("dwell", "congestion")
    grouping: Annotated[GroupingSettings, Field(description="Which alerts belong to one event.")] = GroupingSettings()
