"""What a worker gives back to the system is not missed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.process.memory import Housekeeping, _unwritten_code

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="glibc on Linux only")

SMAPS = """\
7f0000000000-7f0000002000 r-xp 00000000 fe:00 1 /usr/lib/libc.so.6
Rss:                   8 kB
Anonymous:             0 kB
7f0000002000-7f0000003000 r--p 00002000 fe:00 1 /usr/lib/libc.so.6
Rss:                   4 kB
Anonymous:             4 kB
7f0000003000-7f0000004000 rw-p 00003000 fe:00 1 /usr/lib/libc.so.6
Rss:                   4 kB
Anonymous:             0 kB
7f0000004000-7f0000005000 r--p 00000000 fe:00 2 /usr/lib/locale/LC_CTYPE
Rss:                   4 kB
Anonymous:             0 kB
7f0000005000-7f0000006000 r-xp 00000000 00:00 0
Rss:                   4 kB
Anonymous:             0 kB
"""


def test_only_what_can_be_read_again_from_a_library_is_given_up() -> None:
    assert list(_unwritten_code(SMAPS)) == [(0x7F0000000000, 0x2000, 8192)]


def test_a_process_goes_on_without_the_pages_it_gave_up_and_is_smaller(root: Path) -> None:
    code = (
        "import av, numpy, psutil; from engine.process.memory import be_frugal, release_library_pages, settle_memory\n"
        "be_frugal(); settle_memory(); me = psutil.Process(); before = me.memory_info().rss\n"
        "given = release_library_pages(); after = me.memory_info().rss\n"
        "frame = av.VideoFrame.from_ndarray(numpy.full((96, 128), 7, numpy.uint8), format='gray')\n"
        "assert frame.reformat(64, 48).to_ndarray().mean() == 7\n"
        "print(given, before - after)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    given, smaller = map(int, done.stdout.split())
    assert given > 10 << 20
    assert smaller > given / 2


def test_what_only_the_start_needed_goes_from_half_a_second_after_it_until_twenty() -> None:
    released: list[int] = []
    house = Housekeeping(file_pages=lambda: 50 << 20, release=lambda: released.append(now_s))
    assert not house.tend(0.0)
    house.loaded(100.0)
    for now_s in range(100, 200):
        house.tend(float(now_s))
    assert released == [101, 102, 104, 107, 110, 115, 120]


def test_freed_memory_goes_back_once_a_second() -> None:
    house = Housekeeping(file_pages=lambda: 50 << 20, release=lambda: None)
    house.loaded(0.0)
    given = [quarter / 4 for quarter in range(113) if house.tend(quarter / 4)]
    assert given[-4:] == [25.0, 26.0, 27.0, 28.0]


def test_what_is_loaded_later_is_given_back_too() -> None:
    """A smaller window's model is taken up when its worker has become busy: hours after the start, maybe."""
    released: list[float] = []
    resident = {1: 80, 21: 20, 200: 60, 211: 22}  # MiB of files' pages from that second on
    house = Housekeeping(
        file_pages=lambda: [mib for since, mib in resident.items() if since <= now_s][-1] << 20,
        release=lambda: released.append(now_s),
    )
    house.loaded(0.0)
    for second in range(1, 300):
        now_s = float(second)
        house.tend(now_s)
    assert released == [1, 2, 4, 7, 10, 15, 20, 200]
