"""The texts of a row that are translated, and the row with their translations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xstilts.core.errors import ConfigError
from xstilts.formats import FORMATS
from xstilts.formats.base import Row
from xstilts.formats.spec import TranslationSpec

NO_TRANSLATION = "no translation"


def translation_of(name: str) -> TranslationSpec:
    """How rows of a format are translated.

    Raises:
        ConfigError: they cannot be.
    """
    spec = FORMATS.get(name)
    if spec.translation is not None:
        return spec.translation
    if spec.class_of == "word":
        raise ConfigError(
            f"{name} data cannot be translated: labels are per word, and a translation has "
            "different words in a different order",
            where="intermediate",
            todo="translate a task with labels per text, or with spans as answers",
        )
    raise ConfigError(
        f"{name} data cannot be translated",
        where="intermediate",
        todo=f"translatable formats: {', '.join(_translatable())}",
    )


def _translatable() -> list[str]:
    return [name for name in FORMATS if FORMATS.get(name).translation]


def texts_of(row: Row, columns: Sequence[str]) -> Iterator[str]:
    """The texts in some columns of a row, without blank ones."""
    for name in columns:
        value = row.get(name)
        for text in value if isinstance(value, list) else [value]:
            if text is not None and text.strip():
                yield text


def translated(
    row: Row, spec: TranslationSpec, translations: Mapping[str, str], language: str
) -> tuple[Row | None, str]:
    """The row in a language, or none and why.

    Args:
        translations: text → translation; blank if there is none.
    """
    if not all(translations[text] for text in texts_of(row, spec.columns)):
        return None, NO_TRANSLATION
    texts = {name: _replaced(row[name], translations) for name in spec.columns if name in row}
    return spec.adjust(row, {**row, **texts}, language)


def _replaced(value: str | Sequence[str] | None, translations: Mapping[str, str]) -> Any:
    if value is None or isinstance(value, str):
        return translations.get(value, value) if value else value
    return [translations.get(text, text) for text in value]
