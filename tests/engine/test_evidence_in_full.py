"""A worker that looks at a camera's substream: the evidence of its alerts is the main stream's, of that instant."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest

from alerts.intrusion import Recipe as Intrusion
from data.config.settings import SiteSettings
from data.local.vault import FolderVault
from data.model.frame import Frame
from data.model.geo import Location
from data.model.observation import Detection, Detections
from data.ports.recipe import Context, DetectorRecipe
from monitors.video.rtsp_camera import Recipe as Rtsp
from tests.engine.live_worker import LiveWorker
from tests.servers.clock_films import clock_film, number_of, played, smaller
from tests.servers.rtsp import rtsp_server

pytestmark = [pytest.mark.paired, pytest.mark.server]


class Reads(DetectorRecipe):
    """Someone stands in the picture; which picture that is, by its number, is written into a file."""

    kind: Literal["reads"] = "reads"
    notes: Path

    def make(self, context: Context) -> Reader:
        return Reader(context.site.id, self.notes)


class Reader:
    def __init__(self, site: str, notes: Path) -> None:
        self._site, self._notes = site, notes

    def find(self, frame: Frame) -> Sequence[Detections]:
        found = []
        if frame.width == 320:
            with self._notes.open("a", encoding="utf-8") as notes:
                notes.write(f"{frame.at.isoformat()} {number_of(frame.luma())}\n")
            if len(self._notes.read_text(encoding="utf-8").splitlines()) > 10:
                found = [Detection((0.4, 0.4, 0.5, 0.9), 0.9, "person", 1)]
        return [Detections.of(self._site, frame.at, found, aspect=frame.width / frame.height)]


def test_the_evidence_is_the_main_streams_picture_of_the_instant_that_decided(tmp_path: Path) -> None:
    main = clock_film(tmp_path / "main.mp4", 640, 360, gop=50)
    films = {"main": main, "sub": smaller(main, tmp_path / "sub.mp4", 320, 180, gop=25)}
    notes = tmp_path / "notes"
    with rtsp_server(films, shared=True) as server, played(server.url("main"), server.url("sub")):
        site = SiteSettings(
            id="gate-3",
            location=Location(lon=106.5, lat=29.5),
            monitor=Rtsp(url=server.url("main"), substream=server.url("sub"), looks="substream"),
            detectors=(Reads(notes=notes),),
            rules=(Intrusion(id="there", labels=("person",)),),
        )
        worker = LiveWorker(tmp_path, [site])
        try:
            worker.wait_for(lambda: worker.alerts("gate-3"), 60)
            (alert,) = worker.alerts("gate-3")
            evidence = worker.store.read(lambda reader: reader.evidence(str(alert.evidence)))
            counters = worker.meters.as_dict()["counters"]
        finally:
            worker.close()
    jpeg = FolderVault(worker.options.evidence_dir).open(evidence)
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    assert picture.shape == (360, 640)
    seen = dict(line.split() for line in notes.read_text(encoding="utf-8").splitlines())
    decided_at = max(at for at in seen if at <= evidence.at.isoformat())
    assert abs(number_of(np.asarray(picture, np.uint8)) - int(seen[decided_at])) <= 1
    assert counters["yiping_evidence_pictures_total"] == {'{"of": "main"}': 1.0}
