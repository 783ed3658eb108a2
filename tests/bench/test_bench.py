"""The benchmark's own arithmetic: a wrong one would claim cameras that nobody has."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path

import pytest

from bench.cameras import Footage, Outcome, Row, configuration
from bench.cameras import _judge as judge
from bench.clip import CLIPS, Clip
from bench.machine import cpuinfo
from bench.readout import Readout, percentile, quantile, rates, read_workers
from bench.report import KEYS, complete, last_line, table
from bench.runs import Bench
from bench.search import most
from bench.truth import Event, matched, seen_from
from data.config.reading import load_settings
from data.local.meters import Meters
from engine.capacity import Cost
from engine.catalogue import load_catalogue

SHORT = Clip("short", 35, 40)  # pause, stay, pause: 21.2 s


@pytest.mark.parametrize(("limit", "start"), [(0, 5), (1, 5), (5, 5), (7, 1), (13, 40), (128, 3), (20, 21)])
def test_the_search_finds_the_greatest_number_carried_and_tries_none_twice(limit: int, start: int) -> None:
    tried: list[int] = []

    def carries(n: int) -> bool:
        tried.append(n)
        return n <= limit

    assert most(carries, start) == limit
    assert len(tried) == len(set(tried))
    assert len(tried) <= 16


def test_clips_are_active_for_the_share_in_their_name() -> None:
    assert CLIPS["active30"].active_share == pytest.approx(0.30, abs=0.005)
    assert CLIPS["active10"].active_share == pytest.approx(0.10, abs=0.005)
    assert CLIPS["busy"].active_share == 1.0


def test_a_pause_is_played_to_and_fro_so_that_the_stay_follows_without_a_cut() -> None:
    shown = CLIPS["active30"].pictures()
    first = [one for one, _, _ in shown]
    assert len(shown) == 457
    assert first[153:157] == [738, 739, 740, 741]
    assert first[290:294] == [875, 876, 877, 878]
    assert max(abs(a - b) for a, b in pairwise(first)) == 1
    assert [other for _, other, _ in shown[:2]] == [902, 903], "fades from how the clip ended"
    assert first[-1] == 901


def test_cameras_are_active_in_turn_so_that_no_moment_is_easier_than_the_share_says() -> None:
    for name, share in (("active30", 0.30), ("active10", 0.10), ("substream30", 0.30)):
        clip = CLIPS[name]
        phases = clip.phases(20)
        assert len(set(phases)) == 20
        assert clip.phases(4) == phases[::5]
        assert clip.phases(25)[20:] == phases[:5]
        for second in range(int(clip.length_s)):
            places = [(2 * key + second) % clip.length_s for key in phases]
            still = sum(any(start <= place < end for start, end in clip.pauses()) for place in places)
            assert 1 - still / len(phases) == pytest.approx(share, abs=0.051), (name, second)


def test_events_come_earlier_for_a_camera_that_starts_later_in_the_clip_and_again_in_every_loop() -> None:
    events = [Event(5.0, 5.8)]
    assert [event.started_s for event in seen_from(events, SHORT, 0, 30.0)] == pytest.approx([5.0, 26.2])
    assert [event.alerted_s for event in seen_from(events, SHORT, 0, 30.0)] == pytest.approx([5.8, 27.0])
    assert [event.started_s for event in seen_from(events, SHORT, 9, 31.0)] == pytest.approx([8.2, 29.4])
    assert seen_from(events, SHORT, 0, 5.5) == []


def test_one_alert_answers_for_one_event_only() -> None:
    expected = [Event(5.0, 5.6), Event(6.0, 6.6)]
    assert matched(expected, [Event(5.4, 6.0)]) == 1
    assert matched(expected, [Event(5.4, 6.0), Event(6.2, 6.8)]) == 2
    assert matched(expected, [Event(9.0, 9.6)]) == 0


def readout(at_s: float, looks: dict[str, float], seconds: tuple[float, ...] = ()) -> Readout:
    meters = Meters()
    for camera, count in looks.items():
        meters.count("yiping_inferences_total", count, camera=camera)
    for value in seconds:
        meters.observe("yiping_alert_commit_seconds", value)
    said = meters.as_dict()
    return Readout(at_s, said["counters"], said["gauges"])


def test_rates_are_per_camera_and_over_the_time_between_two_savings() -> None:
    before = {"worker-1": readout(100.0, {"cam-00": 10, "cam-01": 10})}
    after = {"worker-1": readout(110.0, {"cam-00": 60, "cam-01": 30}), "worker-2": readout(110.0, {"cam-02": 1})}
    assert rates(before, after, "yiping_inferences_total") == {"cam-00": 5.0, "cam-01": 2.0}


def test_quantiles_count_only_what_grew() -> None:
    before = {"worker-1": readout(0.0, {}, (2.0,) * 50)}
    after = {"worker-1": readout(9.0, {}, (2.0,) * 50 + (0.15,) * 100)}
    found = quantile(before, after, "yiping_alert_commit_seconds", 0.95)
    assert found is not None
    assert 0.1 < found <= 0.2
    assert quantile(after, after, "yiping_alert_commit_seconds", 0.95) is None
    late = {"worker-1": readout(9.0, {}, (99.0,))}
    assert quantile({}, late, "yiping_alert_commit_seconds", 0.95) == math.inf


def test_percentile_is_the_nearest_rank_and_infinite_for_nothing() -> None:
    assert percentile([float(n) for n in range(1, 101)], 0.95) == 95.0
    assert percentile([], 0.95) == math.inf


def test_workers_are_read_from_their_files(tmp_path: Path) -> None:
    meters = Meters()
    meters.count("yiping_frames_total", 7, site="cam-00")
    meters.save(tmp_path / "metrics-worker-1.json")
    (tmp_path / "metrics-worker-2.json").write_text("{", encoding="utf-8")
    found = read_workers(tmp_path)
    assert list(found) == ["worker-1"]
    assert found["worker-1"].by_camera("yiping_frames_total") == {"cam-00": 7.0}


def passing() -> Outcome:
    return Outcome(7, 25.0, slowest_a_second=4.8, looks_a_second=5.0, frame_age_ms_p95=60.0, expected=4, found=4)


def test_a_trial_is_carried_only_when_frames_looks_and_events_are_all_right() -> None:
    row = Row("row", SHORT, must=7, every_tick=True)
    for changes, says in (
        ({}, ""),
        ({"frame_age_ms_p95": 501.0}, "frame age p95 501 ms"),
        ({"slowest_a_second": 4.4}, "4.40 looks a second"),
        ({"found": 3}, "1 of 4 events missed"),
    ):
        outcome = passing()
        for name, value in changes.items():
            setattr(outcome, name, value)
        judge(outcome, row)
        assert outcome.carried is (not says)
        assert says in str(outcome)


def test_the_configuration_of_a_trial_is_one_that_the_program_accepts(tmp_path: Path) -> None:
    clip = tmp_path / "busy-0123.mp4"
    text = configuration(Row("row", SHORT, must=1), Footage(clip, (), tmp_path), 1)
    config = tmp_path / "config.yaml"
    config.write_text(text, encoding="utf-8")
    settings, _ = load_settings(config, load_catalogue(), {})
    assert [site.id for site in settings.sites] == ["cam-00"]
    assert settings.sites[0].camera is not None


def test_the_last_line_holds_every_promised_figure_and_null_where_nothing_was_measured() -> None:
    figures = complete({"naive_cameras": 0.4, "all_ticks_cameras": 6})
    said = json.loads(last_line(figures))
    assert set(KEYS) <= set(said)
    assert said["active10_cameras"] is None
    assert said["processor"]
    assert said["amx_bf16"] in {True, False}
    text = table(figures)
    assert "| cameras, 5 looks a second each | ≥ 7 | 6 | **misses** |" in text
    assert "| ÷ naive | ≥ 10 | 15 | holds |" in text


def test_the_table_judges_overload_by_the_age_of_the_pictures_and_the_least_share_of_looks() -> None:
    text = table(complete({"overload_cameras": 14, "overload_age_ms_p95": 501.0, "overload_min_share": 0.5}))
    assert "| overload: age p95 of what is looked at, ms | ≤ 500 | 501 | **misses** |" in text
    assert "| overload: looks of the camera that gets fewest ÷ mean | ≥ 0.5 | 0.5 | holds |" in text


def test_the_cameras_that_are_carried_are_set_against_what_the_processors_could_decode_and_look_at() -> None:
    """Two processors; a camera of 25 pictures of 4 ms and 5 looks of 20 ms takes a fifth of one."""
    bench = Bench(Path("shared"), Path("cache"), 1.0, lambda _: None)
    bench.note_limit(Cost(decode_ms=4.0, look_ms=20.0), processors=2)
    assert bench.figures["machine_limit_cameras"] == 10.0
    text = table(complete({**bench.figures, "all_ticks_cameras": 8}))
    assert "| ÷ processors for decoding and 5 looks alone | ≥ 0.85 | 0.8 | **misses** |" in text


def test_the_processor_is_named_from_cpuinfo() -> None:
    assert cpuinfo("model name", "processor\t: 0\nmodel name\t: A CPU\nflags\t: fpu amx_bf16\n") == "A CPU"
    assert cpuinfo("nothing", "a: b") == ""
