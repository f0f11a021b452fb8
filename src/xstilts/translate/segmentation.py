"""Texts in pieces: engines that read one line or one sentence at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

LINES = re.compile(r"(\s*\n\s*)")
"""Between two lines."""

SENTENCES = re.compile(
    r"""(\s*\n\s*
    | (?: (?<=[.!?…]) | (?<=[.!?…]["')\]”’]) )
      (?<!\b[A-Z]\.) (?<!\b(?:Mr|Dr|Ms|Jr|Sr|St|No|vs)\.) (?<!\bMrs\.)
      \s+ (?=\S) (?!["'(\[“‘]*[a-z])
    )""",
    re.VERBOSE,
)
"""Between two lines or sentences: after a full stop that ends no initial or English title,
before anything but a small Latin letter."""


def segment(
    texts: Sequence[str], cut: re.Pattern[str], translate: Callable[[Sequence[str]], Sequence[str]]
) -> list[str]:
    """Translate every distinct piece once and put the texts together again.

    Args:
        cut: matches what lies between two pieces, as its only group; it is kept.

    Returns:
        One text per text; empty where a piece has no translation.
    """
    parts = [cut.split(text.strip()) for text in texts]
    pieces = list(dict.fromkeys(piece for part in parts for piece in part[::2] if piece))
    found = dict(zip(pieces, translate(pieces), strict=True))
    return [_joined(part, found) for part in parts]


def _joined(part: Sequence[str], found: Mapping[str, str]) -> str:
    words = [found[piece] if piece else "" for piece in part[::2]]
    if not all(word for word, piece in zip(words, part[::2], strict=True) if piece):
        return ""
    return "".join(text for pair in zip(words, [*part[1::2], ""], strict=True) for text in pair)
