"""The dwell rule on literal timelines: limit 10 s, five looks a second."""

from __future__ import annotations

import pickle

import pytest
from pydantic import ValidationError

from alerts.dwell import Recipe
from data.errors import InputRejected
from data.model.alert import Raised
from data.model.observation import Detection
from tests.alerts.timelines import CONTEXT, at, ended_keys, play, seen, stored, told

STANDING = Recipe(zone="lane", labels=("car", "truck"), at_least="10s")
PRESENT = Recipe(zone="lane", labels=("person",), at_least="10s", motion="any")


def between(second: float, start: float, end: float, *shown: Detection) -> list[Detection]:
    return list(shown) if start <= second < end else []


def drive_in_and_stop(second: float, stop: float, track: int = 1) -> Detection:
    """Comes from the left at 0.1 of the width (one box height) a second and stops at x = 0.5."""
    return seen(0.5 - 0.1 * max(0.0, stop - second), track=track)


def test_a_parked_car_raises_one_alert_counted_from_when_it_stopped() -> None:
    signals = play(STANDING.make(CONTEXT), lambda s: [drive_in_and_stop(s, stop=3.0)], until=60)
    ((word, started, decided),) = told(signals)
    assert word == "raised"
    assert started == pytest.approx(3.0, abs=0.3)
    assert decided == pytest.approx(13.0, abs=0.3)
    raised = signals[0]
    assert isinstance(raised, Raised)
    assert (raised.key.site, raised.key.rule, raised.key.zone) == ("gate-3", "dwell", "lane")
    assert raised.label == "car"
    assert raised.xyxy == pytest.approx((0.46, 0.4, 0.54, 0.5))


def test_the_alert_ends_when_the_car_drives_off_though_it_is_still_in_the_zone() -> None:
    def scene(second: float) -> list[Detection]:
        return [seen(0.5 + 0.1 * max(0.0, second - 20.0))]  # over the zone's edge at 23 s, out of the picture at 25 s

    lines = told(play(STANDING.make(CONTEXT), lambda s: scene(s) if s < 25 else [], until=40))
    assert [word for word, *_ in lines] == ["raised", "ended"]
    assert lines[1][1] == pytest.approx(20.0, abs=0.21)
    assert lines[1][2] == pytest.approx(21.4, abs=0.41)


def test_a_slowly_passing_car_raises_nothing_however_long_it_takes() -> None:
    scene = play(STANDING.make(CONTEXT), lambda s: [seen(0.2 + 0.02 * s)], until=30)
    assert told(scene) == []


def test_a_car_that_stops_again_before_the_limit_is_counted_anew() -> None:
    def scene(second: float) -> list[Detection]:
        return [seen(0.3 if second < 7 else min(0.5, 0.3 + 0.1 * (second - 7)))]

    ((_, started, decided),) = told(play(STANDING.make(CONTEXT), scene, until=30))
    assert started == pytest.approx(9.0, abs=0.4)
    assert decided == pytest.approx(19.0, abs=0.4)


def test_other_labels_and_cars_outside_the_zone_do_not_count() -> None:
    scene = [seen(0.5, track=1, label="bench"), seen(0.1, track=2), seen(0.5, y=0.9, track=3)]
    assert told(play(STANDING.make(CONTEXT), lambda _: scene, until=30)) == []


def test_a_stay_survives_changes_of_track_id() -> None:
    lines = told(play(STANDING.make(CONTEXT), lambda s: [seen(0.5, track=1 + int(s / 2))], until=30))
    assert lines == [("raised", 0.0, 10.0)]


def test_a_stay_survives_ids_exchanged_with_a_passer_by() -> None:
    def scene(second: float) -> list[Detection]:
        here, passing = (1, 2) if second < 5 else (2, 1)
        return [seen(0.5, track=here), seen(0.3 + 0.08 * (second - 2.5), y=0.45, track=passing)]

    lines = told(play(STANDING.make(CONTEXT), lambda s: scene(s) if s < 8 else [seen(0.5, track=2)], until=30))
    assert lines == [("raised", 0.0, 10.0)]


def test_a_stay_survives_flickering_detection_and_a_jumping_box() -> None:
    def scene(second: float) -> list[Detection]:
        step = round(second * 5)
        if step % 7 in (3, 4):
            return []
        return [seen(0.5 + (0.04 if step % 11 == 5 else 0.0))]

    assert [line[:2] for line in told(play(STANDING.make(CONTEXT), scene, until=30))] == [("raised", 0.0)]


def test_one_picture_outside_the_zone_does_not_break_a_stay() -> None:
    edge = [seen(0.79), seen(0.79), seen(0.79), seen(0.805)]
    lines = told(play(STANDING.make(CONTEXT), lambda s: [edge[round(s * 5) % 4]], until=30))
    assert lines == [("raised", 0.0, 10.0)]


def test_a_car_hidden_for_twenty_seconds_while_standing_is_the_same_stay() -> None:
    def scene(second: float) -> list[Detection]:
        return [] if 5 <= second < 25 else [seen(0.5, track=1 if second < 5 else 9)]

    assert [line[:2] for line in told(play(STANDING.make(CONTEXT), scene, until=40))] == [("raised", 0.0)]


def test_a_car_that_was_seen_driving_in_is_another_than_the_one_that_left() -> None:
    def scene(second: float) -> list[Detection]:
        if second < 15:
            return [seen(0.5, track=1)]
        if second < 20:
            return [seen(0.5 + 0.1 * (second - 15), track=1)]
        return [drive_in_and_stop(second, stop=25.0, track=2)]

    signals = play(STANDING.make(CONTEXT), scene, until=50)
    assert [word for word, *_ in told(signals)] == ["raised", "ended", "raised"]
    first, second = (s.key.subject for s in signals if isinstance(s, Raised))
    assert first != second
    assert ended_keys(signals) == [first]


def test_people_on_one_spot_with_three_seconds_between_them_are_several() -> None:
    def scene(second: float) -> list[Detection]:
        turn, within = divmod(second, 18.0)  # in at 0, standing from 2, walking from 12, out at 15, empty to 18
        x = 0.5 - 0.1 * max(0.0, 2.0 - within) + 0.1 * max(0.0, within - 12.0)
        return between(within, 0, 15, seen(x, track=int(turn) + 1, label="person"))

    signals = play(PRESENT.make(CONTEXT), scene, until=36 + 17.8)
    assert [word for word, *_ in told(signals)] == ["raised", "ended"] * 3
    assert len({s.key.subject for s in signals}) == 3


def test_presence_counts_also_while_walking_about() -> None:
    def scene(second: float) -> list[Detection]:
        return [seen(0.5 + 0.2 * ((second % 4) / 2 - 1 if second % 4 < 2 else 1 - (second % 4) / 2), label="person")]

    assert told(play(PRESENT.make(CONTEXT), scene, until=20)) == [("raised", 0.0, 10.0)]
    walking = PRESENT.model_copy(update={"motion": "stationary"})
    assert told(play(walking.make(CONTEXT), scene, until=20)) == []


def test_a_blind_gap_is_neither_counted_nor_a_new_beginning() -> None:
    """Seen 6 s, blind 60 s, seen again: the tenth known second is the 70th."""

    def scene(second: float) -> list[Detection] | None:
        return None if 6 < second < 66 else [seen(0.5, track=1 if second < 60 else 2)]

    ((word, started, decided),) = told(play(STANDING.make(CONTEXT), scene, until=90))
    assert (word, started) == ("raised", 0.0)
    assert decided == pytest.approx(70.0, abs=0.5)


def test_a_car_that_is_gone_after_a_blind_gap_ends_its_alert() -> None:
    def scene(second: float) -> list[Detection] | None:
        return [seen(0.5)] if second <= 15 else None if second < 60 else []

    lines = told(play(STANDING.make(CONTEXT), scene, until=120))
    assert lines[0] == ("raised", 0.0, 10.0)
    assert lines[1][:2] == ("ended", 15.0)
    assert lines[1][2] == pytest.approx(90.0, abs=1.0)  # 30 s of seeing that it is not there


@pytest.mark.parametrize("per_second", [25.0, 10.0, 5.0, 2.0, 1.0])
def test_the_frame_rate_changes_nothing(per_second: float) -> None:
    signals = play(STANDING.make(CONTEXT), lambda _: [seen(0.5)], until=30, per_second=per_second)
    assert told(signals) == [("raised", 0.0, 10.0)]


def test_pictures_ten_seconds_apart_lose_no_stay_and_end_it() -> None:
    signals = play(STANDING.make(CONTEXT), lambda s: between(s, 0, 41, seen(0.5)), until=120, per_second=0.1)
    assert told(signals) == [("raised", 0.0, 10.0), ("ended", 40.0, 80.0)]


def test_after_a_restart_an_open_alert_goes_on_and_no_second_is_raised() -> None:
    (raised,) = play(STANDING.make(CONTEXT), lambda _: [seen(0.5)], until=20)
    again = STANDING.make(CONTEXT)
    again.resume([stored(raised)])
    scene_after = play(again, lambda s: between(s, 0, 60, seen(0.51, track=7)), since=30, until=100)
    assert ended_keys(scene_after) == [raised.key.subject]
    assert told(scene_after)[0][1] == pytest.approx(59.9)


def test_after_a_restart_an_alert_whose_car_is_gone_ends_and_another_car_is_another() -> None:
    (raised,) = play(STANDING.make(CONTEXT), lambda _: [seen(0.3)], until=20)
    again = STANDING.make(CONTEXT)
    again.resume([stored(raised)])
    signals = play(again, lambda _: [seen(0.6, track=1)], since=30, until=75)
    assert told(signals)[0] == ("raised", 30.0, 40.0)
    assert ended_keys(signals) == [raised.key.subject]


def test_a_picture_that_comes_late_is_ignored() -> None:
    rule = STANDING.make(CONTEXT)
    play(rule, lambda _: [seen(0.5)], until=9)
    assert play(rule, lambda _: [], since=2, until=6) == []
    assert told(play(rule, lambda _: [seen(0.5)], since=9.2, until=11)) == [("raised", 0.0, 10.0)]


def test_the_same_pictures_give_the_same_alert_names() -> None:
    first, second = (play(STANDING.make(CONTEXT), lambda _: [seen(0.5)], until=12) for _ in range(2))
    assert first == second
    assert first[0].key.subject == "20240712T040000.000-car-500-500"
    assert first[0].at == at(10.0)


def test_a_recipe_can_be_sent_to_another_process_and_refuses_nonsense() -> None:
    assert pickle.loads(pickle.dumps(STANDING)) == STANDING
    with pytest.raises(ValidationError, match="a duration needs a unit"):
        Recipe(at_least=180)
    with pytest.raises(ValidationError, match="at_least\n  Input should be greater than"):
        Recipe(at_least="0s")
    with pytest.raises(InputRejected, match=r"site gate-3, rule dwell: no zone 'line', did you mean 'lane'\?"):
        Recipe(zone="line", at_least="5s").make(CONTEXT)
