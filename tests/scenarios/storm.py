"""A district with two dozen waterlogging points in four grids that waits for the weather authority's word."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.conftest import ROOT
from tests.e2e.city import items

WEST, SOUTH, STEP = 106.50, 29.50, 0.02
POINTS = 24
GRIDS = tuple(f"50010300100100{n}" for n in range(1, 5))
LEVEL_WORDS = {"blue": "蓝", "yellow": "黄", "orange": "橙", "red": "红"}
CONFIG = """\
name: 江北街道
timezone: Asia/Shanghai
workers: 1
dispatch: {{deliver_within: null, accept_within: {{P1: 1h, P2: 1h, P3: 1h, P4: 1h}}}}
cases: {{organisation: [units.yaml, grids.geojson]}}
plans: {{files: ["{root}/data/plans/storm.yaml", places.yaml]}}
sites:
  - id: weather
    name: 气象台
    location: {{lon: 106.51, lat: 29.51}}
    monitor: {{kind: cap_warnings, folder: "{drop}", every: 200ms}}
responders:
{responders}
"""


def write_district(folder: Path) -> Path:
    """config.yaml and what it names. Each grid has one person, wang-1 to wang-4; crews stand everywhere."""
    drop = folder / "drop"
    people = [
        f"  - {{id: wang-{n}, name: 网格员{n}, location: {{lon: {west(n) + 0.001}, lat: 29.501}}}}" for n in range(4)
    ]
    crews = [
        f"  - {{id: crew-{n}, name: 排水{n}, team: 排水抢险队, location: {{lon: {WEST + n * 0.0032}, lat: 29.505}}}}"
        for n in range(POINTS)
    ]
    text = CONFIG.format(root=ROOT, drop=drop, responders="\n".join(people + crews))
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    (folder / "units.yaml").write_text(
        "units:\n  - {id: street, kind: street, name: 江北街道}\n"
        "  - {id: community, kind: community, name: 江北社区, parent: street}\n",
        encoding="utf-8",
    )
    grids = [grid(n) for n in range(4)]
    collection = {"type": "FeatureCollection", "features": grids}
    (folder / "grids.geojson").write_text(json.dumps(collection, ensure_ascii=False), encoding="utf-8")
    places = [
        f"  - {{id: dip-{n:02d}, name: 积水点{n:02d}, location: {{lon: {WEST + 0.001 + n * 0.0032:.6f}, lat: 29.507}}, "
        "marks: [waterlogging_point]}"
        for n in range(POINTS)
    ]
    (folder / "places.yaml").write_text("places:\n" + "\n".join(places) + "\n", encoding="utf-8")
    return folder / "config.yaml"


def west(number: int) -> float:
    return WEST + number * STEP


def grid(number: int) -> Mapping[str, Any]:
    left, right = west(number), west(number + 1)
    ring = [[left, SOUTH], [right, SOUTH], [right, SOUTH + STEP], [left, SOUTH + STEP], [left, SOUTH]]
    properties = {
        "id": f"g-{number}", "kind": "grid", "name": f"第{number + 1}网格", "code": GRIDS[number],
        "parent": "community", "people": [f"wang-{number}"],
    }  # fmt: skip
    return {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}}


def storm(
    number: int, level: str, kind: str = "Alert", refers_to: int | None = None, *, status: str = "Actual"
) -> bytes:
    """A CAP message of the city's weather bureau, in force for six hours."""
    now = datetime.now(UTC).replace(microsecond=0)
    references = (
        "" if refers_to is None else f"<references>qx@cq.gov.cn,storm-{refers_to},{sent(refers_to)}</references>"
    )
    info = (
        f"<info><language>zh-CN</language><category>Met</category><event>暴雨</event><urgency>Immediate</urgency>"
        f"<severity>Severe</severity><certainty>Likely</certainty>"
        f"<eventCode><valueName>EventType</valueName><value>11B03</value></eventCode>"
        f"<effective>{now.isoformat()}</effective><expires>{(now + timedelta(hours=6)).isoformat()}</expires>"
        f"<headline>市气象台发布暴雨{LEVEL_WORDS[level]}色预警信号</headline>"
        f"<parameter><valueName>level</valueName><value>{level}</value></parameter>"
        f"<area><areaDesc>渝中区</areaDesc><geocode><valueName>GB/T 2260</valueName><value>500103</value></geocode>"
        f"</area></info>"
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">'
        f"<identifier>storm-{number}</identifier><sender>qx@cq.gov.cn</sender><sent>{sent(number)}</sent>"
        f"<status>{status}</status><msgType>{kind}</msgType><scope>Public</scope>{references}{info}</alert>"
    ).encode()


def sent(number: int) -> str:
    return (datetime(2026, 7, 12, tzinfo=UTC) + timedelta(minutes=number)).isoformat()


def drop(folder: Path, name: str, content: bytes) -> None:
    """As a careful sender does it: written beside, then put in place."""
    hidden = folder / f".{name}"
    hidden.write_bytes(content)
    hidden.replace(folder / f"{name}.xml")


def all_tasks(rest: httpx.Client) -> list[dict[str, Any]]:
    """Every task, oldest first."""
    return items(rest.get("/tasks", params={"limit": 500}))[::-1]


def keys(tasks: list[dict[str, Any]]) -> list[str]:
    return sorted(task["title"] for task in tasks)


def runs(rest: httpx.Client) -> list[dict[str, Any]]:
    answer = rest.get("/plans/storm")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["runs"]
    return found
