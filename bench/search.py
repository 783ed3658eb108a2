"""The greatest number of cameras that is carried, in few trials."""

from __future__ import annotations

from collections.abc import Callable


def most(carries: Callable[[int], bool], start: int, top: int = 128) -> int:
    """The greatest n in 1..top with `carries(n)`, 0 when there is none; `carries` holds below where it holds.

    Begins at `start`, goes away from it in growing steps, then halves what is left; no number is tried twice.
    """
    good, bad = 0, top + 1
    n = min(max(1, start), top)
    step = max(1, start // 8)
    while bad - good > 1:
        if carries(n):
            good = n
        else:
            bad = n
        if good and bad <= top:
            n = (good + bad) // 2
        else:
            n = min(good + step, top) if good else max(bad - step, 1)
            step *= 2
    return good
