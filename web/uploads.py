"""Who may send a photo now: decided before its bytes are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from limits import RateLimitItemPerHour

from web.problems import TooMany
from web.rate_limit import RateLimit

_AGAIN_S = 5.0


class UploadPlaces:
    """How many reports with photos one person, and everybody together, may be sending at once and in an hour.

    It is decided before the body is read: what is sent is kept in memory until it has been looked at.
    """

    def __init__(self, per_hour: Callable[[], int], *, per_person: int = 2, together: int = 8) -> None:
        """`per_hour` tells the limit of one person as it is now."""
        self._limit = RateLimit(lambda: RateLimitItemPerHour(per_hour()))
        self._per_person = per_person
        self._together = together
        self._sending: Counter[str] = Counter()

    def take(self, person: str) -> None:
        """Take a place. Raises TooMany."""
        if self._sending[person] >= self._per_person or self._sending.total() >= self._together:
            why = "正在处理其他照片，请稍候 / other photos are being taken in; please send this one again in a moment"
            raise TooMany(why, _AGAIN_S)
        wait_s = self._limit.wait_s(person)
        if wait_s > 0:
            why = "一小时内上报过多，请稍后再发 / too many reports with photos within an hour; please send it later"
            raise TooMany(why, wait_s)
        self._sending[person] += 1

    def leave(self, person: str) -> None:
        self._sending[person] -= 1
        if self._sending[person] <= 0:
            del self._sending[person]
