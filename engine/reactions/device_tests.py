"""A camera or gauge tried out before it is in the settings: in a process of its own, which is ended when it hangs."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data.config.catalogue import Catalogue
from data.errors import InputRejected
from data.local.camera_test_pictures import CameraTestPictures
from data.model.secrets import Secrets
from data.ports.recipe import MonitorRecipe
from engine.process.options import RunOptions
from engine.process.supervisor import python_path

LIMIT_S = 12.0
START_S = 1.5  # of the process, with PyAV
CAMERA_TOOL = "monitors.video._camera_test"
GAUGE_TOOL = "monitors.gauges._gauge_test"


def answer_camera_test(payload: Mapping[str, Any], options: RunOptions, catalogue: Catalogue) -> dict[str, Any]:
    """What the camera of `{"camera": {"kind": ..., ...}}` sends, or the cause why it cannot be read.

    `ok` tells which; `picture` is the name under which its first picture lies in `CameraTestPictures`. Blocks for up to
    `LIMIT_S` and `START_S`. Raises InputRejected, ValidationError, UnknownKind for settings that are none.
    """
    given = payload.get("camera")
    if not isinstance(given, Mapping) or "kind" not in given:
        raise InputRejected('a camera is tested with {"camera": {"kind": ..., ...}}')
    recipe = catalogue.monitor(str(given["kind"])).model_validate(given)
    if recipe.gives != "frames":
        raise InputRejected(f"{recipe.kind} is no camera")
    answer, jpeg = _tried(recipe, options, CAMERA_TOOL)
    if jpeg:
        answer["picture"] = CameraTestPictures(options.run_dir).keep(jpeg)
    return answer


def answer_gauge_test(payload: Mapping[str, Any], options: RunOptions, catalogue: Catalogue) -> dict[str, Any]:
    """The first readings of the gauge of `{"gauge": {"kind": ..., ...}}`, or the cause why there are none.

    Blocks as `answer_camera_test` does, and raises the same.
    """
    given = payload.get("gauge")
    if not isinstance(given, Mapping) or "kind" not in given:
        raise InputRejected('a gauge is tested with {"gauge": {"kind": ..., ...}}')
    recipe = catalogue.monitor(str(given["kind"])).model_validate(given)
    if recipe.gives != "readings":
        raise InputRejected(f"{recipe.kind} is no gauge")
    return _tried(recipe, options, GAUGE_TOOL)[0]


def _tried(recipe: MonitorRecipe, options: RunOptions, tool: str) -> tuple[dict[str, Any], bytes]:
    """What the tool found, with `after_s` and without secrets, and its picture."""
    name = getattr(recipe, "credentials", None)
    try:
        secret = options.secrets.get(name)
    except KeyError:
        reason = f"there are no credentials {name!r}"
        return {"ok": False, "cause": "no_credentials", "reason": reason, "after_s": 0.0}, b""
    test = {
        "recipe": recipe,
        "limit_s": LIMIT_S,
        "secrets": Secrets(credentials={} if secret is None else {name: secret}),  # the one that this device names
        "base_dir": options.base_dir.absolute(),
        "var_dir": options.var_dir.absolute(),
    }
    began_s = time.monotonic()
    if tool == GAUGE_TOOL:
        test["began_s"] = began_s
    answer, jpeg = _asked(test, tool)
    answer["after_s"] = round(time.monotonic() - began_s, 1)
    return options.mask.within(answer), jpeg


def _asked(test: Mapping[str, Any], tool: str) -> tuple[dict[str, Any], bytes]:
    """The answer of the process and the picture. One that hangs, or ends without an answer, is a cause, too."""
    command = [sys.executable, "-P", "-m", tool]
    environment = {**os.environ, "PYTHONPATH": python_path()}
    try:
        done = subprocess.run(
            command,
            input=pickle.dumps(test),
            capture_output=True,
            timeout=LIMIT_S + START_S,
            check=False,
            env=environment,
            cwd=Path.cwd(),
        )
    except subprocess.TimeoutExpired:
        return {"ok": False, "cause": "unreachable", "reason": f"no answer within {LIMIT_S:g} s"}, b""
    line, _, jpeg = done.stdout.partition(b"\n")
    if done.returncode != 0 or not line:
        return {"ok": False, "cause": "defect", "reason": f"the test ended with status {done.returncode}"}, b""
    answer: dict[str, Any] = json.loads(line)
    return answer, jpeg
