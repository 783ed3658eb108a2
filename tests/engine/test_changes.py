"""What a new version of the settings changes at a site, against every single setting that differs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.dwell import Recipe as Dwell
from alerts.intrusion import Recipe as Intrusion
from alerts.threshold import Recipe as Threshold
from data.config.settings import Settings, SiteSettings
from data.model.alert import AlertKey, Because, Priority
from data.model.camera_health import HealthSettings
from data.model.live_recall import RecallSettings
from data.model.recording import RecordingSettings
from data.model.zone import Zone
from detectors.flood_extent import Recipe as FloodExtent
from detectors.yolo import Recipe as Yolo
from engine.judging.changes import Extent, camera_change, gauges_change, site_change, why_gone
from monitors.gauges.http_push import Recipe as HttpPush
from monitors.video.rtsp_camera import Recipe as RtspCamera
from tests.engine.city import CHONGQING

LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0))
RIGHT = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0))
LOW = ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0))

polygons = st.sampled_from([LEFT, RIGHT, LOW])
zones = st.tuples(*(st.builds(Zone, id=st.just(name), polygon=polygons) for name in ("lane", "bank", "bay", "tile")))
rules = st.lists(
    st.one_of(
        st.builds(
            Dwell,
            id=st.sampled_from(["a", "b", "c"]),
            zone=st.sampled_from(["lane", "bank", None]),
            except_zones=st.sampled_from([(), ("bay",)]),
            at_least=st.sampled_from([timedelta(seconds=5), timedelta(seconds=9)]),
        ),
        st.builds(Intrusion, id=st.sampled_from(["b", "c", "d"]), zone=st.sampled_from(["lane", "bay"])),
        st.builds(Threshold, id=st.sampled_from(["d", "e"]), quantity=st.just("water_depth"), above=st.just(25.0)),
    ),
    unique_by=lambda rule: rule.name,
    max_size=4,
).map(tuple)
sites = st.builds(
    SiteSettings,
    id=st.just("gate-3"),
    name=st.sampled_from(["", "Gate 3"]),
    location=st.just(CHONGQING),
    zones=zones,
    monitor=st.builds(RtspCamera, url=st.sampled_from(["rtsp://10.0.0.3/main", "rtsp://10.0.0.4/main"])),
    detectors=st.sampled_from([(), (Yolo(),), (Yolo(closer=("tile",)),), (Yolo(confidence=0.5),)]),
    rules=rules,
    health=st.builds(HealthSettings, enabled=st.booleans()),
    live_recall=st.builds(RecallSettings, enabled=st.booleans()),
)


def zone_of(site: SiteSettings, name: str | None) -> Zone | None:
    return site.zone(name)


@given(sites, sites)
def test_a_rule_goes_on_exactly_if_its_settings_and_its_zones_are_the_same(
    before: SiteSettings, after: SiteSettings
) -> None:
    change = site_change(before, after)
    now = {rule.name: rule for rule in after.rules}
    for rule in before.rules:
        following = now.get(rule.name)
        same = following is not None and following == rule and zone_of(before, rule.zone) == zone_of(after, rule.zone)
        same = same and all(before.zone(name) == after.zone(name) for name in getattr(rule, "except_zones", ()))
        assert (rule.name not in change.dropped) is same
    assert set(change.dropped) <= {*(rule.name for rule in before.rules), "camera_health", "live_recall"}


@given(sites, sites)
def test_the_camera_is_opened_anew_exactly_if_it_is_another_and_detectors_only_for_what_they_are_made_of(
    before: SiteSettings, after: SiteSettings
) -> None:
    extent = site_change(before, after).extent
    assert (extent is Extent.CAMERA) is (before.camera != after.camera)
    closer = [name for detector in before.detectors for name in getattr(detector, "closer", ())]
    eyes = before.detectors == after.detectors and all(before.zone(one) == after.zone(one) for one in closer)
    if before.camera == after.camera:
        assert (extent is Extent.DETECTORS) is not (eyes and before.health == after.health)


@given(sites)
def test_the_same_site_is_unchanged_and_back_and_forth_meet(site: SiteSettings) -> None:
    assert site_change(site, site.model_copy(deep=True)).extent is Extent.UNCHANGED
    assert site_change(None, site).extent is Extent.ADDED
    gone = site_change(site, None)
    assert gone.extent is Extent.REMOVED
    names = {rule.name for rule in site.rules} | ({"camera_health"} if site.health.enabled else set())
    names |= {"live_recall"} if site.live_recall.enabled else set()
    assert gone.dropped == dict.fromkeys(names, Because.SITE_REMOVED)


@given(sites, sites, sites)
def test_what_two_changes_leave_alone_their_sum_leaves_alone(
    first: SiteSettings, second: SiteSettings, third: SiteSettings
) -> None:
    steps = {*site_change(first, second).dropped, *site_change(second, third).dropped}
    assert set(site_change(first, third).dropped) <= steps
    assert site_change(first, third).extent <= max(site_change(first, second).extent, site_change(second, third).extent)


CAMERA = RtspCamera(url="rtsp://10.0.0.3/main")
LANE, BANK = Zone(id="lane", polygon=LEFT), Zone(id="bank", polygon=LOW)
SITE = SiteSettings(
    id="gate-3",
    location=CHONGQING,
    monitor=CAMERA,
    monitors=(HttpPush(id="probe", quantity="water_depth", unit="cm"),),
    detectors=(Yolo(),),
    zones=(LANE, BANK),
    rules=(Dwell(id="parking", zone="lane", at_least="5s"), Intrusion(id="river", zone="bank")),
)
GRAVER = Intrusion(id="river", zone="bank", priority=Priority.P1)


@pytest.mark.parametrize(
    ("change", "extent", "dropped"),
    [
        ({}, Extent.UNCHANGED, {}),
        ({"name": "Gate 3", "grid": "500103001001001", "visible_to": ("operator",)}, Extent.RULES, {}),
        ({"zones": (LANE, Zone(id="bank", polygon=RIGHT))}, Extent.RULES, {"river": "zone_changed"}),
        ({"rules": (SITE.rules[1], SITE.rules[0])}, Extent.RULES, {}),
        ({"rules": (SITE.rules[0], GRAVER)}, Extent.RULES, {"river": "rule_changed"}),
        ({"rules": SITE.rules[:1]}, Extent.RULES, {"river": "rule_removed"}),
        ({"detectors": (Yolo(confidence=0.5),)}, Extent.DETECTORS, {}),
        ({"health": HealthSettings(enabled=False)}, Extent.DETECTORS, {"camera_health": "rule_removed"}),
        ({"monitor": RtspCamera(url="rtsp://10.0.0.4/main")}, Extent.CAMERA, {}),
    ],
)  # fmt: skip
def test_each_kind_of_change_goes_as_far_as_it_must(
    change: dict[str, Any], extent: Extent, dropped: dict[str, str]
) -> None:
    found = site_change(SITE, SITE.model_copy(update=change))
    assert (found.extent, dict(found.dropped)) == (extent, dropped)


def test_a_zone_that_a_detector_looks_at_is_a_change_of_the_detector() -> None:
    road = FloodExtent(zone="lane", weights={"path": "m.pt", "task": "seg", "water_class": "water", "licence": "own"})
    before = SITE.model_copy(update={"detectors": (road,)})
    assert site_change(before, before.model_copy(update={"zones": (LANE,)})).extent is Extent.RULES
    moved = before.model_copy(update={"zones": (Zone(id="lane", polygon=RIGHT), BANK)})
    assert site_change(before, moved).extent is Extent.DETECTORS


def test_what_is_set_for_all_sites_reaches_each_of_them() -> None:
    before = Settings(sites=(SITE,))
    assert camera_change(before, Settings(sites=(SITE,), name="Yubei"), "gate-3").extent is Extent.UNCHANGED
    shanghai = Settings(sites=(SITE,), timezone="Asia/Shanghai")
    assert camera_change(before, shanghai, "gate-3").extent is Extent.DETECTORS
    recorded = Settings(sites=(SITE,), recording=RecordingSettings(enabled=not before.recording.enabled))
    assert camera_change(before, recorded, "gate-3").extent is Extent.CAMERA
    without = Settings(sites=(SITE.model_copy(update={"monitor": None}),))
    gone = camera_change(before, without, "gate-3")
    assert (gone.extent, gone.dropped["river"]) == (Extent.REMOVED, Because.CAMERA_REMOVED)
    assert camera_change(without, before, "gate-3").extent is Extent.ADDED
    assert camera_change(before, Settings(), "gate-3").dropped["river"] is Because.SITE_REMOVED


def test_only_the_gauges_that_changed_are_opened_anew() -> None:
    before = Settings(sites=(SITE,))
    assert gauges_change(before, Settings(sites=(SITE,), name="Yubei"), "gate-3") is None
    probes = (
        HttpPush(id="probe", quantity="water_depth", unit="m"),
        HttpPush(id="rain", quantity="rainfall", unit="mm"),
    )
    change = gauges_change(before, Settings(sites=(SITE.model_copy(update={"monitors": probes}),)), "gate-3")
    assert change is not None
    assert change.monitors == frozenset({"probe", "rain"})
    assert not change.dropped
    assert not change.anew
    zones = gauges_change(before, Settings(sites=(SITE.model_copy(update={"zones": (LANE,)}),)), "gate-3")
    assert zones is not None
    assert zones.monitors == frozenset()
    assert dict(zones.dropped) == {"river": Because.ZONE_CHANGED}


def test_an_alert_is_told_from_one_that_no_rule_watches() -> None:
    assert why_gone(AlertKey("gate-3", "river", "bank", "7"), SITE) is None
    assert why_gone(AlertKey("gate-3", "river", "lane", "7"), SITE) is Because.ZONE_CHANGED
    assert why_gone(AlertKey("gate-3", "flood", "", ""), SITE) is Because.RULE_REMOVED
    assert why_gone(AlertKey("gate-3", "camera_health", "", "covered"), SITE) is None
