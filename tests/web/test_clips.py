"""Clips over HTTP: by ranges, to those who may see the alert's pictures, and never what was changed on the disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app import main
from data.config.settings import Settings
from data.model.alert import Alert, AlertKey, Priority
from data.model.clip import Clip, ClipState
from data.model.people import Role
from data.model.watching import WatchSettings
from data.ports.store import Writer
from engine.recording.maker import record_clip
from tests.web.city import PASSWORD, Clock, Running, city, open_deps, start
from web.accounts import add_user
from web.audit_check import full_check

VIDEO = bytes(range(256)) * 400


@dataclass
class WithClip:
    """A running city, and an alert with a clip at each of its cameras."""

    running: Running
    alerts: dict[str, Alert]
    clips: dict[str, Clip]

    def address(self, site: str = "gate-3") -> str:
        return f"/media/clips/{self.clips[site].sha256}.mp4"

    def file(self, site: str = "gate-3") -> Path:
        return self.running.deps.var_dir / "evidence" / self.clips[site].path


@pytest.fixture
def served(tmp_path: Path) -> Iterator[WithClip]:
    rules = (WatchSettings(users=("wu",), sites=("quay",)),)
    deps = open_deps(tmp_path / "var", Settings(**{**dict(city()), "watch": rules}))
    for name in ("li", "wu"):
        add_user(deps.store, name, Role.OPERATOR, PASSWORD)
    now = datetime.now(UTC)
    alerts, clips = {}, {}
    for site in ("gate-3", "quay"):
        part = tmp_path / "part.mp4"
        part.write_bytes(VIDEO + site.encode())

        def work(writer: Writer, site: str = site, part: Path = part) -> tuple[Alert, Clip]:
            key = AlertKey(site, "intrusion", "lane", "1")
            alert = writer.add_alert(Alert(key, "intrusion", Priority.P2, now, now))
            asked = writer.add_clip(Clip(site, now, now + timedelta(seconds=30), now), alert.id)
            digest, path = deps.vault.keep_clip(part, now)
            ready = replace(
                asked, state=ClipState.READY, sha256=digest, path=path, codec="h264", size=len(VIDEO) + len(site)
            )
            record_clip(writer, ready, now)
            return alert, ready

        alerts[site], clips[site] = deps.store.write(work)
    server, thread, port = start(deps)
    yield WithClip(Running(f"http://127.0.0.1:{port}", deps.store, deps, Clock(), server), alerts, clips)
    server.should_exit = True
    thread.join(15)
    deps.store.close()


def test_a_clip_is_listed_with_its_alert_and_given_whole_or_by_ranges(served: WithClip) -> None:
    with served.running.client("li") as client:
        listed = client.get(f"/api/v1/alerts/{served.alerts['gate-3'].id}/clips").json()["items"]
        assert [(one["state"], one["sha256"]) for one in listed] == [("ready", served.clips["gate-3"].sha256)]
        whole = client.get(served.address())
        assert (whole.status_code, whole.content) == (200, VIDEO + b"gate-3")
        assert whole.headers["content-type"] == "video/mp4"
        assert whole.headers["accept-ranges"] == "bytes"
        part = client.get(served.address(), headers={"Range": "bytes=100-299"})
        assert (part.status_code, part.content) == (206, VIDEO[100:300])
        assert part.headers["content-range"] == f"bytes 100-299/{len(VIDEO) + 6}"
        assert client.get(served.address(), headers={"Range": "bytes=-6"}).content == b"gate-3"
        beyond = client.get(served.address(), headers={"Range": "bytes=9999999-"})
        assert beyond.status_code == 416
        unchanged = client.get(served.address(), headers={"If-None-Match": whole.headers["etag"]})
        assert unchanged.status_code == 304


def test_a_clip_is_for_those_who_may_watch_its_camera(served: WithClip) -> None:
    running = served.running
    with running.client("wu") as client:
        assert client.get(served.address("quay")).status_code == 200
        assert client.get(served.address("gate-3")).status_code == 404
        assert client.get(f"/api/v1/alerts/{served.alerts['gate-3'].id}/clips").json()["items"] == []
    with running.client("zhang") as responder:
        assert responder.get(served.address()).status_code == 404
        assert responder.get(f"/api/v1/alerts/{served.alerts['gate-3'].id}/clips").status_code == 403
    with running.client() as stranger:
        assert stranger.get(served.address()).status_code in {303, 401}
    with running.client("li") as client:
        sent = client.post(
            f"/api/v1/alerts/{served.alerts['gate-3'].id}/dispatch",
            json={"responder": "zhang"},
            headers={"Idempotency-Key": "one"},
        )
        assert sent.status_code == 200
    with running.client("zhang") as responder:
        assert responder.get(served.address()).status_code == 200, "the clip of a task of their own"
        assert responder.get(served.address("quay")).status_code == 404


@pytest.mark.parametrize(
    "name", ["0" * 64, "..%2f..%2fyiping.db", "%2e%2e/secrets", "a" * 5000, "x%00y", "../evidence/x"]
)
def test_no_name_leads_out_of_the_vault(served: WithClip, name: str) -> None:
    with served.running.client("li") as client:
        assert client.get(f"/media/clips/{name}.mp4").status_code in {404, 414, 422}
    row = served.clips["gate-3"]
    outside = replace(row, path=f"../../{row.sha256}.mp4")
    served.running.store.write(lambda writer: writer.settle_clip(outside, was=ClipState.READY))
    with served.running.client("li") as client:
        assert client.get(served.address()).status_code == 404


def test_one_flipped_byte_is_found_by_the_audit_and_never_played(served: WithClip) -> None:
    running, path = served.running, served.file()
    with running.client("li") as client:
        assert client.get(served.address()).status_code == 200
        content = bytearray(path.read_bytes())
        content[1234] ^= 1
        path.write_bytes(content)
        assert client.get(served.address()).status_code == 404
        damage = [one for one in client.get("/api/v1/alerts").json()["items"] if one["kind"] == "damage"]
        assert len(damage) == 1
    found = full_check(running.store, running.deps.var_dir, running.deps.vault).findings
    assert [one for one in found if "was changed on the disk" in one] == [
        f"clip {served.clips['gate-3'].path}: clip {served.clips['gate-3'].sha256} was changed on the disk"
    ]


def test_the_command_audit_verify_names_a_changed_clip_and_one_whose_row_was_changed(
    served: WithClip, capsys: pytest.CaptureFixture[str]
) -> None:
    running = served.running
    content = bytearray(served.file("quay").read_bytes())
    content[-1] ^= 0x80
    served.file("quay").write_bytes(content)
    assert main(["audit", "verify", "--var", str(running.deps.var_dir)]) != 0
    said = capsys.readouterr()
    assert served.clips["quay"].path in said.out + said.err
    served.file("gate-3").unlink()
    gone = replace(served.clips["gate-3"], state=ClipState.EXPIRED)
    running.store.write(lambda writer: writer.settle_clip(gone, was=ClipState.READY))
    found = full_check(running.store, running.deps.var_dir, running.deps.vault).findings
    assert f"clip: {gone.sha256} is not in the store any more" in found, "deleted, and the trail does not tell it"


@pytest.mark.parametrize("place", [0, 5000, -1])
def test_the_command_audit_verify_names_the_one_clip_and_the_one_picture_in_which_a_bit_was_flipped(
    served: WithClip, capsys: pytest.CaptureFixture[str], place: int
) -> None:
    running = served.running
    pictures = []
    for number in range(3):
        kept = running.deps.vault.keep(bytes([number]) * 9000, "image/jpeg", datetime.now(UTC), "gate-3")
        running.store.write(lambda writer, kept=kept: writer.add_evidence(kept))  # type: ignore[misc]
        pictures.append(kept.path)
    folder = running.deps.var_dir / "evidence"
    bent = (served.clips["quay"].path, pictures[1])
    for name in bent:
        content = bytearray((folder / name).read_bytes())
        content[place] ^= 1
        (folder / name).write_bytes(content)
    assert main(["audit", "verify", "--var", str(running.deps.var_dir)]) == 1
    said = capsys.readouterr().out
    assert [line.split(":")[0] for line in said.splitlines() if "was changed on the disk" in line] == [
        f"evidence {bent[1]}",
        f"clip {bent[0]}",
    ]
