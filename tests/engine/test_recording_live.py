"""A real RTSP camera is recorded while it is watched, and a clip is cut from what came over the network."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from data.local.recordings import read_segment, segment_paths
from data.ports.recipe import Context
from engine.recording.cut import cut_clip
from engine.recording.ring import Ring
from monitors.video.rtsp_camera import Recipe
from tests.engine.films import ToRing, film, shown
from tests.engine.test_clips import the_settings
from tests.servers.rtsp import rtsp_server

pytestmark = [pytest.mark.paired, pytest.mark.server]


def test_a_live_camera_fills_its_ring_and_the_clip_plays(tmp_path: Path) -> None:
    ring = Ring(tmp_path / "ring", 3600, 10**9, lambda: None)
    sink = ToRing(ring)
    site = the_settings().site("gate-3")
    with rtsp_server({"gate": film(tmp_path / "a.mp4", 12)}) as server:
        context = Context(site.place, var_dir=tmp_path, recording=sink)
        monitor = Recipe(url=server.url("gate")).make(context)
        begun_s = time.time()
        for _ in monitor.observe():
            if time.time() - begun_s > 8:
                break
        monitor.close()
        ended_s = time.time()
    assert sink.refused == ""
    segments = [read_segment(path) for path in segment_paths(ring.folder)]
    assert sum(len(one.fragments) for one in segments if one is not None) >= 5
    cut = cut_clip(ring.folder, ended_s - 6, ended_s - 3, tmp_path / "clip.mp4")
    assert cut is not None
    assert cut.gap_s == 0
    pictures, length_s = shown(tmp_path / "clip.mp4")
    assert 70 <= pictures <= 110
    assert 2.8 <= length_s <= 4.5, "three seconds, and up to a key frame interval before"
