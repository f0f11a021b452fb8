"""`apertium`: rule-based translation by the Debian packages of that name.

One process translates many texts: they go in as Apertium's own stream, each with the hidden full
stop that `apertium-destxt` puts at the end of a text, and with a NUL after it, at which every
program of the pipe flushes. So no word moves from one text into another.

The tagger keeps some state from text to text: about one sentence in a hundred comes out
otherwise beside other neighbours, which is why a call's texts are translated by one process.
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
from xstilts.translate.base import Direction, Engine, missing, refused
from xstilts.translate.segmentation import LINES, segment

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
"""Put before a word that the analyser, the dictionary or the generator does not know."""
HIDDEN = str.maketrans("*@#~\0", "\ue000\ue001\ue002\ue003 ")
"""The text's own marks travel as private characters, so that no mark is taken for another."""
SHOWN = str.maketrans("\ue000\ue001\ue002\ue003", "*@#~")


class ApertiumOptions(ConfigModel):
    """Which pair, and whether to show unknown words."""

    mode: str | None = None
    marks: bool = False


class Apertium:
    """A pipe of Apertium's programs, started for every call."""

    def __init__(self, mode: str, *, marks: bool) -> None:
        self.mode, self.marks, self.unknown = mode, marks, 0

    def translate(self, texts: Sequence[str]) -> list[str]:
        """Line by line, all lines in one process."""
        return segment(texts, LINES, self._lines)

    def _lines(self, lines: Sequence[str]) -> list[str]:
        if not lines:
            return []
        found = self._run("".join(f"{_escaped(line)}{END}\0" for line in lines)).split("\0")
        if len(found) < len(lines) or any(rest.strip() for rest in found[len(lines) :]):
            raise TranslatorError(
                f"apertium {self.mode} gave {len(found)} texts for {len(lines)}",
                todo="translate without apertium, or leave out the texts that it trips over",
            )
        return [self._clean(line) for line in found[: len(lines)]]

    def _run(self, stream: str) -> str:
        ran = subprocess.run(
            ["apertium", "-z", "-f", "none", self.mode],
            input=stream.encode(),
            capture_output=True,
            check=False,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        if ran.returncode:
            said = ran.stderr.decode(errors="replace").strip()
            raise TranslatorError(
                f"apertium {self.mode} stopped with code {ran.returncode}: {said}"[:500],
                todo="try it by hand: echo Hello. | apertium " + self.mode,
            )
        return ran.stdout.decode(errors="replace")

    def _clean(self, line: str) -> str:
        """The line as text; empty where its end got lost on the way."""
        if not line.endswith(END):
            return ""
        text = line.removesuffix(END)
        self.unknown += len(MARKS.findall(text))
        text = text if self.marks else MARKS.sub("", text)
        return " ".join(ESCAPED.sub(r"\1", text).translate(SHOWN).split())


def _escaped(line: str) -> str:
    return RESERVED.sub(r"\\\g<0>", line.translate(HIDDEN))


def identity(direction: Direction, options: ApertiumOptions) -> dict[str, Any]:
    """Mode and the versions of its Debian packages, as far as they are installed."""
    mode = _mode(direction, options)
    packages = (*ENGINE_PACKAGES, PACKAGES.get(mode, f"apertium-{mode}"))
    return {"mode": mode, "marks": options.marks, "packages": _versions(packages)}


def open_apertium(direction: Direction, options: ApertiumOptions) -> Apertium:
    """Look for the command and the pair.

    Raises:
        MissingPackageError: one of them is not installed.
    """
    mode = _mode(direction, options)
    package = PACKAGES.get(mode, f"apertium-{mode}")
    if not shutil.which("apertium"):
        raise missing("apertium", "Debian's package apertium", f"apt-get install {package}")
    listed = subprocess.run(["apertium", "-l"], capture_output=True, text=True, check=False)
    if mode not in listed.stdout.split():
        raise missing("apertium", f"the pair {mode}", f"apt-get install {package}")
    return Apertium(mode, marks=options.marks)


def _mode(direction: Direction, options: ApertiumOptions) -> str:
    mode = options.mode or MODES.get((direction.source, direction.target))
    if mode is None:
        raise refused("apertium", direction, MODES)
    return mode


@cache
def _versions(packages: tuple[str, ...]) -> dict[str, str]:
    """Installed Debian packages and their versions; none where there is no dpkg."""
    if not shutil.which("dpkg-query"):
        return {}
    asked = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\n", *packages],
        capture_output=True,
        text=True,
        check=False,
    )
    found = [line.split() for line in asked.stdout.splitlines()]
    return {line[1]: line[2] for line in found if len(line) == 3 and line[0] == "installed"}


ENGINE = Engine(ApertiumOptions, identity, open_apertium)
