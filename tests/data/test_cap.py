"""CAP 1.2 messages as they come from outside: good, sloppy, and such as are no warnings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from data.cap.message import parse_cap, parse_messages
from data.errors import InputRejected
from data.model.warning import (
    UNKNOWN_SENT,
    MessageType,
    WarningId,
    WarningLevel,
    WarningNote,
    WarningStatus,
)

INFO = """<info><language>en-US</language><category>Met</category><event>Rainstorm</event><urgency>Future</urgency>
<severity>Severe</severity><certainty>Likely</certainty></info>
<info><language>zh-CN</language><category>Met</category><event>暴雨</event><urgency>Immediate</urgency>
<severity>Moderate</severity><certainty>Likely</certainty>
<eventCode><valueName>EventType</valueName><value>11B03</value></eventCode>
<effective>2024-07-12T11:50:00+08:00</effective><onset>2024-07-12T12:30:00+08:00</onset>
<expires>2024-07-12T18:00:00+08:00</expires>
<headline>渝中区发布暴雨橙色预警</headline><description>未来三小时降雨量将达 50 毫米以上</description>
<area><areaDesc>渝中区</areaDesc><polygon>29.5,106.5 29.5,106.6 29.6,106.6 29.5,106.5</polygon>
<circle>29.55,106.55 2.5</circle>
<geocode><valueName>GB/T 2260</valueName><value>500103</value></geocode></area></info>"""
BEIJING = timezone(timedelta(hours=8))
JULY = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def message(kind: str = "Alert", info: str = INFO, references: str = "", **values: str) -> bytes:
    """A CAP document; any of its plain elements can be given another value, or none (empty)."""
    plain = {"identifier": "50010041600000_20240712115000", "sender": "yz@cq.gov.cn",
             "sent": "2024-07-12T11:50:00+08:00", "status": "Actual", "msgType": kind,
             "scope": "Public"} | values  # fmt: skip
    if references:
        plain["references"] = references
    body = "".join(f"<{name}>{value}</{name}>" for name, value in plain.items() if value)
    return f'{HEAD}<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">{body}{info}</alert>'.encode()


def block(event: str = "暴雨", severity: str = "Severe", area: str = "", more: str = "") -> str:
    """One info block; `area`: what stands in its <area>."""
    where = f"<area><areaDesc>某地</areaDesc>{area}</area>"
    return (
        f"<info><language>zh-CN</language><event>{event}</event><urgency>Immediate</urgency>"
        f"<severity>{severity}</severity><certainty>Likely</certainty>{more}{where}</info>"
    )


def test_the_chinese_block_leads_with_its_times_in_utc_and_its_areas() -> None:
    warning = parse_cap(message(), "weather/cap")
    assert warning.key == WarningId(
        "yz@cq.gov.cn", "50010041600000_20240712115000", datetime(2024, 7, 12, 3, 50, tzinfo=UTC)
    )
    assert (warning.status, warning.message_type) == (WarningStatus.ACTUAL, MessageType.ALERT)
    assert (warning.event, warning.level, warning.severity) == ("暴雨", WarningLevel.ORANGE, "Moderate")
    assert warning.onset == datetime(2024, 7, 12, 4, 30, tzinfo=UTC)
    assert warning.expires == datetime(2024, 7, 12, 10, 0, tzinfo=UTC)
    assert warning.event_codes == (("EventType", "11B03"),)
    (area,) = warning.areas
    assert area.polygons == (((106.5, 29.5), (106.6, 29.5), (106.6, 29.6), (106.5, 29.5)),)
    assert area.circles == ((106.55, 29.55, 2.5),)
    assert area.geocodes == (("GB/T 2260", "500103"),)
    assert warning.description == "未来三小时降雨量将达 50 毫米以上"


@pytest.mark.parametrize(
    ("words", "level"),
    [
        ("<event>大雾</event><severity>Minor</severity>", WarningLevel.BLUE),
        ("<event>Fog</event><severity>Extreme</severity>", WarningLevel.RED),
        ("<event>Fog</event><severity>Unknown</severity><headline>declared sacred</headline>", WarningLevel.UNKNOWN),
        (
            "<event>Fog</event><severity>Severe</severity><parameter><valueName>awareness_level</valueName>"
            "<value>2; yellow; Moderate</value></parameter>",
            WarningLevel.YELLOW,
        ),
        ("<event>台风红色预警</event><severity>Severe</severity>", WarningLevel.RED),
        ("<event>Red Flag Warning</event><severity>Moderate</severity>", WarningLevel.YELLOW),
        ("<event>Storm</event><severity>Extreme</severity><headline>Green Valley storm</headline>", WarningLevel.RED),
        (
            "<event>大风</event><severity>Minor</severity><headline>解除大风红色预警，发布大风黄色预警</headline>",
            WarningLevel.YELLOW,
        ),
        ("<event>暴雨</event><severity>Minor</severity><headline>解除暴雨红色预警</headline>", WarningLevel.BLUE),
        (
            "<event>暴雨</event><severity>Severe</severity><headline>暴雨橙色预警升级为红色预警</headline>",
            WarningLevel.RED,
        ),
        (
            "<event>大风</event><severity>Moderate</severity><headline>红色景区大风预警</headline>",
            WarningLevel.YELLOW,
        ),
        ("<event>雷电</event><severity>Red</severity>", WarningLevel.RED),
        (
            "<event>Flood</event><severity>Extreme</severity><parameter><valueName>color</valueName>"
            "<value>green</value></parameter>",
            WarningLevel.RED,
        ),
    ],
)
def test_the_level_comes_from_the_field_meant_for_it_and_else_from_the_severity(
    words: str, level: WarningLevel
) -> None:
    assert parse_cap(message(info=f"<info>{words}</info>")).level is level


@pytest.mark.parametrize(
    ("kind", "more", "holds"),
    [
        ("Update", "<responseType>AllClear</responseType>", False),
        ("Alert", "<responseType>AllClear</responseType>", False),
        ("Update", "<headline>解除暴雨橙色预警</headline>", False),
        ("Alert", "<headline>解除暴雨橙色预警</headline>", True),
        ("Update", "<headline>解除大风蓝色预警，发布暴雨橙色预警</headline>", True),
        ("Alert", "<parameter><valueName>awareness_level</valueName><value>1; green; Minor</value></parameter>", True),
        ("Alert", "", True),
    ],
)
def test_all_clear_ends_what_it_updates_and_is_no_warning_itself(kind: str, more: str, *, holds: bool) -> None:
    expires = "<expires>2024-07-13T00:00:00+08:00</expires>"
    warning = parse_cap(message(kind, info=block(more=expires + more), references="a,1,2024-07-12T08:00:00+08:00"))
    assert warning.is_in_force(JULY) is holds


def test_past_and_green_are_no_warnings() -> None:
    past = block().replace("Immediate", "Past")
    green = block(severity="Minor", more="<parameter><valueName>color</valueName><value>Green</value></parameter>")
    assert not parse_cap(message(info=past)).is_in_force(JULY)
    assert not parse_cap(message(info=green)).is_in_force(JULY)
    assert parse_cap(message(info=green)).level is WarningLevel.GREEN


def test_each_block_is_judged_by_its_own_event_level_area_and_time() -> None:
    first = block("暴雨", "Minor", "<circle>29.5,106.5 1</circle>", "<expires>2024-07-12T11:00:00+08:00</expires>")
    wind = block("大风", "Moderate", "<circle>29.6,106.6 1</circle>", "<expires>2024-07-12T20:00:00+08:00</expires>")
    rain = block("暴雨", "Extreme", "<circle>29.7,106.7 1</circle>", "<expires>2024-07-12T18:00:00+08:00</expires>")
    warning = parse_cap(message(info=first + wind + rain), now=JULY)
    assert [(one.event, one.level.value, one.holds(JULY)) for one in warning.blocks] == [
        ("暴雨", "blue", False),
        ("大风", "yellow", True),
        ("暴雨", "red", True),
    ]
    assert [one.areas[0].circles for one in warning.blocks][2] == ((106.7, 29.7, 1.0),)
    assert (warning.event, warning.level) == ("暴雨", WarningLevel.RED), "the gravest that holds leads"
    assert warning.expires == datetime(2024, 7, 12, 12, 0, tzinfo=UTC)
    assert len(warning.areas) == 3
    later = datetime(2024, 7, 12, 11, 0, tzinfo=UTC)
    assert [one.event for one in warning.holding(later)] == ["大风"]


def test_a_message_without_an_end_holds_for_three_days_and_one_of_years_ago_no_more() -> None:
    warning = parse_cap(message(info=block(), sent="2024-07-12T12:00:00+08:00"))
    assert warning.expires is None
    assert warning.is_in_force(JULY + timedelta(days=3) - timedelta(seconds=1))
    assert not warning.is_in_force(JULY + timedelta(days=3))
    old = parse_cap(message(info=block(), sent="2009-03-01T00:09:25+00:00"))
    assert not old.is_in_force(JULY)


def test_references_name_what_an_update_and_a_cancel_end() -> None:
    reference = "yz@cq.gov.cn,1,2024-07-12T11:00:00+08:00"
    update = parse_cap(message("Update", references=f"{reference} {reference}"))
    assert update.references == (WarningId("yz@cq.gov.cn", "1", datetime(2024, 7, 12, 3, 0, tzinfo=UTC)),)
    cancel = parse_cap(message("Cancel", info="", references=reference))
    assert cancel.message_type is MessageType.CANCEL
    assert cancel.areas == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Bureau, City of Stone,w7,2024-07-12T11:00:00+08:00", [("Bureau, City of Stone", "w7", 3)]),
        ("a@b,1,2024-07-12T11:00:00+08:00 Bureau of X, Y,2,2024-07-12T12:00:00+08:00",
         [("a@b", "1", 3), ("Bureau of X, Y", "2", 4)]),
        ("a@b,1", [("a@b", "1", None)]),
        ("w7", [("yz@cq.gov.cn", "w7", None)]),
        ("a@b,1,yesterday", [("a@b,1", "yesterday", None)]),
        ("a@b,1,2024-07-12 11:00", [("a@b", "1", 11)]),
    ],
)  # fmt: skip
def test_a_partial_reference_is_kept_as_far_as_it_goes(text: str, found: list[tuple[str, str, int | None]]) -> None:
    update = parse_cap(message("Update", references=text))
    assert [(key.sender, key.identifier) for key in update.references] == [(who, name) for who, name, _ in found]
    hours = [None if key.sent == UNKNOWN_SENT else key.sent.hour for key in update.references]
    assert hours == [hour for _, _, hour in found]
    assert update.is_in_force(JULY)


def test_an_update_that_names_nothing_is_kept_and_says_so() -> None:
    update = parse_cap(message("Update"))
    assert (update.message_type, update.references) == (MessageType.UPDATE, ())
    assert WarningNote.REFERENCE_MISSING in update.notes
    assert update.is_in_force(JULY)


BOMB = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><alert>&c;</alert>'
OUTSIDE = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><alert>&x;</alert>'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not XML"),
        (b"\xff\xfe\x00", "is not XML"),
        (BOMB, "forbidden XML"),
        (OUTSIDE, "forbidden XML"),
        (b"152\r\nXOCN53\r\n" + OUTSIDE, "forbidden XML"),
        (OUTSIDE.replace(b'"1.0"', b'"1.0" encoding="GB2312"'), "forbidden XML"),
        (OUTSIDE + b"\x03", "forbidden XML"),
        (b"x" * 2_000_001, "are taken at most"),
        (b"<rss/>", "no CAP alert but <rss>"),
        (b'<alert xmlns="urn:other"/>', "no CAP alert but <alert> of urn:other"),
        (message("Ack"), "of type Ack is no warning"),
        (message("Error"), "of type Error is no warning"),
        (message(info=""), "needs an info block"),
        (message(info="", identifier=""), "needs an info block"),
    ],
)
def test_what_is_no_warning_is_refused_with_its_reason(content: bytes, said: str) -> None:
    with pytest.raises(InputRejected, match=said):
        parse_cap(content)


def xml(text: str) -> bytes:
    return text.encode()


PLAIN = message(info=block(area="<circle>29.5,106.5 1</circle>"))
SLOPPY: list[tuple[str, bytes, WarningNote | None]] = [
    ("lines before", b"152\r\nXOCN53 BABJ 120000\r\n" + PLAIN, WarningNote.XML_MENDED),
    ("the telegram's end", PLAIN + b"\r\n\x03", WarningNote.XML_MENDED),
    ("a bare ampersand", PLAIN.replace("某地".encode(), b"Wind & Rain"), WarningNote.XML_MENDED),
    ("a control character", PLAIN.replace("某地".encode(), b"A\x0bB"), WarningNote.XML_MENDED),
    ("GB 2312", PLAIN.decode().replace("UTF-8", "GB2312").encode("gb2312"), None),
    ("GBK", PLAIN.decode().replace("UTF-8", "gbk").encode("gbk"), None),
    ("GBK that says UTF-8", PLAIN.decode().encode("gbk"), WarningNote.ENCODING_MENDED),
    ("UTF-8 that says GB 2312", PLAIN.replace(b"UTF-8", b"GB2312") + "橙".encode(), WarningNote.ENCODING_MENDED),
    ("an envelope", b'<E xmlns="urn:e"><content>' + PLAIN[len(HEAD) :] + b"</content></E>", None),
    ("version 1.1", PLAIN.replace(b"cap:1.2", b"cap:1.1"), None),
    ("no namespace", PLAIN.replace(b' xmlns="urn:oasis:names:tc:emergency:cap:1.2"', b""), None),
    ("another namespace", PLAIN.replace(b"urn:oasis:names:tc:emergency:cap:1.2", b"urn:x"), None),
    ("small letters", PLAIN.replace(b"Actual", b"actual").replace(b"Alert<", b"ALERT<"), None),
    ("no sender", PLAIN.replace(b"<sender>yz@cq.gov.cn</sender>", b""), WarningNote.FIELD_MISSING),
    ("no identifier", PLAIN.replace(b"50010041600000_20240712115000", b""), WarningNote.FIELD_MISSING),
    ("no event", PLAIN.replace("<event>暴雨</event>".encode(), b""), WarningNote.FIELD_MISSING),
    ("an unknown status", PLAIN.replace(b"Actual", b"Real"), WarningNote.STATUS_UNKNOWN),
    ("an unknown type", PLAIN.replace(b"Alert<", b"New<"), WarningNote.TYPE_UNKNOWN),
    ("a time without offset", PLAIN.replace(b":00+08:00", b":00"), WarningNote.TIME_WITHOUT_ZONE),
    ("a time with slashes", PLAIN.replace(b"2024-07-12T11", b"2024/07/12 11"), WarningNote.TIME_MENDED),
    ("no time", PLAIN.replace(b"2024-07-12T11:50:00+08:00", b"just now"), WarningNote.TIME_UNREADABLE),
]


@pytest.mark.parametrize(("content", "note"), [one[1:] for one in SLOPPY], ids=[one[0] for one in SLOPPY])
def test_a_sloppy_message_is_kept_and_what_was_mended_is_said(content: bytes, note: WarningNote | None) -> None:
    warning = parse_cap(content, zone=BEIJING, now=JULY)
    assert warning.level is WarningLevel.ORANGE
    assert warning.is_in_force(JULY)
    assert warning.areas[0].circles == ((106.5, 29.5, 1.0),)
    assert set(warning.notes) == (set() if note is None else {note, *(warning.notes if len(warning.notes) > 1 else ())})
    assert warning.is_doubtful is (note in {WarningNote.STATUS_UNKNOWN, WarningNote.TYPE_UNKNOWN})
    again = parse_cap(content, zone=BEIJING, now=JULY)
    assert again.key == warning.key, "the same message is known again"


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2024-07-12T24:00:00+08:00", "2024-07-12T16:00:00+00:00"),
        ("2024-07-12T08:00:00+0800", "2024-07-12T00:00:00+00:00"),
        ("2024-07-12T08:00:00 +08:00", "2024-07-12T00:00:00+00:00"),
        ("2024-07-12T00:00:00.000Z", "2024-07-12T00:00:00+00:00"),
        ("2024-07-12T8:05:00+08", "2024-07-12T00:05:00+00:00"),
        ("20240712080500", "2024-07-12T00:05:00+00:00"),
        ("2024年07月12日 08时05分", "2024-07-12T00:05:00+00:00"),
        ("2024-07-12 08:05:00 UTC", "2024-07-12T08:05:00+00:00"),
    ],
)
def test_times_are_read_in_the_forms_senders_use(text: str, at: str) -> None:
    warning = parse_cap(message(info=block(more=f"<expires>{text}</expires>")), zone=BEIJING)
    assert warning.blocks[0].expires == datetime.fromisoformat(at)


def test_every_message_of_an_envelope_is_read_and_one_that_is_none_spoils_no_other() -> None:
    def inner(content: bytes) -> bytes:
        return content.removeprefix(HEAD.encode())

    parts = [inner(message(identifier="1")), inner(message("Ack", identifier="2")), inner(message(identifier="3"))]
    found = parse_messages(b'<EDXLDistribution xmlns="urn:x">' + b"".join(parts) + b"</EDXLDistribution>")
    assert [warning.key.identifier for warning in found] == ["1", "3"]


def test_a_meteoalarm_event_in_numbers_is_named_by_its_parameter() -> None:
    more = "".join(
        f"<parameter><valueName>{name}</valueName><value>{value}</value></parameter>"
        for name, value in (("awareness_level", "3; orange; Severe"), ("awareness_type", "12; Flood"))
    )
    warning = parse_cap(message(info=block("awareness_type=12,awareness_level=3.0", more=more)))
    assert (warning.event, warning.level) == ("Flood", WarningLevel.ORANGE)
