"""A live stream: read and decoded in a thread of its own, its frames timed by their arrival."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from fractions import Fraction
from weakref import ref

import av
from av.packet import Packet
from av.video.stream import VideoStream

from data.errors import DeviceLost
from data.local.stages import StageClock
from data.model.frame import Frame
from data.model.observation import Rejected, Sensed
from data.ports.recipe import RecordingSink
from monitors._feed import Feed
from monitors.video._arrival_clock import ArrivalClock
from monitors.video._backlog import Backlog
from monitors.video._fragments import Fragmenter
from monitors.video._main_pictures import MainPictures
from monitors.video._packet_ring import PacketRing, VideoPacket
from monitors.video._packets import Decoded, DecodeState, StateDecoder
from monitors.video._substream import Substream, Wish
from monitors.video._video import AvFrame, Scalers, describe, open_video, seconds

log = logging.getLogger(__name__)

LATE_PATIENCE_S = 1.0  # frames that were kept back wait so long for their place when nothing is read any more
WAITED_S = 0.008  # a packet that was waited for lay in no buffer; to get the interpreter back takes up to 5 ms
MAIN_RETRY_S = 3.0  # while the substream is looked at
CHECK_S = 0.25
KEPT_FRAMES = 4  # between the reading thread and the one who observes; the newest win


class LiveVideo:
    """An open camera. `shown` is its URL as written in the settings, `address` the one with the login, a secret."""

    def __init__(
        self,
        site: str,
        shown: str,
        address: str,
        *,
        transport: str,
        timeout_s: float,
        stages: StageClock,
        looks_per_second: float | None = None,
        loop_filter: bool = True,
        substream: str | None = None,
        wish: Wish | None = None,
        name: str = "",
        doubt: str = "",
        recording: RecordingSink | None = None,
    ) -> None:
        """`name`: of the monitor, for what is said of its pictures.

        `doubt`: what speaks against the stream; said with its loss if not one picture comes.

        `looks_per_second`: given for a camera that may rest while nothing goes on, or that is looked at by its
        substream.

        `substream`: address, with the login, of a smaller stream that is looked at instead: at rest, and as `wish` says
        also while something goes on.

        `recording`: gets the main stream's packets as they come.
        """
        self.site = site
        self._stages = stages
        self._name = name
        self._doubt = doubt
        self._recording = recording
        self._clock = ArrivalClock()
        self._waited = True  # for the last packet
        self._told_odd = False
        self._places: deque[tuple[datetime, float]] = deque(maxlen=64)  # of the frames given, the newest
        self._anchor_s = 0.0  # epoch seconds of the main stream's time zero
        self._substream: Substream | None = None
        self._by_state: StateDecoder | None = None
        self._address = address
        self._loop_filter = loop_filter
        self._timeout_s = timeout_s
        self._options = ffmpeg_options(address, transport, timeout_s)
        self._main = MainPictures(site, stages, _ring_of(ref(self)))
        self._main_lost = self._has_substream = False
        if looks_per_second is not None and substream is not None:
            main = self._main
            self._substream = small = Substream(
                site, f"{site}: {shown}", substream, self._options, timeout_s, stages, wish, name
            )
            self._by_state = StateDecoder(
                f"{site}: {shown}",
                looks_per_second,
                small.alive,
                small.serves,
                lambda: small.last_at.timestamp() - main.anchor_s,
            )
        elif looks_per_second is not None:
            self._by_state = StateDecoder(f"{site}: {shown}", looks_per_second)
        self._feed: Feed[Frame | Rejected] = Feed(
            f"{site}: {shown}", self._read, patience_s=timeout_s, keep=KEPT_FRAMES
        )

    def observe(self) -> Iterator[Frame | Rejected | None]:
        doubt = self._doubt
        try:
            for item in self._feed.items():
                doubt = doubt if item is None else ""
                yield item
                del item  # not kept in hand while the next one is awaited
        except DeviceLost as error:
            raise (DeviceLost(f"{error}; {doubt}") if doubt else error) from None

    def committed(self, reading: Sensed) -> None:
        """Frames need no acknowledgement."""

    def attend(self, awake: bool, at: datetime, *, quiet: bool = False) -> bool:
        """Rest or wake, where the camera may; see `data.ports.recipe.Attentive`."""
        if self._by_state is None or self._main_lost:
            return False
        if not awake:
            self._by_state.rest(quiet=quiet)
            return False
        if self._by_state.state is DecodeState.SUBSTREAM:
            return self._by_state.wake(at.timestamp() - self._anchor_s)
        places = list(self._places)
        place_s = next((place_s for given_at, place_s in places if given_at == at), places[-1][1] if places else 0.0)
        return self._by_state.wake(place_s)

    @property
    def decode_state(self) -> int:
        if self._by_state is None:
            return DecodeState.FULL
        if self._main_lost:
            return DecodeState.WITHOUT_MAIN
        instead = self._substream is not None and self._substream.is_wanted and self._substream.has_looked
        state = self._by_state.state
        return DecodeState.INSTEAD if instead and state is DecodeState.FULL else state

    def close(self) -> None:
        self._feed.close()

    def _read(self, feed: Feed[Frame | Rejected]) -> None:
        """Until closed. Raises DeviceLost when neither stream can be looked at."""
        while True:
            try:
                self._read_main(feed)
            except DeviceLost as error:
                if not self._goes_on_without(feed, str(error)):
                    raise
            if feed.closed.is_set():
                return

    def _goes_on_without(self, feed: Feed[Frame | Rejected], why: str) -> bool:
        """Is the substream looked at, so that the main stream can be lost for a while? Waits before another attempt."""
        if self._substream is None or not self._substream.serves() or feed.closed.is_set():
            return False
        if not self._main_lost:
            log.warning("%s; its substream is looked at meanwhile", why)
        self._main_lost = True
        ends_s = time.monotonic() + MAIN_RETRY_S
        while time.monotonic() < ends_s and not feed.closed.wait(CHECK_S):
            if not self._substream.serves():
                return False
        return True

    def _read_main(self, feed: Feed[Frame | Rejected]) -> None:
        """Until closed. Raises DeviceLost; without its cause, whose text holds the password."""
        try:
            container, stream = open_video(self._address, self._options, self._timeout_s, loop_filter=self._loop_filter)
        except (av.FFmpegError, ValueError) as error:
            raise DeviceLost(f"{feed.name}: cannot open it: {describe(error)}") from None
        with container:
            if stream is None:
                raise DeviceLost(f"{feed.name}: it gives no video that can be decoded")
            stream.thread_count = 1  # cores are shared by cameras, and frame threads would add delay
            recorded = None if self._recording is None else Fragmenter(stream, self._recording)
            try:
                packets = self._timed(container.demux(stream), recorded)
                if self._by_state is None:
                    self._decode(feed, packets)
                else:
                    self._clock = ArrivalClock()
                    self._main.forget()
                    self._main.size = (stream.codec_context.width, stream.codec_context.height)
                    if self._substream is not None and not self._has_substream:
                        self._has_substream = True
                        self._substream.start(feed, self._by_state, self._main)
                    self._decode_by_state(feed, packets, self._by_state)
            except av.FFmpegError as error:
                raise DeviceLost(f"{feed.name}: cannot read on: {describe(error)}") from None
            finally:
                if recorded is not None:
                    recorded.close()
        if not feed.closed.is_set():
            raise DeviceLost(f"{feed.name}: the camera ended the stream")

    def _decode(self, feed: Feed[Frame | Rejected], packets: Iterator[Packet[VideoStream]]) -> None:
        """A packet that cannot be decoded is passed over: the next key frame mends the picture."""
        clock, scalers = self._clock, Scalers()
        for packet in packets:
            if feed.closed.is_set():
                return
            arrived_s = time.time()  # before it is decoded: that takes its time, too
            try:
                with self._stages.measure(self.site, "decode"):
                    frames = packet.decode()
            except av.InvalidDataError:
                continue
            for frame in frames:
                at = clock.at(seconds(frame), arrived_s, waited=self._waited)
                feed.put(AvFrame(self.site, at, frame, scalers))
            self._tell_oddity(feed)

    def _decode_by_state(
        self, feed: Feed[Frame | Rejected], packets: Iterator[Packet[VideoStream]], decoder: StateDecoder
    ) -> None:
        """Times are the sender's, anchored by the quickest packet; those that were kept back keep theirs.

        They are decoded as there is room for them, and reading goes on meanwhile: neither do pictures pile up, nor
        does the camera wait.
        """
        scalers = Scalers()

        def decode(packet: VideoPacket, at_s: float) -> Iterator[Decoded]:
            frames = decoder.feed(packet, at_s)
            while True:
                with self._stages.measure(self.site, "decode"):
                    decoded = next(frames, None)
                if decoded is None:
                    return
                yield decoded

        def give(decoded: Decoded, anchor_s: float) -> None:
            at = datetime.fromtimestamp(anchor_s + decoded.at_s, UTC)
            if self._was_seen(at):
                return
            self._main.given_at = at
            self._places.append((at, decoded.at_s))
            feed.put(AvFrame(self.site, at, decoded.frame, scalers), LATE_PATIENCE_S if decoded.late else 0.0)

        backlog = Backlog(decode, give, feed.has_room)
        places = _Places(self._clock)
        try:
            for packet in packets:
                if feed.closed.is_set():
                    return
                if not packet.size:
                    continue
                self._main_lost = False
                at_s, taken_s = places.place(packet, time.time(), waited=self._waited)
                self._anchor_s = self._main.anchor_s = anchor_s = taken_s - at_s
                self._tell_oddity(feed)
                feed.alive()
                backlog.add(packet, at_s, anchor_s)
        finally:
            if not feed.closed.is_set():
                backlog.finish()
            decoder.release()  # a lost camera waits for its next connection without the packets of the last one

    @property
    def ring(self) -> PacketRing:
        """The packets of the last seconds, empty of a camera all of whose pictures are decoded."""
        return PacketRing() if self._by_state is None else self._by_state.ring

    def _was_seen(self, at: datetime) -> bool:
        """In the substream, which is looked at in the main stream's stead?"""
        return self._substream is not None and self._substream.is_wanted and at <= self._substream.last_at

    def _tell_oddity(self, feed: Feed[Frame | Rejected]) -> None:
        """What is wrong with the camera's time stamps, once."""
        if odd := self._clock.oddity():
            reason = f"{feed.name}: its pictures {odd}; the time of their arrival counts"
            feed.put(Rejected(self.site, self._name, datetime.now(UTC), reason))

    def _timed(
        self, packets: Iterator[Packet[VideoStream]], recorded: Fragmenter | None
    ) -> Iterator[Packet[VideoStream]]:
        while True:
            asked_s = time.monotonic()
            with self._stages.measure(self.site, "demux"):
                packet = next(packets, None)
            if packet is None:
                return
            self._waited = time.monotonic() - asked_s > WAITED_S
            if recorded is not None:
                with self._stages.measure(self.site, "record"):
                    recorded.arrived(packet, time.time(), waited=self._waited)
            yield packet


def ffmpeg_options(address: str, transport: str, timeout_s: float) -> dict[str, str]:
    """For FFmpeg: explicit time-outs, and no longer look at the stream than it needs to know its coder."""
    timeout_us = str(round(timeout_s * 1e6))  # of a single socket operation
    shared = {
        "analyzeduration": "500000",  # µs; the default probes for seconds to learn the frame rate, which
        "fpsprobesize": "0",  # nobody here needs; `nobuffer` would throw the probed frames away
    }
    if address.startswith("rtsp"):
        return {"rtsp_transport": transport, "timeout": timeout_us, **shared}
    return {"rw_timeout": timeout_us, "protocol_whitelist": "http,https,tcp,tls,crypto,rtmp,rtmps", **shared}


class _Places:
    """Packets' places in a stream, seconds: their stamps while they can be believed, else counted on by arrival."""

    def __init__(self, clock: ArrivalClock) -> None:
        self._clock = clock
        self._shift_s = 0.0
        self._last_s: float | None = None
        self._stamped = False  # the first packets of a stream may have no stamps
        self._arrived_s = 0.0

    def place(self, packet: VideoPacket, arrived_s: float, *, waited: bool) -> tuple[float, float]:
        """Its place, also written into it where its stamp does not tell it, and when it was taken (epoch seconds)."""
        base = packet.time_base or packet.stream.time_base or Fraction(1, 90_000)
        stamp_s = None if packet.pts is None else float(packet.pts * base)
        taken_s = self._clock.taken_s(stamp_s, arrived_s, waited=waited)
        if self._last_s is None:
            at_s = stamp_s or 0.0
        elif stamp_s is not None and self._clock.trusted and self._stamped:
            at_s = stamp_s + self._shift_s
        else:
            at_s = self._last_s + max(0.001, arrived_s - self._arrived_s)
            self._shift_s = self._shift_s if stamp_s is None else at_s - stamp_s
        self._stamped = self._stamped or stamp_s is not None
        self._last_s, self._arrived_s = at_s, arrived_s
        if stamp_s is None or self._shift_s:
            packet.pts = round(at_s / base)
            at_s = float(packet.pts * base)
        return at_s, taken_s


def _ring_of(video: ref[LiveVideo]) -> Callable[[], PacketRing]:
    """Without holding it: what is held in a circle waits, with its pictures and packets, for the garbage collector."""

    def ring() -> PacketRing:
        live = video()
        return PacketRing() if live is None else live.ring

    return ring
