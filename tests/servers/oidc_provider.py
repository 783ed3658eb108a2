"""A real identity provider on a free port: npm's oidc-provider, installed once into .cache by its lock file."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

HERE = Path(__file__).parent / "oidc"
CACHE = Path(__file__).parents[2] / ".cache" / "oidc-provider"


def modules() -> Path:
    """The folder of the provider's packages; installed when they are not there."""
    npm = shutil.which("npm")
    assert npm is not None, "the tests of the identity provider need Node.js with npm"
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / "lock"):
        if not (CACHE / "node_modules" / "oidc-provider").exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, CACHE)
            subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=CACHE, check=True, timeout=300)
    return CACHE / "node_modules"


@contextmanager
def identity_provider(port: int, client: Mapping[str, Any], people: Mapping[str, Any]) -> Iterator[str]:
    """The issuer's address. `people`: name → name shown and roles; any password does."""
    node = shutil.which("node")
    assert node is not None
    given = json.dumps({"clients": [client], "people": people})
    environment = {"PATH": os.environ["PATH"], "NO_COLOR": "1"}
    process = subprocess.Popen(
        [node, str(HERE / "provider.mjs"), str(modules()), str(port), given],
        stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        yield f"http://localhost:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
