"""What-ifs over REST: asked, computed beside the server, and told to who has asked. Nothing is changed by it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alerts.threshold import Recipe as Threshold
from data.config.settings import ResponderSettings, Settings, SiteSettings
from data.local.vault import FolderVault
from data.model.people import Role
from data.ports.store import AlertQuery
from engine.catalogue import load_catalogue
from engine.process.options import RunOptions
from engine.reactions.answers import Answers
from tests.engine.kept import LiveSite
from tests.engine.test_what_if import rise_and_fall
from tests.web.city import ROLES, Clock, Running, open_deps, start
from web.accounts import add_user

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
OUTLINE = [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]
SPAN = {"since": NOON.isoformat(), "until": (NOON + timedelta(minutes=15)).isoformat()}


def settings() -> Settings:
    depth = Threshold(id="depth", quantity="water_depth", above=25)
    sites = [
        SiteSettings(
            id="dip-1",
            name="滨江下穿道",
            location={"lon": 106.5, "lat": 29.6},
            rules=(depth,),
            zones=({"id": "road", "polygon": OUTLINE},),
        ),
        SiteSettings(
            id="vault", name="金库", location={"lon": 106.6, "lat": 29.6}, rules=(depth,), visible_to=(Role.COMMANDER,)
        ),
    ]
    people = ResponderSettings(id="zhang", name="张三", location={"lon": 106.5, "lat": 29.601})
    return Settings(sites=tuple(sites), responders=(people,))


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Answers]]:
    configured, var = settings(), tmp_path_factory.mktemp("town") / "var"
    for number, site in enumerate(configured.sites):
        rise_and_fall(LiveSite(var / "observations", site, process=f"worker-{number}"), 400)
    deps = open_deps(var, configured, catalogue=load_catalogue())
    for name, role in ROLES.items():
        add_user(deps.store, name, role, None)
    deps.store.write(lambda writer: writer.put_position("zhang", NOON, configured.responders[0].location))  # type: ignore[arg-type]
    server, thread, port = start(deps)
    options = RunOptions(settings=configured, var_dir=var)
    answers = Answers(deps.store, FolderVault(var / "evidence"), options, load_catalogue())
    yield Running(f"http://127.0.0.1:{port}", deps.store, deps, Clock(), server), answers
    server.should_exit = True
    thread.join(15)
    deps.store.close()


def answer_all(town: tuple[Running, Answers]) -> None:
    running, answers = town
    for request in running.store.read(lambda reader: reader.unanswered_requests()):
        answers.answer(request)


def asked(value: Any = 15, **more: Any) -> dict[str, Any]:
    change = {"site": "dip-1", "rule": "depth", "setting": "above", "value": value}
    return {**SPAN, "changes": [change], **more}


def test_an_analyst_asks_and_is_told_and_nobody_else_is(town: tuple[Running, Answers]) -> None:
    running, _ = town
    with running.client("zhou") as analyst, running.client("li") as operator, running.client("zhang") as responder:
        given = analyst.post("/api/v1/what-ifs", json=asked(without=["zhang"]))
        assert given.status_code == 200, given.text
        path = f"/api/v1/what-ifs/{given.json()['id']}"
        assert analyst.get(path).json()["state"] == "waiting"
        answer_all(town)
        told = analyst.get(path).json()
        assert (told["state"], told["error"], told["answer"]["counts"]) == ("done", "", {"earlier": 1})
        assert told["answer"]["alerts"][0]["by_s"] == -100
        (sent,) = told["answer"]["dispatch"]
        assert sent["before"]["offered"][0]["responder"] == "zhang"
        assert sent["after"]["shortfall"] == ["no responder is configured"]
        assert operator.get(path).status_code == 404, "another's question"
        assert responder.post("/api/v1/what-ifs", json=asked()).status_code == 403
        assert responder.get("/api/v1/what-ifs/choices").status_code == 403
    assert running.store.read(lambda reader: reader.alerts(AlertQuery())) == []
    assert running.store.read(lambda reader: reader.responders())[0].id == "zhang"


def test_the_choices_are_the_numbers_and_durations_of_the_rules_that_one_may_know_of(
    town: tuple[Running, Answers],
) -> None:
    running, _ = town
    with running.client("zhou") as analyst, running.client("sun") as commander:
        found = analyst.get("/api/v1/what-ifs/choices").json()
        assert [(rule["site"], rule["rule"]) for rule in found["rules"]] == [("dip-1", "depth")]
        above = found["rules"][0]["settings"][0]
        assert (above["name"], above["value"], above["kind"]) == ("above", 25, "number")
        kinds = {one["name"]: one["kind"] for one in found["rules"][0]["settings"]}
        assert (kinds["pending_for"], kinds["samples"], "bands" in kinds) == ("duration", "number", False)
        assert found["responders"] == [{"id": "zhang", "name": "张三"}]
        seen = {rule["site"] for rule in commander.get("/api/v1/what-ifs/choices").json()["rules"]}
        assert seen == {"dip-1", "vault"}
        hidden = analyst.post("/api/v1/what-ifs", json={**SPAN, "sites": ["vault"]})
        assert hidden.status_code == 404


def test_zones_are_among_the_choices_and_lie_elsewhere_only_with_an_outline_that_a_zone_may_have(
    town: tuple[Running, Answers],
) -> None:
    running, _ = town
    with running.client("zhou") as analyst:
        (zone,) = analyst.get("/api/v1/what-ifs/choices").json()["zones"]
        assert zone == {"site": "dip-1", "zone": "road", "polygon": OUTLINE, "rules": [], "looked_into": []}
        moved = {"site": "dip-1", "zone": "road", "polygon": [[0.2, 0.2], *OUTLINE[1:]]}
        given = analyst.post("/api/v1/what-ifs", json={**SPAN, "zones": [moved]})
        answer_all(town)
        told = analyst.get(f"/api/v1/what-ifs/{given.json()['id']}").json()
        assert (told["state"], told["answer"]["counts"], told["answer"]["notes"]) == ("done", {"same": 1}, [])
        crossed = [[0.1, 0.1], [0.9, 0.9], [0.9, 0.1], [0.1, 0.9]]
        refused = analyst.post("/api/v1/what-ifs", json={**SPAN, "zones": [moved | {"polygon": crossed}]})
        assert (refused.status_code, refused.json()["words"]["key"]) == (422, "setting.zone.crosses")


def test_of_a_site_that_is_hidden_from_ones_role_nothing_can_be_asked_or_learnt(town: tuple[Running, Answers]) -> None:
    running, _ = town
    hidden = {"site": "vault", "zone": "door", "polygon": OUTLINE}
    change = {"site": "vault", "rule": "depth", "setting": "above", "value": 15}
    with running.client("zhou") as analyst, running.client("sun") as commander:
        for more in ({"sites": ["vault"]}, {"zones": [hidden]}, {"changes": [change]}):
            refused = analyst.post("/api/v1/what-ifs", json={**SPAN, **more})
            nowhere = str(more).replace("vault", "nowhere")
            same = analyst.post("/api/v1/what-ifs", json={**SPAN, **ast.literal_eval(nowhere)})
            assert (refused.status_code, same.status_code) == (404, 404)
        assert "vault" not in analyst.get("/api/v1/what-ifs/choices").text
        asked_all = [one.post("/api/v1/what-ifs", json=SPAN).json()["id"] for one in (analyst, commander)]
        answer_all(town)
        told = [one.get(f"/api/v1/what-ifs/{n}").json() for one, n in zip((analyst, commander), asked_all, strict=True)]
        assert [one["answer"]["sites"] for one in told] == [["dip-1"], ["dip-1", "vault"]]


def test_a_draft_is_judged_on_what_was_observed_and_only_where_it_differs(town: tuple[Running, Answers]) -> None:
    running, _ = town
    until = NOON + timedelta(minutes=15)

    def draft(**limits: Any) -> dict[str, Any]:
        sites = []
        for site in running.deps.settings.sites:
            rules = [{"kind": "threshold", "id": "depth", "quantity": "water_depth", "above": 25}]
            if site.id == "dip-1":
                rules = [rules[0] | limits, *more]
            sites.append(
                site.model_dump(mode="json", include={"id", "name", "location", "visible_to", "zones"})
                | {"rules": rules}
            )
        return {"document": {"sites": sites}, "hours": 0.25, "until": until.isoformat()}

    more: list[dict[str, Any]] = []
    with running.client("admin") as admin, running.client("zhou") as analyst:
        same = admin.post("/api/v1/settings/what-if", json=draft())
        assert (same.status_code, same.json()["id"], same.json()["sites"]) == (200, None, []), same.text
        more = [{"kind": "threshold", "id": "wet", "quantity": "water_depth", "above": 10}]
        given = admin.post("/api/v1/settings/what-if", json=draft(above=15))
        assert (given.status_code, given.json()["sites"]) == (200, ["dip-1"]), given.text
        answer_all(town)
        told = admin.get(f"/api/v1/what-ifs/{given.json()['id']}").json()
        assert (told["state"], told["answer"]["counts"]) == ("done", {"earlier": 1, "new": 1}), told
        assert {(one["rule"], one["what"]) for one in told["answer"]["alerts"]} == {
            ("depth", "earlier"),
            ("wet", "new"),
        }
        wrong = admin.post("/api/v1/settings/what-if", json=draft(above="deep"))
        assert wrong.status_code == 422
        assert [one["path"] for one in wrong.json()["errors"]] == ["sites[0].rules[0].above"]
        assert analyst.post("/api/v1/settings/what-if", json=draft(above=15)).status_code == 403
        never = admin.post("/api/v1/settings/what-if", json=draft(above=15) | {"until": "0001-01-01T00:00:00+14:00"})
        assert (never.status_code, never.json()["words"]["key"]) == (422, "what_if.nothing")
    assert running.store.read(lambda reader: reader.alerts(AlertQuery())) == []


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (asked("deep"), "what_if.value"),
        (asked() | {name: f"2024-07-2{day}T04:00:00Z" for day, name in enumerate(SPAN)}, "what_if.nothing"),
    ],
    ids=["no value", "nothing kept"],
)  # fmt: skip
def test_what_cannot_be_judged_is_told_with_words_for_the_screens(
    town: tuple[Running, Answers], body: dict[str, Any], key: str
) -> None:
    running, _ = town
    with running.client("zhou") as analyst:
        number = analyst.post("/api/v1/what-ifs", json=body).json()["id"]
        answer_all(town)
        told = analyst.get(f"/api/v1/what-ifs/{number}").json()
    assert (told["state"], told["answer"]["words"]["key"]) == ("refused", key)
    assert told["error"]


def test_a_span_that_is_too_long_or_turned_round_is_refused_at_once(town: tuple[Running, Answers]) -> None:
    running, _ = town
    with running.client("zhou") as analyst:
        for until in (NOON - timedelta(hours=1), NOON + timedelta(hours=25)):
            refused = analyst.post("/api/v1/what-ifs", json=asked(until=until.isoformat()))
            assert (refused.status_code, refused.json()["words"]["key"]) == (422, "what_if.span")
    assert ROLES["zhou"] is Role.ANALYST
