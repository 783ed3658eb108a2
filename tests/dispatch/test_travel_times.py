"""How long whoever an early alarm needs travels: of each skill the nearest, of these the slowest; told to the rule."""

from __future__ import annotations

from datetime import timedelta

from alerts.time_to_threshold import Recipe
from data.config.dispatch import DispatchSettings
from data.config.settings import Settings
from data.model.forecast import Travel
from dispatch.responders import sync_responders
from dispatch.travel_times import travel_times
from engine.judging.polled import TravelNews
from engine.reactions.travel_watch import TravelWatch
from tests.dispatch.city import NOON, PLAIN, City, settings

SKILLS = {
    "near": {"skills": ("patrol",)}, "middle": {"skills": ("drainage",)}, "far": {"skills": ("traffic", "drainage")},
    "off": {"skills": ("traffic",)},
}  # fmt: skip


def with_rule(*needs: str, dispatch: DispatchSettings = PLAIN) -> Settings:
    rule = Recipe(quantity="water_depth", above=30, needs=needs, travel=timedelta(minutes=20))
    made = settings(**SKILLS)
    site = made.sites[0].model_copy(update={"rules": (rule,)})
    return made.model_copy(update={"sites": (site,), "dispatch": dispatch})


def found(city: City, made: Settings) -> Travel:
    city.do(lambda writer: sync_responders(writer, made, NOON))
    known = city.store.read(lambda reader: travel_times(reader, made, city.roads, NOON))
    return known["gate-3"]["time_to_threshold"]


def test_of_each_skill_the_nearest_counts_and_of_these_the_slowest(city: City) -> None:
    """`off` has the skill and stands there, but is off shift."""
    travel = found(city, with_rule("drainage", "traffic"))
    assert (travel.skill, travel.who, travel.road) == ("traffic", "far", False)
    assert travel.travel_s == 930.0


def test_without_a_skill_whoever_is_nearest_counts(city: City) -> None:
    assert found(city, with_rule()) == Travel(120.0, "", "near")


def test_the_skills_that_dispatch_asks_for_count_where_the_rule_names_none(city: City) -> None:
    dispatch = PLAIN.model_copy(update={"skills": {"time_to_threshold": ("traffic", "drainage")}})
    assert found(city, with_rule(dispatch=dispatch)).who == "far"


def test_where_nobody_can_go_the_usual_time_is_taken_and_no_name_told(city: City) -> None:
    assert found(city, with_rule("diving")) == Travel(20 * 60, "diving")


def test_rules_are_told_what_is_known_once_until_it_changes(city: City) -> None:
    found(city, with_rule("drainage"))
    watch = TravelWatch(city.store, with_rule("drainage"), city.roads)
    assert (watch.poll(NOON), watch.poll(NOON)) == (True, False)
    news = TravelNews(city.store)
    assert news.of("gate-3") == {"time_to_threshold": Travel(420.0, "drainage", "middle")}
    assert news.of("gate-3") == {}
    assert news.of("elsewhere") == {}


def test_who_is_busy_is_not_reckoned_with(city: City) -> None:
    made = with_rule("drainage")
    assert found(city, made).who == "middle"
    city.dispatch(city.alert(), responder="middle")
    assert found(city, made).who == "far"
