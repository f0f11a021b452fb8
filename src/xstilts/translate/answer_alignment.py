"""Where a translated answer stands in its translated context."""

from __future__ import annotations

import re

UNSPACED = frozenset(("ja", "km", "lo", "my", "th", "zh"))
"""Languages written without spaces: a stretch may begin and end anywhere."""


def locate_answer(
    answer: str, original: str, context: str, share: float, language: str
) -> tuple[int, int] | None:
    """Start and end of a translated answer in a translated context, in characters, or none.

    It is searched as it is, then in any case; then the original, as names often stay what they
    are inside a text. In languages that put spaces between words the place must begin and end
    with a word. Of several places the one nearest to `share` of the context is taken, which is
    where the answer stood before the translation.
    """
    tries = ((answer, re.NOFLAG), (answer, re.IGNORECASE), (original, re.NOFLAG))
    for words, flags in tries:
        pattern = re.escape(words.strip())
        if language not in UNSPACED:
            pattern = rf"(?<!\w){pattern}(?!\w)"
        places = [match.span() for match in re.finditer(pattern, context, flags)]
        if places and words.strip():
            return min(places, key=lambda place: abs(place[0] - share * len(context)))
    return None
