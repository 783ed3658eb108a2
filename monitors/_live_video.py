"""A live stream: read and decoded in a thread of its own, its frames timed by their arrival."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import av
from av.packet import Packet
from av.video.stream import VideoStream

from data.errors import DeviceLost
from data.frame import Frame
from data.observation import Reading
from data.stages import StageClock
from monitors._backlog import Backlog
from monitors._feed import Feed
from monitors._packets import Decoded, DecodeState, StateDecoder, VideoPacket
from monitors._substream import Substream
from monitors._video import AvFrame, Scalers, describe, open_video, seconds

LATE_PATIENCE_S = 1.0  # frames that were kept back wait so long for their place when nothing is read any more
KEPT_FRAMES = 4  # between the reading thread and the one who observes; the newest win


class ArrivalClock:
    """Times of live frames: the sender's even spacing (pts), anchored to our own clock at arrival.

    The quickest arrival so far is taken as undelayed; the anchor gives way by `drift` (s/s), so that a camera whose
    clock runs slow is followed. A jump of the sender's clock by more than `jump_s` sets a new anchor. Times never go
    back and never lie ahead of arrival.
    """

    def __init__(self, drift: float = 0.001, jump_s: float = 3.0) -> None:
        self._drift = drift
        self._jump_s = jump_s
        self._anchor_s: float | None = None
        self._arrived_s = 0.0
        self._last: datetime | None = None

    def at(self, pts_s: float | None, arrived_s: float) -> datetime:
        """`pts_s`: the frame's presentation time, seconds; `arrived_s`: seconds since the epoch. UTC."""
        at = datetime.fromtimestamp(self.taken_s(pts_s, arrived_s), UTC)
        if self._last is not None and at <= self._last:
            at = self._last + timedelta(microseconds=1)
        self._last = at
        return at

    def taken_s(self, pts_s: float | None, arrived_s: float) -> float:
        """The same in seconds since the epoch, without the promise never to go back."""
        taken_s = arrived_s
        if pts_s is not None:
            offset_s = arrived_s - pts_s
            if self._anchor_s is None or abs(offset_s - self._anchor_s) > self._jump_s:
                self._anchor_s = offset_s
            else:
                eased = self._anchor_s + self._drift * max(0.0, arrived_s - self._arrived_s)
                self._anchor_s = min(eased, offset_s)
            self._arrived_s = arrived_s
            taken_s = self._anchor_s + pts_s
        return taken_s


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
    ) -> None:
        """`looks_per_second`: given for a camera that may rest while nothing goes on.

        `substream`: address, with the login, of a smaller stream that is then looked at instead.
        """
        self.site = site
        self._stages = stages
        self._clock = ArrivalClock()
        self._places: deque[tuple[datetime, float]] = deque(maxlen=64)  # of the frames given, the newest
        self._anchor_s = 0.0  # epoch seconds of the main stream's time zero
        self._substream: Substream | None = None
        self._by_state: StateDecoder | None = None
        if looks_per_second is not None:
            self._by_state = StateDecoder(f"{site}: {shown}", looks_per_second, self._substream_alive)
        self._address = address
        self._loop_filter = loop_filter
        self._timeout_s = timeout_s
        self._options = {
            "rtsp_transport": transport,
            "timeout": str(round(timeout_s * 1e6)),  # of a single socket operation, µs
            "analyzeduration": "500000",  # µs; the default probes for seconds to learn the frame rate, which
            "fpsprobesize": "0",  # nobody here needs; `nobuffer` would throw the probed frames away
        }
        if self._by_state is not None and substream is not None:
            self._substream = Substream(site, f"{site}: {shown}", substream, self._options, timeout_s, stages)
        self._feed: Feed[Frame] = Feed(f"{site}: {shown}", self._read, patience_s=timeout_s, keep=KEPT_FRAMES)

    def observe(self) -> Iterator[Frame | None]:
        return self._feed.items()

    def committed(self, reading: Reading) -> None:
        """A camera waits for no word of its frames."""

    def attend(self, awake: bool, at: datetime, *, quiet: bool = False) -> bool:
        """Rest or wake, where the camera may; see `data.recipe.Attentive`."""
        if self._by_state is None:
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
        return DecodeState.FULL if self._by_state is None else self._by_state.state

    def _substream_alive(self) -> bool:
        return self._substream is not None and self._substream.alive()

    def close(self) -> None:
        self._feed.close()

    def _read(self, feed: Feed[Frame]) -> None:
        """Until closed. Raises DeviceLost; without its cause, whose text holds the password."""
        try:
            container, stream = open_video(self._address, self._options, self._timeout_s, loop_filter=self._loop_filter)
        except (av.FFmpegError, ValueError) as error:
            raise DeviceLost(f"{feed.name}: cannot open it: {describe(error)}") from None
        with container:
            if stream is None:
                raise DeviceLost(f"{feed.name}: it gives no video that can be decoded")
            stream.thread_count = 1  # cores are shared by cameras, and frame threads would add delay
            try:
                packets = self._timed(container.demux(stream))
                if self._by_state is None:
                    self._decode(feed, packets)
                else:
                    if self._substream is not None:
                        self._substream.start(feed, ArrivalClock().at, self._by_state)
                    self._decode_by_state(feed, packets, self._by_state)
            except av.FFmpegError as error:
                raise DeviceLost(f"{feed.name}: cannot read on: {describe(error)}") from None
        if not feed.closed.is_set():
            raise DeviceLost(f"{feed.name}: the camera ended the stream")

    def _decode(self, feed: Feed[Frame], packets: Iterator[Packet[VideoStream]]) -> None:
        """A packet that cannot be decoded is passed over: the next key frame mends the picture."""
        clock, scalers = self._clock, Scalers()
        for packet in packets:
            if feed.closed.is_set():
                return
            try:
                with self._stages.measure(self.site, "decode"):
                    frames = packet.decode()
            except av.InvalidDataError:
                continue
            for frame in frames:
                feed.put(AvFrame(self.site, clock.at(seconds(frame), time.time()), frame, scalers))

    def _decode_by_state(
        self, feed: Feed[Frame], packets: Iterator[Packet[VideoStream]], decoder: StateDecoder
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
            self._places.append((at, decoded.at_s))
            feed.put(AvFrame(self.site, at, decoded.frame, scalers), LATE_PATIENCE_S if decoded.late else 0.0)

        backlog = Backlog(decode, give, feed.has_room)
        try:
            for packet in packets:
                if feed.closed.is_set():
                    return
                arrived_s = time.time()
                if packet.pts is None or not packet.time_base:
                    continue
                at_s = float(packet.pts * packet.time_base)
                self._anchor_s = anchor_s = self._clock.taken_s(at_s, arrived_s) - at_s
                feed.alive()
                backlog.add(packet, at_s, anchor_s)
        finally:
            if not feed.closed.is_set():
                backlog.finish()

    def _timed(self, packets: Iterator[Packet[VideoStream]]) -> Iterator[Packet[VideoStream]]:
        while True:
            with self._stages.measure(self.site, "demux"):
                packet = next(packets, None)
            if packet is None:
                return
            yield packet
