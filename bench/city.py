"""The running side of a city without its screens, in a process of its own: `python -m bench.city CONFIG VAR`."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data.config.reading import load_settings
from engine.catalogue import load_catalogue
from engine.process.options import RunOptions
from engine.run import run_all

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def running(config: Path, var: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Supervisor, workers and clock until the block ends; their log is `VAR/bench.log`."""
    var.mkdir(parents=True, exist_ok=True)
    with (var / "bench.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.city", str(config), str(var)], cwd=ROOT, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def main(config: Path, var: Path) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    os.environ.setdefault("YOLO_OFFLINE", "true")
    settings, secrets = load_settings(config, load_catalogue())
    run_all(RunOptions(settings=settings, secrets=secrets, base_dir=config.parent, var_dir=var))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
