"""Whatever times a gauge gives, its site's clock goes on: silence is told, history raises nothing, nothing is lost."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from alerts.threshold import Recipe as Threshold
from data.model.observation import HISTORY_AFTER, Reading
from monitors.gauges.csv_gauge import Recipe as CsvGauge
from tests.engine.gauge_site import BEGAN, SITE, Town, push

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path)
    yield town
    town.end()


def test_one_reading_of_the_day_before_yesterday_stops_nobodys_silence(town: Town) -> None:
    town.say("a", 4.0, town.wall)
    town.say("b", 4.0, town.wall)
    town.pass_time(3)
    town.say("a", 60.0, town.wall - 2 * DAY)
    town.pass_time(70)
    assert town.silent() == {"a", "b"}
    assert {alert.started_at for alert in town.alerts("mute")} == {BEGAN}, "since its last word, not since the old one"
    assert town.alerts("deep", open_only=False) == []
    assert [(r.value, r.at) for r in town.readings() if r.value == 60.0] == [(60.0, BEGAN + 3 * MINUTE / 60 - 2 * DAY)]


def test_a_gauge_whose_clock_was_never_set_is_refused_and_told_silent(town: Town) -> None:
    town.say("a", 4.0, town.wall)
    town.say("b", 4.0, town.wall)
    for second in range(30):
        town.pass_time(3)
        town.say("a", 60.0, datetime(1970, 1, 1, 0, 0, second, tzinfo=UTC))
        town.say("b", 4.0, town.wall)
    assert town.silent() == {"a"}
    assert len(town.rejects()) == 30
    assert town.rejects()[0] == "its time 1970-01-01T00:00:29+00:00 is one of a clock that was never set"
    assert town.alerts("deep", open_only=False) == []


def test_an_alert_ends_though_another_gauge_sends_its_past(town: Town) -> None:
    town.say("a", 30.0, town.wall)
    assert len(town.alerts("deep")) == 1
    for _ in range(5):
        town.pass_time(2)
        town.say("b", 4.0, town.wall - 30 * DAY)
    ended_at = town.wall
    town.say("a", 5.0, town.wall)
    (alert,) = town.alerts("deep", open_only=False)
    assert (alert.started_at, alert.ended_at) == (BEGAN, ended_at)


def test_a_value_of_1961_raises_nothing_and_one_of_a_night_without_connection_does(town: Town) -> None:
    town.say("a", 99.0, datetime(1961, 7, 12, tzinfo=UTC))
    assert town.alerts("deep", open_only=False) == []
    town.say("a", 99.0, town.wall - HISTORY_AFTER - MINUTE)
    assert town.alerts("deep", open_only=False) == []
    town.say("a", 30.0, town.wall - HISTORY_AFTER + MINUTE)
    (alert,) = town.alerts("deep")
    assert alert.started_at == BEGAN - HISTORY_AFTER + MINUTE


def test_how_old_history_is_can_be_set(tmp_path: Path) -> None:
    town = Town(tmp_path, gauges=(push("a").model_copy(update={"history_after": 5 * MINUTE}), push("b")))
    town.say("a", 30.0, town.wall - 6 * MINUTE)
    assert town.alerts("deep", open_only=False) == []
    town.say("b", 30.0, town.wall - 6 * MINUTE)
    assert len(town.alerts("deep")) == 1
    town.end()


def test_a_reading_from_the_future_is_refused_and_is_no_sign_of_life(town: Town) -> None:
    town.say("a", 4.0, town.wall)
    town.say("b", 4.0, town.wall)
    for _ in range(8):
        town.pass_time(10)
        town.say("a", 60.0, town.wall + timedelta(hours=1))
        town.say("b", 4.0, town.wall)
    assert town.silent() == {"a"}
    assert town.rejects()[0] == f"it is 3600 s from the future ({(town.wall + timedelta(hours=1)).isoformat()})"
    assert {reading.value for reading in town.readings()} == {4.0}


def test_a_late_gauge_dates_nobody_elses_alert(tmp_path: Path) -> None:
    slow = Threshold(id="deep", quantity="water_depth", above=25, clear_at=20, pending_for=MINUTE, samples=3)
    town = Town(tmp_path, rules=(slow,))
    town.say("b", 30.0, town.wall)
    town.pass_time(10)
    for late in (40, 30, 20):
        town.say("a", 4.0, town.wall - late * MINUTE)
    assert town.alerts("deep") == [], "the others' values are no samples of this one's limit"
    town.pass_time(55)
    (alert,) = town.alerts("deep")
    assert alert.started_at == BEGAN
    town.say("b", 5.0, town.wall)
    town.say("a", 4.0, town.wall - 19 * MINUTE)
    (alert,) = town.alerts("deep", open_only=False)
    assert alert.ended_at == town.wall
    town.end()


def test_a_correction_is_kept_seen_and_judged_also_over_a_restart(town: Town) -> None:
    at = town.wall
    town.say("a", 10.0, at)
    assert town.alerts("deep") == []
    town.say("a", 60.0, at)
    (alert,) = town.alerts("deep")
    assert alert.started_at == at
    town.restart()
    town.say("a", 10.0, at)  # its source gives both once more: it did not know that they are stored
    town.say("a", 60.0, at)
    assert [len(town.alerts("deep", open_only=only)) for only in (True, False)] == [1, 1]
    (reading,) = town.readings()
    assert (reading.value, reading.first_value, reading.corrections) == (60.0, 10.0, 1)
    town.say("a", 12.0, at)
    assert town.alerts("deep") == []
    (reading,) = town.readings()
    assert (reading.value, reading.first_value, reading.corrections) == (12.0, 10.0, 2)
    news = town.store.read(lambda reader: reader.changes(0, topics=["reading"]))
    assert news[-1].payload["first_value"] == 10.0


def test_after_a_restart_one_dry_gauge_does_not_end_what_another_one_began(town: Town) -> None:
    town.say("a", 4.0, town.wall)
    town.say("b", 40.0, town.wall)
    town.pass_time(1)
    town.restart()
    town.say("a", 4.0, town.wall)
    assert len(town.alerts("deep")) == 1
    town.say("b", 4.0, town.wall)
    assert town.alerts("deep") == []


def test_the_same_old_message_is_stored_once_over_restarts_and_raises_nothing(town: Town) -> None:
    at = town.wall - timedelta(hours=25)
    for _ in range(3):
        town.say("a", 80.0, at)
        town.pass_time(2)
        town.restart()
    assert [(r.value, r.at, r.corrections) for r in town.readings()] == [(80.0, at, 0)]
    assert town.alerts("deep", open_only=False) == []


def test_an_alert_begins_again_though_its_reading_is_some_milliseconds_older_than_the_end_before_it(town: Town) -> None:
    town.say("a", 44.0, town.wall - timedelta(milliseconds=44))
    town.say("a", 18.0, town.wall - timedelta(milliseconds=18))
    assert town.alerts("deep") == []
    town.say("b", 44.0, town.wall - timedelta(milliseconds=44))
    assert [alert.key.rule for alert in town.alerts("deep")] == ["deep"]
    town.say("b", 18.0, town.wall)
    assert town.alerts("deep") == []


def recording(folder: Path, *rows: str) -> CsvGauge:
    (folder / "old.csv").write_text("time,depth\n" + "".join(f"{row}\n" for row in rows))
    where = {"path": folder / "old.csv", "time": "time", "value": "depth", "quantity": "water_depth"}
    return CsvGauge.model_validate({"id": "old", **where})


def test_a_recording_is_judged_in_its_own_time_and_grows_stale_at_its_end(tmp_path: Path) -> None:
    gauge = recording(tmp_path)
    town = Town(tmp_path, gauges=(gauge,), rules=(Threshold(id="deep", quantity="water_depth", above=25),))
    town.say("old", 30.0, datetime(1961, 7, 12, 4, 0, tzinfo=UTC))
    (alert,) = town.alerts("deep")
    assert alert.started_at == datetime(1961, 7, 12, 4, 0, tzinfo=UTC)
    town.device("old").ended, town.device("old").trouble = True, "the recording has ended"
    town.pass_time(30)
    (alert,) = town.alerts("deep")
    assert alert.stale_since is not None
    town.end()


def test_beside_a_live_gauge_a_recording_is_only_kept(tmp_path: Path) -> None:
    town = Town(tmp_path, gauges=(recording(tmp_path), push("b")))
    town.say("old", 90.0, datetime(2024, 7, 12, 4, 0, tzinfo=UTC))
    town.say("b", 4.0, town.wall)
    town.pass_time(65)
    assert town.alerts("deep", open_only=False) == []
    assert "b" in town.silent()
    assert [reading.value for reading in town.readings()] == [90.0, 4.0]
    town.end()


# ---- any mix against a reference that is obviously right

KINDS = ("now", "now", "now", "now", "again", "corrected", "late", "old", "future", "unset", "nothing")
SAID = st.tuples(st.sampled_from("ab"), st.sampled_from(KINDS), st.integers(0, 50))
STEPS = st.lists(st.tuples(st.sampled_from([1, 2, 5, 20, 45, 62]), st.lists(SAID, max_size=3)), max_size=8)


@dataclass
class Reference:
    """Of each gauge all its readings; the newest counts, and two limits open and close the alert."""

    newest: dict[str, Reading] = field(default_factory=dict)
    kept: dict[tuple[str, datetime], float] = field(default_factory=dict)
    refused: int = 0
    open: bool = False

    def take(self, name: str, item: Reading, now: datetime) -> None:
        self.kept[name, item.at] = item.value
        if now - item.at > HISTORY_AFTER:
            return
        before = self.newest.get(name)
        if before is not None and (item.at < before.at or (item.at == before.at and item.value == before.value)):
            return
        self.newest[name] = item
        worst = max(reading.value for reading in self.newest.values())
        self.open = worst >= 25 or (self.open and worst > 20)

    def silent(self, now: datetime) -> set[str]:
        ticked_at = now - timedelta(seconds=0.5)
        return {name for name, said in self.newest.items() if (ticked_at - said.at).total_seconds() > 60}


def time_of(kind: str, number: int, town: Town, reference: Reference, name: str) -> datetime | None:
    last = reference.newest[name].at
    return {
        "now": town.wall - timedelta(milliseconds=number),
        "again": last,
        "corrected": last,
        "late": last - timedelta(minutes=1 + number),
        "old": town.wall - HISTORY_AFTER - timedelta(hours=1 + 50 * number),
        "future": town.wall + timedelta(seconds=61 + 1000 * number),
        "unset": datetime(1999 - number, 1, 1, tzinfo=UTC),
    }.get(kind)


@given(STEPS, st.integers(-1, 8))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], phases=[Phase.generate])
def test_any_mix_of_times_gives_the_alerts_of_their_true_order(
    steps: list[tuple[int, list[tuple[str, str, int]]]], restart_before: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        town, reference = Town(Path(folder)), Reference()
        try:
            for name in "ab":
                said = town.say(name, 0.0, town.wall)
                assert isinstance(said, Reading)
                reference.take(name, said, town.wall)
            town.pass_time(35)
            for number, (seconds, said_now) in enumerate(steps):
                town.pass_time(seconds)
                if number == restart_before:
                    town.restart()
                    town.pass_time(35)  # after a start silence is told only when there was time to speak
                follow(town, reference, said_now)
                town.pass_time(1)
                assert bool(town.alerts("deep")) is reference.open, (number, steps, restart_before)
                assert town.silent() == reference.silent(town.wall), (number, steps, restart_before)
            assert {(r.monitor, r.at): r.value for r in town.readings()} == reference.kept
            assert len(town.rejects()) == reference.refused
        finally:
            town.end()


def test_a_corrected_value_that_comes_after_an_end_and_a_restart_raises_the_alert_anew(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.say("b", 0.0, began := town.wall)
    town.pass_time(5)
    town.say("a", 36.0, town.wall)
    town.pass_time(2)
    town.say("a", 2.0, town.wall)
    town.pass_time(1)
    assert town.alerts("deep") == []
    town.restart()
    town.say("b", 50.0, began)  # before the end of the alert, by its time
    town.pass_time(1)
    assert len(town.alerts("deep")) == 1
    town.end()


def follow(town: Town, reference: Reference, said_now: list[tuple[str, str, int]]) -> None:
    for name, kind, number in said_now:
        at = time_of(kind, number, town, reference, name)
        if at is None:
            continue
        value = reference.newest[name].value if kind == "again" else float(number)
        item = town.say(name, value, at)
        if isinstance(item, Reading):
            reference.take(name, item, town.wall)
        else:
            reference.refused += 1
        assert isinstance(item, Reading) is (kind not in {"future", "unset"})
    assert SITE == "underpass"
