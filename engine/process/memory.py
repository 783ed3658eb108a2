"""What a worker does to stay small: how the C library keeps memory, and what is given back to the system.

Linux with glibc only; elsewhere nothing happens.
"""

from __future__ import annotations

import ctypes
import gc
import re
import sys
from collections.abc import Iterator
from pathlib import Path

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # of mallopt(3)
_MADV_DONTNEED = 4
_LARGE = 1 << 20  # a picture's brightness plane (2 MB at 1080p) is; what a look needs (0.7 MB) is not
_SPARE = 4 << 20
_MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \S+ +(/\S*)$")


def be_frugal() -> None:
    """At the start of a process with many threads.

    Left alone, glibc keeps a heap for each thread, and once a picture has been freed it takes the next ones from those
    heaps, where what is freed stays. So: one heap, and large blocks are the system's again as soon as they are freed.
    """
    tell = _libc("mallopt")
    if tell is not None:
        tell(_M_ARENA_MAX, 1)
        tell(_M_MMAP_THRESHOLD, _LARGE)
        tell(_M_TRIM_THRESHOLD, _SPARE)


def settle_memory() -> None:
    """After the modules and the model are loaded: they stay, so the collector need not go through them again.

    Loading leaves some MiB of freed memory in the process, which the C library would keep.
    """
    gc.collect()
    gc.freeze()
    trim()


def trim() -> None:
    """Freed memory, back to the system."""
    give_back = _libc("malloc_trim")
    if give_back is not None:
        give_back(0)


def release_library_pages() -> int:
    """Drop clean library pages; return the bytes released. Pages that are still needed are read again.

    Three quarters of them were needed at the start only: to import, to compile. They are the file's own pages, which
    nothing has written to, in the system's cache and shared with the other workers. Call it from the thread that loads
    libraries, so that none is unloaded meanwhile.
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
    """Address, length and resident bytes of the mappings of libraries that can be read again from their files."""
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


def _libc(name: str) -> ctypes._NamedFuncPointer | None:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
