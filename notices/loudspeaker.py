"""A network loudspeaker at the river: speaks a text or plays a sound file, and reports the result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from data.model.secrets import Credentials
from data.ports.channel import Channel, ChannelContext, ChannelRecipe, DeliveryFailed, Message
from notices._http import at, excerpt, expect, request
from notices._template import check, filled
from notices.http_message import authorization


class Recipe(ChannelRecipe):
    """Posts a text to be spoken (JSON), or a WAV file, to the loudspeaker's HTTP interface."""

    title: ClassVar[str] = "网络音柱、喇叭 / network loudspeaker"

    kind: Annotated[Literal["loudspeaker"], Field(description="This channel.")] = "loudspeaker"
    url: Annotated[str, Field(pattern=r"^https?://", description="The loudspeaker's play interface.")]
    body: Annotated[Any, Field(description="JSON of a text to be spoken; every text in it is a template.")] = Field(
        default_factory=lambda: {"text": "{text}", "repeat": 3, "id": "{delivery_id}"}
    )
    sound: Annotated[Path | None, Field(description="A WAV file that is played instead of a spoken text.")] = None
    answer: Annotated[
        Mapping[str, Any], Field(description="What a success looks like: paths in the JSON answer and their values.")
    ] = {}
    result: Annotated[str, Field(description="Path in the JSON answer that tells what was played.")] = ""

    @model_validator(mode="after")
    def _known_placeholders(self) -> Recipe:
        check(self.body)
        return self

    def make(self, context: ChannelContext) -> Channel:
        sound = None if self.sound is None else context.base_dir / self.sound
        return Loudspeaker(self, sound, context.secrets.get(self.credentials))


class Loudspeaker:
    """`data.ports.channel.Channel`."""

    def __init__(self, recipe: Recipe, sound: Path | None, credentials: Credentials | None) -> None:
        self._recipe = recipe
        self._sound = sound
        self._headers = authorization(credentials)

    def send(self, message: Message) -> str:
        recipe = self._recipe
        timeout_s = recipe.timeout.total_seconds()
        if self._sound is None:
            body = filled(recipe.body, message.values())
            answer = request("POST", recipe.url, timeout_s=timeout_s, headers=self._headers, body=body)
        else:
            headers = {**self._headers, "Content-Type": "audio/wav", "X-Delivery-Id": message.delivery_id}
            answer = request("POST", recipe.url, timeout_s=timeout_s, headers=headers, content=self._wav())
        expect(answer, recipe.answer)
        if not recipe.result:
            return excerpt(answer)
        try:
            return str(at(json.loads(answer.text), recipe.result))
        except (ValueError, RecursionError):  # it was delivered; only its job number is unknown
            return excerpt(answer)

    def _wav(self) -> bytes:
        """The sound file, read at every use since it may be replaced while the system runs."""
        try:
            content = self._sound.read_bytes() if self._sound is not None else b""
        except OSError as error:
            raise DeliveryFailed(f"the sound file cannot be read: {error.strerror}") from None
        if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
            raise DeliveryFailed(f"{self._sound} is no WAV file", permanent=True)
        return content
