"""SL 651: telegrams published by others read as their publishers read them, and stations over real TCP."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given as given_any
from hypothesis import settings
from hypothesis import strategies as st
from pydantic import SecretStr

from data.errors import DeviceLost, InputRejected
from data.model.observation import Quality, Reading, Rejected
from data.model.secrets import Credentials, Secrets
from data.ports.recipe import Context, Monitor, SharesThread
from monitors.gauges._sl651 import FrameBuffer, NotUnderstood, Telegram, acknowledgement, crc16, parse_telegram
from monitors.gauges.sl651_gauge import Recipe
from tests.monitors import sl651_telegrams as published
from tests.servers.mosquitto import free_port

SHANGHAI = ZoneInfo("Asia/Shanghai")


def parsed(text: str, **how: object) -> Telegram:
    (frame,) = FrameBuffer().feed(bytes.fromhex(text))
    assert isinstance(frame, bytes)
    return parse_telegram(frame, SHANGHAI, **how)  # type: ignore[arg-type]


def values(telegram: Telegram) -> dict[int, float]:
    return {element.code: element.value for element in telegram.elements}


def test_published_reports_have_the_values_that_their_publishers_name() -> None:
    assert values(parsed(published.TEST_REPORT)) == {0x20: 0.5, 0x26: 0.5, 0x39: 0.127, 0x38: 11.15}
    timed = parsed(published.TIMED)
    assert (timed.centre, timed.station, timed.function) == (5, "0011223344", 0x32)
    assert timed.sent == datetime(2017, 7, 18, 3, 0, 16, tzinfo=UTC)
    assert values(timed) == {0x20: 4.0, 0x26: 4.0, 0x39: 10.49, 0x38: 10.99}
    assert {element.at for element in timed.elements} == {datetime(2017, 7, 18, 3, 0, tzinfo=UTC)}
    dam = parsed(published.DAM)
    assert dam.station == "00418D2337"
    assert values(dam) == {0x20: 0.0, 0x3B: 37.865, 0x22: 0.0, 0x26: 0.0, 0x38: 12.85}
    assert parsed(published.KEEP_ALIVE).elements == parsed(published.CLEARED).elements == ()


def test_a_published_uniform_report_has_twelve_levels_five_minutes_apart() -> None:
    levels = parsed(published.UNIFORM).elements
    assert [(element.code, element.value) for element in levels] == [(0x39, 28.96)] * 12
    assert levels[0].at == datetime(2022, 12, 5, 2, 5, tzinfo=UTC)
    assert levels[-1].at == datetime(2022, 12, 5, 3, 0, tzinfo=UTC)


def test_a_published_hourly_report_says_which_of_its_twelve_levels_are_missing() -> None:
    telegram = parsed(published.HOURLY)
    series = [element for element in telegram.elements if element.code == 0xF5]
    assert [element.value for element in series[:2]] == [27.30, 27.30]
    assert (series[0].at, series[11].at) == (
        datetime(2014, 6, 11, 17, 5, tzinfo=UTC),
        datetime(2014, 6, 11, 18, 0, tzinfo=UTC),
    )
    with pytest.raises(InputRejected, match="element F5: the station had no value at 2014-06-11T17:15"):
        _ = series[2].value
    assert [element.value for element in telegram.elements[-2:]] == [27.30, 12.90]
    early = parsed(published.HOURLY, hour_begins=True).elements
    assert early[0].at == datetime(2014, 6, 11, 18, 0, tzinfo=UTC)


def test_the_published_answers_are_made_bit_by_bit() -> None:
    answer = acknowledgement(parsed(published.TIMED), datetime(2017, 7, 18, 11, 0, 16, tzinfo=SHANGHAI))
    assert answer.hex().upper() == published.TIMED_ANSWER
    answer = acknowledgement(parsed(published.TEST_REPORT), datetime(2059, 10, 11, 15, 49, 47, tzinfo=SHANGHAI))
    assert answer.hex().upper() == published.TEST_ANSWER


def test_telegrams_are_found_in_pieces_in_garbage_and_behind_one_another() -> None:
    stream = b"\r\n" + b"".join(bytes.fromhex(text) for text in published.PUBLISHED) + b"\x7e"
    buffer = FrameBuffer()
    found = [item for place in range(0, len(stream), 7) for item in buffer.feed(stream[place : place + 7])]
    assert len(found) == len(published.PUBLISHED)
    assert all(isinstance(item, bytes) for item in found)
    buffer = FrameBuffer()
    first, second = buffer.feed(b"GET / HTTP" + bytes.fromhex(published.TIMED))
    assert str(first) == "10 bytes stand before the beginning of a telegram"
    assert second == bytes.fromhex(published.TIMED)


def test_a_negative_level_and_quirks_of_a_station_and_what_is_wrong_with_a_telegram() -> None:
    at = datetime(2024, 7, 12, 12, 0, tzinfo=SHANGHAI)
    frame = published.telegram("0011223344", "3923FF000345", at)
    assert values(parse_telegram(frame, SHANGHAI)) == {0x39: -0.345}
    swapped = frame[:-2] + frame[:-3:-1]
    assert values(parse_telegram(swapped, SHANGHAI, crc="low_first")) == {0x39: -0.345}
    with pytest.raises(InputRejected, match="its CRC is wrong"):
        parse_telegram(swapped, SHANGHAI)
    assert values(parse_telegram(swapped, SHANGHAI, crc="unchecked")) == {0x39: -0.345}
    with pytest.raises(InputRejected, match="ends in the middle of an element"):
        parse_telegram(published.telegram("0011223344", "392300", at), SHANGHAI)
    with pytest.raises(InputRejected, match="element 39: ABCDEF00 is no number in BCD"):
        _ = parse_telegram(published.telegram("0011223344", "3923ABCDEF00", at), SHANGHAI).elements[0].value
    extended = parse_telegram(published.telegram("0011223344", "FF3312002038121234", at), SHANGHAI)
    assert values(extended) == {0xFF33: 0.2, 0x38: 12.34}


NOON = datetime(2024, 7, 12, 12, 0, tzinfo=SHANGHAI)
STATION = "0011223344"


def levels(telegram: Telegram) -> list[tuple[float, datetime]]:
    return [(element.value, element.at) for element in telegram.elements if element.code == 0x39]


def test_a_report_that_names_several_times_of_observation_has_the_levels_of_each() -> None:
    body = (
        "392300181240" + "F0F02407121155" + "392300181210" + "F1F1" + STATION + "48" + "F0F02407121150" + "392300181180"
    )
    telegram = parse_telegram(published.telegram(STATION, body, NOON), SHANGHAI)
    at = NOON.astimezone(UTC)
    assert levels(telegram) == [
        (181.24, at),
        (181.21, at - timedelta(minutes=5)),
        (181.18, at - timedelta(minutes=10)),
    ]


def test_the_twelve_values_of_an_hour_end_at_the_full_hour_whichever_of_its_ends_is_named() -> None:
    series = "F400" + "0A" * 12
    early = "F0F02407121105" + series + "F0F02407121200" + "392300181240"
    telegram = parse_telegram(published.telegram(STATION, early, NOON, function=0x34), SHANGHAI)
    assert [element.at for element in telegram.elements[:12:11]] == [
        NOON.astimezone(UTC) - timedelta(minutes=55),
        NOON.astimezone(UTC),
    ]
    assert levels(telegram) == [(181.24, NOON.astimezone(UTC))]
    named_by_end = parse_telegram(published.telegram(STATION, series, NOON, function=0x34), SHANGHAI)
    assert [element.at for element in named_by_end.elements] == [element.at for element in telegram.elements[:12]]


def test_the_quirk_of_hours_named_by_their_beginning_touches_hourly_reports_only() -> None:
    series = "F400" + "0A" * 12
    for function, first in ((0x34, NOON), (0x33, NOON - timedelta(minutes=55))):
        frame = published.telegram(STATION, series, NOON, function=function)
        assert parse_telegram(frame, SHANGHAI, hour_begins=True).elements[0].at == first.astimezone(UTC)


def test_a_report_that_names_a_second_station_is_refused() -> None:
    body = "392300181240" + "F1F1" + "9999999999" + "48" + "392300181210"
    with pytest.raises(NotUnderstood, match="the report of station 0011223344 names 9999999999 as well"):
        parse_telegram(published.telegram(STATION, body, NOON), SHANGHAI)


@settings(max_examples=150, deadline=None)
@given_any(cut=st.integers(1, 42), huge=st.booleans(), pieces=st.integers(1, 60))
def test_a_telegram_cut_off_anywhere_costs_no_other_one(cut: int, huge: bool, pieces: int) -> None:
    first = bytearray(published.telegram(STATION, "392300181240", NOON))
    if huge and cut > 13:
        first[11:13] = b"\x0f\xff"  # it says that it is 4 kB long
    second = published.telegram(STATION, "392300181250", NOON + timedelta(minutes=5))
    third = published.telegram(STATION, "392300181260", NOON + timedelta(minutes=10))
    stream = bytes(first[:cut]) + second + third
    buffer = FrameBuffer()
    found = [item for start in range(0, len(stream), pieces) for item in buffer.feed(stream[start : start + pieces])]
    assert [item for item in found if isinstance(item, bytes)][-2:] == [second, third]
    assert any(isinstance(item, InputRejected) for item in found) or not bytes(first[:cut]).strip(b"\x7e")


def test_a_cut_off_telegram_of_a_station_whose_crc_never_holds_is_told_by_its_end_mark() -> None:
    whole = published.telegram(STATION, "392300181240", NOON)[:-2] + b"\0\0"
    lost, kept = FrameBuffer().feed(whole[:40] + whole)
    assert str(lost) == f"a telegram of {len(whole)} bytes was cut off after 40"
    assert kept == whole


def test_many_false_beginnings_cost_a_bounded_time() -> None:
    hostile = b"\x7e\x7e\x01" + bytes.fromhex(STATION) + b"\x12\x34\x32\x0f\xff\x02" + b"\x7e\x7e\x01" * 1300
    buffer = FrameBuffer()
    began_s = time.process_time()
    for _ in range(20):
        list(buffer.feed(hostile))
    assert time.process_time() - began_s < 2.0


@pytest.fixture
def port() -> int:
    return free_port()


def station_context(context: Context) -> Context:
    secrets = Secrets(credentials={"station": Credentials(password=SecretStr("1234"))})
    return Context(context.site, secrets=secrets, timezone="Asia/Shanghai")


def gauge(port: int, **more: object) -> Recipe:
    plain = {"quantity": "water_level", "station": "0011223344", "element": "39", "listen": "127.0.0.1", "port": port}
    return Recipe.model_validate({**plain, "vertical_datum": "wusong", **more})


def given(seen: Iterator[object], count: int, within_s: float = 10.0) -> list[Reading | Rejected]:
    ends_s = time.monotonic() + within_s
    found: list[Reading | Rejected] = []
    while len(found) < count and time.monotonic() < ends_s:
        item = next(seen)
        found += [item] if isinstance(item, Reading | Rejected) else []
    return found


def begin(monitor: Monitor) -> Iterator[object]:
    seen = iter(monitor.observe())
    assert next(seen) is None
    return seen


def answered(client: socket.socket, within_s: float) -> bytes:
    client.settimeout(within_s)
    try:
        return client.recv(100)
    except TimeoutError:
        return b""


def test_a_station_is_answered_when_its_reading_is_stored_and_not_before(context: Context, port: int) -> None:
    monitor = gauge(port, credentials="station").make(station_context(context))
    seen = begin(monitor)
    now = datetime.now(SHANGHAI).replace(second=0, microsecond=0)
    with socket.create_connection(("127.0.0.1", port)) as client:
        frame = published.telegram("0011223344", "392300181240", now)
        client.sendall(frame)
        (reading,) = given(seen, 1)
        at = now.astimezone(UTC)
        expected = Reading("gate-3", "sl651_gauge", "water_level", 181.24, at, Quality.GOOD, None, "wusong")
        assert reading == expected
        assert answered(client, 0.3) == b""
        monitor.committed(expected)
        list(given(seen, 1, 0.1))
        answer = answered(client, 5)
        assert answer[:17] == bytes.fromhex("7E7E0011223344011234328008020001")[:17] + answer[16:17]
        assert len(answer) == 25
        client.sendall(published.telegram("0011223344", "392300181240", now, password="9999"))
        (refused,) = given(seen, 1)
        assert isinstance(refused, Rejected)
        assert refused.reason == "the station's password is wrong"
        assert "9999" not in refused.excerpt
        assert answered(client, 0.3) == b""
    monitor.close()


def test_gauges_of_one_port_share_it_and_strangers_are_named(context: Context, port: int) -> None:
    here = station_context(context)
    stage, rain = gauge(port).make(here), gauge(port, id="rain", quantity="rainfall", element="26", vertical_datum=None).make(here)  # fmt: skip  # noqa: E501
    level, total = begin(stage), begin(rain)
    now = datetime.now(SHANGHAI)
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(published.telegram("0011223344", "3923001812402619000123", now))
        (first,), (second,) = given(level, 1), given(total, 1)
        assert isinstance(first, Reading)
        assert isinstance(second, Reading)
        assert (first.value, second.value) == (181.24, 12.3)
        stage.committed(first)
        given(level, 1, 0.1)
        assert answered(client, 0.3) == b"", "the rain is not stored yet"
        rain.committed(second)
        given(total, 1, 0.1)
        assert len(answered(client, 5)) == 25
        client.sendall(published.telegram("9999999999", "392300181240", now))
        client.sendall(b"GET / HTTP/1.1\r\n" * 3)
        client.sendall(published.telegram("0011223344", "3923AAAAAAAA", now + timedelta(hours=1)))
        reasons = [item.reason for item in given(level, 3) if isinstance(item, Rejected)]
    assert reasons[0] == "no gauge here is of station 9999999999"
    assert reasons[1].startswith("48 bytes ")
    assert reasons[2].startswith("element 39: the station had no value")
    stage.close()
    rain.close()
    again = gauge(port).make(here)
    again.close()


def test_what_was_not_understood_is_not_acknowledged_and_a_keep_alive_is(context: Context, port: int) -> None:
    monitor = gauge(port).make(station_context(context))
    seen = begin(monitor)
    now = datetime.now(SHANGHAI).replace(second=0, microsecond=0)
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(published.telegram(STATION, "3923ABCDEF00", now))
        (refused,) = given(seen, 1)
        assert isinstance(refused, Rejected)
        assert "is no number in BCD" in refused.reason
        client.sendall(published.telegram(STATION, "392300181240", now, function=0x36))  # a picture in one part
        given(seen, 1, 0.3)
        assert answered(client, 0.3) == b""
        body = (1).to_bytes(2, "big") + bytes.fromhex(f"{now:%y%m%d%H%M%S}")
        head = bytes.fromhex(f"7E7E01{STATION}12342F000802") + body + b"\x03"
        client.sendall(head + crc16(head).to_bytes(2, "big"))
        given(seen, 1, 0.3)
        assert answered(client, 5)[10:13] == bytes.fromhex("2F8008")
        client.sendall(published.telegram(STATION, "2619000123", now))  # rain only: understood, and no level in it
        given(seen, 1, 0.3)
        assert len(answered(client, 5)) == 25
    monitor.close()


def test_a_test_report_is_kept_but_not_judged_and_a_taken_port_is_a_loss(context: Context, port: int) -> None:
    monitor = gauge(port).make(station_context(context))
    seen = begin(monitor)
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(published.telegram("0011223344", "392300181240", datetime.now(SHANGHAI), function=0x30))
        (reading,) = given(seen, 1)
    assert isinstance(reading, Reading)
    assert reading.quality is Quality.BAD
    with pytest.raises(DeviceLost, match=r"gate-3: cannot listen on 127\.0\.0\.1"):
        gauge(port).make(station_context(context))
    monitor.close()


def test_a_hundred_stations_of_a_port_have_one_thread(context: Context, port: int) -> None:
    here, now = station_context(context), datetime.now(SHANGHAI).replace(second=0, microsecond=0)
    names = [f"{number:010d}" for number in range(100)]
    before = set(threading.enumerate())
    with ExitStack() as opened:
        gauges = [gauge(port, station=name).make(here) for name in names]
        woken = threading.Event()
        for one in gauges:
            opened.callback(one.close)
            assert isinstance(one, SharesThread)
            one.wake_by(woken.set)
        for name in names:
            client = opened.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.sendall(published.telegram(name, "392300181240", now))
        came: dict[str, float] = {}
        ends_s = time.monotonic() + 30
        while len(came) < 100 and time.monotonic() < ends_s:
            woken.wait(0.1)
            woken.clear()
            for name, one in zip(names, gauges, strict=True):
                assert isinstance(one, SharesThread)
                for item in one.waiting():
                    assert isinstance(item, Reading)
                    came[name] = item.value
        assert came == dict.fromkeys(names, 181.24)
        assert {one.name for one in threading.enumerate() if one not in before} == {"gauges-loop"}
    ends_s = time.monotonic() + 30
    while (left := set(threading.enumerate()) - before) and time.monotonic() < ends_s:
        time.sleep(0.02)
    assert not left, "closed gauges leave nothing running"


def test_a_connection_may_be_silent_for_as_long_as_its_own_station(context: Context, port: int) -> None:
    here, now = station_context(context), datetime.now(SHANGHAI)
    hasty = gauge(port, station="0000000001", timeout="500ms").make(here)
    patient = gauge(port, station="0000000002").make(here)
    first, second = begin(hasty), begin(patient)
    with (
        socket.create_connection(("127.0.0.1", port)) as short,
        socket.create_connection(("127.0.0.1", port)) as long,
    ):
        short.sendall(published.telegram("0000000001", "392300181240", now))
        long.sendall(published.telegram("0000000002", "392300181240", now))
        assert len(given(first, 1)) == len(given(second, 1)) == 1
        short.settimeout(30)
        assert short.recv(10) == b"", "closed"
        assert answered(long, 0.5) == b""
        long.sendall(published.telegram("0000000002", "392300181250", now))
        assert [item.value for item in given(second, 1) if isinstance(item, Reading)] == [181.25]
    hasty.close()
    patient.close()


def test_who_sends_nothing_but_nonsense_is_read_ever_less_often_and_holds_up_no_station(
    context: Context, port: int
) -> None:
    monitor = gauge(port).make(station_context(context))
    seen, now = begin(monitor), datetime.now(SHANGHAI)
    with (
        socket.create_connection(("127.0.0.1", port)) as stranger,
        socket.create_connection(("127.0.0.1", port)) as station,
    ):
        stranger.sendall(published.telegram("9999999999", "392300181240", now) * 1000)
        station.sendall(published.telegram(STATION, "392300181240", now))
        found = given(seen, 1000, 2.0)
        assert [item.value for item in found if isinstance(item, Reading)] == [181.24]
        assert 10 < len([item for item in found if isinstance(item, Rejected)]) < 500
    monitor.close()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"station": "12345"}, "ten digits"),
        ({"element": "390"}, "two hex digits"),
        ({"element": "3901"}, "begins with FF"),
        ({"quirks": ["upside_down"]}, "crc_low_first"),
    ],
)
def test_a_recipe_that_cannot_work_is_refused(wrong: dict[str, object], said: str, port: int) -> None:
    with pytest.raises(ValueError, match=said):
        gauge(port, **wrong)
