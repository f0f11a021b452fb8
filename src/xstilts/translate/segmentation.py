"""Split texts into lines or sentences for engines that translate one at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

LINES = re.compile(r"(\s*\n\s*)")
"""Separator of lines."""

SENTENCES = re.compile(
    r"""(\s*\n\s*
    | (?: (?<=[.!?…]) | (?<=[.!?…]["')\]”’]) )
      (?<!\b[A-Z]\.) (?<!\b(?:Mr|Dr|Ms|Jr|Sr|St|No|vs)\.) (?<!\bMrs\.)
      \s+ (?=\S) (?!["'(\[“‘]*[a-z])
    )""",
    re.VERBOSE,
)
"""Separator of lines and sentences: after a full stop that does not end an initial or an English
title, unless a lower-case Latin letter follows."""


def translate_segments(
    texts: Sequence[str],
    separator: re.Pattern[str],
    translate: Callable[[Sequence[str]], Sequence[str]],
) -> list[str]:
    """Split texts, translate each distinct segment once, and join the translations.

    Args:
        separator: matches a separator as its only group; separators are kept.

    Returns:
        One translation per text; empty if a segment has no translation.
    """
    split_texts = [separator.split(text.strip()) for text in texts]
    segments = list(dict.fromkeys(item for split in split_texts for item in split[::2] if item))
    translations = dict(zip(segments, translate(segments), strict=True))
    return [_joined(split, translations) for split in split_texts]


def _joined(split: Sequence[str], translations: Mapping[str, str]) -> str:
    """Join segments and separators, which alternate in `split`."""
    segments, separators = split[::2], [*split[1::2], ""]
    translated = [translations[segment] if segment else "" for segment in segments]
    if not all(text for text, segment in zip(translated, segments, strict=True) if segment):
        return ""
    return "".join(text for pair in zip(translated, separators, strict=True) for text in pair)
