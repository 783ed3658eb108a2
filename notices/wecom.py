"""A group robot of WeCom 企业微信. Format: https://developer.work.weixin.qq.com/document/path/91770"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from data.ports.channel import Channel, ChannelContext, ChannelRecipe, Message
from notices._http import expect, request


class Recipe(ChannelRecipe):
    """Posts a text to a WeCom group robot. The robot's key is the `token` of the credentials."""

    title: ClassVar[str] = "企业微信群机器人 / WeCom group robot"

    kind: Annotated[Literal["wecom"], Field(description="This channel.")] = "wecom"
    url: Annotated[str, Field(pattern=r"^https?://", description="Address of the interface.")] = (
        "https://qyapi.weixin.qq.com/cgi-bin/webhook/send"
    )

    def make(self, context: ChannelContext) -> Channel:
        credentials = context.secrets.get(self.credentials)
        return WeCom(self, "" if credentials is None else credentials.token.get_secret_value())


class WeCom:
    """`data.ports.channel.Channel`; recipients are the mobile numbers to mention (`@all` for everybody)."""

    def __init__(self, recipe: Recipe, key: str) -> None:
        self._recipe = recipe
        self._key = key

    def send(self, message: Message) -> str:
        text: dict[str, object] = {"content": f"{message.title}\n{message.text}"}
        if message.recipients:
            text["mentioned_mobile_list"] = list(message.recipients)
        answer = request(
            "POST",
            self._recipe.url,
            timeout_s=self._recipe.timeout.total_seconds(),
            params={"key": self._key} if self._key else None,
            body={"msgtype": "text", "text": text},
        )
        expect(answer, {"errcode": 0})
        return "ok"
