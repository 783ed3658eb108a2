"""Whatever a sender does to a valid message: no grave one is lost, and no area becomes wider than it was."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import shapely
from hypothesis import given, note, settings
from hypothesis import strategies as st
from shapely.geometry import MultiPoint, Point, Polygon

from data.cap.area import MOST_POINTS, MOST_RING_POINTS, AreaReader
from data.cap.message import parse_messages
from data.model.geo import Location
from data.model.warning import HazardWarning, WarningArea, WarningLevel
from data.model.warning_reach import District, Place, Reach, reach_at

NOW = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)
HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
Ring = list[tuple[float, float]]
Mutation = Callable[[str], str]

# lon, lat as a sender writes them: four decimals, so that a text and its number are the same
degrees = st.tuples(st.integers(1_060_000, 1_070_000), st.integers(290_000, 300_000))


def is_wide(points: Ring) -> bool:
    hull = MultiPoint(points).convex_hull
    return isinstance(hull, Polygon) and hull.area > 1e-5


def ring_around(points: list[tuple[int, int]]) -> Ring:
    """The corners of their hull, in order; nothing where that is no area."""
    placed = [(lon / 1e4, lat / 1e4) for lon, lat in points]
    return list(MultiPoint(placed).convex_hull.exterior.coords)[:-1] if is_wide(placed) else []


rings = st.lists(degrees, min_size=3, max_size=9, unique=True).map(ring_around).filter(bool)


def pairs(ring: Ring) -> str:
    return " ".join(f"{lat:.4f},{lon:.4f}" for lon, lat in [*ring, ring[0]])


def message(polygon: str, severity: str) -> str:
    return (
        f'{HEAD}<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>a1</identifier>'
        "<sender>office@example.org</sender><sent>2026-07-12T10:00:00+08:00</sent><status>Actual</status>"
        "<msgType>Alert</msgType><scope>Public</scope><info><language>zh-CN</language><category>Met</category>"
        f"<event>暴雨</event><urgency>Immediate</urgency><severity>{severity}</severity><certainty>Likely</certainty>"
        "<effective>2026-07-12T10:00:00+08:00</effective><expires>2026-07-12T22:00:00+08:00</expires>"
        "<senderName>台</senderName><headline>暴雨</headline><area><areaDesc>某地</areaDesc>"
        f"<polygon>{polygon}</polygon></area></info></alert>"
    )


def in_polygon(change: Mutation) -> Mutation:
    return lambda text: re.sub(r"(?<=<polygon>)[^<]*", lambda found: change(found[0]), text)


def without(name: str) -> Mutation:
    return lambda text: re.sub(f"<{name}>[^<]*</{name}>", "", text)


def swapped(text: str) -> str:
    return re.sub(r"([\d.]+),([\d.]+)", r"\2,\1", text)


GREEN = "<parameter><valueName>color</valueName><value>Green</value></parameter><expires>"
POLYGON: list[Mutation] = [
    lambda text: text.replace(",", ", "),
    lambda text: text.replace(",", " , "),
    lambda text: text.replace(" ", ", "),
    lambda text: text.replace(",", " "),
    lambda text: text.replace(" ", "\n\t  "),
    lambda text: text.replace(",", "，"),
    lambda text: f"{text} ,",
    lambda text: f"\n {text}\n",
    lambda text: text.rpartition(" ")[0],
    lambda text: text.partition(" ")[0] + " " + text,
    lambda text: text.partition(",")[2],
    lambda text: text.rpartition(",")[0],
    lambda text: text[: len(text) // 2].rpartition(" ")[0] + " " + text[len(text) // 2 :],
    lambda text: re.sub(r"(\d) ", r"\1,12 ", text),
    lambda text: text.replace(".", "。", 1),
    lambda _: "",
    lambda _: "here and there",
    swapped,
]
DOCUMENT: list[Mutation] = [
    lambda text: f"\r\n152\r\nXOCN53 BABJ 120000\r\n{text}",
    lambda text: f"{text}\x03",
    lambda text: text.replace("某地", "A & B"),
    lambda text: f'<E xmlns="urn:e"><c>{text.removeprefix(HEAD)}</c></E>',
    lambda text: text.replace("cap:1.2", "cap:1.1"),
    lambda text: text.replace(' xmlns="urn:oasis:names:tc:emergency:cap:1.2"', ""),
    lambda text: text.replace("+08:00", "+0800"),
    lambda text: text.replace("+08:00", ""),
    lambda text: text.replace("2026-07-12T", "2026/7/12 "),
    lambda text: text.replace("2026-07-12T22:00:00+08:00", "2026-07-12T24:00:00+08:00"),
    lambda text: text.replace("2026-07-12T22:00:00+08:00", "tonight"),
    lambda text: text.replace("<sent>2026-07-12T10:00:00+08:00", "<sent>"),
    lambda text: text.replace("Actual", "ACTUAL").replace("Alert<", "alert<"),
    lambda text: text.replace("Alert<", "Update<"),
    lambda text: text.replace("<scope>", "<references>a0</references><scope>").replace("Alert<", "Update<"),
    lambda text: text.replace("<headline>暴雨", "<headline>Blue Ridge, Green Valley: 解除警戒"),
    lambda text: text.replace("Immediate", "Unknown"),
    lambda text: text.replace("<info>", "<info><language>en</language><severity>Minor</severity></info><info>"),
    lambda text: text.replace("<expires>", GREEN),
    *(without(name) for name in ("identifier", "sender", "sent", "status", "msgType", "scope", "event", "expires",
                                 "effective", "headline", "areaDesc", "certainty", "urgency", "language")),
]  # fmt: skip
ENCODINGS = [("UTF-8", "utf-8"), ("GB2312", "gb18030"), ("GBK", "gb18030"), ("UTF-8", "gb18030"), ("GB2312", "utf-8")]


def read(text: str, encoding: tuple[str, str]) -> HazardWarning:
    declared, real = encoding
    content = text.replace("UTF-8", declared).encode(real)
    return parse_messages(content, zone=timezone(timedelta(hours=8)), now=NOW)[0]


@settings(max_examples=400, deadline=None)
@given(
    rings,
    st.sampled_from(["Severe", "Extreme"]),
    st.lists(st.sampled_from(POLYGON), max_size=3),
    st.lists(st.sampled_from(DOCUMENT), max_size=5),
    st.sampled_from(ENCODINGS),
)
def test_no_mutation_of_a_valid_message_loses_a_grave_one_or_makes_its_area_wider(
    ring: Ring, severity: str, shapes: list[Mutation], changes: list[Mutation], encoding: tuple[str, str]
) -> None:
    text = message(pairs(ring), severity)
    for shape in shapes:
        text = in_polygon(shape)(text)
    for change in changes:
        text = change(text)
    note(text)
    warning = read(text, encoding)
    note(str(warning))
    graves = [one for one in warning.holding(NOW) if one.level.rank >= WarningLevel.ORANGE.rank]
    assert graves, "lost"
    original = Polygon(ring).buffer(1e-7)
    for area in (area for one in graves for area in one.areas):
        for part in area.polygons:
            assert original.covers(Polygon(part)), "wider than it was"
        assert area.polygons or area.unknown or area.outlines, "an area that cannot be read is unknown, not empty"
    far = District((Place(Location(lon=-82.9, lat=42.3)),))
    assert max(far.meets(one.areas) for one in graves) < Reach.YES


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789.,-+ \n;eE，x", max_size=400))
def test_any_text_is_a_polygon_a_circle_or_unknown_and_never_an_error(text: str) -> None:
    reader = AreaReader()
    area = reader.area("", (text,), (text,), ())
    for ring in area.polygons:
        polygon = Polygon(ring)
        assert polygon.is_valid
        assert ring[0] == ring[-1]
        assert all(abs(lon) <= 180 and abs(lat) <= 90 for lon, lat in ring)
    assert area.unknown or area.outlines or (area.polygons and area.circles)
    assert reach_at((area,), (Place(Location(lon=1, lat=1)),))[0] in Reach


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.floats(-179, 179), st.floats(-59, 83)), min_size=3, max_size=700), min_size=1, max_size=20
    )
)
def test_what_is_kept_is_bounded_and_each_ring_lies_in_the_hull_of_what_was_sent(sent: list[Ring]) -> None:
    texts = [" ".join(f"{lat!r},{lon!r}" for lon, lat in ring) for ring in sent]
    area = AreaReader().area("", texts, (), ())
    kept = [*area.polygons, *area.outlines]
    assert sum(len(ring) for ring in kept) <= 4 * MOST_POINTS
    assert all(len(ring) <= MOST_RING_POINTS + 1 for ring in area.polygons)
    around = shapely.union_all([MultiPoint(ring).convex_hull.buffer(0.01) for ring in sent])
    for ring in area.polygons:
        assert around.covers(Polygon(ring))


@settings(max_examples=200, deadline=None)
@given(rings, st.tuples(st.floats(105.9, 107.1), st.floats(28.9, 30.1)))
def test_a_place_is_held_exactly_where_the_polygon_holds_it(ring: Ring, at: tuple[float, float]) -> None:
    area = WarningArea("", ((*ring, ring[0]),))
    (reach,) = reach_at((area,), (Place(Location(lon=at[0], lat=at[1])),))
    polygon = Polygon(ring)
    if polygon.boundary.distance(Point(at)) > 1e-9:
        assert (reach is Reach.YES) is polygon.covers(Point(at))
