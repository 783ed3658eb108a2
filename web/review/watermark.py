"""Who exported a picture and when, drawn across it: a copy that goes round tells where it came from."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from web.problems import Unavailable

FONT_FILES = tuple(
    Path("/usr/share/fonts") / kind / "noto/NotoSansCJK-Regular.ttc" for kind in ("opentype", "truetype")
)
"""Of Debian's fonts-noto-cjk, as `web.review.pdf.FONT_PATHS`."""
FONT = "Noto Sans CJK SC"
_SIMPLIFIED = 2  # of the five fonts in the file
_PER_WIDTH = 36  # the text is as high as the picture is wide, divided by this
_LEAST_PX = 11
_ANGLE = 24  # degrees
_WHITE, _BLACK = (255, 255, 255, 84), (0, 0, 0, 84)  # faint: what is in the picture must be seen


@lru_cache(4)
def _font(size: int) -> ImageFont.FreeTypeFont:
    for path in FONT_FILES:
        if path.is_file():
            return ImageFont.truetype(path, size, index=_SIMPLIFIED)
    raise Unavailable(f"there is no font {FONT}: install fonts-noto-cjk", key="review.font", font=FONT)


def watermarked(picture: Image.Image, text: str) -> Image.Image:
    """An RGB picture with the text again and again across it. Raises Unavailable where there is no Chinese font."""
    size = max(_LEAST_PX, picture.width // _PER_WIDTH)
    font = _font(size)
    side = round((picture.width**2 + picture.height**2) ** 0.5) + 4 * size
    layer = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    step = round(font.getlength(text)) + 3 * size
    for line, y in enumerate(range(0, side, 5 * size)):
        for x in range(-(line % 2) * (step // 2), side, step):
            draw.text((x + 1, y + 1), text, font=font, fill=_BLACK)
            draw.text((x, y), text, font=font, fill=_WHITE)
    turned = layer.rotate(_ANGLE, resample=Image.Resampling.BILINEAR)
    left, top = (side - picture.width) // 2, (side - picture.height) // 2
    cut = turned.crop((left, top, left + picture.width, top + picture.height))
    return Image.alpha_composite(picture.convert("RGBA"), cut).convert("RGB")
