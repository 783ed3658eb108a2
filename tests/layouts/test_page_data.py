"""What the page knows of a site before anything happens."""

from __future__ import annotations

from data.config.settings import SiteSettings
from data.model.geo import Location
from layouts.page_data import site_data
from monitors.video.http_snapshot import Recipe as Snapshot
from monitors.video.rtsp_camera import Recipe as Rtsp


def test_the_page_knows_how_often_a_camera_of_single_pictures_gives_one() -> None:
    where = Location(lon=106.5, lat=29.6)
    slow = Snapshot.model_validate({"url": "http://10.0.0.5/now.jpg", "every": "30s"})
    stream = Rtsp.model_validate({"url": "rtsp://10.0.0.5/main"})
    assert site_data(SiteSettings(id="quay", location=where, monitor=slow))["picture_every_s"] == 30.0
    assert site_data(SiteSettings(id="gate", location=where, monitor=stream))["picture_every_s"] is None
    assert site_data(SiteSettings(id="hill", location=where))["picture_every_s"] is None
