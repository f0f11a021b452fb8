"""Decode images; run by `image_decoding` as its own process.

Usage: python -I image_worker.py FOLDER SECONDS, with Pillow in FOLDER. A script of its own, which
imports nothing of xstilts. A request is a line of JSON, {"bytes": n, "pixels": bool}, and n bytes;
the answer is a line of JSON, and the pixels (RGB, one byte each) if they were asked for.

The process limits its memory and files, and its processor time per image: an image that takes
longer ends it. Only formats that Pillow decodes itself are read, so no other program is started.
"""

from __future__ import annotations

import json
import math
import resource
import sys
from contextlib import suppress
from typing import Any

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
MAX_PIXELS = 50_000_000
MAX_RATIO = 20
"""Longest side of an image relative to the shortest: towers scale the shortest to theirs."""
SCALES = {"L;2": 255 // 3, "L;4": 255 // 15}
"""Raw mode of a PNG → by what Pillow multiplies its pixels, but not its transparent grey."""
MEMORY = 3 << 30
"""Bytes of address space: several copies of the largest image."""


def main(folder: str, seconds: int) -> None:
    """Answer requests until standard input ends."""
    sys.path.insert(0, folder)
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # checked here, before anything is decoded
    restrict()
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while line := requests.readline():
        request = json.loads(line)
        data = requests.read(request["bytes"])
        limit_time(seconds)
        answer, pixels = decoded(data)
        if not request["pixels"]:
            pixels = b""
        answers.write(json.dumps({**answer, "bytes": len(pixels)}).encode() + b"\n" + pixels)
        answers.flush()


def decoded(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Width, height and whether there are further frames, or the problem; and the pixels."""
    import io

    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if problem := size_problem(*image.size):
                return problem, b""
            frames = image.format != "MPO" and bool(getattr(image, "is_animated", False))
            converted = rgb(image)
    except UnidentifiedImageError:
        return {"problem": "not an image", "detail": kind_of(data)}, b""
    except MemoryError:
        return {"problem": "image needs too much memory to decode", "detail": ""}, b""
    except Exception as error:  # whatever a damaged file causes
        first = (str(error).splitlines() or [""])[0]
        return {"problem": "damaged image", "detail": first or type(error).__name__}, b""
    width, height = converted.size
    return {"width": width, "height": height, "frames": frames}, converted.tobytes()


def size_problem(width: int, height: int) -> dict[str, str] | None:
    """What is wrong with the size of an image."""
    size = f"{width:,} x {height:,} pixels"
    if width * height > MAX_PIXELS:
        return {
            "problem": "image with too many pixels",
            "detail": f"{size}, at most {MAX_PIXELS:,}",
        }
    if max(width, height) > MAX_RATIO * min(width, height):
        return {"problem": "image too long and narrow", "detail": size}
    return None


def rgb(image: Any) -> Any:
    """The first frame, turned as its EXIF data say, in 8-bit RGB, transparency on white."""
    from PIL import Image, ImageOps

    if image.mode == "I" and image.format == "TIFF":  # of unknown range; 16 bits are I;16
        raise ValueError("pixels are signed numbers, or have 32 bits")
    if image.format == "PNG" and image.tile and "transparency" in image.info:
        raw_mode = image.tile[0][3]
        if raw_mode == "RGB;16B":  # of which Pillow reads half of the bits
            raise ValueError("colours of 16 bits, one of which is transparent")
        if raw_mode in SCALES:
            image.info["transparency"] *= SCALES[raw_mode]
    image = ImageOps.exif_transpose(image)
    if image.mode == "I" or image.mode.startswith("I;16"):
        image = of_16_bits(image)
    if image.mode == "F":
        raise ValueError("pixels are floating-point numbers")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def of_16_bits(image: Any) -> Any:
    """The 8-bit grey of 16 bits; with alpha if a value is transparent, which must agree exactly."""
    from PIL import ImageChops

    wide = image.convert("I")
    grey = wide.point(lambda value: value * (1 / 257) + 0.5).convert("L")
    transparent = image.info.get("transparency")
    if transparent is not None:
        above = wide.point(lambda value: value * 1 - transparent).convert("L")
        below = wide.point(lambda value: value * -1 + transparent).convert("L")
        grey.putalpha(ImageChops.lighter(above, below).point(lambda value: 255 if value else 0))
        grey.info.pop("transparency", None)
    return grey


def kind_of(data: bytes) -> str:
    """What a file without a known signature starts with."""
    if not data:
        return "the file is empty"
    if data.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS: run `git lfs pull`"
    return f"it starts with {data[:8]!r}"


def restrict() -> None:
    """Limit this process; what the system does not allow to be limited stays as it is."""
    limits = {
        resource.RLIMIT_AS: MEMORY,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 64,
    }
    for kind, limit in limits.items():
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (limit, limit))


def limit_time(seconds: int) -> None:
    """Allow so many further seconds of processor time."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = math.ceil(used.ru_utime + used.ru_stime) + seconds
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
