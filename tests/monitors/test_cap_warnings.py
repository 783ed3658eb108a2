"""Warnings from a folder and from a real HTTP server: each once, let go when stored, the bad ones named."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from data.cap.message import parse_cap
from data.errors import DeviceLost
from data.model.observation import Rejected
from data.model.warning import HazardWarning
from data.ports.recipe import Context, Monitor, WarningSource
from monitors.warnings._cap_filter import WarningFilter
from monitors.warnings.cap_warnings import Recipe
from tests.data.test_cap import block, message
from tests.servers.http_answers import http_answers

WINDSOR = "<polygon>42.3,-83.0 42.3,-82.4 41.7,-82.4 41.7,-83.1</polygon>"


def dropped(folder: Path, name: str, content: bytes) -> Path:
    """A file that was left alone for a while."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    os.utime(path, (time.time() - 60, time.time() - 60))
    return path


def take(monitor: Monitor, count: int, within_s: float = 10.0) -> list[HazardWarning | Rejected]:
    """What comes until there are `count`; then the monitor stays open."""
    assert isinstance(monitor, WarningSource)
    taken: list[HazardWarning | Rejected] = []
    ends_s = time.monotonic() + within_s
    for item in monitor.observe():
        taken += monitor.warnings()
        if isinstance(item, Rejected):
            taken.append(item)
        if len(taken) >= count or time.monotonic() > ends_s:
            break
    return taken


def test_a_dropped_file_stays_until_its_warning_is_stored_and_a_bad_one_is_named(context: Context) -> None:
    folder = context.var_dir / "warnings"
    good = dropped(folder, "storm.xml", message())
    dropped(folder, "bad.cap", b"<alert>")
    dropped(folder, "notes.txt", b"no message at all")
    monitor = Recipe(folder=Path("var:warnings")).make(context)
    rejected, warning = sorted(take(monitor, 2), key=lambda item: isinstance(item, HazardWarning))
    assert isinstance(rejected, Rejected)
    assert rejected.reason.startswith("bad.cap: the message is not XML")
    assert (folder / "rejected" / "bad.cap").exists()
    assert isinstance(warning, HazardWarning)
    assert (warning.event, warning.origin) == ("暴雨", "gate-3/cap_warnings")
    assert good.exists()
    assert isinstance(monitor, WarningSource)
    monitor.warned(warning)
    assert not good.exists()
    assert (folder / "taken" / "storm.xml").exists()


def test_what_was_not_stored_before_a_crash_comes_again_and_what_is_being_written_waits(context: Context) -> None:
    folder = context.var_dir / "warnings"
    dropped(folder, "storm.xml", message())
    (first,) = take(Recipe(folder=Path("var:warnings")).make(context), 1)
    (again,) = take(Recipe(folder=Path("var:warnings")).make(context), 1)
    assert first == again
    (folder / "half.xml").write_bytes(message(identifier="2")[:200])
    monitor = Recipe(folder=Path("var:warnings"), every="100ms").make(context)
    assert take(monitor, 2, within_s=0.3) == [first]
    (folder / "half.xml").write_bytes(message(identifier="2"))
    assert [w.key.identifier for w in take(monitor, 1) if isinstance(w, HazardWarning)] == ["2"]


@pytest.mark.server
def test_a_url_is_asked_with_its_token_and_gives_each_message_once(context: Context) -> None:
    with http_answers() as server:
        server.answer("/cap", message())
        monitor = Recipe(url=server.url("/cap"), credentials="camera", every="100ms").make(context)
        (warning,) = take(monitor, 1)
        assert isinstance(warning, HazardWarning)
        assert server.asked[0].headers["authorization"].startswith("Basic ")
        assert take(monitor, 1, within_s=0.5) == []
        server.answer("/cap", message(identifier="2"))
        assert len(take(monitor, 1)) == 1
        server.answer("/cap", b"", status=503)
        with pytest.raises(DeviceLost, match=r"gate-3: http://127\.0\.0\.1:\d+/cap: it answers 503"):
            take(monitor, 1)


def test_a_recipe_names_one_source() -> None:
    with pytest.raises(ValueError, match="give either `folder` or `url`"):
        Recipe()
    with pytest.raises(ValueError, match="must not hold user and password"):
        Recipe(url="http://a:b@host/cap")


ATOM = """<?xml version="1.0"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:cap="urn:oasis:names:tc:emergency:cap:1.2">{}</feed>"""


def entry(link: str, code: str = "TXZ192", event: str = "Flood Warning", updated: str = "2024-07-12T12:00:00Z") -> str:
    return (
        f'<entry><id>{link}</id><updated>{updated}</updated><link rel="alternate" href="{link}"/>'
        f"<cap:event>{event}</cap:event><cap:areaDesc>Somewhere</cap:areaDesc>"
        f"<cap:geocode><valueName>UGC</valueName><value>{code}</value></cap:geocode></entry>"
    )


def flood(number: int, code: str = "TXZ192", event: str = "Flood Warning") -> bytes:
    area = f"<geocode><valueName>UGC</valueName><value>{code}</value></geocode>"
    return message(info=block(event, area=area), identifier=str(number), sender="office@nws.example")


@pytest.mark.server
def test_a_feed_is_followed_on_its_own_server_within_areas_and_events_and_each_address_once(context: Context) -> None:
    with http_answers() as server, http_answers() as stranger:
        for number in range(1, 6):
            server.answer(f"/cap/{number}", flood(number))
        stranger.answer("/cap/9", flood(9))
        entries = [
            entry("/cap/1"),
            entry(server.url("/cap/2"), code="TXZ193"),
            entry("/cap/3", event="Heat Advisory"),
            entry("/cap/4", code="TXZ191 TXZ192"),
            entry(stranger.url("/cap/9")),
            entry("ftp://host/cap/1"),
            entry("/cap/none"),
        ]
        server.answer("/index", ATOM.format("".join(entries)).encode())
        monitor = Recipe(url=server.url("/index"), every="100ms", areas=("UGC:TXZ192",), events=("flood",)).make(
            context
        )
        taken = take(monitor, 3)
        assert [one.key.identifier for one in taken if isinstance(one, HazardWarning)] == ["1", "4"]
        assert [one.reason for one in taken if isinstance(one, Rejected)] == [
            f"{server.url('/cap/none')}: gate-3: {server.url('/cap/none')}: it answers 404 Not Found"
        ]
        asked = [request.path for request in server.asked if request.path != "/index"]
        assert asked.count("/cap/1") == asked.count("/cap/4") == 1
        assert asked.count("/cap/none") == 3
        assert {"/cap/2", "/cap/3"}.isdisjoint(asked)
        assert stranger.asked == []
        server.answer("/index", ATOM.format(entry("/cap/1", updated="2024-07-12T13:00:00Z") + entry("/cap/5")).encode())
        assert {one.key.identifier for one in take(monitor, 2) if isinstance(one, HazardWarning)} == {"1", "5"}


@pytest.mark.server
def test_another_host_is_followed_only_when_it_is_named_and_gets_no_login(context: Context) -> None:
    with http_answers() as server, http_answers() as friend:
        friend.answer("/cap/9", flood(9))
        server.answer("/index", ATOM.format(entry(friend.url("/cap/9"))).encode())
        monitor = Recipe(
            url=server.url("/index"), every="100ms", hosts=("127.0.0.1",), credentials="camera"
        ).make(context)  # fmt: skip
        (warning,) = take(monitor, 1)
        assert isinstance(warning, HazardWarning)
        assert "authorization" in server.asked[0].headers
        assert "authorization" not in friend.asked[0].headers


@pytest.mark.server
def test_a_server_that_fails_for_a_moment_costs_no_warning(context: Context) -> None:
    with http_answers() as server:
        tries: list[int] = []

        def slow_to_wake(_: object) -> tuple[int, bytes]:
            tries.append(1)
            return (503, b"") if len(tries) < 3 else (200, flood(1))

        server.answer("/cap/1", slow_to_wake)
        server.answer("/index", ATOM.format(entry("/cap/1")).encode())
        (warning,) = take(Recipe(url=server.url("/index"), every="100ms").make(context), 1)
        assert isinstance(warning, HazardWarning)


FEATURE = {
    "id": "https://api.example/alerts/urn:oid:2.49.0.1",
    "type": "Feature",
    "geometry": {"type": "Polygon", "coordinates": [[[-97.1, 26.1], [-97.5, 26.1], [-97.5, 26.4], [-97.1, 26.1]]]},
    "properties": {
        "id": "urn:oid:2.49.0.1", "areaDesc": "Coastal", "geocode": {"SAME": ["048061"], "UGC": ["TXZ192", "TXZ193"]},
        "references": [
            {"identifier": "urn:oid:2.49.0.0", "sender": "w@nws.example", "sent": "2024-07-12T01:00:00-05:00"}
        ],
        "sent": "2024-07-12T02:00:00-05:00", "effective": "2024-07-12T02:00:00-05:00", "onset": None,
        "expires": "2024-07-12T14:00:00-05:00", "status": "Actual", "messageType": "Update", "category": "Met",
        "severity": "Extreme", "certainty": "Observed", "urgency": "Immediate", "event": "Flash Flood Warning",
        "sender": "w@nws.example", "headline": "Flash Flood Warning for Blue Ridge", "description": "Water.",
        "instruction": "Move up.", "response": "Avoid", "parameters": {"NWSheadline": ["FLOOD"]},
    },
}  # fmt: skip


@pytest.mark.server
def test_the_json_of_the_us_weather_service_is_read_whole(context: Context) -> None:
    with http_answers() as server:
        other = json.loads(json.dumps(FEATURE))
        other["properties"] |= {"id": "2", "geocode": {"UGC": ["TXZ777"]}}
        collection = {"type": "FeatureCollection", "features": [FEATURE, other, {"url": "/cap/7"}, 7, None]}
        server.answer("/active", json.dumps(collection).encode())
        server.answer("/cap/7", flood(7))
        monitor = Recipe(url=server.url("/active"), every="100ms", areas=("UGC:TXZ192",)).make(context)
        first, second = take(monitor, 2)
        assert isinstance(first, HazardWarning)
        assert (first.event, first.level.value, first.message_type.value) == ("Flash Flood Warning", "red", "Update")
        assert [(key.sender, key.identifier) for key in first.references] == [("w@nws.example", "urn:oid:2.49.0.0")]
        (area,) = first.areas
        assert area.polygons == (((-97.1, 26.1), (-97.5, 26.1), (-97.5, 26.4), (-97.1, 26.1)),)
        assert area.geocodes == (("SAME", "048061"), ("UGC", "TXZ192"), ("UGC", "TXZ193"))
        assert isinstance(second, HazardWarning)
        assert second.key.identifier == "7"


@pytest.mark.server
@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"[" * 200_000, "the answer is no JSON"),
        (b'{"a": 1}', "neither a CAP message nor a list"),
        (b"{", "the answer is no JSON"),
        (b"<html><body>busy</body></html>", "no CAP alert but <html>"),
    ],
)
def test_an_answer_that_is_no_list_is_a_reject_with_its_reason(context: Context, body: bytes, said: str) -> None:
    with http_answers() as server:
        server.answer("/x", body)
        (one,) = take(Recipe(url=server.url("/x"), every="100ms").make(context), 1)
        assert isinstance(one, Rejected)
        assert said in one.reason


@pytest.mark.parametrize(
    ("areas", "area", "wanted"),
    [
        ((), WINDSOR, True),
        (("500103",), "<geocode><valueName>GB/T 2260</valueName><value>500103</value></geocode>", True),
        (("500103",), "<geocode><valueName>GB/T 2260</valueName><value>500000</value></geocode>", True),
        (("500103",), "<geocode><valueName>GB/T 2260</valueName><value>654026</value></geocode>", False),
        (("500103",), "<geocode><valueName>FIPS6</valueName><value>500103</value></geocode>", True),
        (("500103",), WINDSOR, True),
        (("29.56,106.55 20",), WINDSOR, False),
        (("29.56,106.55 20",), "<circle>29.6,106.6 1</circle>", True),
        (("29.56,106.55 20",), "<polygon>20,100 20,110 35,110 35,100</polygon>", True),
        (("29.56,106.55 20",), "<polygon>nowhere</polygon>", True),
        (("渝中",), "", False),
        (("某",), "", True),
    ],
)
def test_what_an_area_says_decides_and_what_it_does_not_say_is_not_held_against_it(
    areas: tuple[str, ...], area: str, *, wanted: bool
) -> None:
    assert WarningFilter(areas).passes(parse_cap(message(info=block(area=area)))) is wanted


def test_senders_and_events_are_told_apart_and_a_cancel_always_passes() -> None:
    rain = parse_cap(message(info=block("暴雨"), sender="office@cq.example"))
    assert WarningFilter(senders=("@cq.example",), events=("暴雨",)).passes(rain)
    assert not WarningFilter(senders=("@sc.example",)).passes(rain)
    assert not WarningFilter(events=("大风", "11B05")).passes(rain)
    assert WarningFilter(("654026",), ("大风",)).passes(parse_cap(message("Cancel", "", "a@b,1")))


def test_a_file_with_several_messages_leaves_when_the_last_is_stored_and_a_foreign_one_at_once(
    context: Context,
) -> None:
    folder = context.var_dir / "warnings"
    parts = [message(info=block(), identifier=name).partition(b"?>")[2] for name in ("1", "2")]
    both = dropped(folder, "both.xml", b'<E xmlns="urn:e">' + b"".join(parts) + b"</E>")
    heat = dropped(folder, "heat.xml", message(info=block("高温"), identifier="3"))
    monitor = Recipe(folder=Path("var:warnings"), events=("暴雨",)).make(context)
    first, second = [one for one in take(monitor, 2) if isinstance(one, HazardWarning)]
    assert isinstance(monitor, WarningSource)
    monitor.warned(first)
    assert both.exists()
    monitor.warned(second)
    assert not both.exists()
    assert not heat.exists()
