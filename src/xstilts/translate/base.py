"""What a translator is, and what an engine that opens one must say of itself beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from xstilts.config.base import ConfigModel
from xstilts.core.errors import ConfigError, MissingPackageError, UnknownNameError


@dataclass(frozen=True)
class Direction:
    """From which language into which, for which task, and where relative paths start."""

    source: str
    target: str
    task: str = ""
    folder: Path = field(default=Path(), compare=False)

    def filled(self, pattern: str) -> str:
        """A pattern with {source}, {target}, {language} (the target's) and {task} filled in."""
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

    The same texts in the same call always give the same translations, whatever was
    translated before; engines that look at neighbouring texts see those of the call.
    """

    @property
    def unknown(self) -> int:
        """Words left as they were since the translator was opened, as far as it tells."""

    def translate(self, texts: Sequence[str]) -> list[str]:
        """One translation per text, in order; an empty one where there is none."""


@dataclass(frozen=True)
class Engine:
    """A way to translate.

    Args:
        options: what `translator.options` may hold.
        identity: what decides the result, as JSON, without loading or running anything: a
            model's digest or revision, a package's version (none: not installed).
        open: the translator; raises MissingPackageError, DataError or TranslatorError.

    Both functions raise ConfigError for a direction that the engine does not have.
    """

    options: type[ConfigModel]
    identity: Callable[[Direction, Any], dict[str, Any]]
    open: Callable[[Direction, Any], Translator]


def read_options(engine: str, kind: type[ConfigModel], given: Mapping[str, Any]) -> Any:
    """The options of an engine.

    Raises:
        ConfigError: an option that it does not have or need, or of another type.
    """
    place = "translator.options"
    for name in given:
        if name not in kind.model_fields:
            raise UnknownNameError(f"option of {engine}", name, kind.model_fields, where=place)
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{engine}: {first['msg']}", where=f"{place}.{name}") from None


def refused(engine: str, direction: Direction, known: Iterable[tuple[str, str]]) -> ConfigError:
    """The error that an engine does not translate in this direction."""
    pairs = ", ".join(f"{source} → {target}" for source, target in known)
    return ConfigError(
        f"{engine} does not translate from {direction.source} into {direction.target}",
        where="translator.engine",
        todo=f"it has {pairs}",
    )


def missing(engine: str, package: str, command: str) -> MissingPackageError:
    """The error that an engine's package is not installed."""
    return MissingPackageError(f"the translator {engine} needs {package}", todo=f"run: {command}")
