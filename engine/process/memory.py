"""Memory of a worker: settings of the C library's allocator, and returning freed memory to the system.

Linux with glibc only; elsewhere nothing happens.
"""

from __future__ import annotations

import ctypes
import gc
import math
import mmap
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # of mallopt(3)
_MADV_DONTNEED = 4
_LARGE = 1 << 20  # a picture's brightness plane (2 MB at 1080p) is; what a look needs (0.7 MB) is not
_SPARE = 4 << 20
_MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \S+ +(/\S*)$")


LOADED_AFTER_S = (0.5, 2.0, 4.0, 7.0, 10.0, 15.0)  # after the last model: first looks and cameras read more code once
STARTED_AFTER_S = 20.0  # after the smaller inference windows have been loaded, too
TRIM_EVERY_S = 1.0  # each takes 0.1 to 2 ms; with 5 s a worker of eight resting cameras holds 15 MiB more
FILES_EVERY_S = 5.0  # pages in use are read again within seconds after a release
_LOADED_MORE = 6 << 20  # growth of file pages since the last release that means that more was loaded


class Housekeeping:
    """Decides when a running process returns memory to the system. Call `tend` once a second; times are monotonic.

    The heap never shrinks by itself, since freed pictures, packets and rows lie between blocks that stay.
    """

    def __init__(
        self, file_pages: Callable[[], int] | None = None, release: Callable[[], object] | None = None
    ) -> None:
        """`file_pages`: resident bytes of file pages; `release`: drops those pages. Default: of this process."""
        self._file_pages = _resident_of_files if file_pages is None else file_pages
        self._release = release_library_pages if release is None else release
        self._release_at_s: list[float] = []
        self._needed: int | None = None  # file pages, bytes, after those in use were read again
        self._trim_at_s = self._files_at_s = math.inf

    def loaded(self, now_s: float) -> None:
        """Call after modules or a model have been loaded."""
        self._release_at_s = [now_s + after_s for after_s in (*LOADED_AFTER_S, STARTED_AFTER_S)]
        self._trim_at_s, self._files_at_s = now_s + TRIM_EVERY_S, now_s + FILES_EVERY_S

    def tend(self, now_s: float) -> bool:
        """Return memory that is due; True if anything was returned."""
        release = self._is_release_due(now_s)
        if release:
            self._needed = None
            self._files_at_s = now_s + FILES_EVERY_S
            self._release()
        if not release and now_s < self._trim_at_s:
            return False
        trim()
        self._trim_at_s = now_s + TRIM_EVERY_S
        return True

    def _is_release_due(self, now_s: float) -> bool:
        """Is it time to drop file pages: some time after loading, or since more has been loaded meanwhile?"""
        if self._release_at_s:
            if now_s < self._release_at_s[0]:
                return False
            self._release_at_s.pop(0)
            return True
        if now_s < self._files_at_s:
            return False
        self._files_at_s = now_s + FILES_EVERY_S
        resident = self._file_pages()
        if self._needed is None:
            self._needed = resident
        return resident > self._needed + _LOADED_MORE


def be_frugal() -> None:
    """Configure glibc's allocator at the start of a process with many threads.

    By default glibc keeps a heap for each thread and, once a picture was freed, allocates the next ones from those
    heaps, which keep freed memory. So: one heap, and large blocks are returned to the system as soon as they are freed.
    """
    tell = _libc("mallopt")
    if tell is not None:
        tell(_M_ARENA_MAX, 1)
        tell(_M_MMAP_THRESHOLD, _LARGE)
        tell(_M_TRIM_THRESHOLD, _SPARE)


def settle_memory() -> None:
    """Call after modules and model are loaded: exclude these lasting objects from garbage collection.

    Also returns some MiB of memory freed by loading, which the C library would keep.
    """
    gc.collect()
    gc.freeze()
    trim()


def trim() -> None:
    """Return freed memory to the system."""
    give_back = _libc("malloc_trim")
    if give_back is not None:
        give_back(0)


def release_library_pages() -> int:
    """Drop clean library pages; return the bytes released. Pages that are still needed are read again.

    Three quarters of them are needed only at the start, for imports and compilation. They are unmodified file pages in
    the system's cache, shared with the other workers. Call it from the thread that loads libraries, so that none is
    unloaded meanwhile.
    """
    advise = _libc("madvise")
    if advise is None:
        return 0
    given_up = 0
    for start, length, resident in _unwritten_code(Path("/proc/self/smaps").read_text(encoding="utf-8")):
        if advise(ctypes.c_void_p(start), ctypes.c_size_t(length), _MADV_DONTNEED) == 0:
            given_up += resident
    return given_up


def _unwritten_code(smaps: str) -> Iterator[tuple[int, int, int]]:
    """Address, length and resident bytes of library mappings that can be read again from their files."""
    mapping: tuple[int, int] | None = None
    resident = 0
    for line in smaps.splitlines():
        name, _, value = line.partition(":")
        if name == "Rss":
            resident = int(value.split()[0]) << 10
        elif name == "Anonymous":
            if mapping is not None and value.split()[0] == "0" and resident:
                yield *mapping, resident
        elif (found := _MAPPING.match(line)) is not None:
            start, end = (int(address, 16) for address in found.group(1, 2))
            library = ".so" in found[4] and "w" not in found[3]
            mapping = (start, end - start) if library else None
        elif line[:1] in "0123456789abcdef":
            mapping = None


def _resident_of_files() -> int:
    """Resident file pages of this process, bytes; 0 if the system does not report them."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[2]) * mmap.PAGESIZE
    except OSError:
        return 0


def _libc(name: str) -> ctypes._NamedFuncPointer | None:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
