"""A group robot of DingTalk 钉钉, signed. Format: https://open.dingtalk.com/document/robots/custom-robot-access"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from data.ports.channel import Channel, ChannelContext, ChannelRecipe, Message
from notices._http import expect, request


class Recipe(ChannelRecipe):
    """Posts a text to a DingTalk group robot: `token` is its access token, `password` its signing secret."""

    title: ClassVar[str] = "钉钉群机器人 / DingTalk group robot"

    kind: Annotated[Literal["dingtalk"], Field(description="This channel.")] = "dingtalk"
    url: Annotated[str, Field(pattern=r"^https?://", description="Address of the interface.")] = (
        "https://oapi.dingtalk.com/robot/send"
    )

    def make(self, context: ChannelContext) -> Channel:
        credentials = context.secrets.get(self.credentials)
        if credentials is None:
            return DingTalk(self, "", "")
        return DingTalk(self, credentials.token.get_secret_value(), credentials.password.get_secret_value())


class DingTalk:
    """`data.ports.channel.Channel`; recipients are the mobile numbers to mention."""

    def __init__(self, recipe: Recipe, token: str, secret: str) -> None:
        self._recipe = recipe
        self._token = token
        self._secret = secret

    def send(self, message: Message) -> str:
        params = {"access_token": self._token} if self._token else {}
        if self._secret:
            stamp = str(round(time.time() * 1000))
            params |= {"timestamp": stamp, "sign": sign(self._secret, stamp)}
        body = {
            "msgtype": "text",
            "text": {"content": f"{message.title}\n{message.text}"},
            "at": {"atMobiles": list(message.recipients), "isAtAll": False},
        }
        timeout_s = self._recipe.timeout.total_seconds()
        answer = request("POST", self._recipe.url, timeout_s=timeout_s, params=params or None, body=body)
        expect(answer, {"errcode": 0})
        return "ok"


def sign(secret: str, stamp: str) -> str:
    """HMAC-SHA256 of `<milliseconds>\\n<secret>` in Base64."""
    digest = hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode("ascii")
