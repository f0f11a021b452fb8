"""The protocol of translators, and the engines that open them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from xstilts.config.base import ConfigModel
from xstilts.config.validation import validate
from xstilts.core.errors import ConfigError, MissingPackageError, UnknownNameError


@dataclass(frozen=True)
class Direction:
    """Source and target language, the task's name, and the base of relative paths."""

    source: str
    target: str
    task: str = ""
    folder: Path = field(default=Path(), compare=False)

    def fill(self, pattern: str) -> str:
        """Substitute {source}, {target}, {language} (the target) and {task} in a pattern."""
        values = {
            "source": self.source,
            "target": self.target,
            "language": self.target,
            "task": self.task,
        }
        for name, value in values.items():
            pattern = pattern.replace(f"{{{name}}}", value)
        return pattern


class Translator(Protocol):
    """Translates from one language into another.

    A call with the same texts always returns the same translations, independent of earlier
    calls. A translation may depend on the other texts of the call.
    """

    @property
    def unknown(self) -> int:
        """Number of untranslated words since the translator was opened, if the engine counts."""

    def translate(self, texts: Sequence[str]) -> list[str]:
        """Return one translation per text, in order; empty if there is none."""


def needs_no_file(_direction: Direction, _options: Any) -> None:
    """The missing file of an engine that reads none of the user's."""
    return


@dataclass(frozen=True)
class Engine:
    """A translation engine.

    Args:
        options: schema of `translator.options`.
        key_params: returns everything that determines the result, as JSON, without loading a
            model: its digest or revision, a package's version (None: not installed).
        open: returns the translator; raises MissingPackageError, DataError or TranslatorError.
        missing_file: returns the path of the user's file that it reads, if there is no such file.

    All functions raise ConfigError for a direction that the engine does not support.
    """

    options: type[ConfigModel]
    key_params: Callable[[Direction, Any], dict[str, Any]]
    open: Callable[[Direction, Any], Translator]
    missing_file: Callable[[Direction, Any], Path | None] = needs_no_file


def read_options(engine: str, kind: type[ConfigModel], given: Mapping[str, Any]) -> Any:
    """Parse the options of an engine.

    Args:
        kind: the engine's schema.
        given: the options in the experiment.

    Raises:
        ConfigError: unknown or missing option, or wrong type.
    """
    where = "translator.options"
    for name in given:
        if name not in kind.model_fields:
            raise UnknownNameError(f"option of {engine}", name, kind.model_fields, where=where)
    try:
        return validate(kind, given, {})
    except ConfigError as error:
        raise ConfigError(f"{engine}: {error.what}", where=where, todo=error.todo) from None


def unsupported_direction(
    engine: str, direction: Direction, supported: Iterable[tuple[str, str]]
) -> ConfigError:
    """Return the error that an engine does not support a direction."""
    pairs = ", ".join(f"{source} → {target}" for source, target in supported)
    return ConfigError(
        f"{engine} does not translate from {direction.source} into {direction.target}",
        where="translator.engine",
        todo=f"it supports {pairs}",
    )


def missing_package(engine: str, package: str, command: str) -> MissingPackageError:
    """Return the error that a package of an engine is not installed."""
    return MissingPackageError(f"the translator {engine} needs {package}", todo=f"run: {command}")
