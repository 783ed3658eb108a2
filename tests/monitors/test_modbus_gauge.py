"""A gauge in the registers of a real Modbus TCP server."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing

import pytest

from data.errors import DeviceLost
from data.model.observation import Reading, Rejected
from data.ports.recipe import Context, Monitor, SharesThread
from monitors.gauges.modbus_gauge import Recipe
from tests.monitors.taking import connections_to, take
from tests.servers.modbus import modbus_device
from tests.servers.modbus_raw import Answer, frame, modbus_peer, registers

pytestmark = pytest.mark.server


def words(layout: str, value: float) -> list[int]:
    """Registers of a number, high word first."""
    return list(struct.unpack(f">{struct.calcsize(layout) // 2}H", struct.pack(f">{layout}", value)))


def gauge(port: int, **more: object) -> Recipe:
    plain = {"host": "127.0.0.1", "port": port, "quantity": "water_level", "every": "100ms", "timeout": "2s"}
    return Recipe.model_validate({**plain, "address": 0, **more})


def take_one(recipe: Recipe, context: Context) -> Reading | Rejected:
    with closing(recipe.make(context)) as monitor:
        (taken,) = take(monitor, 1)
    return taken


def test_every_type_word_order_and_register_kind_is_read_and_scaled(context: Context) -> None:
    registers = {
        0: [18124],
        10: [0xFFFF],
        20: words("f", 181.24),
        30: words("f", 181.24)[::-1],
        40: words("i", -345),
        50: words("d", 182.64),
        60: words("I", 4_000_000_000),
        70: words("q", -5_000_000_000)[::-1],
    }
    table: list[tuple[dict[str, object], float]] = [
        ({"scale": 0.01, "type": "uint16"}, 181.24),
        ({"address": 10, "type": "int16", "scale": 0.001, "offset": 181.0}, 180.999),
        ({"address": 20, "type": "float32"}, 181.24),
        ({"address": 20, "type": "float32", "registers": "input"}, 181.24),
        ({"address": 30, "type": "float32", "word_order": "little"}, 181.24),
        ({"address": 40, "type": "int32", "unit": "mm"}, -0.345),
        ({"address": 50, "type": "float64", "unit": "ft"}, 55.668672),
        ({"address": 60, "type": "uint32", "scale": 1e-7}, 400.0),
        ({"address": 70, "type": "int64", "word_order": "little", "unit": "um", "plausible": [-6e9, 0]}, -5000.0),
    ]
    with modbus_device(registers) as device:
        for settings, expected in table:
            reading = take_one(gauge(device.port, **settings), context)
            assert isinstance(reading, Reading), settings
            assert reading.value == pytest.approx(expected, abs=1e-4), settings


def test_a_missing_value_and_an_address_that_is_not_there_are_named(context: Context) -> None:
    with modbus_device({0: [0x8000]}) as device:
        missing = take_one(gauge(device.port, missing=[-32768]), context)
        assert isinstance(missing, Rejected)
        assert missing.reason == "the device says by -32768 that it has no value"
        refused = take_one(gauge(device.port, address=500), context)
        assert isinstance(refused, Rejected)
        assert "refuses to read address 500" in refused.reason


def test_a_device_that_is_not_there_or_goes_is_a_loss(context: Context) -> None:
    with pytest.raises(DeviceLost, match=r"gate-3: modbus://127\.0\.0\.1:9: cannot connect"):
        take_one(gauge(9), context)
    with modbus_device({0: [1]}) as device:
        monitor = gauge(device.port, timeout="500ms").make(context)
        seen = monitor.observe()
        while not isinstance(next(seen), Reading):
            pass
    with pytest.raises(DeviceLost, match="gate-3: modbus://"):
        list(seen)


def taken_of_all(gauges: Sequence[Monitor], rounds: int) -> list[int]:
    """How many readings each gave until all have given so many, within half a minute."""
    woken, counts = threading.Event(), [0] * len(gauges)
    for one in gauges:
        assert isinstance(one, SharesThread)
        one.wake_by(woken.set)
    ends_s = time.monotonic() + 30
    while min(counts) < rounds and time.monotonic() < ends_s:
        woken.wait(0.1)
        woken.clear()
        for place, one in enumerate(gauges):
            assert isinstance(one, SharesThread)
            counts[place] += sum(isinstance(item, Reading) for item in one.waiting())
    return counts


def test_twenty_gauges_in_the_registers_of_a_unit_share_its_connection(context: Context) -> None:
    with ExitStack() as opened, modbus_device({0: list(range(1000, 1020))}) as device:
        gauges = [gauge(device.port, id=f"r{place}", address=place, scale=0.1).make(context) for place in range(20)]
        for one in gauges:
            opened.callback(one.close)
        assert min(taken_of_all(gauges, 2)) >= 2
        assert len(connections_to(device.port)) == 1


def test_who_waits_for_a_unit_that_does_not_answer_is_told_with_the_first(context: Context) -> None:
    woken = threading.Event()
    with ExitStack() as opened, modbus_peer(None) as port:
        gauges = [gauge(port, id=f"r{place}", address=place, timeout="1s").make(context) for place in range(20)]
        for one in gauges:
            opened.callback(one.close)
            assert isinstance(one, SharesThread)
            one.wake_by(woken.set)
        began_s, lost = time.monotonic(), set[int]()
        while len(lost) < 20 and time.monotonic() - began_s < 30:
            woken.wait(0.1)
            woken.clear()
            for place, one in enumerate(gauges):
                assert isinstance(one, SharesThread)
                try:
                    list(one.waiting())
                except DeviceLost:
                    lost.add(place)
        assert len(lost) == 20
        assert time.monotonic() - began_s < 15, "each would have waited a second of its own"


def test_a_scale_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="every value is the same"):
        gauge(502, scale=0)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda t, u: frame(t, u, registers(4, 7, 77)), "the device answers function 4, function 3 was asked"),
        (lambda t, u: frame(t, u, registers(3, 7, 77, 5)), "the answer holds 6 bytes and says 6; 2 registers are 4"),
        (lambda t, u: frame(t, u, registers(3, 7)), "the answer holds 2 bytes and says 2; 2 registers are 4"),
        (
            lambda t, u: frame(t, u, registers(3, 7, 77, 5, count=4)),
            "the answer holds 6 bytes and says 4; 2 registers are 4",
        ),
        (lambda t, u: frame(t, u, bytes((0x84, 2))), "the device answers function 4, function 3 was asked"),
        (lambda t, u: frame(t, u, bytes((0x83, 2))), "the device refuses to read address 0 (exception 2)"),
    ],
)
def test_an_answer_to_another_question_is_no_value_and_says_why(context: Context, answer: Answer, reason: str) -> None:
    with modbus_peer(answer) as port:
        taken = take_one(gauge(port, type="float32"), context)
    assert isinstance(taken, Rejected)
    assert taken.reason == reason


@pytest.mark.parametrize(
    "answer",
    [
        lambda t, u: frame(t + 1, u, registers(3, 7, 77)),
        lambda _, u: frame(0, u, registers(3, 7, 77)),
        lambda t, u: frame(t, u + 1, registers(3, 7, 77)),
        lambda t, u: frame(t, u, registers(3, 7, 77), length=3),
        lambda t, u: frame(t, u, registers(3, 7, 77), length=200),
        lambda *_: b"HTTP/1.1 400 Bad Request\r\n\r\n",
        lambda t, u: frame(t, u, b"\x03"),
    ],
    ids=["transaction", "no transaction", "unit", "short length", "long length", "another protocol", "nothing in it"],
)
def test_an_answer_of_another_transaction_unit_or_length_is_never_a_reading(context: Context, answer: Answer) -> None:
    with modbus_peer(answer) as port:
        try:
            taken: object = take_one(gauge(port, type="float32", timeout="300ms"), context)
        except DeviceLost:
            taken = None
    assert not isinstance(taken, Reading)


def test_a_late_answer_before_the_right_one_in_the_same_packet_is_passed_over(context: Context) -> None:
    late, right = registers(3, *words("f", 7.77)), registers(3, *words("f", 181.24))

    def answer(transaction: int, unit: int) -> bytes:
        return frame(transaction + 7, unit, late) + frame(transaction, unit, right)

    with modbus_peer(answer) as port:
        taken = take_one(gauge(port, type="float32"), context)
    assert isinstance(taken, Reading)
    assert taken.value == pytest.approx(181.24, abs=1e-4)
