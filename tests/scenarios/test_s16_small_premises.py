"""S16: three hundred small premises, one month: each is inspected or overdue by name; a blocked exit comes back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from data.config.reading import load_settings
from data.config.settings import Settings
from data.model.people import SYSTEM, Role
from dispatch.organisation_import import bring_in_categories, sync_cases
from dispatch.routing import load_roads
from engine.catalogue import load_catalogue
from engine.reactions.inspection_rows import InspectionRows
from tests.scenarios.town import MONDAY, Town, picture, running

pytestmark = [pytest.mark.scenario, pytest.mark.slow, pytest.mark.server, pytest.mark.timeout(300)]

SWITCHED_ON = """\
applications: [small_premises]
inspections: {files: [data/applications/small_premises/demo/premises.csv]}
"""
ILL = "grid-6"
DAY = timedelta(days=1)


@pytest.fixture
def city(root: Path, tmp_path: Path) -> Iterator[Town]:
    """A copy of the demo city with the pack as it comes; nothing else is changed."""
    (tmp_path / "data").symlink_to(root / "data")
    config = tmp_path / "config.yaml"
    config.write_text(SWITCHED_ON + (root / "config.yaml").read_text("utf-8"), "utf-8")
    configured, _ = load_settings(config, load_catalogue(), {})
    cases = configured.cases

    def organise(writer: Any) -> None:
        files = [tmp_path / file for file in cases.organisation]
        sync_cases(writer, files, tmp_path / str(cases.categories), SYSTEM, MONDAY, configured.timezone)
        bring_in_categories(writer, [row for one in configured.applications for row in one.categories], SYSTEM, MONDAY)

    roads = load_roads(tmp_path / "data" / "demo" / "roads.geojson")
    with running(tmp_path / "var", configured, {"li": Role.OPERATOR}, organise, roads) as town:
        yield town


class Round:
    """What somebody does with the phone on their way."""

    def __init__(self, city: Town) -> None:
        self.city = city
        self.at = {place.id: place.location for place in city.settings.inspections.places}

    def places(self, who: str, scanned: str = "") -> dict[str, Any]:
        answer = self.city.by(who).client.get("/r/places", params={"place": scanned})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def fill(
        self, who: str, place: str, *, north_m: float = 20.0, photo: bytes | None = None, **given: Any
    ) -> httpx.Response:
        """Send the form of a place; all is in order unless `found` says otherwise."""
        here = self.at[place]
        found = self.places(who, place)
        kind = next(one["type"] for one in found["places"] if one["id"] == place)
        fields = {
            "place": place,
            "lon": f"{here.lon:.6f}",
            "lat": f"{here.lat + north_m / 111_195:.6f}",
            "accuracy_m": "15",
            "seen_at": self.city.now.isoformat(),
            "found": [f"{item[0]}=ok" for item in found["types"][kind]["items"]],
        }
        files = None if photo is None else {"photo": ("exit.jpg", photo, "image/jpeg")}
        return self.city.by(who).client.post("/api/v1/inspections", data=fields | given, files=files)


def a_month(city: Town, rows: InspectionRows, doing: Round, people: list[str]) -> Counter[str]:
    """Every day at nine each inspector visits what is on their phone; how many each has done."""
    done: Counter[str] = Counter()
    for _ in range(31):
        rows.poll(city.now)
        for who in people:
            for place in doing.places(who)["places"]:
                if "due" in place:
                    answer = doing.fill(who, place["id"])
                    assert answer.status_code == 200, answer.text
                    done[who] += 1
        city.wait(days=1)
    return done


def standing(city: Town) -> dict[str, Any]:
    found: dict[str, Any] = city.by("li").get("inspections/standing?days=31")
    return found


def inspectors(settings: Settings) -> list[str]:
    return [one.id for one in settings.responders if one.id.startswith("grid-") and one.id != ILL]


def test_S16_three_hundred_premises_are_inspected_in_a_month_or_overdue_by_name(city: Town) -> None:  # noqa: N802
    rows, doing = InspectionRows(city.store, city.settings), Round(city)
    assert rows.poll(city.now) == 300
    people = inspectors(city.settings)
    route = city.by("li").get("inspections/route?person=grid-1")
    assert route["stops"]
    assert {stop["method"] for stop in route["stops"]} == {"road"}
    assert len(route["map"]["stops"]) == len(route["stops"]) + 1

    done = a_month(city, rows, doing, people)
    rows.poll(city.now)
    found = standing(city)
    whole, overdue = found["whole"], found["overdue"]
    assert whole["places"] == 300
    late = {one["inspected_place"] for one in overdue}
    inspected = city.store.read(lambda reader: reader.last_inspected())
    assert late | inspected.keys() == set(doing.at), "every one is inspected, or overdue by name"
    assert late & inspected.keys() == set()
    assert whole["inspected"] == len(inspected)
    assert {one["people"][0]["name"] for one in overdue} == {"陈桂芳"}, "who was ill, by name"
    assert all(one["name"] and one["late_s"] > 0 for one in overdue)
    (ill,) = [one for one in found["grids"] if one["grid"] == "500998001002004"]
    assert (ill["places"], ill["inspected"], ill["overdue"]) == (23, 0, 23)
    own = [one for one in found["types"] if one["type"] == "entertainment"]
    assert own[0]["places"] == 8
    often = Counter(row.place for row in city.store.read(lambda r: r.inspections_done(MONDAY, city.now)))
    fortnightly = {one.id for one in city.settings.inspections.places if one.type == "entertainment"} - late
    assert min(often[place] for place in fortnightly) >= 2, "every fifteen days"
    sheet = city.by("li").client.get("/inspections/codes?grid=500998001002004")
    assert sheet.text.count("<svg") == 23
    print(f"\n{sum(done.values())} inspections by {len(people)} people, {len(late)} overdue by name")


def test_S16_a_blocked_exit_is_checked_again_by_another_person_and_linked_when_it_comes_back(  # noqa: N802
    city: Town, tmp_path: Path
) -> None:
    rows, doing = InspectionRows(city.store, city.settings), Round(city)
    rows.poll(city.now)
    place = next(one.id for one in city.settings.inspections.places if one.grid == "500998001001001")
    kind = next(one.type for one in city.settings.inspections.places if one.id == place)
    items = doing.places("grid-1", place)["types"][kind]["items"]
    blocked = ["exit=hazard" if item[0] == "exit" else f"{item[0]}=ok" for item in items]
    far = doing.fill("grid-1", place, north_m=130.0)
    assert (far.status_code, far.json()["words"]["key"]) == (422, "inspection.far")
    bare = doing.fill("grid-1", place, found=blocked)
    assert (bare.status_code, bare.json()["words"]["key"]) == (422, "inspection.photo")
    photo = picture(tmp_path / "exit.jpg")
    answer = doing.fill("grid-1", place, found=blocked, notes=["exit=货架堵住后门"], photo=photo)
    assert answer.status_code == 200, answer.text
    first = answer.json()["inspections"][0]["findings"][0]["event"]
    event = city.by("li").event(first)
    assert (event["kind"], event["priority"], event["origin"]) == ("blocked_exit", "P2", "inspection")
    assert event["state"] == "dispatched"

    city.wait(hours=5)
    (check,) = next(one for one in doing.places("urban-1", place)["places"] if one["id"] == place)["checks"]
    assert (check["event"], check["own"]) == (first, False)
    own = doing.fill("grid-1", place, found=[], recheck=[f"{first}=ok"])
    assert (own.status_code, own.json()["words"]["key"]) == (403, "inspection.own_recheck")
    assert doing.fill("urban-1", place, found=[], recheck=[f"{first}=ok"]).status_code == 200
    closed = city.store.read(lambda reader: reader.event(first))
    assert closed.state == "closed"

    city.wait(days=6)
    again = doing.fill("grid-1", place, found=blocked, photo=photo).json()["inspections"][0]["findings"][0]
    assert again["event"] != first
    assert again["again"] == first
    assert city.store.read(lambda reader: reader.event(again["event"])).recurs == first
    (repeat,) = standing(city)["repeats"]
    assert (repeat["inspected_place"], repeat["event"], repeat["again"]) == (place, again["event"], first)

    city.wait(days=2)
    late = [one for one in standing(city)["overdue"] if one["reason"] == "recheck"]
    assert [(one["event"], one["people"][0]["name"]) for one in late] == [(again["event"], "周晓琳")]
