"""What the demo city needs before its first process starts: camera videos and gauge series under VAR/demo."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from data.config.settings import Settings
from data.errors import InputRejected
from data.local.cutouts import FOLDER
from engine.canary_cutting import own_cutouts, save_all
from engine.demo.compose import SCENES, compose_all, composed
from engine.demo.series import write_series
from engine.demo.sprites import sprite_folder

NEEDED_BYTES = 400_000_000  # all videos, and the old ones beside them while they are replaced


def prepare_demo(
    settings: Settings, var_dir: Path, cache_dir: Path, say: Callable[[str], None] = print, processes: int = 2
) -> None:
    """Compose what is missing; nothing when `settings.demo` is off, and quick when everything is there.

    Raises InputRejected when there is not enough room, and what `compose_all` raises.
    """
    if not settings.demo:
        return
    folder = var_dir / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    write_series(folder)
    _cut_canary_targets(cache_dir)
    missing = [scene for scene in SCENES if not composed(scene, folder)]
    if not missing:
        return
    free = shutil.disk_usage(folder).free
    if free < NEEDED_BYTES:
        raise InputRejected(f"{folder}: the demo's videos need {NEEDED_BYTES >> 20} MiB, {free >> 20} MiB are free")
    began = time.monotonic()
    say(f"演示城市首次启动，合成 {len(missing)} 路视频 / first start: composing the demo's {len(missing)} videos")
    for number, scene_id in enumerate(compose_all(folder, cache_dir, processes), start=1):
        say(f"  {number}/{len(missing)} {scene_id} ({time.monotonic() - began:.0f} s)")
    _cut_canary_targets(cache_dir)


def _cut_canary_targets(cache_dir: Path) -> None:
    """The demo's passers-by are also its canary targets; nothing while they are not cut yet, or where targets are."""
    folder = cache_dir / FOLDER
    if (sprite_folder(cache_dir) / "bus.png").is_file() and not any(folder.glob("*.npz")):
        save_all(own_cutouts(cache_dir), folder)
