"""Two thousand sites: nothing is searched for each of them in all of them, nor asked of the store one by one."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from alerts.silence import Recipe as Silence
from data.config.reading import load_settings
from data.config.settings import Settings, SiteSettings
from data.model.geo import Location
from data.ports.store import Store
from engine.catalogue import load_catalogue
from tests.stores import new_store
from web.health import STORED, past_health

HERE = Location(lon=106.5, lat=29.6)
SITES = tuple(
    SiteSettings(id=f"place-{number}", location=HERE, rules=(Silence(after=timedelta(hours=1)),))
    for number in range(2000)
)


def test_a_site_is_found_without_a_search_and_a_copy_knows_its_own_sites_only() -> None:
    settings = Settings(sites=SITES)
    began_s = time.process_time()
    for _ in range(5):
        assert all(settings.site(site.id) is site for site in SITES)
    assert time.process_time() - began_s < 1.0, "a search each takes several seconds"
    fewer = settings.model_copy(update={"sites": SITES[:5]})
    assert fewer.site("place-4") is SITES[4]
    with pytest.raises(KeyError):
        fewer.site("place-5")
    assert settings == Settings(sites=SITES), "what was looked up makes no difference"


def test_the_health_of_all_sites_is_one_question_to_the_store(tmp_path: Path) -> None:
    store: Store = new_store(tmp_path / "yiping.db")
    lost = {"health": "lost", "at": "2026-07-12T08:00:00+00:00"}
    store.write(lambda writer: writer.put_values({f"{STORED}place-{number}": lost for number in range(0, 2000, 2)}))
    asked: list[str] = []

    own = threading.get_ident()

    def note(*arguments: Any) -> None:
        if threading.get_ident() == own:  # other tests' servers may still ask their stores
            asked.append(arguments[2])

    event.listen(Engine, "before_cursor_execute", note)
    try:
        found = store.read(lambda reader: past_health(reader, tuple(site.id for site in SITES)))
    finally:
        event.remove(Engine, "before_cursor_execute", note)
        store.close()
    assert len(found) == 1000
    assert found["place-2"].health == "lost"
    assert len([one for one in asked if one.startswith("SELECT")]) == 1


def configuration(sites: int) -> str:
    return "sites:\n" + "".join(
        f"  - id: place-{number}\n    location: {{lon: 106.5, lat: 29.6}}\n"
        f"    monitor: {{kind: mqtt_gauge, id: g, host: broker, topic: g/{number}, value: d, quantity: water_depth}}\n"
        "    rules:\n      - {kind: threshold, id: deep, quantity: water_depth, above: 300, clear_at: 250}\n"
        for number in range(sites)
    )


def test_the_cost_of_reading_a_configuration_is_proportional_to_its_sites(tmp_path: Path) -> None:
    spent_s: dict[int, float] = {}
    catalogue = load_catalogue()
    for sites in (20, 250, 1000):  # the first warms up
        config = tmp_path / f"{sites}.yaml"
        config.write_text(configuration(sites), encoding="utf-8")
        began_s = time.process_time()
        settings, _ = load_settings(config, catalogue, {})
        spent_s[sites] = time.process_time() - began_s
        assert len(settings.sites) == sites
    assert spent_s[1000] < 4 * 2 * spent_s[250]
