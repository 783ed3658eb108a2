"""After-action reports: what a draft says, who may do what with it, and what a signature freezes."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from alerts.lifecycle import raise_alert
from data.config.settings import ResponderSettings, Settings, SiteSettings
from data.model.alert import AlertKey, Priority, Raised
from data.model.case import Recorded
from data.model.geo import Location
from data.model.organisation import Unit, UnitKind
from data.model.people import CONSOLE, Role
from data.model.task import Event, EventState, Offer, Task
from data.model.watching import WatchSettings
from data.ports.store import AlertQuery, TaskQuery, Writer
from dispatch.responders import sync_responders
from layouts.words import Words
from tests.web.city import ROLES, Clock, Running, StillCamera, open_deps, start
from web.accounts import add_user
from web.audit_check import full_check
from web.event_export import Asker
from web.review.document import load
from web.review.files import with_foot
from web.review.pdf import pdf_of

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)  # 12:00 in the city
WHERE, FAR = Location(lon=106.51, lat=29.58), Location(lon=106.61, lat=29.68)
SPAN = {"topic": "span", "since": "2024-07-12T03:00:00Z", "until": "2024-07-12T06:00:00Z", "title": "7·12 之夜"}
EVIL = '=HYPERLINK("http://198.51.100.7") #eval("1") <script>alert(1)</script> *bold* $x$ @cite'


def settings() -> Settings:
    return Settings(
        timezone="Asia/Shanghai",
        sites=(
            SiteSettings(id="dip", name="滨江路下穿", location=WHERE, monitor=StillCamera()),
            SiteSettings(id="quay", name="朝天门码头", location=WHERE, monitor=StillCamera()),
            SiteSettings(id="hill", name="远山", location=FAR, monitor=StillCamera()),
            SiteSettings(id="vault", name="金库", location=WHERE, monitor=StillCamera(), visible_to=(Role.COMMANDER,)),
        ),
        responders=(
            ResponderSettings(id="zhang", name="张志强", location=WHERE),
            ResponderSettings(id="wang", name="王晓梅", location=WHERE),
        ),
        watch=(WatchSettings(users=("wu",), sites=()),),
    )


def jpeg(colour: str) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (1280, 720), colour).save(content, "JPEG")
    return content.getvalue()


@dataclass
class Town:
    running: Running
    event: int
    before: int
    other: int  # far from the first, of another kind
    hidden: int
    picture: str
    secret: str  # the picture of the hidden place

    def ask(self, name: str, path: str = "", **query: Any) -> httpx.Response:
        with self.running.client(name) as client:
            return client.get(f"/api/v1/review-reports{path}", params=query)

    def post(self, name: str, path: str, body: Any) -> httpx.Response:
        with self.running.client(name) as client:
            return client.post(f"/api/v1/review-reports{path}", json=body)

    def make(self, event: int | None = None, name: str = "zhou") -> int:
        answer = self.post(name, "", {"topic": "event", "number": event or self.event})
        assert answer.status_code == 200, answer.text
        return int(answer.json()["review"]["id"])


def _raised(  # noqa: PLR0917 - what, where and when
    writer: Writer, site: str, kind: str, priority: Priority, began: int, after: int, evidence: Any = None
) -> Any:
    at = NOON + timedelta(seconds=began + after)
    key = AlertKey(site, kind, "", "")
    signal = Raised(key, kind, priority, NOON + timedelta(seconds=began), at, value=27.5, unit="cm")
    stored = raise_alert(writer, signal, evidence, at)
    assert stored is not None
    return stored


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Water in an underpass: acknowledged late, refused once, handled; a camera near by was covered meanwhile."""
    configured = settings()
    deps = open_deps(tmp_path_factory.mktemp("town") / "var", configured)
    for name, role in ROLES.items():
        add_user(deps.store, name, role, None)
    pictures = [
        deps.vault.keep(jpeg(colour), "image/jpeg", NOON + timedelta(seconds=20), site)
        for colour, site in (("navy", "dip"), ("olive", "vault"))
    ]

    def at(seconds: int) -> datetime:
        return NOON + timedelta(seconds=seconds)

    def work(writer: Writer) -> tuple[int, int, int, int]:
        sync_responders(writer, configured, NOON)
        writer.put_unit(Unit("drainage", UnitKind.DEPARTMENT, "排水公司"))
        for picture in pictures:
            writer.add_evidence(picture)
        earlier = Event("下穿积水", "threshold", "dip", WHERE, Priority.P2, NOON - timedelta(days=3))
        before = writer.add_event(replace(earlier, closed_at=NOON - timedelta(days=3) + timedelta(hours=1)))
        closed = Recorded("close", "closed", at(900), "li", "operator")
        event = writer.add_event(
            Event(
                "滨江路下穿积水", "threshold", "dip", WHERE, Priority.P1, at(30), grid="g-7", description=EVIL,
                closed_at=at(900), closed_by="li", steps=(closed,),
            )
        )  # fmt: skip
        alert = _raised(writer, "dip", "threshold", Priority.P1, 0, 12, pictures[0])
        writer.save_alert(
            replace(alert, event_id=event.id, acknowledged_at=at(12 + 95), acknowledged_by="li", ended_at=at(800))
        )
        blind = _raised(writer, "quay", "camera_health", Priority.P3, 100, 3)
        writer.save_alert(replace(blind, label="video_occlusion", ended_at=at(400)))
        _raised(writer, "hill", "camera_health", Priority.P3, 100, 3)
        task = writer.add_task(
            Task(
                event.id, "封闭下穿", Priority.P1, WHERE, at(40), "li", alert.id, "dip", responder="zhang",
                accepted_at=at(150), on_scene_at=at(500), reported_at=at(700), report_text=EVIL, verified_at=at(800),
                verified_by="zhao", closed_at=at(850),
            )
        )  # fmt: skip
        writer.add_offer(Offer(task.id, "wang", at(42), at(102), 200, 300, "road", declined_at=at(60), reason="车坏了"))
        writer.add_offer(Offer(task.id, "zhang", at(61), at(121), 240, 900, "road", accepted_at=at(150)))
        hidden = writer.add_event(
            Event("库内积水", "threshold", "vault", WHERE, Priority.P1, at(50), closed_at=at(600), photo=pictures[1].id)
        )
        other = Event("占道停车", "dwell", "hill", FAR, Priority.P3, at(60), closed_at=at(400), steps=(closed,))
        return event.id, before.id, writer.add_event(other).id, hidden.id

    event, before, other, hidden = deps.store.write(work)
    server, thread, port = start(deps)
    running = Running(f"http://127.0.0.1:{port}", deps.store, deps, Clock(), server)
    yield Town(running, event, before, other, hidden, pictures[0].id, pictures[1].id)
    server.should_exit = True
    thread.join(15)


def table(report: Any, name: str) -> list[list[str]]:
    for part in report["parts"]:
        for block in part["blocks"]:
            if block.get("name") == name and block["block"] == "table":
                return [[cell if isinstance(cell, str) else cell["text"] for cell in row] for row in block["rows"]]
    raise AssertionError(f"no table {name}")


def test_a_draft_tells_times_against_limits_who_refused_what_was_blind_and_what_recurs(town: Town) -> None:
    number = town.make()
    whole = town.ask("zhou", f"/{number}", language="en").json()
    assert (whole["review"]["state"], whole["number"], whole["may"]) == ("draft", 0, ["comment", "edit"])
    report = whole["report"]
    assert report["timezone"] == "All times are city time, Asia/Shanghai (UTC+08:00)"
    checks = {row[0]: row for row in table(report, "checks")}
    assert checks["Acknowledged"][2:7] == [
        "12:00:12", "12:01:47", "1 min 35 s", "1 min 0 s", "⚠ late",
    ]  # fmt: skip
    assert checks["Accepted"][4:7] == ["1 min 48 s", "1 min 0 s", "⚠ late"]
    assert checks["On scene"][4:8] == ["5 min 50 s", "expected 4 min 0 s", "⚠ later than expected", "张志强"]
    overview = [row[0] for row in table(report, "overview")]
    assert overview == ["Seen", "Acknowledged", "Offered", "Accepted", "On scene", "Reported", "Closed"]
    assert [row[2:5] + row[6:] for row in table(report, "offers")] == [
        ["王晓梅", "3 min 20 s", "⚠ declined", "车坏了"],
        ["张志强", "4 min 0 s", "accepted", ""],
    ]
    assert [row[0] for row in table(report, "blind")] == ["朝天门码头"]  # the hill is far away
    assert [row[:3] for row in table(report, "recurrences")] == [[str(town.before), "下穿积水", "滨江路下穿"]]
    assert [row[4] for row in table(report, "evidence")] == [town.picture]
    summary = report["parts"][0]["text"]
    assert "2 times exceeded their limits, 2 of them of P1 or P2." in summary
    assert "happened at the same place 1 more times within 7 days" in summary
    assert "(P1 red)" in summary
    (alert,) = {row[2] for row in table(report, "alerts")}
    assert alert == "over the limit", "in the reader's language alone, as on the other screens"
    chinese = town.ask("zhou", f"/{number}", language="zh").json()["report"]
    assert [part["title"] for part in chinese["parts"]][1:5] == [
        "一、感知预警", "二、决策处置", "三、监督评价", "四、复盘改进",
    ]  # fmt: skip
    assert "2 项超过时限" in chinese["parts"][0]["text"]


def test_a_saved_version_keeps_its_texts_and_the_next_must_be_written_on_it(town: Town) -> None:
    number = town.make(town.before)
    body = {"base": 0, "texts": {"evaluation": "值班台无人"}, "note": "first"}
    assert town.post("zhou", f"/{number}/versions", body).status_code == 200
    stale = town.post("qian", f"/{number}/versions", body)
    assert stale.status_code == 409
    assert stale.json()["words"]["key"] == "review.stale"
    whole = town.ask("li", f"/{number}").json()
    assert whole["texts"] == {"evaluation": "值班台无人"}
    parts = {part["id"]: part for part in whole["report"]["parts"]}
    assert (parts["evaluation"]["text"], parts["evaluation"]["written"]) == ("值班台无人", True)
    assert parts["sensing"]["written"] is False


def test_a_signature_freezes_the_report_in_the_trail_and_sends_its_measures_out_as_tasks(town: Town) -> None:
    number = town.make(town.other)
    measures = [
        {"text": "下穿加装道闸", "due": "2024-08-01", "unit": "drainage"},
        {"text": "值班台双人值守", "due": "2024-07-20", "owner": "李主任"},
    ]
    saved = town.post("zhou", f"/{number}/versions", {"base": 0, "texts": {}, "measures": measures})
    assert saved.status_code == 200, saved.text
    assert town.post("zhou", f"/{number}/sign", {"version": 1}).status_code == 403
    signed = town.post("qian", f"/{number}/sign", {"version": 1})
    assert signed.status_code == 200, signed.text
    review = signed.json()["review"]
    store = town.running.store
    version = store.read(lambda reader: reader.review_version(number, 1))
    assert version is not None
    assert review["sha256"] == version.sha256 == hashlib.sha256(version.document.encode()).hexdigest()
    entries = store.read(lambda reader: reader.audit(subject=f"review:{number}"))
    assert [entry.action for entry in entries] == ["draft_review", "save_review", "sign_review"]
    assert entries[-1].detail["sha256"] == version.sha256
    tasks = store.read(lambda reader: reader.tasks(TaskQuery(event_id=review["event"])))
    told = sorted((one.title, one.unit, str(one.promised)) for one in tasks)
    assert told == [("下穿加装道闸", "drainage", "2024-08-01"), ("值班台双人值守（李主任）", "", "2024-07-20")]
    assert store.read(lambda reader: reader.event(town.other)).state is EventState.REVIEWED
    for late in (("/versions", {"base": 1}), ("/sign", {"version": 1})):
        refused = town.post("qian", f"/{number}{late[0]}", late[1])
        assert (refused.status_code, refused.json()["words"]["key"]) == (409, "review.signed")
    whole = town.ask("zhou", f"/{number}").json()
    assert [(one["state"], one["late"]) for one in whole["measures"]] == [("offered", True), ("draft", True)]
    assert town.post("li", f"/{number}/comments", {"text": "同意", "part": "improvement"}).status_code == 200


@pytest.mark.parametrize(
    ("name", "make", "comment", "sign"),
    [("li", 403, 200, 403), ("zhao", 403, 200, 403), ("qian", 200, 200, 409), ("sun", 200, 200, 409),
     ("wu", 403, 200, 403), ("zhou", 200, 200, 403), ("admin", 403, 200, 403)],
)  # fmt: skip
def test_who_may_make_comment_and_sign(town: Town, name: str, make: int, comment: int, sign: int) -> None:
    number = town.post("zhou", "", SPAN).json()["review"]["id"]
    assert town.post(name, "", {"topic": "event", "number": town.event}).status_code == make
    assert town.post(name, f"/{number}/comments", {"text": "?"}).status_code == comment
    assert town.post(name, f"/{number}/sign", {"version": 7}).status_code == sign


def test_the_report_of_an_alert_is_listed_with_what_was_seen_and_by_which_rule(town: Town) -> None:
    store = town.running.store
    blind = next(one for one in store.read(lambda r: r.alerts(AlertQuery(limit=20))) if one.label == "video_occlusion")
    made = town.post("zhou", "", {"topic": "alert", "number": blind.id}).json()["review"]
    listed = next(one for one in town.ask("zhou").json()["items"] if one["id"] == made["id"])
    whole = town.ask("zhou", f"/{made['id']}").json()["review"]
    for review in (made, listed, whole):
        assert (review["title"], review["kind"], review["label"], review["rule"], review["site"]) == (
            "", "camera_health", "video_occlusion", "camera_health", "quay",
        )  # fmt: skip
    version = {"base": 0, "texts": {"summary": "镜头被遮"}, "measures": [], "note": ""}
    assert town.post("zhou", f"/{made['id']}/versions", version).json()["review"]["label"] == "video_occlusion"


def test_a_report_of_a_span_counts_the_city_and_leaves_hidden_places_out(town: Town) -> None:
    number = town.post("zhou", "", SPAN).json()["review"]["id"]
    commander = town.ask("sun", f"/{number}", language="zh").json()
    assert ["事件", "3", "已办结 3（100 %）"] in table(commander["report"], "funnel")
    assert len(table(commander["report"], "events")) == 3
    analyst = town.ask("zhou", f"/{number}", language="zh")
    assert ["事件", "2", "已办结 2（100 %）"] in table(analyst.json()["report"], "funnel")
    assert "库" not in analyst.text
    assert town.secret not in analyst.text
    assert town.post("zhou", "", {"topic": "event", "number": town.hidden}).status_code == 404
    secret = town.make(town.hidden, "sun")
    assert town.ask("zhou", f"/{secret}").status_code == 404
    assert town.ask("zhou", f"/{secret}/report.html").status_code == 404
    assert str(secret) not in [str(one["id"]) for one in town.ask("zhou").json()["items"]]


def test_who_works_in_the_street_sees_neither_who_refused_nor_the_audit_trail_nor_pictures(town: Town) -> None:
    number = town.make()
    told = town.ask("wu", f"/{number}", language="zh")
    assert "车坏了" not in told.text
    names = {block.get("name") for part in told.json()["report"]["parts"] for block in part["blocks"]}
    assert "audit" not in names
    assert "pictures" not in names
    assert "data:image" not in town.ask("wu", f"/{number}/report.html").text
    assert "data:image" in town.ask("zhou", f"/{number}/report.html").text


def test_outside_text_becomes_neither_markup_nor_a_formula_and_every_export_is_in_the_trail(town: Town) -> None:
    number = town.make()
    html = town.ask("zhou", f"/{number}/report.html", language="zh")
    assert html.headers["content-type"] == "text/html; charset=utf-8"
    assert "attachment" in html.headers["content-disposition"]
    assert "<script>" not in html.text
    assert "&lt;script&gt;alert(1)" in html.text
    rows = list(csv.reader(io.StringIO(town.ask("zhou", f"/{number}/report.csv", table="tasks").text.lstrip("\ufeff"))))
    assert rows[1][0] == "封闭下穿"
    assert rows[1][-1] == f"'{EVIL}"
    places = json.loads(town.ask("zhou", f"/{number}/report.geojson").text)
    assert [one["properties"]["place"] for one in places["features"]] == ["滨江路下穿"] * 3
    entries = town.running.store.read(lambda reader: reader.audit(subject=f"review:{number}"))
    forms = [(entry.actor, entry.detail["form"]) for entry in entries if entry.action == "export_review"]
    assert forms[-3:] == [("zhou", "html"), ("zhou", "csv"), ("zhou", "geojson")]


@pytest.mark.parametrize(
    "body",
    [
        {"topic": "event"},
        {"topic": "span", "since": "2024-07-12T06:00:00Z", "until": "2024-07-12T03:00:00Z"},
        {"topic": "span", "since": "2024-07-12T06:00:00Z", "until": "2024-09-12T03:00:00Z"},
        {"topic": "moon", "number": 1},
    ],
)
def test_a_subject_that_cannot_be_reviewed_is_refused(town: Town, body: Any) -> None:
    assert town.post("zhou", "", body).status_code == 422


def test_a_measure_without_an_owner_or_of_an_unknown_unit_is_refused(town: Town) -> None:
    number = town.make()
    measure = {"text": "加装道闸", "due": "2024-08-01"}
    refused = town.post("zhou", f"/{number}/versions", {"base": 0, "measures": [measure]})
    assert (refused.status_code, refused.json()["words"]["key"]) == (422, "review.owner")
    unknown = town.post("zhou", f"/{number}/versions", {"base": 0, "measures": [measure | {"unit": "navy"}]})
    assert unknown.status_code == 404


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_pdf_is_an_archive_of_its_own_with_chinese_in_it_and_takes_outside_text_as_text(
    town: Town, language: str
) -> None:
    answer = town.ask("zhou", f"/{town.make()}/report.pdf", language=language)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-1.7")
    assert b"pdfaid:part>2<" in answer.content  # PDF/A-2
    assert b"NotoSansCJKsc" in answer.content
    entry = town.running.store.read(lambda reader: reader.audit(newest_first=True, limit=1))[0]
    assert (entry.action, entry.detail["form"], entry.detail["language"]) == ("export_review", "pdf", language)


def test_who_asks_for_a_watermark_has_it_drawn_across_each_picture_and_the_trail_says_so(town: Town) -> None:
    number = town.make()
    plain = town.ask("zhou", f"/{number}/report.html", language="zh")
    marked = town.ask("zhou", f"/{number}/report.html", language="zh", watermark="true")
    assert marked.status_code == 200, marked.text
    pictures = [re.findall(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)", one.text) for one in (plain, marked)]
    assert len(pictures[0]) == len(pictures[1]) > 0
    for before, after in zip(*pictures, strict=True):
        clean, drawn = (
            np.asarray(Image.open(io.BytesIO(base64.b64decode(one))).convert("L"), np.int16) for one in (before, after)
        )
        assert clean.shape == drawn.shape
        assert (np.abs(clean - drawn) > 16).mean() > 0.01
    entries = town.running.store.read(lambda reader: reader.audit(newest_first=True, limit=2))
    assert [entry.detail["watermark"] for entry in entries] == [True, False]


def test_typst_reads_no_markup_no_code_and_no_file_out_of_what_a_report_says(town: Town) -> None:
    loaded = town.running.store.read(
        lambda reader: load(reader, town.make(), None, town.running.deps.settings, Asker(CONSOLE), NOON)
    )
    told = with_foot(loaded.outline(Words("en")), loaded, Words("en"), "zhou", NOON)
    evil = '#panic("run") #read("/etc/passwd") ]] $ x $ \\ *b* _i_ @ref <label> // gone /* gone */ ```raw``` = head'
    told["subtitle"] = evil
    told["parts"][0]["text"] = evil + "\n" + "x" * 5000
    told["parts"][0]["blocks"] = [
        {
            "block": "table",
            "name": "t",
            "title": evil,
            "columns": [{"name": evil, "width": 1}],
            "rows": [[evil]],
            "note": evil,
        }
    ]
    made = pdf_of(told, {}, NOON)
    assert made.startswith(b"%PDF")
    assert made == pdf_of(told, {}, NOON)  # the same report, the same bytes


def test_a_changed_byte_of_a_saved_or_signed_report_is_found_by_the_audit_check(town: Town) -> None:
    number = town.post("zhou", "", SPAN).json()["review"]["id"]
    assert town.post("qian", f"/{number}/versions", {"base": 0, "texts": {"summary": "水退了"}}).status_code == 200
    assert town.post("qian", f"/{number}/sign", {"version": 1}).status_code == 200
    deps = town.running.deps

    def findings() -> list[str]:
        return [one for one in full_check(deps.store, deps.var_dir, deps.vault).findings if "report" in one]

    assert findings() == []
    with sqlite3.connect(deps.var_dir / "yiping.db") as database:  # as an intruder would: past the triggers
        database.execute("DROP TRIGGER review_versions_refuse_update")
        database.execute(
            "UPDATE review_versions SET document = replace(document, '水退了', '水未退') WHERE review_id = ?", (number,)
        )
        database.execute("UPDATE reviews SET signed_by = signed_by, sha256 = 'ab' WHERE id = ?", (number,))
    assert findings() == [
        f"version 1 of report {number} is not what the trail says was saved",
        f"report {number} is not signed as the trail says",
    ]
