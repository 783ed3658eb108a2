"""Settings over REST, on a running server: what is saved is in force for its pages, routes and sockets at once."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import jsonschema  # type: ignore[import-untyped]
import pytest
from websockets.sync.client import connect

from bench.security_schemathesis import attack
from data.config.document import as_yaml
from data.config.reading import load_settings
from data.config.settings import Settings
from data.model.people import SYSTEM, Role
from data.model.settings_version import SettingsVersion
from data.stored.settings_versions import import_once
from engine.catalogue import load_catalogue
from tests.web.city import PASSWORD, Clock, Running, bearer, open_deps, start
from web.accounts import add_user
from web.settings import document_reader

SETTINGS = "/api/v1/settings"
WITHIN_S = 2.0
FILE: dict[str, Any] = {
    "config": "screen",
    "workers": 2,
    "name": "River district",
    "sites": [
        {
            "id": "quay",
            "name": "Quay",
            "location": {"lon": 121.5, "lat": 31.2},
            "monitor": {"kind": "rtsp_camera", "url": "rtsp://192.0.2.7/quay"},
            "zones": [{"id": "lane", "polygon": [[0.1, 0.1], [0.5, 0.1], [0.5, 0.5]]}],
            "rules": [{"kind": "dwell", "zone": "lane", "labels": ["car"], "at_least": "60s"}],
        },
        {
            "id": "underpass",
            "location": {"lon": 121.5, "lat": 31.2},
            "monitor": {"kind": "http_push", "id": "depth", "quantity": "water_depth", "unit": "cm"},
        },
    ],
}
GATE = {
    "id": "gate",
    "location": {"lon": 121.6, "lat": 31.2},
    "monitor": {"kind": "rtsp_camera", "url": "rtsp://192.0.2.8/gate"},
}


def serve(var_dir: Path, mode: str) -> tuple[Running, Callable[[], None]]:
    machine = Settings.model_validate({"config": mode, "workers": 2})
    clock = Clock()
    deps = open_deps(var_dir, machine, now=clock, catalogue=load_catalogue(), file=FILE | {"config": mode})
    if mode == "screen":
        document = {key: FILE[key] for key in ("name", "sites")}
        assert import_once(deps.store, document_reader(deps), document, SYSTEM, deps.now())
    for name, role in (("admin", Role.ADMINISTRATOR), ("li", Role.OPERATOR), ("chen", Role.ANALYST)):
        add_user(deps.store, name, role, PASSWORD)
    server, thread, port = start(deps)

    def stop() -> None:
        server.should_exit = True
        thread.join(15)
        deps.store.close()

    return Running(f"http://127.0.0.1:{port}", deps.store, deps, clock, server), stop


@pytest.fixture(scope="module")
def shared_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running, stop = serve(tmp_path_factory.mktemp("var"), "screen")
    yield running
    stop()


@pytest.fixture
def city(shared_city: Running) -> Running:
    """A server on which version 1, the imported file, is in force."""
    with shared_city.client("admin") as admin:
        if admin.get(SETTINGS).json()["document"] != {key: FILE[key] for key in ("name", "sites")}:
            assert admin.post(f"{SETTINGS}/versions/1/restore").status_code == 200
    return shared_city


@pytest.fixture
def admin(city: Running) -> Iterator[httpx.Client]:
    with city.client("admin") as client:
        yield client


def now(admin: httpx.Client) -> dict[str, Any]:
    answer = admin.get(SETTINGS)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def sites(client: httpx.Client) -> list[str]:
    return [site["id"] for site in client.get("/api/v1/sites").json()["items"]]


def page_data(running: Running, name: str) -> dict[str, Any]:
    """What the wall's page is given."""
    with running.browser(name) as browser:
        found = re.search(r'id="yiping-page-data">(.*?)</script>', browser.get("/").text, re.DOTALL)
        assert found is not None
        data: dict[str, Any] = json.loads(found[1])
        return data


def test_the_document_in_force_is_told_with_its_version_and_what_stays_with_the_file(admin: httpx.Client) -> None:
    found = now(admin)
    assert found["mode"] == "screen"
    assert found["document"]["name"] == "River district"
    assert {"config", "web", "workers", "log"} <= set(found["machine_keys"])
    assert found["schema_url"] == "/api/v1/settings/schema"
    assert (found["newest"], found["trouble"]) == (found["version"], "")


def test_a_save_is_in_force_for_the_routes_at_once_and_for_the_pages(city: Running, admin: httpx.Client) -> None:
    before = now(admin)
    document = before["document"] | {"name": "Harbour district", "sites": [*before["document"]["sites"], GATE]}
    began = time.monotonic()
    answer = admin.put(SETTINGS, json={"base_version": before["version"], "document": document, "note": "a gate"})
    assert answer.status_code == 200, answer.text
    assert time.monotonic() - began < WITHIN_S
    saved = answer.json()
    assert (saved["version"], saved["who"], saved["note"]) == (before["version"] + 1, "admin", "a gate")
    assert [one["path"] for one in saved["difference"]] == ["name", "sites[gate]"]
    assert sites(admin) == ["quay", "underpass", "gate"], "the very next question has the new site"
    assert [one["id"] for one in admin.get("/api/v1/setup").json()["sites"]] == ["quay", "underpass", "gate"]
    assert [one["id"] for one in page_data(city, "li")["sites"]] == ["quay", "underpass", "gate"]
    with city.browser("li") as browser:
        page = browser.get("/").text
        assert "<title>" in page
        assert "Harbour district" in page
    assert city.deps.settings.workers == 2, "keys of the machine stay"


def test_an_open_screen_learns_of_a_save_within_a_second(city: Running, admin: httpx.Client) -> None:
    with connect(city.ws("/ws/events"), additional_headers=bearer(city.token("li"))) as socket:
        assert json.loads(socket.recv(5))["type"] == "hello"
        version = now(admin)["version"]
        answer = admin.post(f"{SETTINGS}/sites", json={"base_version": version, "site": GATE})
        assert answer.status_code == 201, answer.text
        began = time.monotonic()
        while True:
            told = json.loads(socket.recv(5))
            if told.get("topic") == "settings":
                break
        assert time.monotonic() - began < 1.0
        assert told["data"] == {"version": version + 1}
        assert told["subject"] == f"settings:{version + 1}"


def test_who_saves_on_top_of_an_older_version_is_told_who_was_first(admin: httpx.Client) -> None:
    before = now(admin)
    site = {"base_version": before["version"], "name": "Old quay"}
    assert admin.patch(f"{SETTINGS}/sites/quay", json=site).status_code == 200
    refused = admin.patch(f"{SETTINGS}/sites/quay", json=site | {"name": "New quay"})
    assert refused.status_code == 409
    assert refused.json()["words"] == {
        "key": "settings.stale",
        "values": {"base": before["version"], "version": before["version"] + 1, "who": "admin"},
    }
    assert now(admin)["document"]["sites"][0]["name"] == "Old quay"


def test_every_problem_is_located_and_nothing_is_saved(admin: httpx.Client) -> None:
    before = now(admin)
    crossing = [[0.1, 0.1], [0.5, 0.5], [0.5, 0.1], [0.1, 0.5]]
    parts = {
        "base_version": before["version"],
        "zones": [{"id": "lane", "polygon": crossing}],
        "rules": [{"kind": "dwel", "zone": "lan"}],
    }
    answer = admin.patch(f"{SETTINGS}/sites/quay", json=parts)
    assert answer.status_code == 422
    document = answer.json()
    assert document["words"] == {"key": "settings.wrong", "values": {"n": 2}}
    assert [(one["path"], one["site"], one["key"], one["values"]) for one in document["errors"]] == [
        ("sites[0].rules[0].kind", "quay", "setting.kind.unknown", {"name": "dwel"}),
        ("sites[0].zones[0]", "quay", "setting.zone.crosses", {"first": 1, "second": 3}),
    ]
    assert now(admin) == before


def test_a_check_tells_problems_and_what_would_differ_and_saves_nothing(admin: httpx.Client) -> None:
    before = now(admin)
    document = before["document"] | {"timezone": "Asia/Shanghai"}
    answer = admin.post(f"{SETTINGS}/check", json={"document": document}).json()
    assert answer == {
        "problems": [],
        "difference": [{"path": "timezone", "before": "UTC", "after": "Asia/Shanghai"}],
    }
    wrong = admin.post(f"{SETTINGS}/check", json={"document": document | {"workers": 9, "timezone": "Mars"}}).json()
    assert [(one["path"], one["key"]) for one in wrong["problems"]] == [
        ("workers", "setting.machine"),
        ("timezone", ""),
    ]
    assert wrong["problems"][1]["words"].startswith("no time zone 'Mars'")
    assert now(admin) == before


def test_a_camera_is_replaced_and_taken_away_by_its_part(admin: httpx.Client) -> None:
    version = now(admin)["version"]
    gauge = {"kind": "http_push", "id": "depth", "quantity": "water_depth", "unit": "cm"}
    both = {"base_version": version, "monitor": gauge, "camera": {"kind": "rtsp_camera", "url": "rtsp://192.0.2.9/new"}}
    assert admin.patch(f"{SETTINGS}/sites/quay", json=both).status_code == 200
    quay = now(admin)["document"]["sites"][0]
    assert (quay["monitor"]["url"], quay["monitors"]) == ("rtsp://192.0.2.9/new", [gauge])
    gone = {"base_version": version + 1, "camera": None, "zones": [], "rules": None}
    assert admin.patch(f"{SETTINGS}/sites/quay", json=gone).status_code == 200
    quay = now(admin)["document"]["sites"][0]
    assert "monitor" not in quay
    assert "rules" not in quay
    assert (quay["monitors"], quay["zones"]) == ([gauge], [])


def test_a_site_that_is_removed_is_gone_and_comes_back_with_one_click(admin: httpx.Client) -> None:
    version = now(admin)["version"]
    assert admin.delete(f"{SETTINGS}/sites/quay", params={"base_version": version}).status_code == 200
    assert sites(admin) == ["underpass"]
    assert admin.get("/api/v1/sites/quay").status_code == 404
    assert admin.delete(f"{SETTINGS}/sites/quay", params={"base_version": version + 1}).status_code == 404
    answer = admin.post(f"{SETTINGS}/versions/1/restore", json={"note": "it was the wrong one"})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["restored"], answer.json()["note"]) == (1, "it was the wrong one")
    assert sites(admin) == ["quay", "underpass"]


def test_versions_are_listed_by_pages_with_who_why_and_what_differs(admin: httpx.Client) -> None:
    version = now(admin)["version"]
    for name in ("one", "two"):
        answer = admin.patch(f"{SETTINGS}/sites/quay", json={"base_version": version, "name": name, "note": name})
        version = answer.json()["version"]
    page = admin.get(f"{SETTINGS}/versions", params={"limit": 1}).json()
    assert [one["version"] for one in page["items"]] == [version]
    assert page["items"][0]["difference"] == [{"path": "sites[quay].name", "before": "one", "after": "two"}]
    assert "document" not in page["items"][0]
    following = admin.get(f"{SETTINGS}/versions", params={"limit": 1, "next": page["next"]}).json()
    assert [one["note"] for one in following["items"]] == ["one"]
    one = admin.get(f"{SETTINGS}/versions/{version - 1}").json()
    assert one["document"]["sites"][0]["name"] == "one"
    assert admin.get(f"{SETTINGS}/versions/99999").status_code == 404


def test_what_is_exported_is_a_file_that_starts_the_same_system(admin: httpx.Client, tmp_path: Path) -> None:
    exported = admin.get(f"{SETTINGS}/export")
    assert exported.headers["content-type"].startswith("application/yaml")
    file = tmp_path / "config.yaml"
    file.write_text(exported.text, encoding="utf-8")
    settings, _ = load_settings(file, load_catalogue(), {})
    again = tmp_path / "again.yaml"
    again.write_text(as_yaml(now(admin)["document"], FILE), encoding="utf-8")
    assert settings == load_settings(again, load_catalogue(), {})[0]
    assert (settings.config, settings.workers, len(settings.sites)) == ("screen", 2, 2)


def test_the_schema_describes_the_document_and_every_kind(admin: httpx.Client) -> None:
    schema = admin.get(f"{SETTINGS}/schema").json()
    validator = jsonschema.Draft202012Validator(schema)
    document = now(admin)["document"]
    assert list(validator.iter_errors(document)) == []
    wrong = json.loads(json.dumps(document))
    wrong["sites"][0]["monitor"]["urrl"] = "x"
    assert list(validator.iter_errors(wrong))
    assert "workers" not in schema["properties"], "a key of the machine"
    camera = schema["$defs"][
        schema["$defs"]["MonitorRecipe"]["discriminator"]["mapping"]["rtsp_camera"].rpartition("/")[2]
    ]
    assert camera["x-gives"] == "frames"
    assert camera["properties"]["url"]["description"]


def test_the_same_save_sent_twice_is_one_version(admin: httpx.Client) -> None:
    version = now(admin)["version"]
    key = {"Idempotency-Key": f"restore-{version}"}
    first = admin.post(f"{SETTINGS}/versions/1/restore", headers=key).json()
    again = admin.post(f"{SETTINGS}/versions/1/restore", headers=key)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first
    assert now(admin)["version"] == version + 1


def test_saving_what_is_in_force_already_makes_no_version(admin: httpx.Client) -> None:
    before = now(admin)
    same = admin.put(
        SETTINGS, json={"base_version": before["version"], "document": before["document"] | {"timezone": "UTC"}}
    )
    assert same.status_code == 409
    assert same.json()["words"]["key"] == "settings.same"
    assert now(admin) == before


def test_only_administrators_look_or_save_and_others_learn_no_addresses_from_the_trail(
    city: Running, admin: httpx.Client
) -> None:
    version = now(admin)["version"]
    camera = {"kind": "rtsp_camera", "url": "rtsp://192.0.2.99/secret-place"}
    assert admin.patch(f"{SETTINGS}/sites/quay", json={"base_version": version, "camera": camera}).status_code == 200
    with city.client("li") as operator:
        assert operator.get(SETTINGS).status_code == 403
        assert operator.get(f"{SETTINGS}/export").status_code == 403
        assert operator.put(SETTINGS, json={"base_version": version + 1, "document": {}}).status_code == 403
    subject = {"subject": f"settings:{version + 1}"}
    with city.client("chen") as analyst:
        (entry,) = analyst.get("/api/v1/audit", params=subject).json()["items"]
        assert (entry["action"], entry["actor"], entry["detail"]["differs"]) == ("save_settings", "admin", 1)
        assert "192.0.2.99" not in json.dumps(entry)
    (entry,) = admin.get("/api/v1/audit", params=subject).json()["items"]
    assert entry["detail"]["difference"][0]["after"] == "rtsp://192.0.2.99/secret-place"


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../other/readings.csv",
        "secrets.yaml",
        "var:keys/audit.key",
        "var:yiping.db",
        ".env",
        "tls/own.PEM",
    ],
)
def test_a_file_that_is_none_of_a_gauges_is_not_read_by_naming_it(admin: httpx.Client, path: str) -> None:
    gauge = {"kind": "csv_gauge", "path": path, "quantity": "water_depth", "time": "t", "value": "v"}
    given = {"base_version": now(admin)["version"], "monitor": gauge}
    answer = admin.patch(f"{SETTINGS}/sites/underpass", json=given)
    assert answer.status_code == 422
    assert [(one["path"], one["key"]) for one in answer.json()["errors"]] == [("sites[1].monitor.path", "setting.file")]
    document = now(admin)["document"]
    document["sites"][1]["monitor"] = gauge
    (problem,) = admin.post(f"{SETTINGS}/check", json={"document": document}).json()["problems"]
    assert problem["key"] == "setting.file"
    fine = gauge | {"path": "readings/depth.csv"}
    assert admin.patch(f"{SETTINGS}/sites/underpass", json=given | {"monitor": fine}).status_code == 200


def test_a_site_that_is_hidden_while_somebody_looks_is_hidden_from_then_on(city: Running, admin: httpx.Client) -> None:
    with city.client("li") as operator:
        assert operator.get("/api/v1/sites/quay").status_code == 200
        hide = {"base_version": now(admin)["version"], "visible_to": ["commander"]}
        assert admin.patch(f"{SETTINGS}/sites/quay", json=hide).status_code == 200
        assert operator.get("/api/v1/sites/quay").status_code == 404
        assert sites(operator) == ["underpass"]
        assert operator.get("/media/live/quay.jpg").status_code == 404
    assert [one["id"] for one in page_data(city, "li")["sites"]] == ["underpass"]


def test_a_gauge_that_is_added_takes_what_it_is_sent(city: Running, admin: httpx.Client) -> None:
    add_user(city.store, "gateway", Role.SOURCE, None)
    observation = {"result": 12.5, "phenomenonTime": "2024-07-12T12:00:00Z"}
    with city.client("gateway") as gateway:
        where = "/api/v1/datastreams/ford/depth/observations"
        assert gateway.post(where, json=observation).status_code == 404
        gauge = {"kind": "http_push", "id": "depth", "quantity": "water_depth", "unit": "cm"}
        ford = {"id": "ford", "location": {"lon": 121.5, "lat": 31.2}, "monitor": gauge}
        added = admin.post(f"{SETTINGS}/sites", json={"base_version": now(admin)["version"], "site": ford})
        assert added.status_code == 201, added.text
        assert gateway.post(where, json=observation).status_code == 202


def test_a_poisoned_version_changes_nothing_and_is_told_and_mended(city: Running, admin: httpx.Client) -> None:
    before = now(admin)
    number = before["newest"] + 1
    poison = SettingsVersion(number, city.deps.now(), "mallory", "", "", "{", "0" * 64)
    city.store.write(lambda writer: writer.add_settings_version(poison))
    deadline = time.monotonic() + 5
    while (found := now(admin))["newest"] != number:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert found["version"] == before["version"]
    assert found["trouble"].startswith(f"version {number}: ")
    assert sites(admin) == ["quay", "underpass"]
    health = admin.get("/api/v1/health").json()
    assert [one["key"] for one in health["items"] if one["part"] == "settings"] == ["settings_unreadable"]
    assert admin.get(f"{SETTINGS}/versions/{number}").status_code == 404
    assert admin.post(f"{SETTINGS}/versions/{number}/restore").status_code == 404
    mended = admin.patch(f"{SETTINGS}/sites/quay", json={"base_version": found["version"], "name": "Mended"})
    assert mended.status_code == 200, "whoever has seen the version in force saves on top of the poisoned one"
    assert mended.json()["version"] == number + 1
    assert now(admin)["trouble"] == ""
    poison = replace(poison, number=number + 2)
    city.store.write(lambda writer: writer.add_settings_version(poison))
    back = admin.post(f"{SETTINGS}/versions/1/restore")
    assert back.status_code == 200, "one click goes back, also from a version that is no JSON"
    assert (back.json()["version"], now(admin)["trouble"]) == (number + 3, "")
    health = admin.get("/api/v1/health").json()
    assert [one["key"] for one in health["items"] if one["part"] == "settings"] == ["settings"]


def test_with_the_file_as_the_truth_everything_is_shown_and_nothing_saved(tmp_path: Path) -> None:
    running, stop = serve(tmp_path, "file")
    try:
        with running.client("admin") as admin:
            found = now(admin)
            assert (found["mode"], found["version"], found["document"]["name"]) == ("file", 0, "River district")
            for answer in (
                admin.put(SETTINGS, json={"base_version": 1, "document": {}}),
                admin.post(f"{SETTINGS}/sites", json={"base_version": 1, "site": GATE}),
                admin.patch(f"{SETTINGS}/sites/quay", json={"base_version": 1, "zones": []}),
                admin.delete(f"{SETTINGS}/sites/quay", params={"base_version": 1}),
                admin.post(f"{SETTINGS}/versions/1/restore"),
            ):
                assert answer.status_code == 409, answer.text
                assert answer.json()["words"]["key"] == "settings.file"
                assert "config: screen" in answer.json()["detail"]
            assert admin.post(f"{SETTINGS}/check", json={"document": found["document"]}).json()["problems"] == []
    finally:
        stop()


@pytest.mark.slow
def test_no_operation_on_settings_answers_what_its_description_does_not_say(city: Running, tmp_path: Path) -> None:
    only = ["--include-path-regex", "/api/v1/settings($|/(check|export|schema|sites|versions))"]
    more = ["--max-time", "20", "--max-examples", "3", "--no-shrink"]
    run = attack(city.base, city.token("admin"), Role.ADMINISTRATOR, [*only, *more], tmp_path)
    assert run.failures == {}, run.said[-6000:]
    assert run.operations == 11
    assert run.requests > 50


def test_a_key_in_an_address_is_masked_for_screens_and_stays_when_they_send_the_mask_back(
    city: Running, admin: httpx.Client
) -> None:
    site = GATE | {"monitor": {"kind": "http_snapshot", "url": "http://192.0.2.8/p.jpg?token=kettleharbour42xyz"}}
    made = admin.post(f"{SETTINGS}/sites", json={"base_version": now(admin)["version"], "site": site})
    assert made.status_code == 201, made.text
    seen = now(admin)
    assert "kettleharbour42xyz" not in json.dumps(seen)
    camera = seen["document"]["sites"][-1]["monitor"] | {"every": "2s"}
    parts = {"base_version": seen["version"], "camera": camera}
    changed = admin.patch(f"{SETTINGS}/sites/gate", json=parts)
    assert changed.status_code == 200, changed.text
    assert [one["path"] for one in changed.json()["difference"]] == ["sites[gate].monitor.every"]
    assert "kettleharbour42xyz" not in admin.get(f"{SETTINGS}/export").text
    kept = city.store.read(lambda reader: reader.settings_version(reader.newest_settings()))
    assert "p.jpg?token=kettleharbour42xyz" in kept.document
    gone = admin.delete(f"{SETTINGS}/sites/gate", params={"base_version": now(admin)["version"]})
    assert gone.status_code == 200
    earlier = admin.get(f"{SETTINGS}/versions/{kept.number}")
    assert earlier.json()["document"]["sites"][-1]["monitor"]["url"] == "http://192.0.2.8/p.jpg?token=***"
    assert "kettleharbour42xyz" not in earlier.text, "nor when no camera in force has it any more"


def test_a_mask_without_a_key_is_told_and_never_saved(admin: httpx.Client) -> None:
    site = GATE | {"monitor": {"kind": "http_snapshot", "url": "http://192.0.2.8/new.jpg?token=***"}}
    answer = admin.post(f"{SETTINGS}/sites", json={"base_version": now(admin)["version"], "site": site})
    assert answer.status_code == 422, answer.text
    (problem,) = answer.json()["errors"]
    assert (problem["path"], problem["site"], problem["key"]) == ("sites[2].monitor.url", "gate", "setting.masked")
    document = now(admin)["document"]
    checked = admin.post(
        f"{SETTINGS}/check", json={"document": document | {"sites": [*document["sites"], site]}}
    ).json()
    assert [one["key"] for one in checked["problems"]] == ["setting.masked"]


def test_a_country_without_a_calendar_is_refused_before_it_stops_the_clock(admin: httpx.Client) -> None:
    seen = now(admin)
    document = seen["document"] | {"cases": {"country": "XX"}}
    answer = admin.put(SETTINGS, json={"base_version": seen["version"], "document": document})
    assert answer.status_code == 422, answer.text
    assert [(one["path"], one["key"], one["values"]) for one in answer.json()["errors"]] == [
        ("cases.country", "setting.country", {"name": "XX"})
    ]
