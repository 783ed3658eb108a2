"""Which objects count, when and for how long: sizes, confidence, excluded zones, limits by label, hours."""

from __future__ import annotations

from datetime import datetime

import pytest
from pydantic import ValidationError

from alerts.dwell import Recipe as Dwell
from alerts.intrusion import Recipe as Intrusion
from alerts.schedule import Hours
from data.errors import InputRejected
from data.model.place import Place
from data.model.zone import Zone
from data.ports.recipe import Context
from tests.alerts.timelines import CONTEXT, play, seen, told

BAY = Zone(id="bay", polygon=((0.6, 0.4), (0.8, 0.4), (0.8, 0.6), (0.6, 0.6)))
PLACE = CONTEXT.site.model_copy(update={"zones": (*CONTEXT.site.zones, BAY)})
STREET = Context(site=Place.model_validate(PLACE), timezone="Asia/Shanghai")  # the timelines begin at 12:00 there


def dwell(**settings: object) -> Dwell:
    return Dwell.model_validate({"zone": "lane", "at_least": "60s", **settings})


def test_a_label_may_have_a_limit_of_its_own() -> None:
    rule = dwell(at_least_by_label={"bus": "30s", "truck": "10min"}).make(STREET)
    street = [seen(0.3, track=1, label="bus"), seen(0.5, track=2), seen(0.7, track=3, label="truck")]
    signals = play(rule, lambda _: street, until=120)
    assert [
        (signal.key.subject.split("-")[1], line[2]) for signal, line in zip(signals, told(signals), strict=True)
    ] == [
        ("bus", 30.0),
        ("car", 60.0),
    ]
    with pytest.raises(ValidationError, match="greater than"):
        dwell(at_least_by_label={"bus": "0s"})


def test_too_small_and_too_large_boxes_do_not_count() -> None:
    street = [seen(0.3, track=1, height=0.03), seen(0.5, track=2, height=0.1), seen(0.7, track=3, height=0.45)]
    rule = dwell(min_height=0.05, max_height=0.4).make(STREET)
    assert len(play(rule, lambda _: street, until=70)) == 1
    assert len(play(dwell().make(STREET), lambda _: street, until=70)) == 3
    with pytest.raises(ValidationError, match="leaves nothing below"):
        dwell(min_height=0.5, max_height=0.4)


def test_nothing_counts_in_an_excepted_zone() -> None:
    street = [seen(0.3, track=1), seen(0.7, track=2)]
    signals = play(dwell(except_zones=["bay"]).make(STREET), lambda _: street, until=70)
    assert [signal.key.subject.rsplit("-", 2)[1] for signal in signals] == ["300"]
    with pytest.raises(InputRejected, match="no zone 'bey', did you mean 'bay'"):
        dwell(except_zones=["bey"]).make(STREET)


def test_the_middle_one_of_the_last_confidences_decides() -> None:
    def scores(*pattern: float) -> int:
        rule = dwell(median_confidence=0.5).make(STREET)
        return len(play(rule, lambda s: [seen(0.5, confidence=pattern[round(s * 5) % len(pattern)])], until=70))

    assert scores(0.3, 0.3, 0.9) == 0
    assert scores(0.3, 0.6, 0.6) == 1


def test_outside_its_hours_a_rule_neither_raises_nor_counts() -> None:
    school = dwell(during=[{"days": ["fri"], "start": "12:02", "end": "12:05"}])
    lines = told(play(school.make(STREET), lambda _: [seen(0.5)], until=400))  # Friday, 12 July 2024
    assert lines == [("raised", 0.0, 180.0), ("ended", 300.0, 300.0)]
    saturday = dwell(during=[{"days": ["sat"]}])
    assert told(play(saturday.make(STREET), lambda _: [seen(0.5)], until=100)) == []
    elsewhere = Context(site=STREET.site, timezone="UTC")
    assert told(play(school.make(elsewhere), lambda _: [seen(0.5)], until=400)) == []


def test_an_intrusion_keeps_hours_too() -> None:
    rule = Intrusion.model_validate({"zone": "lane", "during": [{"start": "12:01"}]})
    assert told(play(rule.make(STREET), lambda _: [seen(0.5)], until=90)) == [("raised", 0.0, 60.0)]


def test_hours_may_go_past_midnight_and_belong_to_the_day_they_begin() -> None:
    night = Hours(days=("fri",), start="22:00", end="06:00")
    told_at = {f"{day} {hour}": night.hold(datetime(2024, 7, day, hour)) for day in (11, 12, 13) for hour in (5, 23)}  # noqa: DTZ001
    assert told_at == {"11 5": False, "11 23": False, "12 5": False, "12 23": True, "13 5": True, "13 23": False}


@pytest.mark.parametrize(
    "hours", [{"start": "7.30"}, {"end": "25:00"}, {"days": []}, {"start": "08:00", "end": "08:00"}]
)
def test_hours_that_are_none_are_refused(hours: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Hours.model_validate(hours)
