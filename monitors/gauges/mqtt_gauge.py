"""A gauge that publishes over MQTT 5. A message is acknowledged when its reading is in the store, not before."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from data.ports.recipe import Context, Monitor
from monitors._address import login
from monitors.gauges._mqtt_source import MqttSource


class Recipe(MqttSource):
    """A gauge behind a broker."""

    title: ClassVar[str] = "MQTT 传感器 / MQTT gauge"
    gives: ClassVar[Literal["frames", "readings"]] = "readings"
    opens_at_once: ClassVar[bool] = True

    kind: Annotated[Literal["mqtt_gauge"], Field(description="A gauge that publishes over MQTT.")] = "mqtt_gauge"

    def make(self, context: Context) -> Monitor:
        from monitors.gauges._event_loop import EventLoop  # noqa: PLC0415 (with paho: only where a gauge is opened)
        from monitors.gauges._mqtt import Subscription  # noqa: PLC0415 (loads paho: only where a gauge is opened)
        from monitors.gauges._mqtt_connection import Doors, tls_context  # noqa: PLC0415

        ca = None if self.ca is None else context.base_dir / self.ca
        tls = tls_context(context, ca, f"{context.site.id}: mqtt://{self.host}:{self.port}") if self.tls else None
        who, times = login(context, self.credentials), self.local_times(context)
        return Subscription(self, context.site.id, who, tls, times, loop=EventLoop.of(context), doors=Doors.of(context))
