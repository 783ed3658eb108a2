"""What a gauge tells, tried out in a process of its own: `python -P -m monitors.gauges._gauge_test`.

A library that hangs cannot hold up whoever asks: the process is ended. It gets the pickled members of a `GaugeTest` on
standard input and answers with one line of JSON on standard output.
"""

from __future__ import annotations

import json
import os
import pickle
import secrets as chance
import signal
import sys
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from data.errors import DeviceLost, YipingError
from data.model.geo import Location
from data.model.loss import cause_of, without_address
from data.model.observation import Reading, Rejected
from data.model.place import Place
from data.model.secrets import Secrets, redact
from data.model.units import UNIT_OF
from data.model.views import iso
from data.ports.recipe import Context, MonitorRecipe
from monitors.gauges._mqtt_source import MqttBroker

ENOUGH = 3  # readings
LINGER_S = 4.0  # after the first that comes, for others
SOONEST = timedelta(seconds=2)  # so often a gauge is asked at most
YIELDING = 5  # nice: gauges in service go first
NAME = "test"  # of the place in what the monitors say
NOWHERE = Location(lon=0, lat=90)  # 0/0 is refused as the place of one


@dataclass(frozen=True)
class GaugeTest:
    """What is tested. `limit_s`: the whole test, in seconds; soon afterwards the process ends by itself.

    `began_s`: when it began, by the machine's monotonic clock; starting this process is a part of it.
    """

    recipe: MonitorRecipe
    limit_s: float
    began_s: float
    secrets: Secrets = field(default_factory=Secrets)
    base_dir: Path = Path()
    var_dir: Path = Path("var")


def trial_of(recipe: MonitorRecipe) -> MonitorRecipe:
    """The recipe as it is tried: asked soon, and at a broker under a name of its own, which leaves nothing behind.

    Under the name of the gauge in service it would take over that one's session, and its messages with it.
    """
    if isinstance(recipe, MqttBroker):
        return recipe.model_copy(update={"client_id": f"yiping-test-{chance.token_hex(6)}", "session": timedelta(0)})
    every = getattr(recipe, "every", None)
    return recipe.model_copy(update={"every": min(every, SOONEST)}) if isinstance(every, timedelta) else recipe


def run(test: GaugeTest) -> dict[str, Any]:
    """`{"ok", "readings", "cause", "reason", "excerpt"}`. Blocks for up to `limit_s`. Raises DeviceLost, InputRejected.

    `excerpt`: the beginning of what came and could not be read, as it came.
    """
    ends_s = test.began_s + test.limit_s
    context = Context(
        Place(id=NAME, location=NOWHERE), secrets=test.secrets, base_dir=test.base_dir, var_dir=test.var_dir
    )
    began_s = time.monotonic()
    monitor = trial_of(test.recipe).make(context)
    readings: list[Reading] = []
    refused: Rejected | None = None
    try:
        for item in monitor.observe():
            now_s = time.monotonic()
            if item is not None and not readings and refused is None:
                ends_s = min(ends_s, now_s + LINGER_S)
            if isinstance(item, Rejected):
                refused = item
            elif isinstance(item, Reading):
                readings.append(item)
            if len(readings) >= ENOUGH or now_s > ends_s:
                break
    except DeviceLost:
        if not readings and refused is None:
            raise
    finally:
        monitor.close()
    answer: dict[str, Any] = {"ok": bool(readings), "readings": [_told(one) for one in readings]}
    if refused is not None:
        answer |= {"cause": "unreadable", "reason": refused.reason, "excerpt": redact(refused.excerpt)[:200]}
    elif not readings:
        cause = "no_message" if getattr(monitor, "has_answered", False) else "silent"
        answer |= {"cause": cause, "reason": f"nothing new for {time.monotonic() - began_s:.0f} s"}
    return answer


def _told(one: Reading) -> dict[str, Any]:
    return {"at": iso(one.at), "quantity": one.quantity, "value": one.value, "unit": UNIT_OF.get(one.quantity, "")}


def failure(error: Exception) -> dict[str, Any]:
    """Why nothing can be read: a cause the screens have words for, and the reason in one line without addresses."""
    reason = redact(str(error))
    cause = "address_refused" if "this address is refused" in reason else cause_of(reason)
    return {"cause": cause, "reason": without_address(reason, NAME)}


def main() -> None:
    """Answer on standard output; the exit status is 0 unless the system ended the process."""
    os.nice(YIELDING)
    test = GaugeTest(**pickle.load(sys.stdin.buffer))  # noqa: S301 # nosec B301 - written by our own parent
    signal.setitimer(signal.ITIMER_REAL, test.limit_s + 2.0)  # also when the parent has gone: the default ends us
    try:
        answer = run(test)
    except (YipingError, OSError, ValueError) as error:
        answer = {"ok": False, "readings": [], **failure(error)}
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    sys.stdout.flush()
    os._exit(0)  # a thread stuck in a device's library must not hold up the end


if __name__ == "__main__":
    main()
