"""What a question costs is decided by what is asked for, not by what is stored; and nobody urgent waits behind it.

The cost is counted in steps of SQLite's virtual machine and in rows turned into objects: a loaded machine changes
neither.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, event

from data.errors import Busy
from data.local.lanes import Lane
from data.model.category import Category
from data.model.people import Role
from data.model.record import Evidence
from data.ports.store import Reader
from layouts.review_data import Span, collect, page_json
from layouts.review_figure import review_figure
from layouts.words import Words
from tests.web.city import PASSWORD, Clock, Running, city, open_deps, start
from tests.web.large_city import PICTURES, READINGS, fill
from web.accounts import add_user

STEPS = 100  # of the virtual machine between two counts


@dataclass
class Costs:
    """Steps of the database's reading connections, in units of `STEPS`."""

    counted: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def step(self) -> int:
        with self._lock:
            self.counted += 1
        return 0

    @contextmanager
    def of(self) -> Iterator[list[int]]:
        """Steps taken inside, in the list's first place afterwards."""
        before, found = self.counted, [0]
        yield found
        found[0] = (self.counted - before) * STEPS


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Costs]]:
    settings = city()
    clock = Clock()
    deps = open_deps(tmp_path_factory.mktemp("var"), settings, now=clock)
    for name, role in (("zhou", Role.ANALYST), ("zhao", Role.DUTY_OFFICER)):
        add_user(deps.store, name, role, None)
    deps.store.write(lambda writer: writer.put_category(Category(kind="litter", zh="垃圾", en="Litter", public=True)))
    fill(deps.var_dir / "yiping.db", datetime.now(UTC))
    costs = Costs()
    engine: Engine = deps.store._reading  # type: ignore[attr-defined]
    engine.dispose()
    event.listen(engine, "connect", lambda raw, _: raw.set_progress_handler(costs.step, STEPS))
    # A time limit would put its own handler in the place of the counting one.
    original = deps.store.read

    def unlimited(look: Callable[[Reader], Any], *, within_s: float | None = None) -> Any:
        return original(look)

    deps.store.read = unlimited  # type: ignore[method-assign]
    server, thread, port = start(deps)
    yield Running(f"http://127.0.0.1:{port}", deps.store, deps, clock, server), costs
    server.should_exit = True
    thread.join(15)
    deps.store.close()


def deep_cursor(client: httpx.Client, path: str, since: datetime, **query: Any) -> str:
    """`next` of a page that begins far from the list's beginning."""
    answer = client.get(path, params={"since": since.isoformat(), "limit": 1, **query})
    assert answer.status_code == 200, answer.text
    cursor: str = answer.json()["next"]
    return cursor


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/v1/readings", {"site": "quay"}),
        ("/api/v1/readings", {"site": "quay", "quantity": "water_level"}),
        ("/api/v1/evidence", {}),
        ("/api/v1/evidence", {"site": "gate-3"}),
    ],
)
def test_a_page_in_the_middle_of_a_long_list_reads_only_itself(
    large: tuple[Running, Costs], path: str, query: dict[str, str]
) -> None:
    running, costs = large
    begin = datetime.now(UTC) - timedelta(days=40)
    with running.client("zhou") as analyst:
        cursor = deep_cursor(analyst, path, datetime.now(UTC) - timedelta(days=6), **query)
        with costs.of() as spent:
            answer = analyst.get(path, params={"since": begin.isoformat(), "limit": 1, "next": cursor, **query})
    assert len(answer.json()["items"]) == 1
    assert spent[0] < 20_000, "200,000 rows would take millions of steps"


def test_a_foreign_cursor_is_refused_in_words(large: tuple[Running, Costs]) -> None:
    running, _ = large
    with running.client("zhou") as analyst:
        for cursor in ("x", "W10=", "WzEsMiwzXQ==", "2026-07-12T04:00:00+00:00~5", "👾", "W251bGwsbnVsbCxudWxsXQ=="):
            answer = analyst.get("/api/v1/readings", params={"site": "quay", "next": cursor})
            assert answer.status_code == 422
            assert "no cursor of this list" in answer.json()["detail"]


def test_a_strangers_listing_reads_fifty_of_twenty_thousand_reports(large: tuple[Running, Costs]) -> None:
    running, costs = large
    with running.client() as stranger:
        for query in ({}, {"status": "open"}, {"status": "closed"}, {"service_code": "nothing"}):
            with costs.of() as spent:
                answer = stranger.get("/open311/v2/requests.json", params=query)
            assert answer.status_code == 200
            assert len(answer.json()) == (50 if query in ({}, {"status": "open"}) else 0)
            assert spent[0] < 1_000_000, query
        with costs.of() as spent:
            stranger.get("/open311/v2/requests.json")
        assert spent[0] < 50_000


def test_a_month_of_review_is_small_and_keeps_every_crest(large: tuple[Running, Costs]) -> None:
    running, _ = large
    settings, now = running.deps.settings, datetime.now(UTC)
    site = settings.sites[1].model_copy(update={"monitors": ()})
    assert site.id == "quay"
    span = Span(now - timedelta(days=30), now)
    detecting = settings.model_copy(update={"sites": (*settings.sites,)})
    begun = time.thread_time()
    buckets = running.store.read(lambda reader: reader.reading_buckets(["quay"], span.since, span.until, timedelta(1)))
    incident = running.store.read(lambda reader: collect(reader, span, detecting))
    page = page_json(incident, settings.zone_info)
    figure = review_figure(incident, detecting, Words("zh")).to_json()
    spent = time.thread_time() - begun
    assert sum(one.count for one in buckets) > READINGS - 20_000
    assert max(one.high for one in buckets) == pytest.approx(180.99)
    assert len(incident.evidence) < PICTURES / 100
    assert len(str(page)) + len(figure) < 2_000_000, "30 MB were seen"
    assert spent < 8, "35 s were seen"


def test_acknowledging_logging_in_and_positions_go_on_while_every_other_lane_is_held(
    large: tuple[Running, Costs],
) -> None:
    running, _ = large
    add_user(running.store, "wei", Role.OPERATOR, PASSWORD)
    go, lanes = threading.Event(), running.deps.lanes
    held = [lane._threads.submit(go.wait, 30) for lane in (lanes.lists, lanes.heavy, lanes.public) for _ in range(8)]
    try:
        with running.client("zhao") as officer, running.client("zhang") as responder:
            alert = running.alert()
            assert officer.post(f"/api/v1/alerts/{alert}/acknowledge").status_code == 200
            body = {"lon": 106.51, "lat": 29.58}
            assert responder.post("/api/v1/responders/zhang/position", json=body).status_code == 200
            with running.browser("wei"):
                pass
            assert not go.is_set()
    finally:
        go.set()
    assert all(one.result() for one in held)


def test_a_stranger_who_asks_without_end_is_put_off_and_others_are_answered(large: tuple[Running, Costs]) -> None:
    running, _ = large
    with running.client() as stranger:
        answers = [stranger.get("/open311/v2/services.json") for _ in range(70)]
    assert [answer.status_code for answer in answers].count(429) >= 10
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert "too many questions" in answers[-1].json()[0]["description"]
    with httpx.Client(base_url=running.base, transport=httpx.HTTPTransport(local_address="127.0.0.9")) as another:
        assert another.get("/open311/v2/services.json").status_code == 200


def test_a_picture_of_a_responders_task_is_found_without_reading_their_tasks(large: tuple[Running, Costs]) -> None:
    running, costs = large
    now = datetime.now(UTC)
    picture = Evidence("f" * 64, "p.jpg", "image/jpeg", now, 9, "gate-3")
    running.store.write(lambda writer: writer.add_evidence(picture))
    with running.client("zhang") as responder, costs.of() as spent:
        assert responder.get(f"/media/evidence/{picture.id}").status_code == 404
    assert spent[0] < 20_000


def test_a_full_lane_refuses_at_once_and_takes_again_when_there_is_room() -> None:
    async def tried() -> None:
        lane, go = Lane("small", threads=1, waiting=1), threading.Event()
        first, second = (asyncio.create_task(lane.run(go.wait)) for _ in range(2))
        await asyncio.sleep(0.05)
        with pytest.raises(Busy, match="too much is being asked at once"):
            await lane.run(go.wait)
        go.set()
        assert await first
        assert await second
        assert await lane.run(lambda: 7) == 7
        assert lane.taken == 0
        lane.close()

    asyncio.run(tried())


def test_a_place_in_a_lane_stays_taken_until_its_thread_is_free_also_when_nobody_waits_any_more() -> None:
    async def tried() -> None:
        lane, go = Lane("small", threads=1, waiting=0), threading.Event()
        gone = asyncio.create_task(lane.run(go.wait))
        await asyncio.sleep(0.05)
        gone.cancel()
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await lane.run(go.wait)
        go.set()
        await asyncio.sleep(0.1)
        assert lane.taken == 0
        lane.close()

    asyncio.run(tried())
