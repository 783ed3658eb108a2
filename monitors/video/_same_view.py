"""Do two pictures of one moment show the same view? Some substreams are cut out of the main picture, or mirrored."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from data.model.frame import Image

Edges = npt.NDArray[np.float32]

SAME = 0.55  # correlation of the edges, from which it is one view
_OTHERWISE = 0.08  # by so much a crop or a mirror image must fit better to be believed
_SHARES = (0.95, 0.9, 0.85, 0.8, 0.75, 0.667, 0.5)  # of the sides that a crop may have kept
_FLAT = 1.0  # grey levels; less is a picture in which nothing can be seen


def difference(small: Image, large: Image) -> str:
    """Why they do not show the same view, as a sentence without its end; empty where they do, or where nothing is seen.

    uint8 (h, w), both of one size, whatever the streams' own sizes are.
    """
    own, other = _edges(small), _edges(large)
    if small.std() < _FLAT or large.std() < _FLAT:
        return ""
    same = _alike(own, other)
    mirrored = _alike(own[:, ::-1], other)
    if mirrored > same + _OTHERWISE and mirrored >= SAME:
        return "the substream is the mirror image of the main stream"
    cropped = max(_alike(own, _edges(part)) for part in _parts(large))
    if cropped > same + _OTHERWISE and cropped >= SAME:
        return "the substream shows a part of the main stream's picture"
    wider = max(_alike(_edges(part), other) for part in _parts(small))
    if wider > same + _OTHERWISE and wider >= SAME:
        return "the substream shows more than the main stream's picture"
    return "" if same >= SAME else f"the substream shows another view (likeness {max(0.0, same):.2f} of 1)"


def _parts(picture: Image) -> Iterator[Image]:
    """Its middle, and its corners, enlarged to its size."""
    height, width = picture.shape
    for share in _SHARES:
        high, wide = round(height * share), round(width * share)
        for down, across in ((0.5, 0.5), (0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)):
            top, left = round((height - high) * down), round((width - wide) * across)
            rows = top + (np.arange(height) + 0.5) * high / height
            columns = left + (np.arange(width) + 0.5) * wide / width
            yield picture[rows.astype(int)][:, columns.astype(int)]


def _edges(picture: Image) -> Edges:
    """How steep the brightness is at each pixel, smoothed a little, (h, w)."""
    grey = picture.astype(np.float32)
    steep: Edges = np.abs(np.gradient(grey, axis=0)) + np.abs(np.gradient(grey, axis=1))
    padded = np.pad(steep, 1, mode="edge")
    height, width = steep.shape
    smooth: Edges = sum(
        (padded[y : y + height, x : x + width] for y in range(3) for x in range(3)), np.zeros_like(steep)
    )
    return np.sqrt(smooth)


def _alike(these: Edges, those: Edges) -> float:
    """Correlation, -1..1."""
    a, b = these - these.mean(), those - those.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale > 0 else 0.0
