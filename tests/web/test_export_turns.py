"""Few exports at once, the next in a line, of each person two; whoever goes away gives the place to the next."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from data.errors import Busy
from data.model.alert import Priority
from data.model.geo import Location
from data.model.people import Role
from data.model.task import Event
from tests.web.city import Clock, Running, open_deps, start, until
from web.accounts import add_user
from web.export_turns import ExportTurns


def refusal_of(error: pytest.ExceptionInfo[Busy]) -> str:
    return error.value.key


def test_two_are_made_at_once_the_next_waits_and_one_more_is_told_that_the_line_is_full() -> None:
    async def work() -> None:
        turns = ExportTurns(at_once=2, waiting=1)
        first, _second = await turns.take("li"), await turns.take("wu")
        third = asyncio.create_task(turns.take("sun"))
        await asyncio.sleep(0)
        assert turns.line == (2, 1)
        with pytest.raises(Busy) as full:
            await turns.take("qian")
        assert refusal_of(full) == "export.full"
        first.end()
        first.end()
        assert (await third).who == "sun"
        assert turns.line == (2, 0)

    asyncio.run(work())


def test_a_person_has_two_at_most() -> None:
    async def work() -> None:
        turns = ExportTurns(at_once=3, waiting=1)
        first = await turns.take("li")
        async with turns.turn("li"):
            with pytest.raises(Busy) as own:
                await turns.take("li")
            assert refusal_of(own) == "export.own"
            assert (await turns.take("wu")).who == "wu"
        first.end()
        assert turns.line == (1, 0)

    asyncio.run(work())


def test_who_waits_in_vain_is_told_and_who_goes_away_leaves_no_hole() -> None:
    async def work() -> None:
        turns = ExportTurns(at_once=1, waiting=2, patience_s=0.05)
        held = await turns.take("li")
        with pytest.raises(Busy) as late:
            await turns.take("wu")
        assert (refusal_of(late), turns.line) == ("export.late", (1, 0))
        gone = asyncio.create_task(turns.take("wu"))
        await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        assert turns.line == (1, 0)
        held.end()
        assert turns.line == (0, 0)

    asyncio.run(work())


def test_over_rest_a_full_line_is_a_refusal_with_words_and_an_export_gives_its_place_back(tmp_path: Path) -> None:
    deps = open_deps(tmp_path / "var")
    add_user(deps.store, "zhou", Role.ANALYST, None)
    event = Event("a car", "dwell", "gate-3", Location(lon=106.51, lat=29.58), Priority.P2, datetime.now(UTC))
    number = deps.store.write(lambda writer: writer.add_event(event)).id
    server, thread, port = start(deps)
    running = Running(f"http://127.0.0.1:{port}", deps.store, deps, Clock(), server)
    address = f"/api/v1/events/{number}/export"
    try:
        with running.client("zhou") as client:
            for _ in range(3):
                assert client.get(address).status_code == 200
            until(lambda: deps.exports.line == (0, 0), 30)
            told = client.get("/api/v1/exports").json()
            assert told == {"running": 0, "waiting": 0, "at_once": 2, "may_wait": 6, "own": 0, "own_at_most": 2}
            deps.__dict__["exports"] = ExportTurns(at_once=0, waiting=0)
            refused = client.get(address)
            assert (refused.status_code, refused.json()["words"]["key"]) == (503, "export.full")
            assert refused.headers["retry-after"]
        with running.client("zhang") as responder:
            assert responder.get("/api/v1/exports").status_code == 403
    finally:
        server.should_exit = True
        thread.join(15)
        deps.store.close()
