"""How often somebody may try a password. A try is counted before it is looked at, so that many at once count too.

Who types wrong passwords is held back by the pair of name and address, by the address, and by the browser. Many wrong
passwords for one name, from everywhere, only slow further tries of strangers: nobody can lock the owner out. A browser
that has logged in before (device cookie) is counted by itself, whatever strangers do.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from data.errors import YipingError
from web.addresses import network_of

_KEPT = 20_000  # keys remembered; the longest unused is forgotten first
_Key = tuple[str, str]


class TooManyTries(YipingError):
    """This many tries are not looked at (HTTP 429). `wait_s`: seconds until the next may come."""

    def __init__(self, wait_s: float) -> None:
        super().__init__("too many tries; wait")
        self.wait_s = wait_s


class Trust(IntEnum):
    """How well the sender of a try is known; the smaller number is served first."""

    DEVICE = 0  # this browser has logged in as this user before
    ADDRESS = 1  # somebody has logged in as this user from this network
    STRANGER = 2


@dataclass(frozen=True, slots=True)
class Try:
    """One counted try. It stays counted as a failure unless it is said to have succeeded or was given back."""

    keys: tuple[_Key, ...]
    at: float
    trust: Trust
    network: str
    delay_s: float = 0.0


@dataclass
class LoginLimit:
    """Counts tries in a sliding window; lives on the event loop."""

    window_s: float = 300.0
    per_pair: int = 5
    per_address: int = 30
    per_device: int = 10
    per_second_factor: int = 20
    slow_from: int = 30  # failures for one name, wherever from, after which strangers wait before each try
    slow_step_s: float = 0.25
    slowest_s: float = 5.0
    clock: Callable[[], float] = time.monotonic
    _tries: OrderedDict[_Key, list[float]] = field(default_factory=OrderedDict)
    _good: OrderedDict[_Key, None] = field(default_factory=OrderedDict)

    def reserve(self, name: str, address: str, device: str = "") -> Try:
        """Count a try of `name` before the password is looked at. `device`: id of a device cookie of this name.

        Raises TooManyTries, which counts nothing.
        """
        now, network = self.clock(), network_of(address)
        if device:
            limits: tuple[tuple[_Key, int], ...] = ((("device", device), self.per_device),)
            trust, delay_s = Trust.DEVICE, 0.0
        else:
            limits = ((("pair", f"{network}\n{name}"), self.per_pair), (("address", network), self.per_address))
            trust = Trust.ADDRESS if ("good", f"{network}\n{name}") in self._good else Trust.STRANGER
            delay_s = self._delay_s(name, now) if trust is Trust.STRANGER else 0.0
        more = (("name", name),) if trust is Trust.STRANGER else ()
        return self._counted(limits, now, trust, network, more=more, delay_s=delay_s)

    def reserve_second(self, name: str, address: str) -> Try:
        """Count a second factor of somebody whose password was right. Raises TooManyTries.

        Here the account itself has a limit: six digits are guessed quickly, and only who knows the password comes
        so far. Passkeys are not counted, since nobody guesses one.
        """
        now, network = self.clock(), network_of(address)
        limits = ((("pair", f"{network}\n{name}\nsecond"), self.per_pair), (("second", name), self.per_second_factor))
        return self._counted(limits, now, Trust.STRANGER, network)

    def succeeded(self, one: Try, name: str) -> None:
        """The password was right: this try and the failures of its pair or device count no more."""
        self.give_back(one)
        for key in one.keys:
            if key[0] in {"pair", "device", "second"}:
                self._tries.pop(key, None)
        self.trust(name, one.network)

    def trust(self, name: str, network: str) -> None:
        """This user logs in from this network."""
        known = ("good", f"{network}\n{name}")
        self._good[known] = None
        self._good.move_to_end(known)
        while len(self._good) > _KEPT:
            self._good.popitem(last=False)

    def give_back(self, one: Try) -> None:
        """The try was not looked at: it counts no more."""
        for key in one.keys:
            tries = self._tries.get(key, [])
            if one.at in tries:
                tries.remove(one.at)

    def _counted(
        self, limits: Sequence[tuple[_Key, int]], now: float, trust: Trust, network: str, *,
        more: tuple[_Key, ...] = (), delay_s: float = 0.0,
    ) -> Try:  # fmt: skip
        """Count one try under each key, unless one of them has reached its limit. Raises TooManyTries."""
        waits = [0.0]
        for key, limit in limits:
            tries = self._recent(key, now)
            if len(tries) >= limit:
                waits.append(tries[-limit] + self.window_s - now)
        if max(waits) > 0:
            raise TooManyTries(max(waits))
        keys = (*(key for key, _ in limits), *more)
        for key in keys:
            self._tries.setdefault(key, []).append(now)
            self._tries.move_to_end(key)
        while len(self._tries) > _KEPT:
            self._tries.popitem(last=False)
        return Try(keys, now, trust, network, delay_s)

    def _delay_s(self, name: str, now: float) -> float:
        beyond = len(self._recent(("name", name), now)) - self.slow_from + 1
        return min(self.slowest_s, max(0, beyond) * self.slow_step_s)

    def _recent(self, key: _Key, now: float) -> list[float]:
        tries = [at for at in self._tries.get(key, ()) if at > now - self.window_s]
        if tries:
            self._tries[key] = tries
        else:
            self._tries.pop(key, None)
        return tries
