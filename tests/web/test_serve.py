"""The server as a process of its own: it serves, and ends in order when told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from data.model.people import Role
from data.sql.store import open_store
from tests.web.city import PASSWORD, bearer, free_port, until
from web.accounts import add_user, issue_token

_CHILD = """
import logging, sys
from pathlib import Path
from data.config.settings import Settings
from web.server import ServeOptions, serve
logging.basicConfig(level=logging.INFO)
var = Path(sys.argv[1])
serve(ServeOptions(settings=Settings(), store=str(var / "yiping.db"), var_dir=var, port=int(sys.argv[2])))
print("store closed", flush=True)
"""


def test_sigterm_closes_sockets_and_store_and_the_process_ends_by_itself(tmp_path: Path, root: Path) -> None:
    store = open_store(tmp_path / "yiping.db")
    add_user(store, "li", Role.OPERATOR, PASSWORD)
    token = issue_token(store, "li")
    store.close()
    port = free_port()
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(tmp_path), str(port)],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    try:
        base = f"http://127.0.0.1:{port}"

        def ready() -> bool:
            try:
                return httpx.get(f"{base}/readyz").status_code == 200
            except httpx.TransportError:
                return False

        until(ready, 60)
        with connect(f"ws://127.0.0.1:{port}/ws/events", additional_headers=bearer(token)) as ws:
            ws.recv(5)
            child.send_signal(signal.SIGTERM)
            with pytest.raises(ConnectionClosed) as closed:
                ws.recv(10)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012
        out, errors = child.communicate(timeout=15)
    finally:
        child.kill()
    assert child.returncode == 0, errors
    assert "store closed" in out
    assert "Traceback" not in errors
    assert token not in errors
    assert not list((tmp_path / "run").glob("frames.sock"))
