"""CAP 1.2 messages as they come from outside, good and bad."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from data.cap import parse_cap
from data.errors import InputRejected
from data.warning import MessageType, WarningId, WarningLevel, WarningStatus

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


def message(kind: str = "Alert", info: str = INFO, references: str = "", **values: str) -> bytes:
    """A CAP document; any of its plain elements can be given another value, or none (empty)."""
    plain = {"identifier": "50010041600000_20240712115000", "sender": "yz@cq.gov.cn",
             "sent": "2024-07-12T11:50:00+08:00", "status": "Actual", "msgType": kind,
             "scope": "Public"} | values  # fmt: skip
    if references:
        plain["references"] = references
    body = "".join(f"<{name}>{value}</{name}>" for name, value in plain.items() if value)
    head = '<?xml version="1.0" encoding="UTF-8"?><alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">'
    return f"{head}{body}{info}</alert>".encode()


def test_the_chinese_block_is_taken_with_its_times_in_utc_and_its_areas() -> None:
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
    ],
)
def test_the_level_is_the_colour_that_is_named_or_that_goes_with_the_severity(words: str, level: WarningLevel) -> None:
    assert parse_cap(message(info=f"<info>{words}</info>")).level is level


def test_references_name_what_an_update_and_a_cancel_end() -> None:
    reference = "yz@cq.gov.cn,1,2024-07-12T11:00:00+08:00"
    update = parse_cap(message("Update", references=f"{reference} {reference}"))
    assert update.references == (WarningId("yz@cq.gov.cn", "1", datetime(2024, 7, 12, 3, 0, tzinfo=UTC)),)
    cancel = parse_cap(message("Cancel", info="", references=reference))
    assert cancel.message_type is MessageType.CANCEL
    assert cancel.areas == ()


BOMB = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><alert>&c;</alert>'
OUTSIDE = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><alert>&x;</alert>'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not XML"),
        (b"\xff\xfe\x00", "is not XML"),
        (BOMB, "forbidden XML"),
        (OUTSIDE, "forbidden XML"),
        (b"x" * 2_000_001, "are taken at most"),
        (b"<rss/>", "no CAP alert but <rss>"),
        (b'<alert xmlns="urn:other"/>', "no CAP alert but <alert> of urn:other"),
        (message(identifier=""), "identifier is missing"),
        (message(sent="2024-07-12T11:50:00"), "has no offset from UTC"),
        (message(sent="yesterday"), "is not a time"),
        (message(status="Real"), "status 'Real' is none of Actual"),
        (message("Ack"), "msgType 'Ack' is none of Alert, Update, Cancel"),
        (message("Update"), "must name what it refers to"),
        (message("Update", references="a,b"), "is not sender,identifier,sent"),
        (message(info=""), "needs an info block"),
        (message(info="<info><severity>Severe</severity></info>"), "event is missing"),
        (message(info=INFO.replace("29.5,106.5 29.5", "29.5,206.5 29.5")), "lies nowhere on the earth"),
        (message(info=INFO.replace("29.6,106.6 29.5,106.5", "29.6,106.6 29.9,106.5")), "ends where it begins"),
        (message(info=INFO.replace("106.55 2.5", "106.55 wide")), "is not lat,lon radius"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_reason(content: bytes, said: str) -> None:
    with pytest.raises(InputRejected, match=said):
        parse_cap(content)
