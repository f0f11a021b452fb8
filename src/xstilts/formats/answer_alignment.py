"""Locate a translated answer in its translated context."""

from __future__ import annotations

import re

UNSPACED = frozenset(("ja", "km", "lo", "my", "th", "zh"))
"""Languages written without spaces: an answer can start and end anywhere."""


def locate_answer(
    answer: str, original: str, context: str, relative_start: float, language: str
) -> tuple[int, int] | None:
    """Return the character span of a translated answer in a translated context, or None.

    The translated answer is searched as written, then ignoring case; then the original, because
    translations often keep names. In languages with spaces between words, a match must
    start and end at word boundaries. Of several matches the nearest to the expected start is
    returned.

    Args:
        relative_start: start of the original answer / length of the original context.
    """
    queries = ((answer, re.NOFLAG), (answer, re.IGNORECASE), (original, re.NOFLAG))
    for text, flags in queries:
        pattern = re.escape(text.strip())
        if language not in UNSPACED:
            pattern = rf"(?<!\w){pattern}(?!\w)"
        matches = [match.span() for match in re.finditer(pattern, context, flags)]
        if matches and text.strip():
            return min(matches, key=lambda span: abs(span[0] - relative_start * len(context)))
    return None
