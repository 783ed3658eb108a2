"""What holds for every kind of monitor there is: a new file in monitors/ is tested here without being named."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

from data.ports.recipe import MonitorRecipe
from engine.catalogue import load_catalogue

KINDS = load_catalogue().monitors
FOLDER = Path(__file__).resolve().parents[2] / "monitors"

# The least that must be written for a kind, where the schema alone does not tell a value that makes sense.
SENSIBLE: dict[str, object] = {
    "url": "rtsp://10.0.0.5:554/main",
    "path": "clip.mp4",
    "host": "127.0.0.1",
    "topic": "gauges/3",
    "quantity": "water_level",
    "time": "time",
    "value": "level",
    "address": 0,
    "station": "0012345678",
    "element": "39",
    "device": "50010300001320000001",
    "channel": "50010300001310000001",
}

# What the schema does not say that it must be written.
LEAST: dict[str, dict[str, object]] = {
    "cap_warnings": {"folder": "var:warnings"},
    "http_poll": {"url": "http://10.0.0.5/level.json"},
    "wvp_camera": {"url": "http://10.0.0.9:18080"},
}


def least(kind: str) -> dict[str, object]:
    recipe = KINDS[kind]()
    asked = {name: SENSIBLE[name] for name, field in recipe.model_fields.items() if field.is_required()}
    asked |= LEAST.get(kind, {})
    if kind == "http_snapshot":
        asked["url"] = "http://10.0.0.5/snapshot.jpg"
    return asked


def test_the_kinds_are_the_public_files_of_the_folder() -> None:
    files = {file.stem for file in FOLDER.rglob("*.py") if not file.stem.startswith("_")}
    assert set(KINDS) == files
    assert {"rtsp_camera", "video_file", "http_snapshot", "mqtt_gauge", "csv_gauge"} <= files


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_keeps_the_contract(kind: str) -> None:
    recipe_class = KINDS[kind]()
    assert issubclass(recipe_class, MonitorRecipe)
    assert recipe_class.__doc__
    assert recipe_class.title
    assert recipe_class.gives in {"frames", "readings", "warnings", "positions"}
    assert get_args(recipe_class.model_fields["kind"].annotation) == (kind,)
    undescribed = [name for name, field in recipe_class.model_fields.items() if not field.description]
    assert undescribed == []
    assert json.loads(json.dumps(recipe_class.model_json_schema()))["additionalProperties"] is False


@pytest.mark.parametrize("kind", KINDS)
def test_a_recipe_is_frozen_travels_and_is_named_after_its_kind_or_id(kind: str) -> None:
    recipe = KINDS[kind]().model_validate(least(kind))
    assert recipe.kind == recipe.name == kind
    assert pickle.loads(pickle.dumps(recipe)) == recipe
    assert KINDS[kind]().model_validate(least(kind) | {"id": "north"}).name == "north"
    assert type(recipe).model_validate_json(recipe.model_dump_json()) == recipe
    with pytest.raises(ValidationError, match="frozen"):
        setattr(recipe, "kind", "other")  # noqa: B010 (it must fail)
    with pytest.raises(ValidationError, match="Extra inputs"):
        KINDS[kind]().model_validate(least(kind) | {"colour": "red"})


def test_reading_the_recipes_loads_no_library_that_a_device_needs() -> None:
    look = (
        "import sys; from engine.catalogue import load_catalogue\n"
        "[load() for load in load_catalogue().monitors.values()]\n"
        "heavy = ('av', 'cv2', 'torch', 'paho', 'httpx', 'pandas', 'pymodbus', 'pyarrow')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", look], cwd=FOLDER.parent, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
