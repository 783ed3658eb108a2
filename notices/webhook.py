"""A webhook of another system: the whole message as JSON, signed, with its delivery id."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from data.ports.channel import Channel, ChannelContext, ChannelRecipe, Message
from notices._http import excerpt, request


class Recipe(ChannelRecipe):
    """Posts JSON; with credentials `X-Signature-256: sha256=...` is the HMAC of the body with their `token`."""

    title: ClassVar[str] = "Webhook"

    kind: Annotated[Literal["webhook"], Field(description="This channel.")] = "webhook"
    url: Annotated[str, Field(pattern=r"^https?://", description="Where to post it.")]

    def make(self, context: ChannelContext) -> Channel:
        credentials = context.secrets.get(self.credentials)
        return Webhook(self, "" if credentials is None else credentials.token.get_secret_value())


class Webhook:
    """`data.ports.channel.Channel`."""

    def __init__(self, recipe: Recipe, key: str) -> None:
        self._recipe = recipe
        self._key = key.encode()

    def send(self, message: Message) -> str:
        whole = {**message.values(), "to": list(message.recipients)}
        content = json.dumps(whole, ensure_ascii=False, sort_keys=True).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": message.delivery_id}
        if self._key:
            headers["X-Signature-256"] = f"sha256={hmac.new(self._key, content, hashlib.sha256).hexdigest()}"
        timeout_s = self._recipe.timeout.total_seconds()
        return excerpt(request("POST", self._recipe.url, timeout_s=timeout_s, headers=headers, content=content))
