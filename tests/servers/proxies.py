"""Real reverse proxies, run from the examples of docs/proxy with other ports, names of files and upstream."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "proxy"

_NGINX = """daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log warn;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  {site}
}}
"""


def installed(name: str) -> str:
    """The program's path; the test is skipped where it is not installed."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed: apt-get install nginx-light caddy")
    return found


@contextmanager
def nginx(folder: Path, port: int, site: str) -> Iterator[None]:
    """nginx with these server blocks, until the block ends; `port` is one at which it listens."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, site=site))
    with _running([installed("nginx"), "-p", str(folder), "-c", str(config)], port, folder):
        yield


@contextmanager
def caddy(folder: Path, port: int, site: str) -> Iterator[None]:
    """Caddy with this Caddyfile, until the block ends; `port` is one at which it listens."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "Caddyfile"
    config.write_text("{\n\tadmin off\n\tauto_https off\n}\n" + site)
    command = [installed("caddy"), "run", "--config", str(config), "--adapter", "caddyfile"]
    with _running(command, port, folder, environment={"HOME": str(folder), "XDG_DATA_HOME": str(folder)}):
        yield


@contextmanager
def _running(command: list[str], port: int, folder: Path, environment: dict[str, str] | None = None) -> Iterator[None]:
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
        try:
            _answers(process, port, folder)
            yield
        finally:
            process.terminate()
            process.wait(10)


def _answers(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    deadline = time.monotonic() + 20
    while True:
        assert process.poll() is None, (folder / "output.txt").read_text()
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < deadline, (folder / "output.txt").read_text()
            time.sleep(0.05)
        else:
            return


def example(name: str, *replaced: tuple[str, str]) -> str:
    """An example of the documentation with what is particular to the place replaced; each piece must be in it."""
    text = (EXAMPLES / name).read_text("utf-8")
    for old, new in replaced:
        assert old in text, f"{name} has no {old!r}"
        text = text.replace(old, new)
    return text
