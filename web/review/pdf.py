"""A report as PDF, set by Typst inside this process: no other program, no network, no packages.

What it says goes in as JSON data (`sys.inputs`); the template is a file of ours and never put together from texts.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import typst

from web.problems import Unavailable
from web.review.files import TEMPLATES

TEMPLATE = TEMPLATES / "review.typ"
FONT = "Noto Sans CJK SC"
FONT_PATHS = (Path("/usr/share/fonts/opentype/noto"), Path("/usr/share/fonts/truetype/noto"))
"""Where Debian's fonts-noto-cjk, which the installation asks for, puts them; else they are looked for everywhere."""


@lru_cache(1)
def fonts() -> typst.Fonts:
    """Fonts with Chinese in them, looked for once. Raises Unavailable without any."""
    known = [path for path in FONT_PATHS if path.is_dir()]
    found = typst.Fonts(include_system_fonts=not known, include_embedded_fonts=False, font_paths=known)
    if FONT not in found.families():
        found = typst.Fonts(include_system_fonts=True, include_embedded_fonts=False)
    if FONT not in found.families():
        raise Unavailable(f"there is no font {FONT}: install fonts-noto-cjk", key="review.font", font=FONT)
    return found


def pdf_of(told: Mapping[str, Any], pictures: Mapping[str, bytes], made_at: datetime) -> bytes:
    """PDF/A-2b of the outline; the same outline at the same time gives the same bytes. `pictures`: JPEG by id.

    Raises Unavailable where the machine has no Chinese font.
    """
    data = json.dumps({**told, "pictures": sorted(pictures)}, ensure_ascii=False)
    with tempfile.TemporaryDirectory(prefix="yiping-report-") as folder:
        root = Path(folder)
        (root / "main.typ").write_bytes(TEMPLATE.read_bytes())
        for name, content in pictures.items():
            (root / f"{name}.jpg").write_bytes(content)
        made: bytes = typst.compile(
            root / "main.typ",
            root=root,
            font_paths=fonts(),
            format="pdf",
            sys_inputs={"report": data},
            pdf_standards=["a-2b"],
            package_path=root,
            package_cache_path=root,
            timestamp=int(made_at.timestamp()),
        )
    return made
