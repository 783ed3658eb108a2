"""A process of a drill writes in its own folder alone and calls nobody."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONFINED = """
import os, shutil, socket, sqlite3, sys, tempfile, threading
from pathlib import Path
from data.local.confinement import confine
inside, outside = Path(sys.argv[1]), Path(sys.argv[2])
confine(inside)
{what}
"""


def run(tmp_path: Path, what: str) -> subprocess.CompletedProcess[str]:
    """A process that is confined to `tmp_path/inside` and then does this."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in (inside, outside):
        folder.mkdir(exist_ok=True)
    (outside / "kept").write_text("as it was", encoding="utf-8")
    (inside / "way-out").symlink_to(outside)
    code = CONFINED.format(what=what)
    command = [sys.executable, "-c", code, str(inside), str(outside)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize(
    "what",
    [
        "(outside / 'new').write_text('x')",
        "(inside / 'way-out' / 'new').write_text('x')",
        "open(outside / 'kept', 'r+')",
        "os.open(outside / 'new', os.O_WRONLY | os.O_CREAT)",
        "(outside / 'kept').unlink()",
        "(outside / 'kept').rename(inside / 'kept')",
        "(inside / 'mine').write_text('x'); (inside / 'mine').rename(outside / 'mine')",
        "(outside / 'folder').mkdir()",
        "(outside / 'kept').chmod(0o777)",
        "shutil.rmtree(outside)",
        "os.link(outside / 'kept', inside / 'kept')",
        "sqlite3.connect(outside / 'new.db')",
    ],
)
def test_nothing_is_written_outside_of_the_drills_folder(tmp_path: Path, what: str) -> None:
    done = run(tmp_path, what)
    assert "OutsideTheDrill: a drill writes only in its own folder" in done.stderr, done.stderr
    assert [path.name for path in (tmp_path / "outside").iterdir()] == ["kept"]
    assert (tmp_path / "outside" / "kept").read_text(encoding="utf-8") == "as it was"


@pytest.mark.parametrize(
    "what",
    [
        "socket.create_connection(('127.0.0.1', 9), 1)",
        "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
        "import httpx; httpx.get('http://127.0.0.1:9/')",
    ],
)
def test_nobody_is_called_from_a_drill(tmp_path: Path, what: str) -> None:
    assert "a drill calls nobody, not ('127.0.0.1', 9)" in run(tmp_path, what).stderr


def test_what_a_drill_needs_still_works_in_it(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
assert (outside / 'kept').read_text() == 'as it was'
(inside / 'mine').write_text('x')
sqlite3.connect(inside / 'mine.db').execute('create table one (n)')
with tempfile.NamedTemporaryFile() as file: assert Path(file.name).is_relative_to(inside.resolve())
server = socket.create_server(('127.0.0.1', 0))
local = socket.socket(socket.AF_UNIX); local.bind(str(inside / 'sock')); local.listen()
socket.socket(socket.AF_UNIX).connect(str(inside / 'sock'))
Path('/dev/null').write_text('x')
print('all of it')
""",
    )
    assert done.stdout == "all of it\n", done.stderr
