"""English sentences of a paragraph, by punctuation: enough for SQuAD, which has no sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator

ABBREVIATIONS = """
mr mrs ms dr prof st sr jr rev fr msgr hon gen lt col maj adm capt sgt gov sen rep pres
jan feb aug sept oct nov dec mt ft no vol art sec ch cf vs v p pp approx ca c b d r fl al e.g i.e
"""
"""Words after which a full stop ends no sentence, in lower case."""
BREAK = re.compile(
    r"""
    (?<![.?!])[.?!]++ (?:\[[^\]\n]{1,20}\])*+  # a stop, and notes such as [12] or [note 1]
    [)\]'"\u201d\u2019]*+                      # what closes with it
    (?P<space>\s++)
    (?=[(\['"\u201c\u2018\u2022]?[A-Z0-9])     # the next sentence
    """,
    re.VERBOSE,
)
LONGEST = 20
"""Characters of the longest word that is looked up."""
NO_END = frozenset(ABBREVIATIONS.split())
INITIALS = re.compile(r"(?:[A-Z]\.)*[A-Z]")
"""A name's initials, or an abbreviation such as U.S without its last stop."""


def sentence_breaks(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each sentence, without the space between sentences.

    A sentence ends at a full stop, question or exclamation mark that is followed by space and a
    capital or digit, unless the word before it is an initial or a usual abbreviation. Source of
    the rule, which has more exceptions there: XTREME-R's sb_sed.py.
    """
    start = len(text) - len(text.lstrip())
    for match in BREAK.finditer(text):
        before = text[max(start, match.start() - LONGEST) : match.start()]
        word = before.split()[-1].lstrip("([\"'\u201c\u2018") if before.strip() else ""
        if word.lower() in NO_END or INITIALS.fullmatch(word):
            continue
        yield start, match.start("space")
        start = match.end("space")
    end = len(text.rstrip())
    if end > start:
        yield start, end
