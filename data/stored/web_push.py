"""Browsers that a user has asked to be told in. Kept per user, as one small value of the store."""

from __future__ import annotations

from collections.abc import Sequence

from data.model.push_subscription import PushSubscription
from data.ports.store import Reader, Writer

MOST = 5  # browsers of one user; the newest are kept


def subscriptions_of(reader: Reader, user: str) -> tuple[PushSubscription, ...]:
    """The newest first."""
    return tuple(PushSubscription.model_validate(kept) for kept in reader.value(_name(user)) or ())


def subscribe(writer: Writer, user: str, subscription: PushSubscription) -> int:
    """Also tell this user in this browser; how many there are now."""
    others = [one for one in subscriptions_of(writer, user) if one.endpoint != subscription.endpoint]
    return _keep(writer, user, [subscription, *others][:MOST])


def unsubscribe(writer: Writer, user: str, endpoint: str) -> int:
    """No longer in this browser; how many are left."""
    return _keep(writer, user, [one for one in subscriptions_of(writer, user) if one.endpoint != endpoint])


def forget_subscriptions(writer: Writer, user: str) -> None:
    """No longer in any browser."""
    if writer.value(_name(user)):
        writer.put_value(_name(user), [])


def _keep(writer: Writer, user: str, subscriptions: Sequence[PushSubscription]) -> int:
    writer.put_value(_name(user), [one.model_dump() for one in subscriptions])
    return len(subscriptions)


def _name(user: str) -> str:
    return f"web_push:{user}"
