"""`apertium`: rule-based translation with the Debian packages of that name.

One process translates many texts. They are written in Apertium's stream format, each followed by
the hidden full stop that `apertium-destxt` appends to a text, and by a NUL, at which every
program of the pipeline flushes, so that no word moves from one text to another.

The tagger keeps some state between texts: the translation of about one sentence in a hundred
depends on its neighbours. The texts of a call are therefore translated by one process.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from typing import Any

from xstilts.config.base import ConfigModel
from xstilts.core.errors import TranslatorError
from xstilts.translate.base import Direction, Engine, missing_package, unsupported_direction
from xstilts.translate.segmentation import LINES, translate_segments

MODES = {
    ("en", "es"): "eng-spa",
    ("en", "ca"): "eng-cat",
    ("en", "gl"): "en-gl",
    ("en", "eo"): "en-eo",
    ("es", "en"): "spa-eng",
    ("ca", "en"): "cat-eng",
    ("gl", "en"): "gl-en",
    ("eo", "en"): "eo-en",
}
PACKAGES = {
    **dict.fromkeys(("eng-spa", "spa-eng"), "apertium-eng-spa"),
    **dict.fromkeys(("eng-cat", "cat-eng"), "apertium-eng-cat"),
    **dict.fromkeys(("en-gl", "gl-en"), "apertium-en-gl"),
    **dict.fromkeys(("en-eo", "eo-en"), "apertium-eo-en"),
}
ENGINE_PACKAGES = ("apertium", "apertium-lex-tools", "lttoolbox")

END = ".[]"
RESERVED = re.compile(r"[\\^$/\[\]{}<>]")
ESCAPED = re.compile(r"\\(.)")
MARKS = re.compile(r"[*@#](?=\S)")
"""Precede a word that is unknown to the analyser, the dictionary or the generator."""
HIDDEN = str.maketrans("*@#~\0", "\ue000\ue001\ue002\ue003 ")
"""Replace marks in the text by private-use characters, to distinguish them from Apertium's."""
SHOWN = str.maketrans("\ue000\ue001\ue002\ue003", "*@#~")


class ApertiumOptions(ConfigModel):
    """Options: the Apertium mode, and whether to keep the marks of unknown words."""

    mode: str | None = None
    marks: bool = False


class Apertium:
    """Runs an Apertium pipeline in a new process for every call."""

    def __init__(self, mode: str, *, marks: bool) -> None:
        self.mode, self.marks, self.unknown = mode, marks, 0

    def translate(self, texts: Sequence[str]) -> list[str]:
        """Translate line by line, all lines in one process."""
        return translate_segments(texts, LINES, self._lines)

    def _lines(self, lines: Sequence[str]) -> list[str]:
        if not lines:
            return []
        output = self._run("".join(f"{_escaped(line)}{END}\0" for line in lines)).split("\0")
        if len(output) < len(lines) or any(rest.strip() for rest in output[len(lines) :]):
            raise TranslatorError(
                f"apertium {self.mode} returned {len(output)} texts for {len(lines)}",
                todo="use another engine, or remove the texts that cause this",
            )
        return [self._clean(line) for line in output[: len(lines)]]

    def _run(self, stream: str) -> str:
        process = subprocess.run(
            ["apertium", "-z", "-f", "none", self.mode],
            input=stream.encode(),
            capture_output=True,
            check=False,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        if process.returncode:
            message = process.stderr.decode(errors="replace").strip()
            raise TranslatorError(
                f"apertium {self.mode} exited with code {process.returncode}: {message}"[:500],
                todo="test the pipeline: echo Hello. | apertium " + self.mode,
            )
        return process.stdout.decode(errors="replace")

    def _clean(self, line: str) -> str:
        """Return the line as plain text; empty if its end mark is missing."""
        if not line.endswith(END):
            return ""
        text = line.removesuffix(END)
        self.unknown += len(MARKS.findall(text))
        text = text if self.marks else MARKS.sub("", text)
        return " ".join(ESCAPED.sub(r"\1", text).translate(SHOWN).split())


def _escaped(line: str) -> str:
    return RESERVED.sub(r"\\\g<0>", line.translate(HIDDEN))


def key_params(direction: Direction, options: ApertiumOptions) -> dict[str, Any]:
    """Mode, and the versions of its installed Debian packages."""
    mode = _mode(direction, options)
    packages = (*ENGINE_PACKAGES, PACKAGES.get(mode, f"apertium-{mode}"))
    return {"mode": mode, "marks": options.marks, "packages": _versions(packages)}


def open_apertium(direction: Direction, options: ApertiumOptions) -> Apertium:
    """Open an Apertium translator.

    Raises:
        MissingPackageError: the command or the language pair is not installed.
    """
    mode = _mode(direction, options)
    package = PACKAGES.get(mode, f"apertium-{mode}")
    if not shutil.which("apertium"):
        raise missing_package(
            "apertium", "the Debian package apertium", f"apt-get install {package}"
        )
    listed = subprocess.run(["apertium", "-l"], capture_output=True, text=True, check=False)
    if mode not in listed.stdout.split():
        raise missing_package("apertium", f"the language pair {mode}", f"apt-get install {package}")
    return Apertium(mode, marks=options.marks)


def _mode(direction: Direction, options: ApertiumOptions) -> str:
    mode = options.mode or MODES.get((direction.source, direction.target))
    if mode is None:
        raise unsupported_direction("apertium", direction, MODES)
    return mode


@cache
def _versions(packages: tuple[str, ...]) -> dict[str, str]:
    """Versions of installed Debian packages; empty without dpkg."""
    if not shutil.which("dpkg-query"):
        return {}
    process = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\n", *packages],
        capture_output=True,
        text=True,
        check=False,
    )
    rows = [line.split() for line in process.stdout.splitlines()]
    return {row[1]: row[2] for row in rows if len(row) == 3 and row[0] == "installed"}


ENGINE = Engine(ApertiumOptions, key_params, open_apertium)
