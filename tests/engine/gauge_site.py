"""One site with two gauges whose hours pass in no time: the real sensors' process without its threads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alerts.silence import Recipe as Silence
from alerts.threshold import Recipe as Threshold
from data.config.alarms import AlarmSettings, FlappingSettings
from data.config.settings import Settings, SiteSettings
from data.errors import InputRejected
from data.model.alert import Alert
from data.model.geo import Location
from data.model.observation import Reading, Rejected
from data.ports.recipe import MonitorRecipe, RuleRecipe
from data.ports.store import AlertQuery, Store
from data.sql.store import open_store
from engine.camera.device import Device, Item
from engine.process.heart import Heart
from engine.process.options import RunOptions
from engine.sensors import Sensors
from monitors.gauges._gauge import GaugeRecipe, Measured
from monitors.gauges.http_push import Recipe as HttpPush
from tests.stores import new_store, on_postgresql, store_at

BEGAN = datetime(2026, 7, 12, 8, 0, tzinfo=UTC)
DEPTH = Threshold(id="deep", quantity="water_depth", above=25, clear_at=20)
SILENCE = Silence(id="mute", after=timedelta(seconds=60))
SITE = "underpass"
# what comes and goes all day is not the matter here
NEVER_LATCHED = AlarmSettings(flapping=FlappingSettings(openings=1000))


def push(name: str) -> HttpPush:
    return HttpPush(id=name, quantity="water_depth", unit="cm")


@dataclass
class Town:
    """`wall` and `steady_s` are this computer's clocks; `pass_time` lets both go on."""

    folder: Path
    gauges: Sequence[MonitorRecipe] = field(default_factory=lambda: (push("a"), push("b")))
    rules: Sequence[RuleRecipe] = (DEPTH, SILENCE)
    wall: datetime = BEGAN
    steady_s: float = 1000.0

    def __post_init__(self) -> None:
        site = SiteSettings(
            id=SITE, location=Location(lon=106.5, lat=29.6), monitors=tuple(self.gauges), rules=tuple(self.rules)
        )
        var = self.folder / "var"
        self.options = RunOptions(
            settings=Settings(sites=(site,), alarms=NEVER_LATCHED),
            var_dir=var,
            store_url=store_at(var / "yiping.db") if on_postgresql() else "",
        )
        self.options.run_dir.mkdir(parents=True)
        self.store: Store = new_store(self.options.var_dir / "yiping.db")
        self.start()

    def start(self) -> None:
        """The process begins, also anew."""
        self.sensors = Sensors(
            Heart(),
            self.options,
            open_store(self.options.store),
            "sensors",
            [SITE],
            wall=lambda: self.wall,
            monotonic_s=lambda: self.steady_s,
        )
        for device in self.sensors.devices:
            device.trouble = ""

    def end(self) -> None:
        self.stop()
        self.store.close()

    def stop(self) -> None:
        self.sensors.close()
        self.sensors._store.close()

    def restart(self) -> None:
        self.stop()
        self.start()

    def device(self, name: str) -> Device:
        return next(device for device in self.sensors.devices if device.recipe.name == name)

    def say(self, name: str, value: float, at: datetime) -> Reading | Rejected:
        """The gauge says this now; what its adapter makes of it is judged and stored."""
        device = self.device(name)
        assert isinstance(device.recipe, GaugeRecipe)
        item: Reading | Rejected
        try:
            item = device.recipe.reading(SITE, Measured(value, at, "cm"), self.wall)
        except InputRejected as error:
            item = Rejected(SITE, name, self.wall, str(error))
        self.come((device, item))
        return item

    def come(self, *items: tuple[Device, Item]) -> None:
        assert self.sensors.step(items)

    def pass_time(self, seconds: int) -> None:
        for _ in range(seconds):
            self.wall += timedelta(seconds=1)
            self.steady_s += 1
            assert self.sensors.step(())

    def alerts(self, rule: str = "", *, open_only: bool = True) -> list[Alert]:
        found = self.store.read(lambda reader: reader.alerts(AlertQuery(site=SITE, open_only=open_only)))
        return [alert for alert in found if rule in {"", alert.key.rule}]

    def silent(self) -> set[str]:
        return {alert.key.subject.partition("/")[0] for alert in self.alerts("mute")}

    def readings(self) -> list[Reading]:
        since, until = datetime(1900, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
        return list(self.store.read(lambda reader: reader.readings(SITE, since=since, until=until)))

    def rejects(self) -> list[str]:
        return [one.reason for one in self.store.read(lambda reader: reader.rejects(limit=1000))]
