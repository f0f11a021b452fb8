"""Image files are decoded to RGB within limits; everything else is a named problem."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from xstilts.core.errors import MissingPackageError
from xstilts.tasks.image_source import ImageProblem
from xstilts.tasks.io import image_decoding, image_worker
from xstilts.tasks.io.image_decoding import check_image, decode
from xstilts.tasks.io.images import ppm_bytes

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def picture(mode: str = "RGB", size: tuple[int, int] = (6, 4), color: Any = RED) -> Image.Image:
    return Image.new(mode, size, color)


def file_of(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


GREY, COLOR = 0, 2
"""Kinds of pixels in a PNG file."""


def png(
    size: tuple[int, int], data: bytes, *, bits: int = 8, kind: int = COLOR, clear: bytes = b""
) -> bytes:
    """A PNG file; `clear` is its transparent colour, two bytes for each number."""

    def chunk(name: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, bits, kind, 0, 0, 0))
    transparency = chunk(b"tRNS", clear) if clear else b""
    pixels = chunk(b"IDAT", zlib.compress(data))
    return b"\x89PNG\r\n\x1a\n" + header + transparency + pixels + chunk(b"IEND", b"")


def png_of_size(width: int, height: int) -> bytes:
    """A PNG file whose header claims a size, with hardly any data."""
    return png((width, height), bytes(1000))


def problem_of(data: bytes) -> str:
    with pytest.raises(ImageProblem) as raised:
        decode(data)
    return raised.value.problem


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM"])
def test_every_kind_of_file_gives_rgb_pixels(kind: str) -> None:
    pixels = decode(file_of(picture(), kind)).pixels
    assert pixels.shape == (4, 6, 3)
    assert np.abs(pixels.astype(int) - RED).max() <= 3


def test_pixels_of_a_drawn_picture_are_kept() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    assert (decode(ppm_bytes(Image.fromarray(noise))).pixels == noise).all()


def test_an_exif_rotation_is_applied() -> None:
    image = picture(size=(6, 2))
    image.putpixel((0, 0), BLUE)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees clockwise when it is shown
    pixels = decode(file_of(image, "PNG", exif=exif)).pixels
    assert pixels.shape == (6, 2, 3)
    assert tuple(pixels[0, 1]) == BLUE


def transparent_palette() -> bytes:
    image = picture("P", color=0)
    image.putpalette([*RED, *BLUE])
    return file_of(image, "PNG", transparency=0)


TRANSPARENT: dict[str, Callable[[], bytes]] = {
    "RGBA": lambda: file_of(picture("RGBA", color=(255, 0, 0, 0))),
    "grey": lambda: file_of(picture("LA", color=(0, 0))),
    "palette": transparent_palette,
    "one color": lambda: file_of(picture(), transparency=RED),
    "GIF": lambda: file_of(picture("P", color=0), "GIF", transparency=0),
}


@pytest.mark.parametrize("name", TRANSPARENT)
def test_transparent_pixels_are_white(name: str) -> None:
    assert (decode(TRANSPARENT[name]()).pixels == WHITE).all()


@pytest.mark.parametrize(
    ("bits", "row", "clear", "seen"),
    [
        (1, bytes([0b0100_0000]), 0, [255, 255]),
        (1, bytes([0b0100_0000]), 1, [0, 255]),
        (2, bytes([0b0001_1011]), 1, [0, 255, 170, 255]),
        (4, bytes([0x05, 0x6F]), 5, [0, 255, 102, 255]),
        (8, bytes([0, 100, 101, 255]), 100, [0, 255, 101, 255]),
        (16, struct.pack(">5H", 0, 999, 1000, 1001, 65535), 1000, [0, 4, 255, 4, 255]),
        (16, struct.pack(">4H", 0, 1, 128, 257), 0, [255, 0, 0, 1]),
        (16, struct.pack(">4H", 255, 256, 65535, 0), 255, [255, 1, 255, 0]),
    ],
)
def test_the_transparent_grey_of_a_png_is_white_at_every_depth(
    bits: int, row: bytes, clear: int, seen: list[int]
) -> None:
    file = png((len(seen), 1), b"\0" + row, bits=bits, kind=GREY, clear=clear.to_bytes(2, "big"))
    assert decode(file).pixels.tolist() == [[[value] * 3 for value in seen]]


def test_a_transparent_color_of_sixteen_bits_is_refused() -> None:
    row = struct.pack(">6H", 1000, 2000, 3000, 1000, 2000, 3001)
    file = png((2, 1), b"\0" + row, bits=16, clear=row[:6])
    with pytest.raises(ImageProblem, match="one of which is transparent"):
        decode(file)
    assert decode(png((2, 1), b"\0" + row, bits=16)).pixels.tolist() == [[[3, 7, 11]] * 2]


def test_half_transparent_pixels_are_mixed_with_white() -> None:
    pixels = decode(file_of(picture("RGBA", color=(0, 0, 0, 128)))).pixels
    assert (pixels == 127).all()


def test_colors_for_print_are_converted() -> None:
    pixels = decode(file_of(picture("CMYK", color=(0, 255, 255, 0)), "TIFF")).pixels
    assert (pixels == RED).all()


def test_sixteen_bits_are_scaled_and_not_cut_off() -> None:
    gradient = np.linspace(0, 65535, 24).astype(np.uint16).reshape(4, 6)
    pixels = decode(file_of(Image.fromarray(gradient))).pixels[..., 0]
    assert np.abs(pixels - gradient / 257).max() <= 1


def test_the_first_of_several_frames_is_used() -> None:
    data = file_of(picture(), "GIF", save_all=True, append_images=[picture(color=BLUE)])
    decoded = decode(data)
    assert decoded.has_frames
    assert (decoded.pixels == RED).all()
    assert check_image(data)
    assert not check_image(file_of(picture(), "GIF"))


def test_a_bomb_is_refused_before_its_pixels_exist() -> None:
    assert problem_of(png_of_size(60_000, 60_000)) == "image with too many pixels"


def test_a_line_of_pixels_is_refused() -> None:
    assert problem_of(file_of(picture(size=(3000, 100)))) == "image too long and narrow"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_a_truncated_file_is_damaged(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = file_of(Image.fromarray(noise), kind)
    assert problem_of(data[: len(data) // 2]) in ("damaged image", "not an image")


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"<svg/>", b"\x89PNG\r\n\x1a\n"])
def test_other_files_are_no_images(data: bytes) -> None:
    assert problem_of(data) in ("not an image", "damaged image")


def test_files_that_other_programs_would_render_are_no_images() -> None:
    data = file_of(picture(), "EPS")
    assert problem_of(data) == "not an image"


def test_a_pointer_of_git_lfs_is_named() -> None:
    with pytest.raises(ImageProblem, match="git lfs pull"):
        decode(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")


def test_an_image_that_takes_too_long_is_refused_and_the_next_is_decoded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "slow_worker.py"
    source = Path(image_worker.__file__).read_text(encoding="utf-8")
    slow = "    if data.startswith(b'slow'):\n        while True:\n            pass\n"
    marker = "    from PIL import Image, UnidentifiedImageError\n"
    script.write_text(source.replace(marker, marker + slow))
    monkeypatch.setattr(image_worker, "__file__", str(script))
    monkeypatch.setattr(image_decoding, "SECONDS", 1)
    monkeypatch.setattr(image_decoding._threads, "decoder", None, raising=False)
    assert problem_of(b"slow") == "image takes too long to decode"
    assert decode(file_of(picture())).pixels.shape == (4, 6, 3)
    monkeypatch.setattr(image_decoding._threads, "decoder", None, raising=False)


def test_a_crash_of_the_decoder_is_a_problem_of_its_image(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "crashing_worker.py"
    source = Path(image_worker.__file__).read_text(encoding="utf-8")
    marker = "    from PIL import Image, UnidentifiedImageError\n"
    script.write_text(source.replace(marker, marker + "    if not data: os.abort()\n"))
    script.write_text(script.read_text().replace("import json\n", "import json\nimport os\n", 1))
    monkeypatch.setattr(image_worker, "__file__", str(script))
    monkeypatch.setattr(image_decoding._threads, "decoder", None, raising=False)
    with pytest.raises(ImageProblem, match="crashed"):
        decode(b"")
    monkeypatch.setattr(image_decoding._threads, "decoder", None, raising=False)


def test_without_pillow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_decoding, "find_spec", lambda _: None)
    with pytest.raises(MissingPackageError, match=r"xstilts\[vision\]"):
        image_decoding.check_pillow()


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_pixels_of_unknown_range_are_refused(kind: type[np.generic]) -> None:
    image = Image.fromarray(np.full((4, 6), 200, kind))
    assert problem_of(file_of(image, "TIFF")) == "damaged image"
