"""The size limit of pictures from outside. A picture whose header gives a larger size is not decoded."""

from __future__ import annotations

LARGEST_PIXELS = 20_000_000
"""The most that good phones and cameras produce; 60 MB when decoded."""
