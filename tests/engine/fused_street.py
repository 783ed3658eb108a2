"""A place with a gauge, a camera, crews and rain up the hill; the time is the test's own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from alerts.lifecycle import end_alert, raise_alert
from data.config.settings import Settings
from data.model.alert import Alert, AlertKey, Ended, Priority, Raised
from data.model.alert_life import AlertStep, TakenStep, Verification
from data.model.observation import Reading
from data.model.task import Task
from data.ports.store import Store, TaskQuery
from engine.reactions.fusing import Fusion

NOON = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)
CITY = """
language: zh
sites:
  - id: dip-1
    name: 下穿道
    location: {lon: 106.5, lat: 29.6}
    monitor: {kind: video_file, path: dip.mp4}
    monitors:
      - {kind: http_push, id: road-gauge, quantity: water_depth}
    zones: [{id: road, polygon: [[0, 0], [1, 0], [1, 1]]}, {id: wall, polygon: [[0, 0], [1, 0], [1, 1]]}]
    detectors: [{kind: flood_extent, zone: road, fixed: [wall], references: [a.jpg, b.jpg]}]
    rules:
      - {kind: threshold, id: depth, quantity: water_depth}
      - {kind: threshold, id: road-lost, quantity: flood_index, above: 0.5, clear_at: 0.3, priority: P3}
      - {kind: silence, after: 5min, priority: P4}
      - {kind: intrusion, id: person, zone: road, labels: [person], priority: P1}
  - id: rain-8
    location: {lon: 106.52, lat: 29.6}
    monitor: {kind: http_push, id: rain, quantity: rainfall}
    rules: [{kind: accumulation}]
dispatch:
  automatic: {rules: [person]}
fusion:
  places:
    - id: dip-1
      rules: [depth, road-lost]
      reports: [waterlogging]
      rain: [rain-8]
      warnings: [暴雨]
      send:
        - {title: 排水抢险, skills: [drainage]}
        - {title: 现场疏导, skills: [order]}
      ask: [{title: 封闭道路, skills: [traffic]}]
responders:
  - {id: drain-1, name: 唐立, skills: [drainage], location: {lon: 106.501, lat: 29.6}}
  - {id: urban-1, name: 褚卫东, skills: [order], location: {lon: 106.502, lat: 29.6}}
  - {id: traffic-1, name: 秦岭, skills: [traffic], location: {lon: 106.5001, lat: 29.6}}
"""


@dataclass
class Street:
    """The place, its store and its fusion; `now` is the test's own."""

    store: Store
    settings: Settings
    fusion: Fusion
    now: datetime = NOON

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def read(self, value: float, monitor: str = "road-gauge", quantity: str = "water_depth") -> None:
        reading = Reading("dip-1", monitor, quantity, value, self.now)
        self.store.write(lambda writer: writer.add_readings([reading]))

    def look(self, index: float) -> None:
        self.read(index, "flood_extent", "flood_index")

    def alarm(self, rule: str, priority: Priority = Priority.P2, site: str = "dip-1", value: float = 27.0) -> Alert:
        kind = {"person": "intrusion", "rain-8": "accumulation"}.get(rule, "threshold")
        box = (0.1, 0.1, 0.2, 0.2) if rule == "person" else None
        raised = Raised(
            AlertKey(site, rule, "", ""), kind, priority, self.now, self.now, "water_depth", None, box, value
        )
        alert = self.store.write(lambda writer: raise_alert(writer, raised, None, self.now, self.settings))
        assert alert is not None
        return alert

    def over(self, rule: str) -> None:
        ended = Ended(AlertKey("dip-1", rule, "", ""), self.now, self.now)
        self.store.write(lambda writer: end_alert(writer, ended, self.now, self.settings))

    def fuse(self) -> None:
        self.fusion.poll(self.now)

    def known(self, alert: Alert) -> Verification:
        return self.store.read(lambda reader: reader.alert(alert.id)).verification

    def steps(self, alert: Alert) -> list[TakenStep]:
        found = self.store.read(lambda reader: reader.alert_steps(alert.id))
        return [step for step in found if step.step in {AlertStep.SUSPECT, AlertStep.CONFIRM}]

    def tasks(self) -> dict[str, Task]:
        found = self.store.read(lambda reader: reader.tasks(TaskQuery(limit=100)))
        return {task.title: task for task in sorted(found, key=lambda one: one.id)}
