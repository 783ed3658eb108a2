"""Where a sensor's messages come from and how one is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from data.model.durations import Duration
from data.model.observation import Rejected, Sensed
from data.ports.recipe import MonitorRecipe
from monitors.gauges._json_source import JsonSource
from monitors.gauges._message import measured
from monitors.gauges._times import LocalTimes


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a message came. `retained`: the broker had kept it. `may_repeat`: it may have been delivered before."""

    arrived: datetime
    retained: bool = False
    may_repeat: bool = True


class MqttBroker(MonitorRecipe):
    """A broker, and what is subscribed to there."""

    host: Annotated[str, Field(min_length=1, description="The broker's name or address, without scheme.")]
    port: Annotated[int, Field(ge=1, le=65535, description="The broker's port: 1883, with TLS 8883.")] = 1883
    topic: Annotated[str, Field(min_length=1, description="The gauge's topic, without wildcards.")]
    credentials: Annotated[
        str | None, Field(description="Name of the user and password in the secrets file; anonymous when left out.")
    ] = None
    tls: Annotated[bool, Field(description="Encrypt the connection and check the broker's certificate.")] = False
    ca: Annotated[Path | None, Field(description="File of the authority to trust instead of the system's.")] = None
    client_id: Annotated[
        str, Field(description="Name at the broker, which keeps messages for it; made of site and id when left out.")
    ] = ""
    session: Annotated[Duration, Field(description="How long the broker keeps messages for us while we are away.")] = (
        timedelta(days=7)
    )
    timeout: Annotated[Duration, Field(description="The broker is lost when it is silent for so long.")] = timedelta(
        seconds=10
    )

    @field_validator("timeout")
    @classmethod
    def _some_time(cls, timeout: timedelta) -> timedelta:
        if not timedelta(seconds=2) <= timeout <= timedelta(minutes=5):
            raise ValueError("the time-out must lie between 2s and 5min")
        return timeout

    def hears(self, topic: str) -> bool:
        """Is what was published under this topic meant for us?"""
        return topic == self.topic

    def taken_in(
        self, site: str, payload: bytes | bytearray, delivery: Delivery, times: LocalTimes | None
    ) -> Sequence[Sensed | Rejected]:
        """What is in a message. Raises InputRejected where nothing in it can be used."""
        raise NotImplementedError


class MqttSource(MqttBroker, JsonSource):
    """One topic of a broker."""

    @field_validator("topic")
    @classmethod
    def _one_topic(cls, topic: str) -> str:
        if set(topic) & set("+#\0"):
            raise ValueError("one gauge is one topic: write it without the wildcards + and #")
        return topic

    def taken_in(
        self, site: str, payload: bytes | bytearray, delivery: Delivery, times: LocalTimes | None
    ) -> Sequence[Sensed | Rejected]:
        value = measured(
            self, payload, delivery.arrived, retained=delivery.retained, times=times, may_repeat=delivery.may_repeat
        )
        return (self.reading(site, value, delivery.arrived),)
