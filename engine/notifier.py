"""The one process that tells people: begins and fires escalations, and sends what is due on its channels.

Each channel has threads of its own, so that a mail server that does not answer holds up no loudspeaker.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from structlog.contextvars import bound_contextvars

from data.config.settings import Settings
from data.errors import YipingError
from data.local.lock import held
from data.model.notice import Notice
from data.model.push_subscription import PushSubscription
from data.model.secrets import redact
from data.ports.channel import Channel, ChannelContext, ChannelRecipe, DeliveryFailed, Message
from data.ports.store import Store, Writer
from data.sql.lease import held_in_store
from data.sql.store import open_store
from data.stored.web_push import subscriptions_of
from engine.process.current_settings import SettingsFollower
from engine.process.heart import Heart
from engine.process.options import RunOptions
from engine.process.store_failure import AWAY, must_go_on
from notices import case_clocks, roll_calls
from notices.deliveries import alert_of, claim, delivered, failed, release
from notices.escalation import fire_due, follow, follower
from notices.wording import Wording

log = logging.getLogger(__name__)

POLL_S = 0.2
AT_ONCE = 3  # messages of one channel
CLAIM_FRESH_S = 0.8  # what was claimed longer ago is not sent: somebody may have acknowledged meanwhile
LEASE_BEYOND_TIMEOUT = timedelta(seconds=5)


class Notifier:
    """Thread-safe where it has threads: `poll` on one thread, sending on those of the channels."""

    def __init__(self, store: Store, settings: Settings, channels: Mapping[str, Channel]) -> None:
        self._store = store
        self._settings = settings
        self._channels = channels
        self._timeouts = {channel.id: channel.timeout for channel in settings.notices.channels}
        self._pools = {name: ThreadPoolExecutor(AT_ONCE, thread_name_prefix=f"channel-{name}") for name in channels}
        self._busy: set[int] = set()  # notices handed to a thread
        self._lock = threading.Lock()

    def take(self, settings: Settings, channels: Mapping[str, Channel]) -> None:
        """Go on with other settings. What is being sent is sent to its end; a channel that has gone takes no more."""
        with self._lock:
            gone = [self._pools.pop(name) for name in self._pools.keys() - channels.keys()]
            self._pools |= {
                name: ThreadPoolExecutor(AT_ONCE, thread_name_prefix=f"channel-{name}")
                for name in channels.keys() - self._pools.keys()
            }
        timeouts = {channel.id: channel.timeout for channel in settings.notices.channels}
        self._timeouts = self._timeouts | timeouts  # also of those that have gone: something may be under way
        self._channels = {**self._channels, **channels}
        self._settings = settings
        for pool in gone:
            pool.shutdown(wait=False)

    def poll(self) -> None:
        """Begin, fire and hand out what is due now. Raises what the store raises; the next poll tries again."""
        settings = self._settings
        if self._store.read(follower(settings).is_behind):
            self._store.write(lambda writer: follow(writer, settings, datetime.now(UTC)))
        behind = bool(settings.notices.clocks) and self._store.read(case_clocks.follower(settings).is_behind)
        if behind:
            self._store.write(lambda writer: case_clocks.follow(writer, settings, datetime.now(UTC)))
        if self._store.read(roll_calls.follower(settings).is_behind):
            self._store.write(lambda writer: roll_calls.follow(writer, settings, datetime.now(UTC)))
        now = datetime.now(UTC)
        if self._store.read(lambda reader: reader.escalations_due(now, 1)):
            fired = self._store.write(lambda writer: fire_due(writer, settings, now))
            log.info("%d steps of escalations were due", fired)
        for notice in self._store.read(lambda reader: reader.notices_due(now)):
            self._hand_out(notice)

    def close(self) -> None:
        """Wait for what is being sent; what is left is sent by the next process."""
        for pool in self._pools.values():
            pool.shutdown(wait=True, cancel_futures=True)

    def _hand_out(self, notice: Notice) -> None:
        with self._lock:
            if notice.id in self._busy:
                return
            self._busy.add(notice.id)
        pool = self._pools.get(notice.channel)
        if pool is None:
            self._give_up(notice)
            return
        pool.submit(self._send, notice).add_done_callback(lambda done: self._ended(notice.id, done))

    def _give_up(self, notice: Notice) -> None:
        text, settings = f"there is no channel {notice.channel!r} any more", self._settings.notices
        now = datetime.now(UTC)
        self._store.write(lambda w: failed(w, notice.id, now, text, permanent=True, settings=settings))
        with self._lock:
            self._busy.discard(notice.id)

    def _send(self, notice: Notice) -> None:
        with bound_contextvars(notice=notice.delivery_id, **_subject_ids(notice.subject)):
            self._deliver(notice.id, notice.channel)

    def _deliver(self, notice_id: int, channel: str) -> None:
        settings, lease = self._settings.notices, self._timeouts[channel] + LEASE_BEYOND_TIMEOUT
        now = datetime.now(UTC)

        def take(writer: Writer) -> tuple[Notice | None, float]:
            return claim(writer, notice_id, now, lease, settings), time.monotonic()

        claimed, claimed_s = self._store.write(take)
        if claimed is None:
            return
        if time.monotonic() - claimed_s > CLAIM_FRESH_S:
            self._store.write(lambda writer: release(writer, claimed, now))
            return
        try:
            result = self._channels[channel].send(self._message(claimed))
        except DeliveryFailed as error:
            text, permanent = str(error), error.permanent
            log.warning("%s, attempt %d: %s", claimed.delivery_id, claimed.attempts, text)
            at = datetime.now(UTC)
            self._store.write(lambda w: failed(w, notice_id, at, text, permanent=permanent, settings=settings))
            return
        at = datetime.now(UTC)
        self._store.write(lambda writer: delivered(writer, notice_id, at, result))
        log.info("%s delivered", claimed.delivery_id)

    def _message(self, notice: Notice) -> Message:
        alert = self._store.read(lambda reader: alert_of(reader, notice.subject))
        return Message(
            delivery_id=notice.delivery_id,
            title=notice.title,
            text=notice.text,
            priority=notice.priority.value,
            recipients=notice.recipients,
            subject=notice.subject,
            at=notice.created_at,
            fields={} if alert is None else Wording(self._settings, alert).fields,
        )

    def _ended(self, notice_id: int, done: Future[None]) -> None:
        with self._lock:
            self._busy.discard(notice_id)
        if not done.cancelled() and (error := done.exception()) is not None:
            log.error("notice %d could not be sent", notice_id, exc_info=error)


def _subject_ids(subject: str) -> dict[str, int]:
    """The id for the log out of `alert:12`; empty for a subject of another kind."""
    topic, _, number = subject.partition(":")
    return {f"{topic}_id": int(number)} if topic in {"alert", "event", "task"} and number.isdecimal() else {}


class _Channels:
    """The channels of the settings in force; one whose settings are as they were stays the same."""

    def __init__(self, context: ChannelContext) -> None:
        self._context = context
        self._made: dict[str, tuple[ChannelRecipe, Channel]] = {}

    def of(self, settings: Settings) -> Mapping[str, Channel]:
        """By id. Raises InputRejected for an unusable channel of the file; one of a saved version is left out.

        What somebody has just saved must not silence the other channels.
        """
        found: dict[str, Channel] = {}
        for recipe in settings.notices.channels:
            if recipe.id not in self._made or self._made[recipe.id][0] != recipe:
                try:
                    self._made[recipe.id] = recipe, recipe.make(self._context)
                except YipingError as error:
                    if settings.config == "file":
                        raise
                    log.error("channel %s cannot be used: %s", recipe.id, error)
                    continue
            found[recipe.id] = self._made[recipe.id][1]
        return found


def run_notifier(heart: Heart, options: RunOptions) -> None:
    """Target of the notifier's process. Raises AlreadyRunning, and InputRejected for an unusable channel."""
    with (
        held(options.run_dir / "notifier.lock", "the notifier"),
        held_in_store(options.store, "notifier", "the notifier of this store", lost=lambda _: heart.stopping.set()),
    ):
        store = open_store(options.store, migrate=False, mask=options.mask)

        def subscriptions(user: str) -> Sequence[PushSubscription]:
            return store.read(lambda reader: subscriptions_of(reader, user))

        follower = SettingsFollower(store, options)
        settings = follower.settle().settings
        make = _Channels(ChannelContext(options.secrets, options.base_dir, subscriptions))
        notifier = Notifier(store, settings, make.of(settings))
        away = False
        try:
            while not heart.stopping.wait(POLL_S):
                must_go_on(store)
                if (news := follower.changed()) is not None:
                    notifier.take(news, make.of(news))
                try:
                    notifier.poll()
                except AWAY as error:  # a new process would not reach it either
                    if not away:
                        log.warning("the store cannot be reached; notices wait: %s", redact(str(error)))
                    away = True
                else:
                    if away:
                        log.info("the store is reached again")
                    away = False
                heart.beat()
        finally:
            follower.close()
            notifier.close()
            store.close()
