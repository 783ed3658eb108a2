"""The server as a process of its own: it serves, and ends in order when told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from data.model.category import Category
from data.model.people import Role
from data.sql.store import open_store
from tests.web.city import PASSWORD, bearer, free_port, until
from web.accounts import add_user, issue_token

_CHILD = """
import logging, sys
from pathlib import Path
from data.config.settings import Settings
from web.serve_options import ServeOptions
from web.server import serve
logging.basicConfig(level=logging.INFO)
var = Path(sys.argv[1])
serve(ServeOptions(settings=Settings(), store=str(var / "yiping.db"), var_dir=var, port=int(sys.argv[2])))
print("store closed", flush=True)
"""


_TELLS_IMPORTS = """
import sys, threading
def told(event, given):
    if event == "import" and threading.current_thread().name == "store-writer":
        print("imported in a unit of work:", given[0], flush=True)
sys.addaudithook(told)
"""


@contextmanager
def served(var: Path, root: Path, program: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The server as a child, ready, and its address."""
    port = free_port()
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(var), str(port)],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(root)},
    )

    def ready() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    try:
        until(ready, 60)
        yield child, f"127.0.0.1:{port}"
    finally:
        child.kill()


def test_sigterm_closes_sockets_and_store_and_the_process_ends_by_itself(tmp_path: Path, root: Path) -> None:
    store = open_store(tmp_path / "yiping.db")
    add_user(store, "li", Role.OPERATOR, PASSWORD)
    token = issue_token(store, "li")
    store.close()
    with served(tmp_path, root, _CHILD) as (child, address):
        with connect(f"ws://{address}/ws/events", additional_headers=bearer(token)) as ws:
            ws.recv(5)
            child.send_signal(signal.SIGTERM)
            with pytest.raises(ConnectionClosed) as closed:
                ws.recv(10)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012
        out, errors = child.communicate(timeout=15)
    assert child.returncode == 0, errors
    assert "store closed" in out
    assert "Traceback" not in errors
    assert token not in errors
    assert not list((tmp_path / "run").glob("frames.sock"))


def test_the_first_event_of_the_day_loads_no_module_while_every_other_write_waits(tmp_path: Path, root: Path) -> None:
    store = open_store(tmp_path / "yiping.db")
    store.write(lambda writer: writer.put_category(Category(kind="litter", zh="垃圾", en="Litter")))
    add_user(store, "li", Role.OPERATOR, PASSWORD)
    token = issue_token(store, "li")
    store.close()
    with served(tmp_path, root, _TELLS_IMPORTS + _CHILD) as (child, address):
        event = {"kind": "litter", "title": "bags", "location": {"lon": 106.51, "lat": 29.58}}
        answer = httpx.post(f"http://{address}/api/v1/events", json=event, headers=bearer(token))
        assert answer.status_code == 200, answer.text
        child.send_signal(signal.SIGTERM)
        out, errors = child.communicate(timeout=15)
    assert child.returncode == 0, errors
    assert "store closed" in out
    assert "imported in a unit of work" not in out
