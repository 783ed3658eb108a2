"""A wheel built from the tree holds every file of the program and runs outside the repository."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import httpx
import pytest

from engine.launch import main
from tests.servers.mosquitto import free_port

FLOORS = ("alerts", "data", "detectors", "dispatch", "engine", "layouts", "monitors", "notices", "web")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def tracked(root: Path) -> list[str]:
    """What is committed of the program, as paths in the repository."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
    return [path for path in listed.split("\0") if path == "app.py" or path.split("/")[0] in FLOORS]


@pytest.fixture(scope="module")
def wheel(root: Path, tracked: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of what is committed, so that nothing in this folder is touched or taken along."""
    source, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    documents = ["setup.py", "pyproject.toml", "config.yaml", "LICENSE", "CHANGELOG.md", "README.md", "README.en.md"]
    for name in [*tracked, *documents, "requirements.lock"]:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((root / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(made), "."]
    subprocess.run(command, cwd=source, check=True, timeout=120)
    (built,) = made.glob("yiping-*.whl")
    return built


@pytest.fixture(scope="module")
def yiping(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed command; the libraries are those of the tests."""
    target = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(target), str(wheel)]
    subprocess.run(command, check=True, timeout=120)
    return target / "bin" / "yiping"


def environment(yiping: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(yiping.parents[1])}


def call(yiping: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(yiping), *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment(yiping), capture_output=True, text=True, timeout=120, check=False
    )


def test_every_committed_file_of_the_program_is_in_the_wheel_and_nothing_else(tracked: list[str], wheel: Path) -> None:
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if not name.split("/")[0].endswith(".dist-info")}
    assert {f"yiping/{name}" for name in tracked} <= inside
    documents = {"CHANGELOG.md", "LICENSE", "README.md", "README.en.md", "config.yaml", "pyproject.toml", "setup.py"}
    assert inside - {f"yiping/{name}" for name in tracked} == {f"yiping/{n}" for n in {*documents, "requirements.lock"}}


def test_a_first_configuration_is_written_checked_and_never_overwritten(yiping: Path, tmp_path: Path) -> None:
    assert call(yiping, tmp_path, "init").returncode == 0
    checked = call(yiping, tmp_path, "check")
    assert (checked.returncode, checked.stdout) == (0, "config.yaml: 0 sites, 0 responders: all right\n")
    again = call(yiping, tmp_path, "init", "--demo")
    assert again.returncode == 2
    assert again.stderr == "yiping: config.yaml exists already; nothing was written\n"
    assert not (tmp_path / "data").exists()


def test_the_demo_citys_configuration_is_whole_outside_the_repository(yiping: Path, tmp_path: Path) -> None:
    assert call(yiping, tmp_path, "init", "street", "--demo").returncode == 0
    checked = call(yiping, tmp_path / "street", "check")
    assert checked.returncode == 0, checked.stderr
    assert "config.yaml: 9 sites" in checked.stdout


def test_it_runs_outside_the_repository_and_offers_its_source(yiping: Path, tmp_path: Path) -> None:
    assert call(yiping, tmp_path, "init").returncode == 0
    port = free_port()
    env = environment(yiping)
    command = [str(yiping), "run", "--port", str(port)]
    with (tmp_path / "log.txt").open("wb") as log:
        process = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        base = f"http://127.0.0.1:{port}"
        ends_s = time.monotonic() + 90
        while not answers(port):
            assert process.poll() is None, (tmp_path / "log.txt").read_text()
            assert time.monotonic() < ends_s, (tmp_path / "log.txt").read_text()
            time.sleep(0.2)
        subprocess.run(
            [str(yiping), "users", "add", "li", "--role", "duty_officer", "--password-stdin"],
            cwd=tmp_path, env=env, input="li-kettle-harbour-42\n", text=True, check=True, timeout=60,
        )  # fmt: skip
        with httpx.Client(base_url=base) as client:
            logged_in = client.post("/login", data={"name": "li", "password": "li-kettle-harbour-42"})
            assert logged_in.status_code == 303
            assert client.get("/").status_code == 200
            assert client.get("/assets/10_feed.js").status_code == 200
            source = client.get("/source.tar.gz")
        with tarfile.open(fileobj=io.BytesIO(source.content)) as archive:
            names = archive.getnames()
        assert {"yiping/app.py", "yiping/pyproject.toml", "yiping/layouts/assets/10_feed.js"} <= set(names)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_command_starts_the_same_program_as_app_py(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["yiping", "describe"])
        assert main() == 0
    assert capsys.readouterr().out.startswith("#")
