"""Settings that change while gauges are read: only what differs is touched, and no reading is lost or judged twice."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.intrusion import Recipe as Intrusion
from alerts.threshold import Recipe as Threshold
from data.config.settings import Settings, SiteSettings
from data.model.alert_life import AlertStep
from data.ports.recipe import MonitorRecipe
from monitors.gauges._gauge import GaugeRecipe, Measured
from monitors.gauges.http_push import Recipe as HttpPush
from monitors.gauges.sl651_gauge import Recipe as Sl651
from tests.engine.gauge_site import DEPTH, NEVER_LATCHED, SILENCE, SITE, Town, push
from tests.servers.mosquitto import free_port


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path)
    yield town
    town.end()


def site(town: Town, name: str = SITE, **update: Any) -> SiteSettings:
    known = town.options.settings.site(SITE)
    return known.model_copy(update={"id": name, **update})


def apply(town: Town, *sites: SiteSettings, **more: Any) -> None:
    options = replace(town.options, settings=Settings(sites=sites, alarms=NEVER_LATCHED, **more))
    assert town.sensors.apply(options, [one.id for one in sites if one.sensors])
    for device in town.sensors.devices:
        device.trouble = ""


def ends(town: Town) -> list[str]:
    alerts = town.alerts(open_only=False)
    steps = [step for alert in alerts for step in town.store.read(lambda r, a=alert: r.alert_steps(a.id))]  # type: ignore[misc]
    return [str(step.detail.get("because", "")) for step in steps if step.step is AlertStep.END]


def test_a_gauge_that_changes_is_opened_anew_and_its_neighbour_is_not_touched(town: Town) -> None:
    town.say("a", 4.0, town.wall)
    town.say("b", 30.0, town.wall)
    before = {name: town.device(name) for name in ("a", "b")}
    in_metres = HttpPush(id="a", quantity="water_depth", unit="m")
    apply(town, site(town, monitors=(in_metres, push("b"), push("c"))))
    assert town.device("b") is before["b"]
    assert town.device("a") is not before["a"]
    assert [device.recipe.name for device in town.sensors.devices] == ["a", "b", "c"]
    assert len(town.alerts("deep")) == 1, "the alert goes on, and with it what the rule knows of both gauges"
    town.pass_time(1)
    town.say("c", 4.0, town.wall)
    assert len(town.alerts("deep")) == 1
    town.say("b", 4.0, town.wall)
    assert town.alerts("deep") == []
    assert ends(town) == [""]


def test_a_rule_that_changes_ends_its_alert_with_the_reason_and_others_go_on(town: Town) -> None:
    town.say("b", 4.0, town.wall)
    for _ in range(70):
        town.pass_time(1)
        town.say("a", 30.0, town.wall)
    assert town.silent() == {"b"}
    assert len(town.alerts("deep")) == 1
    apply(town, site(town, rules=(SILENCE, DEPTH.model_copy(update={"above": 40.0, "clear_at": 35.0}))))
    assert town.alerts("deep") == []
    assert ends(town) == ["rule_changed"]
    assert town.silent() == {"b"}, "silence goes on as it was"
    town.pass_time(1)
    town.say("a", 30.0, town.wall)
    assert town.alerts("deep") == []
    town.pass_time(1)
    town.say("a", 41.0, town.wall)
    assert len(town.alerts("deep")) == 1
    town.say("b", 4.0, town.wall)
    assert town.silent() == set()


@pytest.mark.parametrize(("zone", "waits"), [("UTC", 0), ("Asia/Shanghai", 1)])
def test_what_is_pending_goes_on_through_a_change_of_another_rule(tmp_path: Path, zone: str, waits: int) -> None:
    """Another time zone makes all rules anew: then the second in which it came is not counted."""
    slow = Threshold(id="deep", quantity="water_depth", above=25, pending_for=timedelta(seconds=30))
    town = Town(tmp_path, rules=(slow,))
    for second in range(40):
        if second == 15:
            apply(town, site(town, rules=(SILENCE, slow)))
        if second == 20:
            apply(town, site(town, rules=(SILENCE, slow)), timezone=zone)
        town.pass_time(1)
        town.say("a", 30.0, town.wall)
        assert bool(town.alerts("deep")) == (second >= 30 + waits), second
    town.end()


def test_a_rule_that_is_removed_is_no_longer_pending_on_the_screens(tmp_path: Path) -> None:
    slow = Threshold(id="deep", quantity="water_depth", above=25, pending_for=timedelta(seconds=30))
    town = Town(tmp_path, rules=(slow,))
    for _ in range(10):
        town.pass_time(1)
        town.say("a", 30.0, town.wall)
    assert len(town.store.read(lambda reader: reader.pending_conditions(SITE))) == 1
    apply(town, site(town, rules=(SILENCE,)))
    town.pass_time(1)
    assert town.store.read(lambda reader: reader.pending_conditions(SITE)) == []
    town.end()


def test_a_site_that_is_removed_ends_its_alerts_and_what_still_comes_from_it_is_dropped(town: Town) -> None:
    other = site(town, "dip-2", monitors=(push("a"),), rules=(DEPTH,))
    apply(town, site(town), other)
    town.say("a", 30.0, town.wall)
    late, readings = town.device("a"), len(town.readings())
    apply(town, other)
    assert town.alerts() == []
    assert ends(town) == ["site_removed"]
    health = town.store.read(lambda reader: reader.value(f"health:{SITE}"))
    assert health["health"] == "unknown"
    assert isinstance(late.recipe, GaugeRecipe)
    town.come((late, late.recipe.reading(SITE, Measured(31.0, town.wall, "cm"), town.wall)))
    assert len(town.readings()) == readings
    apply(town, site(town), other)
    assert [device.site for device in town.sensors.devices] == ["dip-2", SITE, SITE]
    town.pass_time(1)
    town.say("a", 30.0, town.wall)
    assert len(town.alerts("deep")) == 1


def test_the_first_gauge_of_a_process_without_any_is_read(tmp_path: Path) -> None:
    town = Town(tmp_path, gauges=())
    assert town.sensors.devices == []
    apply(town, site(town, monitors=(push("a"),)))
    town.pass_time(1)
    town.say("a", 30.0, town.wall)
    assert len(town.alerts("deep")) == 1
    town.end()


def test_rules_that_cannot_be_made_leave_the_earlier_ones_and_are_told(town: Town) -> None:
    town.say("a", 30.0, town.wall)
    apply(town, site(town, rules=(DEPTH, SILENCE, Intrusion(zone="nowhere"))))
    town.pass_time(2)
    health = town.store.read(lambda reader: reader.value(f"health:{SITE}"))
    assert (health["health"], health["cause"]) == ("lost", "settings")
    assert "no zone 'nowhere'" in health["reason"]
    town.say("a", 4.0, town.wall)
    assert town.alerts("deep") == []
    apply(town, site(town, rules=(DEPTH,)))
    town.pass_time(2)
    assert health_of(town) == "unknown"  # gauge b has never sent a reading
    town.say("b", 4.0, town.wall)
    town.pass_time(2)
    assert health_of(town) == "live"


def test_a_site_is_not_live_before_each_of_its_gauges_has_sent_a_reading_and_stays_so_over_a_restart(
    town: Town,
) -> None:
    town.pass_time(1)
    assert health_of(town) == "unknown"
    town.say("a", 4.0, town.wall)
    town.pass_time(1)
    assert health_of(town) == "unknown"
    town.say("b", 4.0, town.wall)
    town.pass_time(1)
    assert health_of(town) == "live"
    town.restart()
    town.pass_time(1)
    assert health_of(town) == "live"
    apply(town, site(town, monitors=(push("a"), push("b"), push("c"))))
    town.device("c").trouble = ""
    town.pass_time(1)
    assert health_of(town) == "unknown"


def health_of(town: Town) -> str:
    return str(town.store.read(lambda reader: reader.value(f"health:{SITE}"))["health"])


def test_the_station_whose_neighbour_on_the_same_port_changes_keeps_its_connection(tmp_path: Path) -> None:
    port = free_port()
    stations: list[MonitorRecipe] = [
        Sl651(id=name, station=f"00123456{n:02d}", element="39", quantity="water_level", unit="m", port=port,
              vertical_datum="yellow_sea", listen="127.0.0.1")
        for n, name in enumerate(("a", "b"))
    ]  # fmt: skip
    town = Town(tmp_path, gauges=stations, rules=())
    for device in town.sensors.devices:
        device.start()
    with connected(port) as station:
        changed = stations[1].model_copy(update={"station": "0099999999"})
        apply(town, site(town, monitors=(stations[0], changed)))
        apply(town, site(town, monitors=(stations[0],)))
        apply(town, site(town, monitors=(stations[0], changed)))
        station.settimeout(0.4)
        with pytest.raises(TimeoutError):
            station.recv(1)  # an end of the connection would be read as nothing at once
    town.end()


def connected(port: int) -> socket.socket:
    for _ in range(100):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1)
        except OSError:
            threading.Event().wait(0.05)
    raise AssertionError("nobody listens")
