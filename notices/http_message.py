"""Any HTTP gateway: SMS, voice calls, or a chat without a channel of its own."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from data.model.secrets import Credentials
from data.ports.channel import Channel, ChannelContext, ChannelRecipe, Message
from notices._http import excerpt, expect, request
from notices._template import check, filled


class Recipe(ChannelRecipe):
    """Sends a request made from templates with the placeholders `{title}`, `{text}`, `{to}`, `{site}` ..."""

    title: ClassVar[str] = "HTTP 网关（短信、语音、群聊） / HTTP gateway (SMS, voice, chat)"

    kind: Annotated[Literal["http_message"], Field(description="This channel.")] = "http_message"
    url: Annotated[str, Field(pattern=r"^https?://", description="Where to send it.")]
    method: Annotated[Literal["POST", "PUT", "GET"], Field(description="HTTP method.")] = "POST"
    headers: Annotated[Mapping[str, str], Field(description="Further headers; templates.")] = {}
    params: Annotated[Mapping[str, str], Field(description="Query of the URL; templates.")] = {}
    body: Annotated[Any, Field(description="JSON of the request; every text in it is a template.")] = None
    answer: Annotated[
        Mapping[str, Any],
        Field(description="What a success looks like: paths in the JSON answer and their values, `{errcode: 0}`."),
    ] = {}
    each: Annotated[bool, Field(description="One request for each recipient.")] = False

    @field_validator("headers", "params", "body")
    @classmethod
    def _known_placeholders(cls, template: Any) -> Any:
        return check(template)

    def make(self, context: ChannelContext) -> Channel:
        return HttpMessage(self, context.secrets.get(self.credentials))


class HttpMessage:
    """`data.ports.channel.Channel`; a token is sent as `Authorization: Bearer`, a user name as basic credentials."""

    def __init__(self, recipe: Recipe, credentials: Credentials | None) -> None:
        self._recipe = recipe
        self._credentials = credentials

    def send(self, message: Message) -> str:
        values = message.values()
        groups = [(one,) for one in message.recipients] if self._recipe.each else [message.recipients]
        return "; ".join(self._send_one({**values, "to": ",".join(group)}) for group in groups)

    def _send_one(self, values: Mapping[str, str]) -> str:
        recipe = self._recipe
        answer = request(
            recipe.method,
            recipe.url,
            timeout_s=recipe.timeout.total_seconds(),
            headers={**filled(recipe.headers, values), **authorization(self._credentials)},
            params=filled(recipe.params, values) or None,
            body=filled(recipe.body, values) if recipe.body is not None else None,
        )
        expect(answer, recipe.answer)
        return excerpt(answer)


def authorization(credentials: Credentials | None) -> dict[str, str]:
    """The Authorization header of these credentials; empty without credentials."""
    if credentials is None:
        return {}
    if token := credentials.token.get_secret_value():
        return {"Authorization": f"Bearer {token}"}
    pair = f"{credentials.username}:{credentials.password.get_secret_value()}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}
