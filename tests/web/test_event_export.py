"""An event as one signed ZIP: complete, checked by plain Python, no more than one may see, and told in the trail."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import app
from alerts.dwell import Recipe as Dwell
from alerts.lifecycle import raise_alert
from data.config.settings import Settings, SiteSettings
from data.local.checkpoint import CheckpointKey
from data.model.alert import Alert, Priority, Raised
from data.model.case import Recorded
from data.model.clip import Clip, ClipState
from data.model.geo import Location
from data.model.observation import Detection, Detections, Tick
from data.model.people import CONSOLE, Role
from data.model.task import Event, Task
from data.model.watching import WatchSettings
from data.ports.store import Writer
from data.sql.store import open_store
from engine.catalogue import load_catalogue
from engine.replay.exported import judged_again
from tests.engine.kept import LiveSite
from tests.web.city import ROLES, Clock, Running, StillCamera, open_deps, start
from web.accounts import add_user
from web.event_export import Asker, EventExport, look
from web.verify_export import check, is_signature, source_of

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
WHERE = Location(lon=106.51, lat=29.58)
CAR = Detection((0.3, 0.1, 0.7, 0.9), 0.9, "car", 7)
VIDEO, PICTURE = b"\x00\x00\x00\x18ftypisom" + bytes(range(256)) * 8, b"\xff\xd8 a car at the gate"
RULE = Dwell(id="parked", labels=("car",), at_least=timedelta(seconds=60))


def settings() -> Settings:
    sites = (
        SiteSettings(id="gate", name="校门", location=WHERE, monitor=StillCamera(), rules=(RULE,)),
        SiteSettings(id="vault", name="金库", location=WHERE, rules=(RULE,), visible_to=(Role.COMMANDER,)),
    )
    return Settings(sites=sites, watch=(WatchSettings(users=("qian",), sites=()),))


FILE = {
    "timezone": "Asia/Shanghai",
    "web": {"listen": "0.0.0.0"},
    "sites": [
        {"id": "gate", "monitor": {"kind": "rtsp_camera", "url": "rtsp://guard:s3cret@192.0.2.7/1"}, "rules": [{}]},
        {"id": "vault", "rules": []},
    ],
}


@dataclass
class Town:
    running: Running
    event: int
    hidden_event: int
    clip: str
    picture: str

    def export(self, name: str) -> bytes:
        with self.running.client(name) as client:
            answer = client.get(f"/api/v1/events/{self.event}/export")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/zip"
        return answer.content


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A car stood at the gate for two minutes; a second place is hidden from all but commanders."""
    folder = tmp_path_factory.mktemp("town")
    configured = settings()
    deps = open_deps(folder / "var", configured, file=FILE)
    for name, role in ROLES.items():
        add_user(deps.store, name, role, None)
    live = {}
    for site in configured.sites:
        live[site.id] = LiveSite(
            deps.var_dir / "observations", site.model_copy(update={"monitor": None}), process=f"worker-{site.id}"
        )
        for i in range(120):
            at = NOON + timedelta(seconds=i)
            live[site.id].give(Detections.of(site.id, at, [CAR]))
            live[site.id].give(Tick(site.id, at))
        live[site.id].log.close()
    picture = deps.vault.keep(PICTURE, "image/jpeg", NOON + timedelta(seconds=60), "gate")
    part = folder / "part.mp4"
    part.write_bytes(VIDEO)
    sha256, path = deps.vault.keep_clip(part, NOON)

    def work(writer: Writer) -> tuple[int, int]:
        numbers = []
        for site in ("gate", "vault"):
            (raised,) = (one for one in live[site].signals if isinstance(one, Raised))
            step = Recorded("file", "filed", NOON + timedelta(seconds=70), "li", "operator", "a car in the way")
            event = writer.add_event(
                Event(
                    "a car", "dwell", site, WHERE, raised.priority, raised.at, steps=(step,),
                    closed_at=NOON + timedelta(seconds=110), closed_by="li",
                )
            )  # fmt: skip
            evidence = picture if site == "gate" else None
            if evidence is not None:
                writer.add_evidence(evidence)
            alert = raise_alert(writer, raised, evidence, raised.at)
            assert alert is not None
            alert = writer.save_alert(replace(alert, event_id=event.id, ended_at=NOON + timedelta(seconds=110)))
            _add_clip(writer, alert, sha256, path)
            writer.add_task(
                Task(event.id, "tow it", alert.priority, WHERE, NOON + timedelta(seconds=80), "li", alert.id, site)
            )
            numbers.append(event.id)
        return numbers[0], numbers[1]

    event, hidden = deps.store.write(work)
    server, thread, port = start(deps)
    yield Town(
        Running(f"http://127.0.0.1:{port}", deps.store, deps, Clock(), server), event, hidden, sha256, picture.id
    )
    server.should_exit = True
    thread.join(15)
    deps.store.close()


def _add_clip(writer: Writer, alert: Alert, sha256: str, path: str) -> None:
    if alert.key.site != "gate":
        return
    asked = writer.add_clip(Clip("gate", NOON, NOON + timedelta(seconds=30), NOON), alert.id)
    ready = replace(asked, state=ClipState.READY, sha256=sha256, path=path, codec="h264", size=len(VIDEO))
    assert writer.settle_clip(ready, was=ClipState.PENDING)


@pytest.fixture(scope="module")
def whole(town: Town) -> bytes:
    return town.export("zhou")


def unpacked(whole: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        archive.extractall(folder)
    return folder


def verify(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """By Python as it is, without what is installed and without the project."""
    return subprocess.run(
        [sys.executable, "-I", "-S", str(folder / "verify.py"), *arguments],
        cwd="/", env={"PYTHONIOENCODING": "utf-8"}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_an_export_holds_everything_of_its_event_and_holds_by_plain_python(
    town: Town, whole: bytes, tmp_path: Path
) -> None:
    folder = unpacked(whole, tmp_path)
    checked = verify(folder)
    assert checked.returncode == 0, checked.stdout
    assert f"event {town.event}: all " in checked.stdout
    assert (folder / "clips" / f"{town.clip}.mp4").read_bytes() == VIDEO
    assert (folder / "pictures" / f"{town.picture}.jpg").read_bytes() == PICTURE
    timeline = json.loads((folder / "timeline.json").read_text())
    assert [one["rule"] for one in timeline["alerts"]] == ["parked"]
    assert [one["title"] for one in timeline["tasks"]] == ["tow it"]
    assert ("file", "li") in {(one["step"], one.get("by")) for one in timeline["timeline"]}
    settings = json.loads((folder / "settings" / "config.json").read_text())["document"]
    assert (settings["timezone"], [one["id"] for one in settings["sites"]], "web" in settings) == (
        "Asia/Shanghai", ["gate"], False,
    )  # fmt: skip
    assert [json.loads(line)["action"] for line in (folder / "audit.jsonl").read_text().splitlines()][:1] == ["raise"]
    assert json.loads((folder / "observations.json").read_text())["sites"] == ["gate"]
    assert verify(folder, "--key", CheckpointKey(town.running.deps.var_dir).public).returncode == 0
    other = verify(folder, "--key", "ab" * 32)
    assert (other.returncode, "is not the public key that was noted elsewhere" in other.stdout) == (1, True)


def test_no_secret_address_or_hidden_place_is_in_it(whole: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            if name.startswith("observations/"):
                content = zlib.decompressobj().decompress(content.split(b"\n", 1)[1])
            for word in (b"s3cret", b"192.0.2.7", b"vault", "金库".encode()):
                assert word not in content, (name, word)


@pytest.mark.parametrize("what", ["clips/", "pictures/", "observations/", "settings/", "timeline.json"])
def test_one_flipped_bit_is_found_and_its_file_is_named(whole: bytes, tmp_path: Path, what: str) -> None:
    folder = unpacked(whole, tmp_path)
    (path,) = (
        one for one in folder.rglob("*") if one.is_file() and one.relative_to(folder).as_posix().startswith(what)
    )
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    checked = verify(folder)
    name = path.relative_to(folder).as_posix()
    wrong = [line for line in checked.stdout.splitlines() if line.startswith("✗")]
    assert (checked.returncode, wrong) == (1, [f"✗ {name}：已被改动 / was changed"])


def forge(folder: Path) -> None:
    """Another timeline, and a manifest that fits it."""
    (folder / "timeline.json").write_text("{}")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["timeline.json"] = {"sha256": hashlib.sha256(b"{}").hexdigest(), "size": 2}
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda folder: (folder / "timeline.json").unlink(), "✗ timeline.json：不见了 / is missing"),
        (lambda folder: (folder / "clips" / "more.mp4").touch(), "✗ clips/more.mp4：不在签名的清单里，是后来放进去的"),
        (forge, "✗ manifest.json：签名不符"),
        (lambda folder: (folder / "manifest.sig").write_text("00" * 64), "✗ manifest.json：签名不符"),
    ],
    ids=["missing", "added", "forged list", "no signature"],
)
def test_what_is_missing_put_in_or_forged_is_said(
    whole: bytes, tmp_path: Path, change: Callable[[Path], Any], told: str
) -> None:
    folder = unpacked(whole, tmp_path)
    change(folder)
    checked = verify(folder)
    assert (checked.returncode, told in checked.stdout) == (1, True), checked.stdout


def test_a_zip_is_checked_as_it_came_and_what_is_none_is_refused(whole: bytes, tmp_path: Path) -> None:
    verifier = unpacked(whole, tmp_path / "unpacked")
    path = tmp_path / "event.zip"
    path.write_bytes(whole)
    assert verify(verifier, str(path)).returncode == 0
    at = whole.index(VIDEO) + 700
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    changed = verify(verifier, str(path))
    assert (changed.returncode, changed.stdout.count("✗"), "clips/" in changed.stdout) == (1, 1, True)
    path.write_bytes(b"no ZIP")
    assert verify(verifier, str(path)).returncode == 2


def test_an_entry_of_the_trail_that_was_changed_before_the_export_is_found(whole: bytes, tmp_path: Path) -> None:
    folder = unpacked(whole, tmp_path)
    lines = (folder / "audit.jsonl").read_text().splitlines()
    assert lines
    key = Ed25519PrivateKey.generate()
    (folder / "audit.jsonl").write_text("\n".join([lines[0].replace('"at":"20', '"at":"19'), *lines[1:]]) + "\n")
    content = (folder / "audit.jsonl").read_bytes()
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["audit.jsonl"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    manifest["public_key"] = key.public_key().public_bytes_raw().hex()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    signed = key.sign(b"yiping event export 1\n" + (folder / "manifest.json").read_bytes())
    (folder / "manifest.sig").write_text(signed.hex())
    assert check(source_of(folder)).findings == [("entry", "audit.jsonl:1")]


def test_signatures_are_judged_as_the_library_judges_them() -> None:
    """RFC 8032, 7.1, tests 1 to 3; 40 of our own; and what must not hold."""
    vectors = [
        ("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe"
         "24655141438e7a100b"),
        ("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302a"
         "eeb00d291612bb0c00"),
        ("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed2"
         "8dc027beceea1ec40a"),
    ]  # fmt: skip
    for vector in vectors:
        key, text, signed = map(bytes.fromhex, vector)
        assert is_signature(key, text, signed)
    for number in range(40):
        private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(bytes([number])).digest())
        public, message = private.public_key().public_bytes_raw(), bytes(range(number))
        signature = private.sign(message)
        assert is_signature(public, message, signature)
        assert not is_signature(public, message + b"x", signature)
        assert not is_signature(public, message, signature[:5] + bytes([signature[5] ^ 1]) + signature[6:])
    order = 2**252 + 27742317777372353535851937790883648493
    s = int.from_bytes(signature[32:], "little") + order
    assert not is_signature(public, message, signature[:32] + s.to_bytes(32, "little")), (
        "the same again in another form"
    )
    assert not is_signature(b"\xff" * 32, message, signature)
    assert not is_signature(public[:31], message, signature)


def test_each_gets_what_they_may_see_and_it_is_in_the_trail(town: Town, whole: bytes) -> None:
    running = town.running
    with running.client("li") as operator, running.client("zhou") as analyst, running.client("sun") as commander:
        assert operator.get(f"/api/v1/events/{town.event}/export").status_code == 403
        assert analyst.get(f"/api/v1/events/{town.hidden_event}/export").status_code == 404
        assert analyst.get("/api/v1/events/999/export").status_code == 404
        assert commander.get(f"/api/v1/events/{town.hidden_event}/export").status_code == 200
    with zipfile.ZipFile(io.BytesIO(town.export("qian"))) as archive:
        names, manifest = archive.namelist(), json.loads(archive.read("manifest.json"))
    assert not [one for one in names if one.startswith(("clips/", "pictures/", "observations/"))]
    assert {one["why"] for one in manifest["not_in_it"]} == {"of a camera that the asker may not watch"}
    trail = running.store.read(lambda reader: reader.audit(subject=f"event:{town.event}"))
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        digest = hashlib.sha256(archive.read("manifest.json")).hexdigest()
    told = [(one.actor, one.action) for one in trail if "export" in one.action]
    assert told == [(name, action) for name in ("zhou", "qian") for action in ("export_event", "exported_event")]
    assert next(one.detail["manifest"] for one in trail if one.action == "exported_event") == digest


def test_a_clip_goes_out_in_pieces(town: Town, tmp_path: Path) -> None:
    deps, number = town.running.deps, town.event
    asker, size = Asker(CONSOLE), 48_000_000
    found = deps.store.read(lambda reader: look(reader, number, deps.settings, file=FILE, asker=asker, now=NOON))
    with (tmp_path / "long.mp4").open("wb") as file:
        file.truncate(size)
    sha256, path = deps.vault.keep_clip(tmp_path / "long.mp4", NOON)
    long = replace(
        found, clips=[replace(found.clips[0], sha256=sha256, path=path, size=size)], pictures=(), sites=frozenset()
    )
    made = EventExport(long, deps.store, deps.vault, deps.var_dir, "1", asker, NOON)
    sent = 0
    tracemalloc.start()
    try:
        for piece in made.pieces():
            sent += len(piece)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    print(f"\n{sent / 1e6:.0f} MB sent, at most {most / 1e6:.1f} MB in memory")
    assert sent > size
    assert most < 8_000_000


def test_a_clip_that_was_changed_on_the_disk_before_is_told_as_that(town: Town, tmp_path: Path) -> None:
    deps, number = town.running.deps, town.event
    asker = Asker(CONSOLE)
    found = deps.store.read(lambda reader: look(reader, number, deps.settings, file=FILE, asker=asker, now=NOON))
    (tmp_path / "part.mp4").write_bytes(VIDEO + b"another")
    sha256, path = deps.vault.keep_clip(tmp_path / "part.mp4", NOON)
    deps.vault.clip_path(sha256, path).write_bytes(VIDEO)
    changed = replace(found, clips=[replace(found.clips[0], sha256=sha256, path=path)])
    (tmp_path / "event.zip").write_bytes(
        b"".join(EventExport(changed, deps.store, deps.vault, deps.var_dir, "1", asker, NOON).pieces())
    )
    with closing(source_of(tmp_path / "event.zip")) as source:
        assert check(source).findings == [("kept", f"clips/{sha256}.mp4")]


def test_the_rules_decide_the_same_again_on_what_was_exported(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "event.zip"
    path.write_bytes(whole)
    again = judged_again(path, load_catalogue())
    assert again.same
    assert len(again.lines) == 1, again.lines
    assert "of gate, 1 alerts, byte for byte as they were decided live" in again.lines[0]
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(other, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, moved_away(content) if name.startswith("observations/") else content)
    assert not judged_again(other, load_catalogue()).same


def moved_away(block: bytes) -> bytes:
    """The block with the car seen for half of the time only, and what was decided as it was."""
    magic, packed = block.split(b"\n", 1)
    unpack = zlib.decompressobj()
    lines = unpack.decompress(packed).splitlines(keepends=True)
    looks = [i for i, line in enumerate(lines) if line.startswith(b'["l"')]
    kept = [line for i, line in enumerate(lines) if i not in looks[30:]]
    return magic + b"\n" + zlib.compress(b"".join(kept)) + unpack.unused_data


CONFIG = """\
sites:
  - id: gate
    location: {lon: 106.51, lat: 29.58}
    rules: [{kind: dwell, id: parked, labels: [car], at_least: 60s, zone: lane}]
    zones: [{id: lane, polygon: [[0, 0], [1, 0], [1, 1]]}]
    monitor: {kind: rtsp_camera, url: "rtsp://127.0.0.1/gate"}
    detectors: [{kind: yolo}]
"""


def test_the_command_exports_and_verifies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    var, config, out = tmp_path / "var", tmp_path / "config.yaml", tmp_path / "event.zip"
    config.write_text(CONFIG, encoding="utf-8")
    with closing(open_store(var / "yiping.db")) as store:
        event = Event("a car", "dwell", "gate", WHERE, Priority.P3, NOON)
        number = store.write(lambda writer: writer.add_event(event)).id
    where = ["--config", str(config), "--var", str(var)]
    assert app.main(["export", str(number), "--out", str(out), *where]) == 0
    assert "signed; manifest" in capsys.readouterr().out
    assert app.main(["export", "verify", str(out)]) == 0
    assert "not judged again: there are no observations in it" in capsys.readouterr().out
    assert app.main(["export", "verify", str(out), "--key", "00" * 32]) == 1
    assert app.main(["export", "gate", *where]) == 2
    with closing(open_store(var / "yiping.db")) as store:
        trail = store.read(lambda reader: reader.audit(subject=f"event:{number}"))
    assert [(one.actor, one.action) for one in trail][-2:] == [
        ("console", "export_event"),
        ("console", "exported_event"),
    ]
