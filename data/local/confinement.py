"""Keeps a process of a drill inside the drill's folder: no file is written elsewhere, nobody is called.

An audit hook (PEP 578) sees each opening of a file, each connection of a socket and each database before it happens,
whichever library asks for it. It is a belt beside the braces: a drill has no secrets, no channels of notices and no
devices to begin with. What C code does by itself, and what child processes do, an audit hook does not see.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_NOWHERE = frozenset({"/dev/null", "/dev/tty"})
_CHANGES_ALL = frozenset({"os.rename", "os.link", "os.symlink"})
_CHANGES_FIRST = frozenset(
    {"os.remove", "os.rmdir", "os.mkdir", "os.truncate", "os.chmod", "os.chown", "os.utime", "shutil.rmtree"}
)
_CALLS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})


class OutsideTheDrill(PermissionError):
    """A process of a drill tried to write outside the drill's folder, or to call somebody."""


def confine(folder: Path) -> None:
    """From now on, and for as long as this process lives, it writes in `folder` alone and connects to nobody.

    Sockets of this computer's own files (AF_UNIX) stay possible inside the folder. Temporary files go into the folder.
    """
    inside = folder.resolve()
    temporary = inside / "tmp"
    temporary.mkdir(mode=0o700, parents=True, exist_ok=True)
    tempfile.tempdir = str(temporary)
    sys.dont_write_bytecode = True

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            if _writes(mode, flags):
                _check(path, inside)
        elif event in _CHANGES_FIRST:
            _check(arguments[0], inside)
        elif event in _CHANGES_ALL:
            for path in arguments[:2]:
                _check(path, inside)
        elif event == "sqlite3.connect":
            _check_database(arguments[0], inside)
        elif event in _CALLS:
            _check_address(arguments[1], inside)

    sys.addaudithook(hook)


def _writes(mode: Any, flags: Any) -> bool:
    if isinstance(mode, str) and any(letter in mode for letter in "wax+"):
        return True
    return isinstance(flags, int) and bool(flags & _WRITING)


def _check(path: Any, inside: Path) -> None:
    if isinstance(path, int) or path is None:  # a file that is open already
        return
    name = os.fsdecode(path)
    if name in _NOWHERE:
        return
    if not Path(os.path.realpath(name)).is_relative_to(inside):
        raise OutsideTheDrill(f"a drill writes only in its own folder, not to {name}")


def _check_database(database: Any, inside: Path) -> None:
    name = os.fsdecode(database)
    if name == ":memory:" or "mode=ro" in name:
        return
    _check(name.removeprefix("file:").partition("?")[0], inside)


def _check_address(address: Any, inside: Path) -> None:
    if isinstance(address, str | bytes):
        _check(address, inside)
    elif address is not None:
        raise OutsideTheDrill(f"a drill calls nobody, not {address!r}")
