"""Settings of notices: channels, and policies of whom to notify after which time without acknowledgement."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny

from data.model.alert import Alert, Priority
from data.model.durations import Duration
from data.ports.channel import ChannelRecipe


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StepSettings(_Settings):
    """One step of a policy: unless somebody has acknowledged by then, these channels are used."""

    after: Annotated[Duration, Field(description="After the alert was stored.")] = timedelta(0)
    channels: Annotated[tuple[str, ...], Field(min_length=1, description="Ids of channels.")]
    to: Annotated[tuple[str, ...], Field(description="Telephone numbers, addresses or user names.")] = ()
    text: Annotated[
        str,
        Field(
            description="What is said; `{site}`, `{kind}`, `{label}`, `{value}`, `{unit}`, `{priority}`, `{grid}`, "
            "`{time}`, `{occurrence}`, `{verification}` stand for the alert's facts."
        ),
    ] = ""
    answer: Annotated[
        bool, Field(description="A call-out 叫应: somebody must answer; the answer stops the steps that follow.")
    ] = False


class PolicySettings(_Settings):
    """Which alerts, and the steps. Every policy that fits an alert is followed."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", description="Name of the policy.")]
    priorities: Annotated[tuple[Priority, ...], Field(description="Of these priorities; all when empty.")] = ()
    kinds: Annotated[tuple[str, ...], Field(description="Of these kinds of rule; all when empty.")] = ()
    rules: Annotated[tuple[str, ...], Field(description="Of these rule ids; all when empty.")] = ()
    sites: Annotated[tuple[str, ...], Field(description="At these sites; all when empty.")] = ()
    steps: Annotated[tuple[StepSettings, ...], Field(min_length=1, description="In order of `after`.")]
    when_over: Annotated[
        bool,
        Field(description="Go on although the condition has ended, until somebody acknowledges (person in water)."),
    ] = False

    def fits(self, alert: Alert) -> bool:
        """True if the policy applies to this alert."""
        asked = (
            (self.priorities, alert.priority),
            (self.kinds, alert.kind),
            (self.rules, alert.key.rule),
            (self.sites, alert.key.site),
        )
        return all(not wanted or value in wanted for wanted, value in asked)


class ClockSettings(_Settings):
    """Who is told when a clock of an event has used 50, 80, 100, 150 % of its limit, or somebody escalates it."""

    channels: Annotated[tuple[str, ...], Field(min_length=1, description="Ids of channels.")]
    posts: Annotated[
        tuple[Literal["responder", "grid_leader", "section_head", "duty_officer", "commander", "district"], ...],
        Field(description="Of these posts; all whom the category's table names when empty."),
    ] = ()


class NoticeSettings(_Settings):
    """Channels and policies; without policies nobody is told but on the screen."""

    channels: Annotated[
        tuple[SerializeAsAny[ChannelRecipe], ...], Field(description="Loudspeakers, gateways, chats, mail.")
    ] = ()
    policies: Annotated[tuple[PolicySettings, ...], Field(description="Who is told, when.")] = ()
    clocks: Annotated[
        tuple[ClockSettings, ...],
        Field(description="Who is told when the clocks of events run out, or somebody escalates an event."),
    ] = ()
    give_up_after: Annotated[Duration, Field(description="A notice that no attempt delivered is given up.")] = (
        timedelta(minutes=15)
    )
    late_after: Annotated[Duration, Field(description="An escalation later than this raises an alarm of its own.")] = (
        timedelta(seconds=5)
    )

    def policy(self, policy_id: str) -> PolicySettings | None:
        """The policy with this id; None if there is none (any more)."""
        return next((policy for policy in self.policies if policy.id == policy_id), None)
