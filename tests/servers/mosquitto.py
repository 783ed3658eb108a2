"""A real Mosquitto with persistence on a free port, for tests. `kill` is kill -9; `start` goes on from its data.

with mosquitto(tmp_path) as broker:
    client.connect("127.0.0.1", broker.port)
    broker.kill(); broker.start()
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def binary() -> str:
    """The broker's program; skips with the reason (fails under YIPING_REQUIRE_SHARED=1) when there is none."""
    found = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is not None:
        return found
    if os.environ.get("YIPING_REQUIRE_SHARED") == "1":
        pytest.fail("no mosquitto; Debian: apt-get install mosquitto")
    pytest.skip("no mosquitto; Debian: apt-get install mosquitto")


class Mosquitto:
    """A broker that keeps every message on disk at once (autosave after each change)."""

    def __init__(
        self,
        folder: Path,
        user: str,
        password: str,
        tls: tuple[Path, Path] | None = None,
        *,
        autosave: str = "autosave_on_changes true\nautosave_interval 1",
    ) -> None:
        """`tls`: certificate and key; the listener then speaks nothing else. `autosave`: when its state is written."""
        self.program = binary()
        self.folder = folder / "mosquitto"
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.folder.mkdir(parents=True, exist_ok=True)
        who = "allow_anonymous true"
        if user:
            passwords = self.folder / "passwords"
            passwords.touch(mode=0o600)
            command = ["mosquitto_passwd", "-b", str(passwords), user, password]
            subprocess.run(command, check=True, capture_output=True, timeout=30)
            who = f"allow_anonymous false\npassword_file {passwords}"
        self.settings = self.folder / "mosquitto.conf"
        secure = "" if tls is None else f"certfile {tls[0]}\nkeyfile {tls[1]}\n"
        self.settings.write_text(
            f"listener {self.port} 127.0.0.1\n{secure}{who}\npersistence true\npersistence_location {self.folder}/\n"
            f"{autosave}\nmax_queued_messages 0\nuser root\n"
        )

    def start(self) -> None:
        """Start on the same port with the data of before; returns when it listens."""
        log = (self.folder / "mosquitto.log").open("ab")
        with log:
            self.process = subprocess.Popen([self.program, "-c", str(self.settings)], stdout=log, stderr=log)
        for _ in range(100):
            if self.process.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"mosquitto did not start: {(self.folder / 'mosquitto.log').read_text()[-500:]}")

    def kill(self) -> None:
        """kill -9: nothing is written any more."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(how)
            process.wait(10)


@contextmanager
def mosquitto(
    folder: Path, *, user: str = "", password: str = "", tls: tuple[Path, Path] | None = None
) -> Iterator[Mosquitto]:
    """A running broker with its data under `folder`; anonymous, or only for `user`."""
    broker = Mosquitto(folder, user, password, tls)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()
