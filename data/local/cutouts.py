"""Cut-outs of people and vehicles on the disk: one .npz file each, which a worker reads without a picture library."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from data.errors import InputRejected
from data.model.live_recall import Cutout

FOLDER = "canary-targets"
"""Below the cache folder."""

MOST_HEIGHT_PX = 320
MOST_FILES = 100
_MOST_BYTES = 4_000_000


def save_cutout(folder: Path, cutout: Cutout) -> Path:
    """Written whole or not at all; the file. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    path, part = folder / f"{cutout.name}.npz", folder / f"{cutout.name}.part"
    with part.open("wb") as file:
        np.savez_compressed(file, bgr=cutout.bgr, alpha=cutout.alpha, label=np.array(cutout.label))
    part.replace(path)
    return path


def load_cutouts(folder: Path) -> tuple[Cutout, ...]:
    """Those in the folder, by name; none where there is no folder. Raises InputRejected, naming the file."""
    paths = sorted(folder.glob("*.npz"))[:MOST_FILES]
    return tuple(_load(path) for path in paths)


def _load(path: Path) -> Cutout:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"larger than {_MOST_BYTES} bytes")
        with np.load(path, allow_pickle=False) as kept:
            return Cutout(path.stem, str(kept["label"]), kept["bgr"], kept["alpha"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InputRejected(f"{path}: no canary target: {error}") from error
