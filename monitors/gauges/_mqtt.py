"""A subscription with a session that the broker keeps: nothing is lost while we are away or before we have stored it.

One object is one connection. Message ids are only valid on the connection they came by; when that is lost, what was
not acknowledged comes again to the next one.
"""

from __future__ import annotations

import math
import ssl
import threading
import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from data.errors import DeviceLost, InputRejected
from data.model.observation import Reading, Rejected
from data.model.secrets import Credentials, redact
from data.net.outgoing import DestinationRefused, checked_addresses
from monitors._feed import IDLE_S
from monitors.gauges._message import measured
from monitors.gauges._mqtt_source import MqttSource
from monitors.gauges._times import LocalTimes

UNSTORED_AT_MOST = 200  # the broker sends no more before something is acknowledged
HANG_UP_S = 1.0
BUSY_S = 0.02  # a waiting acknowledgement is sent this soon


class Subscription:
    """A gauge's connection to its broker, driven by whoever observes."""

    def __init__(
        self,
        recipe: MqttSource,
        site: str,
        credentials: Credentials | None,
        ca: Path | None,
        times: LocalTimes | None = None,
    ) -> None:
        self.recipe = recipe
        self.site = site
        self._times = times
        self.name = f"{site}: mqtt://{recipe.host}:{recipe.port}/{recipe.topic}"
        self._timeout_s = recipe.timeout.total_seconds()
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._unstored: dict[Reading, list[int]] = {}
        self._stored: deque[int] = deque()
        self._inbox: deque[MQTTMessage] = deque()
        self._answered: int | None = None  # the newest subscription that the broker has answered
        self._refused = ""
        self._client = self._new_client(credentials, ca)

    def observe(self) -> Iterator[Reading | Rejected | None]:
        try:
            self._connect()
            given_up_s = time.monotonic() + self._timeout_s
            while not self._closed.is_set():
                code = self._client.loop(BUSY_S if self._unstored else IDLE_S)
                if self._refused:
                    raise DeviceLost(f"{self.name}: {self._refused}")
                came = bool(self._inbox)
                if came:  # what waited for us comes before the answer to our subscription
                    given_up_s = time.monotonic() + self._timeout_s
                while self._inbox:
                    yield from self._taken(self._inbox.popleft())
                self._acknowledge()
                if code is not MQTTErrorCode.MQTT_ERR_SUCCESS and not self._closed.is_set():
                    raise DeviceLost(f"{self.name}: the broker is lost: {code.name}")
                if self._answered is None and time.monotonic() > given_up_s:
                    raise DeviceLost(f"{self.name}: no answer in {self._timeout_s:g} s")
                if not came:
                    yield None
        finally:
            self._hang_up()

    def committed(self, reading: Reading) -> None:
        with self._lock:
            self._stored.extend(self._unstored.pop(reading, ()))

    @property
    def has_answered(self) -> bool:
        """Has the broker answered the subscription?"""
        return self._answered is not None

    def close(self) -> None:
        """The connection itself ends with the step of `observe` that is under way."""
        self._closed.set()

    def _taken(self, message: MQTTMessage) -> Iterator[Reading | Rejected]:
        """A reading is acknowledged when committed; what is rejected when it was taken, so that it never returns."""
        now = datetime.now(UTC)
        try:
            again = message.dup or message.retain or message.qos == 0
            value = measured(
                self.recipe, message.payload, now, retained=message.retain, times=self._times, may_repeat=again
            )
            reading = self.recipe.reading(self.site, value, now)
        except InputRejected as error:
            excerpt = redact(message.payload[:200].decode("utf-8", "replace"))
            yield Rejected(self.site, self.recipe.name, now, str(error), excerpt)
            self._stored.append(message.mid)
            return
        if message.qos > 0:
            with self._lock:
                self._unstored.setdefault(reading, []).append(message.mid)
        yield reading

    def _acknowledge(self) -> None:
        """PUBACK what is in the store. Only in the observing thread: paho's writing is not made for two."""
        while self._stored and self._client.is_connected():
            self._client.ack(self._stored.popleft(), 1)

    def _hang_up(self) -> None:
        """Wait, a second at most, until the broker has read our last PUBACKs: it answers in order.

        Closing a socket with unread bytes resets the connection, and what the broker had not read yet would be undone.
        What comes meanwhile is not acknowledged, so it comes again.
        """
        self._acknowledge()
        if self._client.is_connected() and not self._refused:
            again = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
            _, asked = self._client.subscribe(self.recipe.topic, options=again)
            ends_s = time.monotonic() + HANG_UP_S
            while self._answered != asked and time.monotonic() < ends_s:
                if self._client.loop(BUSY_S) is not MQTTErrorCode.MQTT_ERR_SUCCESS:
                    break
        self._client.disconnect()

    def _connect(self) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = math.ceil(self.recipe.session.total_seconds())
        properties.ReceiveMaximum = UNSTORED_AT_MOST
        keepalive_s = max(1, int(self._timeout_s / 2))  # paho waits for one interval, then one more for the answer
        try:
            checked_addresses(self.recipe.host, self.recipe.port)
            self._client.connect(
                self.recipe.host, self.recipe.port, keepalive_s, clean_start=False, properties=properties
            )
        except (OSError, ValueError, DestinationRefused) as error:
            raise DeviceLost(f"{self.name}: cannot connect: {redact(str(error))}") from error

    def _new_client(self, credentials: Credentials | None, ca: Path | None) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.recipe.client_id or f"yiping-{self.site}-{self.recipe.name}",
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = self._timeout_s
        if credentials is not None:
            client.username_pw_set(credentials.username, credentials.password.get_secret_value())
        if self.recipe.tls:
            try:
                client.tls_set_context(ssl.create_default_context(cafile=ca))
            except OSError as error:
                raise InputRejected(f"{self.name}: no authority can be read from {ca}: {error}") from error
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _on_connect(self, client: Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        if reason.is_failure:
            self._refused = f"the broker refuses us: {reason}"
            return
        client.subscribe(self.recipe.topic, options=SubscribeOptions(qos=1))

    def _on_subscribe(self, _c: Client, _data: Any, mid: int, reasons: list[ReasonCode], _properties: Any) -> None:
        self._answered = mid
        if any(reason.is_failure for reason in reasons):
            self._refused = f"the broker does not let us read the topic: {reasons[0]}"

    def _on_message(self, client: Client, _data: Any, message: MQTTMessage) -> None:
        """The broker keeps what was subscribed to before the gauge's topic was changed: that is not this gauge's."""
        if message.topic != self.recipe.topic and not self.recipe.topic.startswith("$share/"):
            client.unsubscribe(message.topic)
            if message.qos > 0:
                self._stored.append(message.mid)
            return
        self._inbox.append(message)
