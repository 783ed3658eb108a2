"""What the machine carries: the arithmetic, and the measurement with the real decoder and model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alerts.intrusion import Recipe as Intrusion
from app import main
from data.config.settings import Settings, SiteSettings
from data.model.geo import Location
from engine.capacity import Cost, capacity, write_stream
from monitors.video.rtsp_camera import Recipe as Rtsp
from monitors.video.video_file import Recipe as VideoFile
from tests.conftest import ROOT


def cameras(number: int) -> Settings:
    return Settings(
        sites=tuple(
            SiteSettings(
                id=f"cam-{n}",
                location=Location(lon=106.5, lat=29.5),
                monitor=VideoFile(path=Path("x.mp4")),
                rules=(Intrusion(),),
            )
            for n in range(number)
        )
    )


def test_a_camera_costs_its_decoding_and_its_looks() -> None:
    found = capacity(cameras(8), Cost(decode_ms=4.0, look_ms=20.0, small_decode_ms=0.4), cores=2)
    assert found.camera_ms == 200.0
    assert found.cameras_per_core == 4.25
    assert (found.cameras, found.configured, found.enough) == (8, 8, True)
    assert not capacity(cameras(9), Cost(4.0, 20.0), cores=2).enough
    assert "9: too many" in capacity(cameras(9), Cost(4.0, 20.0), cores=2).as_text()


def test_it_says_what_the_substream_would_save_and_how_many_cameras_do_without() -> None:
    rtsp = [
        Rtsp(url="rtsp://10.0.0.5/main"),
        Rtsp(url="rtsp://10.0.0.6/main", substream="rtsp://10.0.0.6/sub", looks="auto"),
    ]
    sites = tuple(
        SiteSettings(id=f"cam-{n}", location=Location(lon=106.5, lat=29.5), monitor=one) for n, one in enumerate(rtsp)
    )
    found = capacity(Settings(sites=sites), Cost(decode_ms=4.0, look_ms=20.0, small_decode_ms=0.4), cores=2)
    assert (found.camera_ms, found.cameras) == (200.0, 8)
    assert (found.substream_camera_ms, found.substream_cameras, found.by_main_stream) == (110.0, 15, 1)
    assert "(`looks: substream`): 110 ms, so 15 cameras; of those configured 1 are looked at" in found.as_text()


def test_the_calibration_stream_is_1080p_at_about_4_megabit(tmp_path: Path) -> None:
    write_stream(tmp_path / "s.mp4", frames=10)
    size = (tmp_path / "s.mp4").stat().st_size
    assert 0.5e6 < size * 8 / (10 / 25) < 12e6, "bits a second of the first, dearest frames"


@pytest.mark.model
@pytest.mark.slow
def test_capacity_on_the_command_line_measures_the_real_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        f"""
inference: {{cache_dir: {ROOT / ".cache"}, per_second: 2}}
sites:
  - id: gate
    location: {{lon: 106.5, lat: 29.5}}
    monitor: {{kind: video_file, path: none.mp4}}
    detectors: [{{kind: yolo, labels: [person]}}]
""",
        encoding="utf-8",
    )
    status = main(["capacity", "--config", str(config), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert status == 0
    assert found["configured"] == 1
    assert found["per_second"] == 2.0
    assert 1.0 < found["decode_ms"] < 30.0
    assert found["substream_camera_ms"] < found["camera_ms"]
    assert 5.0 < found["look_ms"] < 300.0
    assert found["enough"] is (found["cameras"] >= 1)
