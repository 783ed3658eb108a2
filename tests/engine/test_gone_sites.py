"""Alerts of sites that are in the settings no more are ended, with the reason, even if they are latched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from alerts.lifecycle import end_alert, raise_alert
from data.config.alarms import AlarmSettings, FlappingSettings
from data.config.settings import Settings, SiteSettings
from data.model.alert import CENTRE, AlertKey, Because, Ended, Priority, Raised
from data.model.settings_version import SettingsVersion
from data.ports.store import AlertQuery, Store
from engine.reactions.gone_sites import GoneSites
from tests.engine.city import CHONGQING
from tests.stores import new_store

NOON = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)
SETTINGS = Settings(
    sites=(SiteSettings(id="gate-3", location=CHONGQING),), alarms=AlarmSettings(flapping=FlappingSettings(openings=2))
)


def raised(store: Store, site: str, at: datetime = NOON) -> AlertKey:
    key = AlertKey(site, "river", "", "")
    signal = Raised(key, "intrusion", Priority.P2, at, at)
    store.write(lambda writer: raise_alert(writer, signal, None, at, SETTINGS))
    return key


def test_alerts_of_sites_that_are_gone_end_and_say_why(tmp_path: Path) -> None:
    store = new_store(tmp_path / "yiping.db")
    for site in ("gate-3", "gate-4", CENTRE):
        raised(store, site)
    gone = GoneSites(store, SETTINGS)
    assert gone.poll(NOON + timedelta(minutes=1)) == 1
    assert gone.poll(NOON + timedelta(minutes=2)) == 0
    left = store.read(lambda reader: reader.alerts(AlertQuery(open_only=True)))
    assert {alert.key.site for alert in left} == {"gate-3", CENTRE}
    (alert,) = store.read(lambda reader: reader.alerts(AlertQuery(site="gate-4")))
    steps = store.read(lambda reader: reader.alert_steps(alert.id))
    assert steps[-1].detail["because"] == "site_removed"
    store.close()


def test_while_a_newer_version_cannot_be_read_no_alert_of_its_sites_ends(tmp_path: Path) -> None:
    store = new_store(tmp_path / "yiping.db")
    raised(store, "gate-4")  # a site of version 2
    for number in (1, 2):
        version = SettingsVersion(number, NOON, "admin", "administrator", "", "{", "0" * 64)
        store.write(lambda writer, version=version: writer.add_settings_version(version))  # type: ignore[misc]
    of_version_1 = SETTINGS.model_copy(update={"config": "screen"})
    assert GoneSites(store, of_version_1, version=1).poll(NOON + timedelta(minutes=1)) == 0
    assert GoneSites(store, of_version_1, version=2).poll(NOON + timedelta(minutes=1)) == 1
    store.close()


def test_a_latched_alert_ends_when_its_rule_is_changed_and_not_when_its_condition_pauses(
    tmp_path: Path,
) -> None:
    store = new_store(tmp_path / "yiping.db")
    for minute in range(3):
        at = NOON + timedelta(minutes=minute)
        key = raised(store, "gate-3", at)
        pause = Ended(key, at + timedelta(seconds=30), at + timedelta(seconds=30))
        store.write(lambda writer, pause=pause: end_alert(writer, pause, pause.at, SETTINGS))  # type: ignore[misc]
    (latched,) = store.read(lambda reader: reader.alerts(AlertQuery(site="gate-3", open_only=True)))
    assert latched.latched_since is not None
    changed = Ended(key, NOON + timedelta(minutes=5), NOON + timedelta(minutes=5), because=Because.RULE_CHANGED)
    over = store.write(lambda writer: end_alert(writer, changed, changed.at, SETTINGS))
    assert over is not None
    assert not over.is_open
    store.close()
