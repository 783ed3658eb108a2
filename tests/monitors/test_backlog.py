"""What was kept back waits as packets, not as pictures, and comes whole and in order."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.packet import Packet

from monitors.video._backlog import MOST_WAITING, Backlog
from monitors.video._packet_ring import VideoPacket
from monitors.video._packets import Decoded

WAKING = 5.0


class Consumer:
    """Has room for so many frames; `taken` are those given to it."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.decoded = 0
        self.taken: list[tuple[float, float]] = []

    def decode(self, _: VideoPacket, at_s: float) -> Iterator[Decoded]:
        """One frame a packet; on waking ten that were kept back."""
        frame = av.VideoFrame.from_ndarray(np.zeros((16, 16), np.uint8), format="gray")
        places = [at_s - 2 + n / 5 for n in range(10)] if at_s == WAKING else [at_s]
        for place_s in places:
            self.decoded += 1
            yield Decoded(frame, place_s, late=at_s == WAKING)

    def give(self, decoded: Decoded, anchor_s: float) -> None:
        self.room -= 1
        self.taken.append((decoded.at_s, anchor_s))

    def backlog(self) -> Backlog:
        return Backlog(self.decode, self.give, lambda: self.room > 0)


def packet() -> VideoPacket:
    made: Packet[Any] = Packet(b"x")
    made.time_base = Fraction(1, 25)
    return made


def test_reading_goes_on_while_there_is_no_room_and_nothing_is_lost() -> None:
    consumer = Consumer(room=3)
    backlog = consumer.backlog()
    backlog.add(packet(), WAKING, 100.0)
    assert consumer.decoded == 3
    for n in range(1, 6):
        backlog.add(packet(), WAKING + n, 100.0 + n)
    assert consumer.decoded == 3
    consumer.room = 4
    backlog.add(packet(), WAKING + 6, 106.0)
    assert consumer.decoded == 7
    consumer.room = 99
    backlog.add(packet(), WAKING + 7, 107.0)
    places = [place_s for place_s, _ in consumer.taken]
    assert places == [*(3 + n / 5 for n in range(10)), *(WAKING + n for n in range(1, 8))]
    assert [anchor_s for _, anchor_s in consumer.taken[9:12]] == [100.0, 101.0, 102.0]


def test_when_reading_ends_what_waits_is_given() -> None:
    consumer = Consumer(room=1)
    backlog = consumer.backlog()
    backlog.add(packet(), WAKING, 0.0)
    backlog.add(packet(), WAKING + 1, 0.0)
    backlog.finish()
    assert len(consumer.taken) == 11


def test_pictures_of_the_present_are_not_held_up() -> None:
    consumer = Consumer(room=0)
    backlog = consumer.backlog()
    for n in range(5):
        backlog.add(packet(), 10.0 + n, 0.0)
    assert len(consumer.taken) == 5


def test_a_consumer_that_takes_nothing_is_not_waited_for_for_ever() -> None:
    consumer = Consumer(room=0)
    backlog = consumer.backlog()
    backlog.add(packet(), WAKING, 0.0)
    for n in range(2 * MOST_WAITING):
        backlog.add(packet(), WAKING + 1 + n, 0.0)
    assert len(consumer.taken) >= MOST_WAITING
