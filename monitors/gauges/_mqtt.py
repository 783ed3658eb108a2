"""A subscription with a session that the broker keeps: nothing is lost while we are away or before we have stored it.

One object is one connection. Message ids are only valid on the connection they came by; when that is lost, what was
not acknowledged comes again to the next one.
"""

from __future__ import annotations

import asyncio
import logging
import math
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from data.errors import DeviceLost, InputRejected
from data.model.observation import Rejected, Sensed
from data.model.secrets import Credentials, redact
from data.net.outgoing import DestinationRefused
from monitors._feed import IDLE_S
from monitors.gauges._event_loop import EventLoop
from monitors.gauges._mqtt_connection import Doors, LoopClient, connected
from monitors.gauges._mqtt_source import Delivery, MqttBroker
from monitors.gauges._times import LocalTimes

log = logging.getLogger(__name__)

UNSTORED_AT_MOST = 200  # the broker sends no more before something is acknowledged
INBOX_AT_MOST = 400  # what is sent without acknowledgement (QoS 0) waits in the network beyond that
HANG_UP_S = 1.0
TEND_S = 1.0
NO_LAST_WORD = 0  # no message's number
_WELL = MQTTErrorCode.MQTT_ERR_SUCCESS


class Subscription:
    """A gauge's connection to its broker (implements `data.ports.recipe.Monitor`, `SharesThread` and `Answering`).

    Opened where `wake_by` is called; from then on the event loop's thread alone uses paho's client.
    """

    def __init__(
        self,
        recipe: MqttBroker,
        site: str,
        credentials: Credentials | None,
        tls: ssl.SSLContext | None,
        times: LocalTimes | None = None,
        *,
        loop: EventLoop,
        doors: Doors,
    ) -> None:
        self.recipe = recipe
        self.site = site
        self._times = times
        self.name = f"{site}: mqtt://{recipe.host}:{recipe.port}/{recipe.topic}"
        self._timeout_s = recipe.timeout.total_seconds()
        # paho waits for one interval, then one more for the answer
        self._keepalive_s = max(1, int(self._timeout_s / 2))
        self._tls = tls
        self._doors = doors
        self._shared_loop = loop
        self._opening: asyncio.Task[None] | None = None
        self._heard_s = self._said_s = 0.0  # when something came from the broker, and went to it
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake: Callable[[], None] = lambda: None
        self._closed = threading.Event()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._unstored: dict[Sensed, list[int]] = {}
        self._left: dict[int, int] = {}  # by message: how much of what it gave is not stored yet
        self._stored: deque[int] = deque()
        self._inbox: deque[MQTTMessage] = deque()
        self._answered: int | None = None  # the newest subscription that the broker has answered
        self._refused = ""
        self._lost = ""
        self._reads: int | None = None  # the socket that the loop watches for something to read
        self._writes: int | None = None  # and for room to write
        self._is_called = False  # its housekeeping is due soon
        self._given_up_s = math.inf
        self._last_word: int | None = None  # the request whose answer ends the connection
        self._client = self._new_client(credentials)

    def observe(self) -> Iterator[Sensed | Rejected | None]:
        woken = threading.Event()
        try:
            self.wake_by(woken.set)
            while not self._closed.is_set():
                woken.clear()
                yield from self.waiting()
                yield None
                woken.wait(IDLE_S)
        finally:
            self.close()
            if self._loop is not None:
                self._ended.wait(2 * HANG_UP_S)

    def wake_by(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._loop = self._shared_loop.join(self)
        self._loop.call_soon_threadsafe(self._begin, self._loop)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """In the event loop."""
        if self._closed.is_set():
            self._end("")
            return
        self._opening = loop.create_task(self._connect(loop))
        self._opening.add_done_callback(self._opened)

    def _opened(self, opening: asyncio.Task[None]) -> None:
        """It is connected, or cannot be, or was closed meanwhile."""
        error = None if opening.cancelled() else opening.exception()
        if error is None and not opening.cancelled():
            self._given_up_s = time.monotonic() + self._timeout_s
            self._tend_on()
            return
        if error is not None and not isinstance(error, (OSError, ValueError, DestinationRefused)):
            log.error("%s: connecting ended by an error that was not foreseen", self.name, exc_info=error)
        self._end("" if error is None else f"cannot connect: {redact(str(error))}")
        self._wake()

    def waiting(self) -> Iterator[Sensed | Rejected]:
        lost = self._lost  # before what has come is taken: what came before the loss is given
        while self._inbox:
            yield from self._taken(self._inbox.popleft())
        if self._stored or self._reads is None:
            self._tend_soon()
        if lost:
            raise DeviceLost(f"{self.name}: {lost}")

    def committed(self, reading: Sensed) -> None:
        with self._lock:
            for message in self._unstored.pop(reading, ()):
                self._left[message] -= 1
                if not self._left[message]:
                    del self._left[message]
                    self._stored.append(message)
        self._tend_soon()

    @property
    def has_answered(self) -> bool:
        """Has the broker answered the subscription?"""
        return self._answered is not None

    def close(self) -> None:
        """The connection itself ends soon after that, in the event loop."""
        self._closed.set()
        self._tend_soon()

    def _tend_soon(self) -> None:
        """From any thread. Many calls at once become one."""
        if not self._is_called:
            self._is_called = True
            self._shared_loop.soon(self._tend)

    def _tend_on(self) -> None:
        """Again when there may be something to do: a gauge that is heard every other second needs no look a second."""
        if self._loop is not None and not self._ended.is_set():
            self._tend()
            self._loop.call_later(self._tend_after_s(), self._tend_on)

    def _tend_after_s(self) -> float:
        """Until paho has to ask whether the broker is there, or to give it up; soon while something is awaited."""
        if self._answered is None or self._last_word is not None or self._closed.is_set():
            return TEND_S
        now_s = time.monotonic()
        due_s = min(self._heard_s, self._said_s) + self._keepalive_s
        if due_s <= now_s:
            self._said_s = now_s  # it has asked just now
        return max(TEND_S, due_s - now_s)

    def _tend(self) -> None:
        """Acknowledge what is stored, keep the connection alive, and end it when it is time."""
        self._is_called = False
        if self._opening is not None and not self._opening.done():
            if self._closed.is_set():
                self._opening.cancel()
            return
        if not self._ended.is_set():
            self._step(self._kept)

    def _kept(self) -> MQTTErrorCode:
        self._acknowledge()
        if self._closed.is_set() and self._last_word is None:
            self._hang_up()
        return self._client.loop_misc()

    def _read(self) -> MQTTErrorCode:
        self._heard_s = time.monotonic()
        code = self._client.loop_read()
        while code is _WELL and _has_decrypted(self._client.socket()):
            code = self._client.loop_read()
        return code

    def _step(self, step: Callable[[], MQTTErrorCode]) -> None:
        """Let paho do something, and see what follows from it."""
        try:
            self._go_on(step())
        except Exception:  # the restart loop of one connection: it is opened anew, and all others go on
            log.exception("%s: ended by an error that was not foreseen", self.name)
            self._end("an error that was not foreseen; the log has it")
        if self._inbox or self._lost:
            self._wake()

    def _go_on(self, code: MQTTErrorCode) -> None:
        """`code`: what paho says of the step just made."""
        now_s = time.monotonic()
        if self._last_word is not None:
            if self._answered == self._last_word or now_s > self._given_up_s or code is not _WELL:
                self._end("")
        elif self._refused:
            self._end(self._refused)
        elif code is not _WELL:
            self._end(f"the broker is lost: {code.name}")
        elif self._inbox:  # what waited for us comes before the answer to our subscription
            self._given_up_s = now_s + self._timeout_s
        elif self._answered is None and now_s > self._given_up_s:
            self._end(f"no answer in {self._timeout_s:g} s")
        self._watch_socket()

    def _watch_socket(self) -> None:
        """Have the loop call where something can be read or written now."""
        loop, socket = self._loop, None if self._ended.is_set() else self._client.socket()
        if loop is None:
            return
        number = -1 if socket is None else socket.fileno()
        if self._reads is not None and self._reads != number:
            loop.remove_reader(self._reads)  # also when it is closed already: the next one to have its number waits
            self._reads = None
        if self._writes is not None and (self._writes != number or not self._client.want_write()):
            loop.remove_writer(self._writes)
            self._writes = None
        if number < 0:
            return
        if len(self._inbox) >= INBOX_AT_MOST:
            loop.remove_reader(number)
            self._reads = None
        elif self._reads is None:
            loop.add_reader(number, self._step, self._read)
            self._reads = number
        if self._writes is None and self._client.want_write():
            loop.add_writer(number, self._step, self._client.loop_write)
            self._writes = number

    def _end(self, lost: str) -> None:
        """`lost`: why, empty when it was closed."""
        socket = self._client.socket()
        self._lost = lost
        self._ended.set()
        self._watch_socket()  # before its number can be another connection's
        self._client.disconnect()
        if socket is not None and socket.fileno() >= 0:
            socket.close()
        self._shared_loop.leave(self)

    def _taken(self, message: MQTTMessage) -> Iterator[Sensed | Rejected]:
        """A reading is acknowledged when committed; what is rejected when it was taken, so that it never returns."""
        now = datetime.now(UTC)
        try:
            again = message.dup or message.retain or message.qos == 0
            delivery = Delivery(now, retained=message.retain, may_repeat=again)
            given = list(self.recipe.taken_in(self.site, message.payload, delivery, self._times))
        except InputRejected as error:
            excerpt = redact(message.payload[:200].decode("utf-8", "replace"))
            yield Rejected(self.site, self.recipe.name, now, str(error), excerpt)
            self._stored.append(message.mid)
            return
        kept = [one for one in given if not isinstance(one, Rejected)]
        if message.qos > 0:
            with self._lock:
                self._left[message.mid] = len(kept)
                for one in kept:
                    self._unstored.setdefault(one, []).append(message.mid)
            if not kept:
                del self._left[message.mid]
                self._stored.append(message.mid)
        yield from given

    def _acknowledge(self) -> None:
        """PUBACK what is in the store."""
        if self._stored:
            self._said_s = time.monotonic()
        while self._stored and self._client.is_connected():
            self._client.ack(self._stored.popleft(), 1)

    def _hang_up(self) -> None:
        """Wait, a second or two, until the broker has read our last PUBACKs: it answers in order.

        Closing a socket with unread bytes resets the connection, and what the broker had not read yet would be undone.
        What comes meanwhile is not acknowledged, so it comes again.
        """
        self._last_word = NO_LAST_WORD
        self._given_up_s = time.monotonic() + HANG_UP_S
        if self._client.is_connected() and not self._refused:
            again = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
            _, self._last_word = self._client.subscribe(self.recipe.topic, options=again)
        else:
            self._given_up_s = 0.0

    async def _connect(self, loop: asyncio.AbstractEventLoop) -> None:
        """Raises OSError, ValueError, DestinationRefused."""
        self._client.connection = await connected(loop, self._doors, self.recipe, self._tls, self._timeout_s)
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = math.ceil(self.recipe.session.total_seconds())
        properties.ReceiveMaximum = UNSTORED_AT_MOST
        # It does not wait: what it would wait for is there already.
        self._client.connect(
            self.recipe.host, self.recipe.port, self._keepalive_s, clean_start=False, properties=properties
        )

    def _new_client(self, credentials: Credentials | None) -> LoopClient:
        client = LoopClient(
            CallbackAPIVersion.VERSION2,
            client_id=self.recipe.client_id or f"yiping-{self.site}-{self.recipe.name}",
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        if credentials is not None:
            client.username_pw_set(credentials.username, credentials.password.get_secret_value())
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
        if not self.recipe.hears(message.topic) and not self.recipe.topic.startswith("$share/"):
            client.unsubscribe(message.topic)
            if message.qos > 0:
                self._stored.append(message.mid)
            return
        self._inbox.append(message)


def _has_decrypted(socket: Any) -> bool:
    """Does TLS hold bytes of which the operating system tells no more?"""
    return isinstance(socket, ssl.SSLSocket) and socket.pending() > 0
