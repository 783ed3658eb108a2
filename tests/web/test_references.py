"""Reference pictures of a view: sent as files or taken from the live picture, and named by the settings."""

from __future__ import annotations

import io
import threading
from contextlib import closing
from datetime import UTC, datetime

import pytest
from PIL import Image

from data.config.document import forbidden_files
from data.local.feed_socket import SocketFramePublisher
from data.ports.feed import FramePacket
from tests.web.city import Running


def jpeg(colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 36), colour).save(out, "JPEG", comment=b"a private comment")
    return out.getvalue()


def test_a_picture_that_is_sent_is_kept_once_without_metadata_and_the_settings_may_name_it(
    running: Running,
) -> None:
    files = {"photo": ("wall.jpg", jpeg("navy"), "image/jpeg")}
    with running.client("admin") as admin:
        path, again = (admin.post("/api/v1/sites/new-site/references", files=files).json()["path"] for _ in range(2))
        assert path == again
        assert path.startswith("var:references/new-site/")
        shown = admin.get(f"/api/v1/sites/new-site/references/{path.rsplit('/', 1)[1]}")
    assert shown.headers["content-type"] == "image/jpeg"
    with Image.open(io.BytesIO(shown.content)) as picture:
        assert picture.size == (64, 36)
    assert b"private comment" not in shown.content
    var = running.deps.var_dir
    assert (var / path.removeprefix("var:")).read_bytes() == shown.content
    document = {"sites": [{"detectors": [{"references": [path]}]}]}
    assert list(forbidden_files(document, frozenset({path}), var.parent / "elsewhere", var)) == []
    entries = running.store.read(lambda reader: reader.audit(subject="site:new-site"))
    assert next((one.action, one.detail) for one in entries) == ("keep_reference", {"path": path, "from": "file"})


def test_the_live_picture_is_kept_as_it_is_seen(running: Running) -> None:
    seen, done = jpeg("olive"), threading.Event()

    def publish() -> None:
        with closing(SocketFramePublisher(running.deps.var_dir / "run" / "frames.sock")) as publisher:
            sequence = 0
            while not done.wait(0.05):
                if publisher.wanted("quay"):
                    sequence += 1
                    publisher.publish(FramePacket("quay", datetime.now(UTC), sequence, 64, 36, seen, ()))

    worker = threading.Thread(target=publish)
    worker.start()
    try:
        with running.client("admin") as admin:
            kept = admin.post("/api/v1/sites/quay/references")
            assert kept.status_code == 200, kept.text
            shown = admin.get(f"/api/v1/sites/quay/references/{kept.json()['path'].rsplit('/', 1)[1]}")
    finally:
        done.set()
        worker.join(10)
    assert shown.content == seen


@pytest.mark.parametrize(
    ("path", "status"),
    [("nowhere/references", 404), ("..%2f..%2fkeys/references", 404), ("UP/references", 422)],
)
def test_there_is_no_live_picture_of_no_camera(running: Running, path: str, status: int) -> None:
    with running.client("admin") as admin:
        assert admin.post(f"/api/v1/sites/{path}").status_code == status


def test_what_is_no_picture_is_refused_and_no_other_file_is_shown(running: Running) -> None:
    with running.client("admin") as admin:
        files = {"photo": ("a.jpg", b"<svg onload=alert(1)>", "image/jpeg")}
        assert admin.post("/api/v1/sites/quay/references", files=files).status_code == 422
        for name in ("audit.key", "..%2f..%2fyiping.db", "0" * 32 + ".jpg"):
            assert admin.get(f"/api/v1/sites/quay/references/{name}").status_code == 404
    with running.client("zhao") as officer:
        assert officer.post("/api/v1/sites/quay/references").status_code == 403
