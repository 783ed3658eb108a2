"""The configuration of the end-to-end tests: one RTSP camera, one MQTT gauge, three responders."""

from __future__ import annotations

from pathlib import Path

CONFIG = """\
name: 试验街道
timezone: Asia/Shanghai
inference: {{cache_dir: "{cache}", canaries: 0}}
dispatch: {{offers_at_once: {{P1: 1}}, deliver_within: null}}
sites:
  - id: quay
    name: 滨江步道
    location: {{lon: 106.5700, lat: 29.5600}}
    grid: "500103001001001"
    monitor: {{kind: rtsp_camera, url: "{rtsp}", credentials: quay-camera}}
    detectors: [{{kind: yolo, labels: [person, car, truck, bus]}}]
    zones: [{{id: water, polygon: [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]}}]
    rules: [{{kind: intrusion, zone: water, labels: [person], priority: P1}}]
  - id: underpass
    name: 下穿道
    location: {{lon: 106.5720, lat: 29.5610}}
    monitor: {{kind: mqtt_gauge, host: 127.0.0.1, port: {mqtt}, topic: gauges/underpass,
              quantity: water_depth, unit: cm}}
    rules: [{{kind: threshold, id: deep, quantity: water_depth, above: 25, unit: cm, priority: P2}}]
responders:
  - {{id: near, name: 近处的人, team: 应急分队, location: {{lon: 106.5702, lat: 29.5601}}}}
  - {{id: next, name: 次近的人, team: 排水抢险队, location: {{lon: 106.5740, lat: 29.5620}}}}
  - {{id: "off", name: 休息的人, team: 网格员, on_shift: false, location: {{lon: 106.5700, lat: 29.5600}}}}
"""


def write_config(folder: Path, *, rtsp: str, mqtt: int, cache: Path) -> Path:
    """config.yaml with its secrets.yaml in `folder`."""
    config = folder / "config.yaml"
    config.write_text(CONFIG.format(rtsp=rtsp, mqtt=mqtt, cache=cache), encoding="utf-8")
    secrets = folder / "secrets.yaml"
    secrets.write_text("quay-camera: {username: viewer, password: f1ood-Gate}\n", encoding="utf-8")
    secrets.chmod(0o600)
    return config
