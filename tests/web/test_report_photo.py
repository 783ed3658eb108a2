"""The photo of a report: kept without what the phone wrote into it, and only when it is one."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from PIL import ExifTags, Image

from data.errors import InputRejected
from tests.web.city import Running
from web.photo import LARGEST_BYTES, clean_photo

pytestmark = pytest.mark.usefixtures("nobody_busy")


def phone_photo(size: tuple[int, int] = (640, 480), orientation: int = 6) -> bytes:
    """A JPEG as a phone makes it: lying on its side, with place, time and owner inside."""
    image = Image.new("RGB", size, (200, 30, 30))
    image.paste((30, 30, 200), (0, 0, size[0] // 2, size[1]))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Artist] = "a very private name"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2024:07:12 10:31:00"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.OffsetTimeOriginal] = "+08:00"
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps[ExifTags.GPS.GPSLatitudeRef], gps[ExifTags.GPS.GPSLatitude] = "N", (29.0, 34.0, 48.0)
    gps[ExifTags.GPS.GPSLongitudeRef], gps[ExifTags.GPS.GPSLongitude] = "E", (106.0, 30.0, 36.0)
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif, quality=90, comment=b"a very private comment")
    return out.getvalue()


@contextmanager
def on_scene(running: Running) -> Iterator[tuple[httpx.Client, str]]:
    """Zhang stands before the alert; gives the client and the path of the report."""
    alert = running.alert()
    with running.client("li") as operator:
        task = operator.post(f"/api/v1/alerts/{alert}/dispatch", json={}).json()["task"]
    with running.client(task["offered_to"]) as zhang:
        for move in ("accept", "en-route", "on-scene"):
            assert zhang.post(f"/api/v1/tasks/{task['id']}/{move}").status_code == 200
        yield zhang, f"/api/v1/tasks/{task['id']}/report"


def test_a_photo_is_kept_upright_without_metadata_and_place_and_time_go_to_the_trail(running: Running) -> None:
    with on_scene(running) as (zhang, path), running.client("zhao") as officer, running.client("wang") as wang:
        original = phone_photo()
        answer = zhang.post(path, data={"text": "已清理"}, files={"photo": ("IMG_1.jpg", original, "image/jpeg")})
        task = answer.json()["task"]
        assert (task["state"], task["report_text"]) == ("reported", "已清理")
        picture = zhang.get(f"/media/evidence/{task['report_photo']}")
        assert picture.headers["content-type"] == "image/jpeg"
        assert b"private" in original
        assert b"private" not in picture.content
        kept = Image.open(io.BytesIO(picture.content))
        assert kept.size == (480, 640), "turned upright"
        assert dict(kept.getexif()) == {}
        assert "comment" not in kept.info
        trail = officer.get("/api/v1/audit", params={"subject": f"task:{task['id']}"}).json()["items"]
        detail = next(entry["detail"] for entry in trail if entry["action"] == "photo_exif")
        assert detail == {
            "photo": task["report_photo"],
            "exif": {"taken_at": "2024:07:12 10:31:00", "utc_offset": "+08:00", "lat": 29.58, "lon": 106.51},
        }
        assert officer.get(f"/media/evidence/{task['report_photo']}").status_code == 200
        assert wang.get(f"/media/evidence/{task['report_photo']}").status_code == 404, "not a task of wang's"
        again = officer.get(
            f"/media/evidence/{task['report_photo']}", headers={"If-None-Match": picture.headers["etag"]}
        )
        assert again.status_code == 304


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"just a text, no picture at all", 422),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", 422),
        (b"%PDF-1.7 " + b"x" * 100, 422),
        (phone_photo()[:3000], 422),
        (os.urandom(11 * 1024 * 1024), 413),
    ],
    ids=["text", "svg", "pdf", "cut off", "11 MB"],
)
def test_what_is_no_photo_or_too_large_is_refused_and_nothing_is_kept(
    running: Running, content: bytes, status: int
) -> None:
    with on_scene(running) as (zhang, path):
        answer = zhang.post(path, files={"photo": ("a.jpg", content, "image/jpeg")})
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert zhang.get(path.removesuffix("/report")).json()["state"] == "on_scene"
        assert zhang.post(path).status_code == 422, "neither photo nor text"
        assert zhang.post(path, data={"text": "x" * 4001}).status_code == 422


def test_a_photo_of_nearly_ten_megabytes_is_taken(running: Running) -> None:
    content = phone_photo() + b"\0" * (LARGEST_BYTES - 40_000)
    with on_scene(running) as (zhang, path):
        answer = zhang.post(path, files={"photo": ("a.jpg", content, "image/jpeg")})
        assert answer.status_code == 200, answer.text


def test_nobody_else_can_fill_the_disk(running: Running) -> None:
    with on_scene(running) as (_, path):
        pass

    def pictures() -> list[Any]:
        return list((running.deps.var_dir / "evidence").rglob("*.jpg"))

    before = pictures()
    for name in ("wang", "li", "admin"):
        with running.client(name) as client:
            answer = client.post(path, files={"photo": ("a.jpg", phone_photo((641, 480)), "image/jpeg")})
            assert answer.status_code == 403
    assert pictures() == before


def test_a_report_sent_twice_with_one_key_is_one_report(running: Running) -> None:
    with on_scene(running) as (zhang, path):
        headers = {"Idempotency-Key": path}
        files = {"photo": ("a.jpg", phone_photo(), "image/jpeg")}
        first = zhang.post(path, data={"text": "ok"}, files=files, headers=headers)
        second = zhang.post(path, data={"text": "ok"}, files=files, headers=headers)
        assert first.status_code == second.status_code == 200
        assert first.json() == second.json()
        other = zhang.post(path, data={"text": "other"}, files=files, headers=headers)
        assert other.status_code == 422


def test_a_picture_with_too_many_pixels_is_refused_before_it_is_decoded() -> None:
    out = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(out, "PNG")
    with pytest.raises(InputRejected, match="more than 60000000 pixels"):
        clean_photo(out.getvalue())


def test_a_large_picture_is_made_smaller() -> None:
    photo = clean_photo(phone_photo((4000, 3000), orientation=1))
    assert Image.open(io.BytesIO(photo.jpeg)).size == (2560, 1920)
