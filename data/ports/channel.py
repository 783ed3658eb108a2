"""A channel takes messages to people: a loudspeaker, an SMS gateway, a chat room, a mail server.

A *kind* of channel is one public file in `notices/` with `class Recipe(ChannelRecipe)`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Protocol

from pydantic import Field

from data.errors import YipingError
from data.model.durations import Duration
from data.model.push_subscription import PushSubscription
from data.model.secrets import Secrets
from data.ports.recipe import RecipeBase


class DeliveryFailed(YipingError):
    """The message was not taken. `permanent`: trying again is of no use. The text holds no secret."""

    def __init__(self, text: str, *, permanent: bool = False) -> None:
        super().__init__(text)
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class Message:
    """What a channel is given. `fields`: further facts a template may name (site, kind, value, unit, ...)."""

    delivery_id: str
    title: str
    text: str
    priority: str
    recipients: tuple[str, ...]
    subject: str
    at: datetime
    fields: Mapping[str, str] = field(default_factory=dict)

    def values(self) -> dict[str, str]:
        """Everything a template may name."""
        return {
            **self.fields,
            "delivery_id": self.delivery_id,
            "title": self.title,
            "text": self.text,
            "priority": self.priority,
            "to": ",".join(self.recipients),
            "subject": self.subject,
            "time": self.at.isoformat(timespec="seconds"),
        }


class Channel(Protocol):
    """Live in the notifier's process; `send` may be called from several threads."""

    def send(self, message: Message) -> str:
        """Hand the message over; what the peer said of it, in a few words. Raises DeliveryFailed."""
        ...


def _nobody(_user: str) -> Sequence[PushSubscription]:
    return ()


@dataclass(frozen=True)
class ChannelContext:
    """Where a channel lives. `subscriptions`: the browsers in which a user wants to be told."""

    secrets: Secrets = field(default_factory=Secrets)
    base_dir: Path = Path()
    subscriptions: Callable[[str], Sequence[PushSubscription]] = _nobody


class ChannelRecipe(RecipeBase):
    """A channel as configured."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", description="Name that policies use.")]
    credentials: Annotated[str | None, Field(description="Name of the credentials in secrets.yaml.")] = None
    timeout: Annotated[Duration, Field(description="How long one attempt may take.")] = timedelta(seconds=5)

    def make(self, context: ChannelContext) -> Channel:
        raise NotImplementedError
