"""How large a picture from outside may be. Its header says so, and nothing is decoded that says more."""

from __future__ import annotations

LARGEST_PIXELS = 20_000_000
"""What good phones and cameras give in one picture; decoded it takes 60 MB."""
