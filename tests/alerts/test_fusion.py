"""How sure evidence makes us, by every combination of its kinds; where an official warning holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.evidence import Sight, proofs_of
from alerts.fusion import verification_of
from data.config.fusion import FusedPlace, ProofKind
from data.config.settings import Settings, SiteSettings
from data.model.alert import Alert, AlertKey, Priority
from data.model.alert_life import Proof, Verification
from data.model.geo import Location
from data.model.warning import HazardWarning, MessageType, WarningArea, WarningId, WarningLevel, WarningStatus

NOON = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)
OTHERS = [kind for kind in ProofKind if kind is not ProofKind.HUMAN]
PLACE = FusedPlace(id="dip-1", rules=("depth",), warnings=("暴雨",))
SITE = SiteSettings(id="dip-1", location=Location(lon=106.5, lat=29.6), grid="500103001002003")
SQUARE = ((106.4, 29.5), (106.6, 29.5), (106.6, 29.7), (106.4, 29.7), (106.4, 29.5))


def proof(kind: ProofKind, source: str = "a", *, for_it: bool = True) -> Proof:
    return Proof(kind.value, source, NOON, for_it=for_it)


def test_nothing_is_unverified_each_kind_alone_probable_and_each_pair_confirmed() -> None:
    assert verification_of([]) is Verification.UNVERIFIED
    assert {verification_of([proof(kind)]) for kind in OTHERS} == {Verification.PROBABLE}
    pairs = {verification_of([proof(a), proof(b)]) for a, b in combinations(ProofKind, 2)}
    assert pairs == {Verification.CONFIRMED}
    assert verification_of([proof(ProofKind.HUMAN)]) is Verification.CONFIRMED


@given(st.lists(st.tuples(st.sampled_from(OTHERS), st.integers(0, 3).map(str), st.booleans()), max_size=8))
def test_it_is_the_number_of_kinds_that_counts_not_of_sources_and_nothing_is_taken_away(
    given_: list[tuple[ProofKind, str, bool]],
) -> None:
    proofs = [proof(kind, source, for_it=for_it) for kind, source, for_it in given_]
    agreeing = len({kind for kind, _, for_it in given_ if for_it})
    expected = [Verification.UNVERIFIED, Verification.PROBABLE, Verification.CONFIRMED][min(agreeing, 2)]
    assert verification_of(proofs) is expected


def warned(event: str, area: WarningArea, expires: datetime | None = None) -> HazardWarning:
    return HazardWarning(
        key=WarningId("cma", "1", NOON), status=WarningStatus.ACTUAL, message_type=MessageType.ALERT, references=(),
        event=event, level=WarningLevel.ORANGE, severity="Severe", urgency="Immediate", certainty="Observed",
        effective=NOON, onset=NOON, expires=expires, areas=(area,), id=3,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("event", "area", "expires", "speaks"),
    [
        ("暴雨橙色预警", WarningArea("区", polygons=(SQUARE,)), None, True),
        ("暴雨橙色预警", WarningArea("区", circles=((106.5, 29.6, 5.0),)), None, True),
        ("暴雨橙色预警", WarningArea("全区"), None, False),
        ("暴雨橙色预警", WarningArea("区", geocodes=(("GB/T 2260", "500103"),)), None, True),
        ("暴雨橙色预警", WarningArea("某县", geocodes=(("GB/T 2260", "654026"),)), None, False),
        ("暴雨橙色预警", WarningArea("somewhere", geocodes=(("FIPS6", "500103"),)), None, False),
        ("暴雨橙色预警", WarningArea("区", unknown=True), None, False),
        ("暴雨橙色预警", WarningArea("别处", circles=((107.5, 29.6, 5.0),)), None, False),
        ("高温橙色预警", WarningArea("区", polygons=(SQUARE,)), None, False),
        ("暴雨橙色预警", WarningArea("区", polygons=(SQUARE,)), NOON - timedelta(minutes=1), False),
    ],
)
def test_an_official_warning_speaks_for_the_places_it_covers_while_it_is_in_force(
    event: str, area: WarningArea, expires: datetime | None, *, speaks: bool
) -> None:
    sight = Sight(warnings=[warned(event, area, expires)])
    found = proofs_of(PLACE, Settings(sites=(SITE,)), sight, NOON)
    assert [one.source for one in found] == (["warning:3"] if speaks else [])


def test_a_stalled_car_in_the_picture_is_evidence_while_it_stands_there_and_a_minute_longer() -> None:
    place = FusedPlace(id="dip-1", rules=("stalled",))
    car = Alert(AlertKey("dip-1", "stalled", "road", "1"), "dwell", Priority.P3, NOON, NOON, "car", 0.8,
                (0.1, 0.1, 0.3, 0.3), id=5)  # fmt: skip

    def found(alert: Alert, after_s: float) -> list[tuple[str, str]]:
        settings = Settings(sites=(SITE,))
        proofs = proofs_of(place, settings, Sight(alerts=[alert]), NOON + timedelta(seconds=after_s))
        return [(one.kind, one.source) for one in proofs]

    assert found(car, 3600) == [("camera_objects", "alert:5")]
    gone = replace(car, ended_at=NOON + timedelta(seconds=10))
    assert found(gone, 70) == [("camera_objects", "alert:5")]
    assert found(gone, 71) == []
    assert found(replace(car, stale_since=NOON), 61) == [], "nobody can tell whether it stands there"
