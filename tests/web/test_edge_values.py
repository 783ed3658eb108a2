"""Values at the edge of what can be kept are refused by 4xx with the field's name, everywhere."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

from tests.data.test_cap import message
from tests.web.city import Running
from tests.web.test_ingest import PUSH, sent_to
from web.json_guard import bad_json

__all__ = ["sent_to"]  # the fixture of a server to which gauges send

JSON = {"Content-Type": "application/json"}
HUGE = (2**63, 2**64, 10**30, -1, 0, 2**53)
TIMES = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "1899-12-31T23:59:59Z", "0", "1e308", "2024-07-12")
DEEP = "[" * 100_000 + "]" * 100_000
NESTED = '{"a":' * 60 + "1" + "}" * 60
TEXTS = ("\x00", "a\x00b", "\ud800", "\udfff later")


def field_of(answer: httpx.Response) -> str:
    assert answer.status_code == 422, (
        f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    )
    assert answer.headers["content-type"] == "application/problem+json"
    return " ".join(error["field"] for error in answer.json().get("errors", [])) or str(answer.json()["detail"])


@pytest.mark.parametrize("number", HUGE)
def test_an_id_beyond_what_rows_have_is_refused_by_name(running: Running, number: int) -> None:
    with running.client("zhao") as duty, running.client("sun") as commander:
        for path in ("alerts", "events", "tasks", "warnings", "alerts/{}/candidates"):
            found = duty.get(f"/api/v1/{path if '{}' in path else path + '/{}'}".format(number))
            assert "_id" in field_of(found)
        for path in (
            "alerts/{}/acknowledge",
            "tasks/{}/verify",
            "events/{}/judge",
            "notices/{}/answer",
            "tasks/{}/rule",
        ):
            assert "_id" in field_of(commander.post(f"/api/v1/{path}".format(number), json={"reason": "x"}))
        assert "alerts.0" in field_of(duty.post("/api/v1/dispatch", json={"alerts": [number]}))
        assert "alerts.0" in field_of(duty.post("/api/v1/alarm-cards/acknowledge", json={"alerts": [number]}))
        assert "event" in field_of(duty.post("/api/v1/events/1/link", json={"event": number}))
        assert "event" in field_of(duty.get(f"/api/v1/tasks?event={number}"))


@pytest.mark.parametrize("cursor", [str(10**19), "9" * 400, "٣", "-1", "1.5", "", "%00", "null", "W10=", "e30="])
def test_a_cursor_that_is_none_is_refused_by_name(running: Running, cursor: str) -> None:
    with running.client("zhao") as duty:
        for path in ("alerts", "events", "tasks", "notices", "audit", "evidence", "shifts", "readings?site=quay"):
            joint = "&" if "?" in path else "?"
            assert "next" in field_of(duty.get(f"/api/v1/{path}{joint}next={cursor}")), path


@pytest.mark.parametrize("moment", TIMES)
def test_a_time_at_the_edge_of_the_calendar_is_refused_by_name(running: Running, moment: str) -> None:
    with running.client("zhao") as duty, running.client("zhang") as responder, running.client("admin") as administrator:
        for path in ("alerts", "tasks", "evidence", "alarm-kpi", "alarm-kpi.csv", "readings?site=quay"):
            for name in ("since", "until"):
                answer = duty.get(
                    f"/api/v1/{path}", params=[*httpx.QueryParams(path.partition("?")[2]).items(), (name, moment)]
                )
                assert name in field_of(answer), path
        body: dict[str, Any] = {"until": moment, "reason": "x"}
        assert "until" in field_of(duty.post("/api/v1/alerts/1/shelve", json=body))
        place = {"lon": 106.5, "lat": 29.6, "at": moment}
        assert "at" in field_of(responder.post("/api/v1/responders/zhang/position", json=place))
        shift = {"unit": "u", "person": "p", "begins": moment, "ends": moment}
        assert "begins" in field_of(administrator.post("/api/v1/shifts", json=shift))
        form = {"kind": "other", "lon": "106.5", "lat": "29.6", "seen_at": moment}
        assert "seen_at" in field_of(responder.post("/api/v1/reports", data=form))


@pytest.mark.parametrize(
    "length", ["1e308d", "9" * 320 + "d", "999999999d", "P999999999D", "-1d", "nan", 5, None, [], "0s"]
)
def test_a_span_of_time_beyond_any_calendar_is_refused_by_name(running: Running, length: Any) -> None:
    with running.client("sun") as commander:
        for step, field in (("judge", "limit"), ("extend", "more"), ("hand_over", "every")):
            answer = commander.post(f"/api/v1/events/999/{step}", json={field: length})
            if length is None:
                assert answer.status_code == 404
            else:
                assert field in field_of(answer)


@pytest.mark.parametrize("text", TEXTS, ids=repr)
def test_a_text_that_no_database_can_keep_is_refused_by_name(running: Running, text: str) -> None:
    def send(who: httpx.Client, path: str, body: Any) -> str:
        return field_of(
            who.post(f"/api/v1/{path}", content=json.dumps(body), headers={"Content-Type": "application/json"})
        )

    with running.client("zhao") as duty, running.client("sun") as commander, running.client("admin") as administrator:
        assert "reason" in send(duty, "alerts/1/dismiss", {"reason": text})
        assert "description" in send(
            duty, "events", {"kind": "other", "location": {"lon": 1, "lat": 1}, "description": text}
        )
        assert "reporter.name" in send(duty, "events", {"kind": "other", "reporter": {"name": text}})
        assert "checklist.1" in send(duty, "events/1/tasks", {"checklist": ["a", text]})
        assert "text" in send(administrator, "organisation/import", {"form": "yaml", "text": text})
        assert "shares" in send(commander, "events/1/split", {"shares": {text: "x"}})
    for path in ("/api/v1/alerts?site=%00", "/api/v1/sites/%00", "/api/v1/audit?subject=a%00b", "/api/v1/alerts?%00=1"):
        with running.client("zhao") as duty:
            assert duty.get(path).status_code == 422, path


@pytest.mark.parametrize(
    "content", [DEEP, NESTED, '{"a": NaN}', '{"a": -Infinity}', '{"a": 1e999}', "{", "", "nul", '{"a": 1}x']
)
def test_json_that_is_none_or_too_deep_is_refused_everywhere(running: Running, content: str) -> None:
    headers = {"Content-Type": "application/json"}
    with running.client("zhao") as duty, running.client("admin") as administrator:
        for who, method, path in (
            (duty, "POST", "alerts/1/shelve"),
            (duty, "POST", "dispatch"),
            (duty, "POST", "events"),
            (duty, "POST", "web-push"),
            (administrator, "PUT", "units/u"),
            (administrator, "PUT", "categories/u"),
            (administrator, "POST", "organisation/import"),
        ):
            answer = who.request(method, f"/api/v1/{path}", content=content.encode(), headers=headers)
            assert answer.status_code == 422, f"{path}: {answer.status_code} {answer.text[:200]}"


POINT_BEYOND = {
    "type": "Feature",
    "properties": {"id": "g", "kind": "grid", "name": "g"},
    "geometry": {"type": "Point", "coordinates": [1e308, 1e308]},
}
FILES = (
    "[" * 5000,
    "{a: " * 3000,
    "- " * 4000 + "x",
    '{"a":' * 5000,
    "&a [*a]",
    "a: &a [*a, *a]",
    "!!python/object:x {}",
    json.dumps({"type": "FeatureCollection", "features": [POINT_BEYOND]}),
    json.dumps({"type": "FeatureCollection", "features": [{"properties": 5, "geometry": 5}]}),
    "units: [{id: a, kind: grid, name: a, code: 1e308}]",
    "units: [{id: a, kind: grid, name: a, posts: 99999999999999999999}]",
    "units: [{id: a, kind: grid, name: a, geometry: 5}]",
    "units: 5",
    "units: [5]",
    "shifts: 5",
    "shifts: [5]",
    "shifts: [{begins: 1, ends: 2}]",
    "shifts: [{unit: a, person: b, begins: '9999-12-31T23:00-12:00', ends: '9999-12-31T23:00-12:00'}]",
    "? []\n: x",
    "? ? ? ?",
    "a: !!timestamp x",
    "a: .nan",
    "a: 0x" + "f" * 4000,
    "a: " + "9" * 5000,
    "\ufeff",
    "id,kind,name\n\x1a,\x1b,",
    "id,kind,name\n" + "a," * 500,
)


@pytest.mark.parametrize("form", ["yaml", "geojson", "csv"])
@pytest.mark.parametrize("text", FILES, ids=lambda text: repr(text[:30]))
def test_a_file_of_units_that_is_none_is_refused_with_words(running: Running, form: str, text: str) -> None:
    with running.client("admin") as administrator:
        answer = administrator.post("/api/v1/organisation/import", json={"form": form, "text": text})
        assert answer.status_code in {200, 422}, answer.text[:300]


def callback(**changes: Any) -> dict[str, Any]:
    return {
        "output": "page.children",
        "outputs": {"id": "page", "property": "children"},
        "inputs": [{"id": "url", "property": "pathname", "value": "/duty"}],
        "changedPropIds": ["url.pathname"],
    } | changes


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "JSON"),
        (b"null", "body"),
        (b"[]", "body"),
        (b"{}", "output"),
        (b'"x"', "body"),
        (b"\xff", "JSON"),
        (DEEP.encode(), "JSON"),
        (callback(output="nothing.children"), "output"),
        (callback(output=5), "output"),
        (callback(inputs=[]), "inputs"),
        (callback(inputs=[5]), "inputs"),
        (callback(inputs=[{"id": "url", "property": "pathname", "value": {"a": 1}}]), "inputs"),
        (callback(inputs=[{"id": {"type": "x"}, "property": "pathname"}]), "inputs"),
        (callback(outputs=[]), "outputs"),
        (callback(outputs=None), "outputs"),
        (callback(changedPropIds=[["x"]]), "changedPropIds"),
        (callback(state=[{"id": "url", "property": "pathname"}]), "state"),
    ],
    ids=str,
)
def test_what_dash_cannot_read_is_refused_by_name_before_dash_sees_it(running: Running, body: Any, field: str) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with running.client("li") as operator:
        answer = operator.post("/_dash-update-component", content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422
        assert field in answer.json()["detail"]


@pytest.mark.parametrize("value", ["/duty", "", None, 5, -(10**30), "x" * 2000, "/\x00", "/\ud800", "//evil", "/../.."])
def test_dash_answers_whatever_is_typed_as_an_address(running: Running, value: Any) -> None:
    body = callback(inputs=[{"id": "url", "property": "pathname", "value": value}])
    with running.client("li") as operator:
        answer = operator.post("/_dash-update-component", content=json.dumps(body), headers=JSON)
        assert answer.status_code in {200, 422}, answer.text[:300]


@pytest.mark.parametrize(
    "since", ["", None, "9999-12-31T23:59", "0001-01-01T00:00", "x", 5, "2024-07-12T08:00:00.0000001"]
)
def test_a_span_of_review_that_is_none_is_told_on_the_page(running: Running, since: Any) -> None:
    body = {
        "output": "..review-graph.figure...review-data.data...review-message.children..",
        "outputs": [
            {"id": "review-graph", "property": "figure"},
            {"id": "review-data", "property": "data"},
            {"id": "review-message", "property": "children"},
        ],
        "inputs": [{"id": "review-read", "property": "n_clicks", "value": 1}],
        "changedPropIds": ["review-read.n_clicks"],
        "state": [
            {"id": "review-since", "property": "value", "value": since},
            {"id": "review-until", "property": "value", "value": since},
        ],
    }
    with running.client("li") as operator:
        assert operator.post("/_dash-update-component", json=body).status_code == 200


@pytest.mark.parametrize("name", ["start_date", "end_date", "service_request_id", "status", "service_code"])
@pytest.mark.parametrize("value", [*TIMES, "9" * 400, "%00", "%ed%a0%80", "٣", "-1", "nan"])
def test_open311_refuses_by_its_own_form_of_errors(running: Running, name: str, value: str) -> None:
    with running.client() as citizen:
        answer = citizen.get(f"/open311/v2/requests.json?{name}={value}")
        assert answer.status_code in {200, 400, 404, 429}, answer.text


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e308", "", "9" * 400, "٣", "1_0"])
def test_open311_takes_no_place_that_is_none(running: Running, value: str) -> None:
    with running.client() as citizen:
        for name in ("lat", "long"):
            form = {"service_code": "other", "lat": "29.5", "long": "106.5", "description": "x"} | {name: value}
            assert citizen.post("/open311/v2/requests.json", data=form).status_code in {400, 429}


RESULTS: tuple[Any, ...] = ("1e999", True, [], {}, 10**400)
OBSERVED: tuple[Any, ...] = (
    *({"phenomenonTime": moment, "result": 1.0} for moment in TIMES if moment[:4] not in {"2024", "1899"}),
    *({"phenomenonTime": "2026-07-12T08:00:00Z", "result": value} for value in RESULTS),
    {"phenomenonTime": "2026-07-12T08:00:00Z", "result": 1.0, "parameters": 5},
    {"value": 5},
    {"value": [5]},
    [],
    5,
    None,
)


@pytest.mark.parametrize("sent", OBSERVED, ids=lambda sent: str(sent)[:60])
def test_an_observation_that_is_none_is_refused_with_words(sent_to: Running, sent: Any) -> None:
    with sent_to.client("mast") as source:
        answer = source.post(PUSH, content=json.dumps(sent).encode(), headers=JSON)
        assert answer.status_code == 422, answer.text[:300]
        assert len(answer.json()["detail"]) > 10


@pytest.mark.parametrize("moment", [*TIMES, "", None, 5])
@pytest.mark.parametrize("name", ["startsAt", "endsAt"])
def test_an_alert_of_alertmanager_with_a_time_that_is_none_is_rejected(
    sent_to: Running, name: str, moment: Any
) -> None:
    alert = {"status": "firing", "labels": {"alertname": "x", "site": "quay-2"}, "startsAt": "2026-07-12T08:00:00Z"}
    with sent_to.client("mast") as source:
        answer = source.post("/api/v1/alertmanager", json={"version": "4", "alerts": [alert | {name: moment}]})
        assert answer.status_code in {200, 422}, answer.text[:300]


@pytest.mark.parametrize("moment", TIMES)
@pytest.mark.parametrize("tag", ["sent", "effective", "onset", "expires"])
def test_a_warning_with_a_time_that_is_none_breaks_nothing(sent_to: Running, tag: str, moment: str) -> None:
    text = message().decode()
    changed = re.sub(f"<{tag}>[^<]*</{tag}>", f"<{tag}>{moment}</{tag}>", text)
    with sent_to.client("mast") as source:
        answer = source.post("/api/v1/warnings", content=changed.encode())
        assert answer.status_code in {200, 201, 422}, answer.text[:300]


def test_the_guard_names_the_place_of_what_is_wrong() -> None:
    assert bad_json(b'{"a": [1, {"b": "x\\u0000"}]}') == (
        "a.1.b",
        "this text holds a character that cannot be kept (NUL, or half of a surrogate pair)",
    )
    assert bad_json(b'{"a": "\\ud83d\\ude00"}') is None, "a whole pair is a character"
    assert bad_json(b'{"a": 1e308}') is None
