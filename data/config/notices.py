"""Settings of notices: channels, and policies of whom to notify after which time without acknowledgement."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny

from data.model.alert import Alert, Priority
from data.model.durations import Duration
from data.model.people import Role
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


class RollCallTemplate(_Settings):
    """What a roll-call asks, prepared: in a mode of the city, or at any time."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", description="Name of the template.")]
    zh: Annotated[str, Field(min_length=1, max_length=100, description="Title in Chinese.")]
    en: Annotated[str, Field(min_length=1, max_length=100, description="Title in English.")]
    text: Annotated[str, Field(max_length=500, description="What is said to those who are called.")] = ""
    mode: Annotated[str, Field(description="Offered first while this mode of the city is on.")] = ""
    answer_within: Annotated[Duration, Field(description="Until when they are to answer, from the call.")] = timedelta(
        minutes=5
    )
    units: Annotated[tuple[str, ...], Field(description="Units, with all below them.")] = ()
    roles: Annotated[tuple[Role, ...], Field(description="Everybody with one of these roles.")] = ()
    plans: Annotated[tuple[str, ...], Field(description="Those who work on these plans while they are in force.")] = ()


_TEMPLATES = (
    RollCallTemplate(
        id="red-rain",
        zh="暴雨红色预警：请确认已到岗",
        en="Red rain warning: confirm that you are at your post",
        text="暴雨红色预警已发布，请立即到岗并回复“收到”；不能到岗请说明原因。",
        answer_within=timedelta(minutes=3),
    ),
    RollCallTemplate(
        id="flood-crest",
        zh="洪峰值守：请确认已到岗",
        en="Flood crest: confirm that you are at your post",
        text="洪峰将至，请到值守点位并回复“收到”；不能到岗请说明原因。",
        mode="flood-crest",
        answer_within=timedelta(minutes=3),
    ),
    RollCallTemplate(id="night-check", zh="夜间查岗", en="Night check", text="夜间查岗，请回复“收到”。"),
)


class RollCallSettings(_Settings):
    """Roll-calls 叫应: by which channels people are called, and templates of orders."""

    channels: Annotated[
        tuple[str, ...], Field(description="Ids of channels; without any only screens and phones show it.")
    ] = ()
    templates: Annotated[tuple[RollCallTemplate, ...], Field(description="Orders that are prepared.")] = _TEMPLATES


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
    roll_calls: Annotated[RollCallSettings, Field(description="Orders to many people to answer 叫应.")] = (
        RollCallSettings()
    )
    give_up_after: Annotated[Duration, Field(description="A notice that no attempt delivered is given up.")] = (
        timedelta(minutes=15)
    )
    late_after: Annotated[Duration, Field(description="An escalation later than this raises an alarm of its own.")] = (
        timedelta(seconds=5)
    )

    def policy(self, policy_id: str) -> PolicySettings | None:
        """The policy with this id; None if there is none (any more)."""
        return next((policy for policy in self.policies if policy.id == policy_id), None)
