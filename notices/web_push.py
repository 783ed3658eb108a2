"""Web push to browsers in which a user has switched it on. Optional: it goes through the browser makers' clouds.

They see when a message is sent to which browser, but cannot read it: it is encrypted for the browser (RFC 8291) and
signed with this installation's own key (VAPID, RFC 8292).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, ClassVar, Literal, Protocol
from urllib.parse import urlsplit

from pydantic import Field

from data.errors import InputRejected
from data.model.durations import Duration
from data.model.masking import SecretMask
from data.model.push_subscription import PushSubscription
from data.ports.channel import Channel, ChannelContext, ChannelRecipe, DeliveryFailed, Message
from notices._http import request

SERVICES = ("fcm.googleapis.com", "push.services.mozilla.com", "web.push.apple.com", "notify.windows.com")
URGENT = frozenset({"P1", "P2"})
_SEPARATORS = re.compile(r"[\s,=]+")
_SHORTEST = 12  # characters; a shorter part of the address is a word, not a secret


class Signer(Protocol):
    """Signs with this installation's private key."""

    def sign(self, claims: dict[str, str]) -> Mapping[str, str]:
        """The header `Authorization` for these claims."""
        ...


class Recipe(ChannelRecipe):
    """Messages to users' browsers (`to` names users). Off unless configured: it goes through foreign clouds."""

    title: ClassVar[str] = "Web push"

    kind: Annotated[Literal["web_push"], Field(description="This channel.")] = "web_push"
    public_key: Annotated[
        str, Field(min_length=87, max_length=88, description="The centre's public VAPID key, which browsers ask for.")
    ]
    contact: Annotated[
        str, Field(pattern=r"^(mailto:|https://)", description="Whom the push service may write to: `mailto:...`.")
    ]
    services: Annotated[
        tuple[str, ...], Field(min_length=1, description="Hosts of push services; browsers at others are refused.")
    ] = SERVICES
    keep_for: Annotated[Duration, Field(description="How long the service keeps it for a browser that is away.")] = (
        timedelta(minutes=10)
    )

    def make(self, context: ChannelContext) -> Channel:
        from py_vapid import Vapid02  # noqa: PLC0415 - every process reads the settings that hold channels

        credentials = context.secrets.get(self.credentials)
        if credentials is None:
            raise InputRejected(f"channel {self.id!r}: its credentials hold no `token`, the private VAPID key")
        return WebPush(self, Vapid02.from_string(credentials.token.get_secret_value()), context.subscriptions)


class WebPush:
    """`data.ports.channel.Channel`."""

    def __init__(self, recipe: Recipe, key: Signer, subscriptions: Callable[[str], Sequence[PushSubscription]]) -> None:
        self._recipe = recipe
        self._key = key
        self._subscriptions = subscriptions

    def send(self, message: Message) -> str:
        browsers = [one for user in message.recipients for one in self._subscriptions(user)]
        browsers = [one for one in browsers if one.is_at(self._recipe.services)]
        if not browsers:
            raise DeliveryFailed("none of them has asked for it in a browser", permanent=True)
        failures = [failure for one in browsers if (failure := self._tell(one, message)) is not None]
        if len(failures) == len(browsers):
            lasting = all(failure.permanent for failure in failures)
            raise DeliveryFailed("; ".join(str(failure) for failure in failures), permanent=lasting)
        return f"{len(browsers) - len(failures)} of {len(browsers)} browsers"

    def _tell(self, browser: PushSubscription, message: Message) -> DeliveryFailed | None:
        parts = urlsplit(browser.endpoint)
        claims = {"aud": f"{parts.scheme}://{parts.netloc}", "sub": self._recipe.contact}
        headers = {
            **self._key.sign(claims),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(round(self._recipe.keep_for.total_seconds())),
            "Urgency": "high" if message.priority in URGENT else "normal",
            # A later message about the same subject replaces one that is not delivered yet.
            "Topic": hashlib.sha256(message.subject.encode()).hexdigest()[:32],
        }
        shown = {name: getattr(message, name) for name in ("delivery_id", "title", "text", "priority", "subject")}
        content = encrypted(browser, json.dumps(shown, ensure_ascii=False).encode())
        timeout_s = self._recipe.timeout.total_seconds()
        try:
            request("POST", browser.endpoint, timeout_s=timeout_s, headers=headers, content=content)
        except DeliveryFailed as failure:
            # The address is a secret: whoever knows it can send to this browser, and the signature is valid for hours.
            mine = (*parts.path.split("/"), parts.query, browser.auth, *_SEPARATORS.split(headers["Authorization"]))
            mask = SecretMask(one for one in mine if len(one) >= _SHORTEST)
            return DeliveryFailed(mask(str(failure)), permanent=failure.permanent)
        return None


def encrypted(browser: PushSubscription, content: bytes) -> bytes:
    """aes128gcm with a key pair of this message's own (RFC 8188, RFC 8291). `content`: at most some 4000 bytes."""
    import http_ece  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    own = ec.generate_private_key(ec.SECP256R1())
    made: bytes = http_ece.encrypt(
        content, private_key=own, dh=_raw(browser.p256dh), auth_secret=_raw(browser.auth), version="aes128gcm"
    )
    return made


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
