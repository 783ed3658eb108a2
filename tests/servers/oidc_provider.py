"""A real identity provider on a free port: npm's oidc-provider, installed once into .cache by its lock file."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.scripts.node import NODE, install_packages

HERE = Path(__file__).parent / "oidc"
CACHE = Path(__file__).parents[2] / ".cache" / "oidc-provider"


def modules() -> Path:
    """The folder of the provider's packages; installed when they are not there."""
    CACHE.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, CACHE)
    return install_packages(CACHE)


@contextmanager
def identity_provider(port: int, client: Mapping[str, Any], people: Mapping[str, Any]) -> Iterator[str]:
    """The issuer's address. `people`: name → name shown and roles; any password does."""
    given = json.dumps({"clients": [client], "people": people})
    process = subprocess.Popen(
        [str(NODE), str(HERE / "provider.mjs"), str(modules()), str(port), given],
        stdout=subprocess.PIPE, text=True, env={"NO_COLOR": "1"},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        yield f"http://localhost:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
