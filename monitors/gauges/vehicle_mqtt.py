"""A gateway of vehicles' terminals that publishes their positions over MQTT 5.

A message is acknowledged when all its positions are in the store, not before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from data.errors import InputRejected
from data.model.observation import Rejected, Sensed
from data.ports.recipe import Context, Monitor
from monitors._address import login
from monitors.gauges._json_path import parse_json
from monitors.gauges._mqtt_source import Delivery, MqttBroker
from monitors.gauges._times import LocalTimes
from monitors.gauges._vehicles import VehicleSource


class Recipe(MqttBroker, VehicleSource):
    """Positions behind a broker: one in a message, a list, or `{"positions": [...]}`."""

    title: ClassVar[str] = "车辆位置 MQTT / Positions of vehicles, MQTT"
    gives: ClassVar[Literal["frames", "readings", "warnings", "positions"]] = "positions"
    opens_at_once: ClassVar[bool] = True

    kind: Annotated[Literal["vehicle_mqtt"], Field(description="A gateway that publishes positions over MQTT.")] = (
        "vehicle_mqtt"
    )
    topic: Annotated[
        str,
        Field(min_length=1, description="The gateway's topic; `jt808/+/position` where each vehicle has its own."),
    ]

    @field_validator("topic")
    @classmethod
    def _fits(cls, topic: str) -> str:
        levels = topic.split("/")
        misplaced = any("#" in level and (level != "#" or n < len(levels) - 1) for n, level in enumerate(levels))
        if misplaced or any("+" in level and level != "+" for level in levels) or "\0" in topic:
            raise ValueError("+ stands alone between two slashes, # alone at the end")
        if topic == "#":
            raise ValueError("# alone is everything that the broker has; name the gateway's topics")
        return topic

    def hears(self, topic: str) -> bool:
        """Does the topic fit the filter (MQTT 5, 4.7)?"""
        levels = topic.split("/")
        for n, wanted in enumerate(self.topic.split("/")):
            if wanted == "#":
                return True
            if n >= len(levels) or wanted not in {"+", levels[n]}:
                return False
        return len(levels) == len(self.topic.split("/"))

    def taken_in(
        self, site: str, payload: bytes | bytearray, delivery: Delivery, times: LocalTimes | None
    ) -> Sequence[Sensed | Rejected]:
        del times
        try:
            text = payload.decode("utf-8")
        except UnicodeDecodeError:
            raise InputRejected("the message is not UTF-8 text") from None
        return self.read(site, parse_json(text), delivery.arrived).given

    def make(self, context: Context) -> Monitor:
        from monitors.gauges._event_loop import EventLoop  # noqa: PLC0415 (with paho: only where a gauge is opened)
        from monitors.gauges._mqtt import Subscription  # noqa: PLC0415 (loads paho: only where a gauge is opened)
        from monitors.gauges._mqtt_connection import Doors, tls_context  # noqa: PLC0415

        ca = None if self.ca is None else context.base_dir / self.ca
        tls = tls_context(context, ca, f"{context.site.id}: mqtt://{self.host}:{self.port}") if self.tls else None
        who = login(context, self.credentials)
        return Subscription(self, context.site.id, who, tls, None, loop=EventLoop.of(context), doors=Doors.of(context))
