"""Exact match and token F1 of answers, by the rules of MLQA's own script.

Source: mlqa_evaluation_v1.py (Lewis et al. 2020, github.com/facebookresearch/MLQA), which
XTREME uses as it is. SQuAD v1.1's rules with each language's own articles, punctuation of all
of Unicode, and Chinese characters as tokens. Its quirks are kept: in Arabic every alef-lam
goes, inside words too, and the Vietnamese list has the words for "of" and "is".
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Callable, Sequence
from functools import partial

from xstilts.core.errors import DataError
from xstilts.metrics.base import Floats, Metric
from xstilts.metrics.squad import Golds, exact_match, mean_f1, mean_of_both
from xstilts.metrics.squad import statistics as best_of_golds

DROPPED = {
    "ar": re.compile("ال"),
    "de": re.compile(r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b"),
    "en": re.compile(r"\b(a|an|the)\b"),
    "es": re.compile(r"\b(un|una|unos|unas|el|la|los|las)\b"),
    "hi": None,
    "vi": re.compile(r"\b(của|là|cái|chiếc|những)\b"),
    "zh": None,
}
"""What the script takes for articles."""
HAN = re.compile("[\u4e00-\u9fa5]")


def is_punctuation(character: str) -> bool:
    """Whether it is punctuation in Unicode, or one of ASCII's signs."""
    return character in string.punctuation or unicodedata.category(character).startswith("P")


def normalize_answer(text: str, language: str) -> str:
    """Lower case, no punctuation, no articles, single spaces; in Chinese also around Han.

    Raises:
        DataError: MLQA does not have the language.
    """
    if language not in DROPPED:
        raise DataError(
            f"MLQA's rules are not for the language {language!r}",
            todo=f"they are for {', '.join(DROPPED)}; take qa_mean_fixed for others",
        )
    bare = "".join(character for character in text.lower() if not is_punctuation(character))
    dropped = DROPPED[language]
    bare = dropped.sub(" ", bare) if dropped else bare
    spaced = HAN.sub(r" \g<0> ", bare) if language == "zh" else bare
    return " ".join(spaced.split())


def statistics(gold: Sequence[Golds], predicted: Sequence[str], language: str) -> Floats:
    """[n, 3]: exact match, F1, 1; the best over an example's gold answers."""
    normal = partial(normalize_answer, language=language)
    return best_of_golds(gold, predicted, normal, empty_counts=False)


def _metric(name: str, value: Callable[[Floats], Floats], title: str) -> Metric:
    return Metric(name, 1, statistics, value, ("span",), f"{title}, MLQA's rules", by_language=True)


MLQA_MEAN = _metric("mlqa_mean", mean_of_both, "mean of exact match and F1")
MLQA_EXACT_MATCH = _metric("mlqa_exact_match", exact_match, "exact match")
MLQA_F1 = _metric("mlqa_f1", mean_f1, "token F1")
