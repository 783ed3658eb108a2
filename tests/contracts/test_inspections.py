"""Inspections in every store: one open at a place besides re-checks, what is done stays, foreign texts are kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from data.errors import IllegalMove, NotFound, StaleVersion
from data.model.alert import Priority
from data.model.geo import Location
from data.model.inspection import Finding, Found, Inspection, InspectionReason
from data.model.task import Event
from data.ports.store import Store
from tests.contracts.samples import NOON, after

HERE = Location(lon=106.5, lat=29.5)
DAY = timedelta(days=1)


def sample(place: str = "shop-1", **changes: object) -> Inspection:
    made = Inspection(place, "shop", "一号面馆", HERE, NOON, NOON, NOON + DAY, grid="500105007003012")
    return replace(made, **changes)  # type: ignore[arg-type]


def add(store: Store, inspection: Inspection) -> Inspection:
    return store.write(lambda writer: writer.add_inspection(inspection))


def test_one_inspection_is_open_at_a_place_and_re_checks_are_beside_it(store: Store) -> None:
    first = add(store, sample())
    assert store.read(lambda reader: reader.inspection(first.id)) == first
    with pytest.raises(IllegalMove, match="breaks a rule"):
        add(store, sample())
    event = store.write(lambda w: w.add_event(Event("出口堵塞", "blocked_exit", "", HERE, Priority.P3, NOON)))
    check = sample(reason=InspectionReason.RECHECK, event_id=event.id, due=NOON + 2 * DAY)
    checks = [add(store, check), add(store, check)]
    other = add(store, sample("shop-2", due=NOON + timedelta(hours=1)))
    assert store.read(lambda reader: reader.open_inspections()) == [other, first, *checks]
    assert store.read(lambda reader: reader.open_inspections("shop-2")) == [other]
    with pytest.raises(NotFound, match="no inspection 99"):
        store.read(lambda reader: reader.inspection(99))


def test_what_is_done_stays_as_it_is_and_counts_as_the_last(store: Store) -> None:
    first = add(store, sample())
    findings = (Finding("exit", Found.HAZARD, "货架\0堵住", None, None), Finding("sign", Found.NONE))
    here = Location(lon=106.5001, lat=29.5)
    done = replace(first, done_at=after(60), done_by="wang", findings=findings, position=here, accuracy_m=12.0)
    done = store.write(lambda writer: writer.save_inspection(done))
    kept = store.read(lambda reader: reader.inspection(first.id))
    assert kept == replace(done, findings=(Finding("exit", Found.HAZARD, "货架\ufffd堵住"), findings[1]))
    assert (kept.position, kept.version, kept.is_open) == (here, 2, False)
    with pytest.raises(IllegalMove, match="is done, and stays so"):
        store.write(lambda writer: writer.save_inspection(replace(done, note="x")))
    with pytest.raises(StaleVersion):
        store.write(lambda writer: writer.save_inspection(replace(first, note="x")))
    again = add(store, sample(due=NOON + 9 * DAY))
    store.write(lambda writer: writer.save_inspection(replace(again, done_at=after(600), done_by="wang")))
    assert dict(store.read(lambda reader: reader.last_inspected())) == {"shop-1": after(600)}
    found = store.read(lambda reader: reader.inspections_done(NOON, after(600)))
    assert [one.id for one in found] == [first.id], "the end is not in it"
    assert [one.id for one in store.read(lambda r: r.inspections(place="shop-1"))] == [again.id, first.id]
    assert [one.id for one in store.read(lambda r: r.inspections(before_id=again.id, limit=1))] == [first.id]
    assert store.read(lambda reader: reader.inspections(open_only=True)) == []
