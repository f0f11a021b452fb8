"""Decoding of image files with limits on pixels, memory and time, in a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xstilts.core.errors import MissingPackageError
from xstilts.tasks.image_source import ImageProblem
from xstilts.tasks.io import image_worker

SECONDS = 10
"""Processor time per image; not wall-clock time, so that a busy machine decodes the same images."""
VISION_EXTRA = "run: pip install 'xstilts[vision]'"

_threads = threading.local()


@dataclass(frozen=True)
class DecodedImage:
    """An image in 8-bit RGB, turned as its EXIF data say, transparency on white.

    Args:
        pixels: uint8 [height, width, 3].
        has_frames: whether the file has further frames, which are not used.
    """

    pixels: NDArray[np.uint8]
    has_frames: bool


def decode(data: bytes) -> DecodedImage:
    """Decode the bytes of an image file.

    Raises:
        ImageProblem: not an image, damaged, or beyond a limit.
        MissingPackageError: Pillow is not installed.
    """
    answer, pixels = _decoder().ask(data, pixels=True)
    array = np.frombuffer(pixels, np.uint8).reshape(answer["height"], answer["width"], 3)
    return DecodedImage(array, answer["frames"])


def check_image(data: bytes) -> bool:
    """Check that an image can be decoded; return whether it has further frames.

    Raises:
        ImageProblem, MissingPackageError: as `decode`.
    """
    return bool(_decoder().ask(data, pixels=False)[0]["frames"])


def check_pillow() -> None:
    """Check that Pillow is installed, without importing it.

    Raises:
        MissingPackageError: it is not.
    """
    if find_spec("PIL") is None:
        raise MissingPackageError("tasks with images need the package pillow", todo=VISION_EXTRA)


def _decoder() -> _Decoder:
    """The decoder of this thread."""
    decoder: _Decoder | None = getattr(_threads, "decoder", None)
    if decoder is None:
        check_pillow()
        decoder = _threads.decoder = _Decoder()
    return decoder


class _Decoder:
    """A process that decodes images, started at the first one and after it has ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, data: bytes, *, pixels: bool) -> tuple[dict[str, Any], bytes]:
        """The answer for an image, and its pixels if they are asked for."""
        process = self._process = self._process or _started()
        assert process.stdin
        assert process.stdout
        request = json.dumps({"bytes": len(data), "pixels": pixels}).encode()
        try:
            process.stdin.write(request + b"\n" + data)
            process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended, as the missing answer shows
        line = process.stdout.readline()
        if not line.endswith(b"\n"):
            raise self._ended(process)
        answer = json.loads(line)
        if problem := answer.get("problem"):
            raise ImageProblem(problem, answer["detail"])
        content = process.stdout.read(answer["bytes"])
        if len(content) < answer["bytes"]:
            raise self._ended(process)
        return answer, content

    def _ended(self, process: subprocess.Popen[bytes]) -> ImageProblem:
        """The problem of the image that ended the process."""
        self._process = None
        process.communicate()
        if process.returncode == -signal.SIGXCPU:
            return ImageProblem("image takes too long to decode", f"more than {SECONDS} s")
        return ImageProblem("damaged image", "the decoder crashed")


def _started() -> subprocess.Popen[bytes]:
    spec = find_spec("PIL")
    assert spec
    packages = str(Path(str(spec.origin)).parents[1])
    script = str(Path(image_worker.__file__))
    return subprocess.Popen(
        [sys.executable, "-I", script, packages, str(SECONDS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
