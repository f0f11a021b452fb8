"""Exact match and token F1 of answers, by the rules of the official MLQA script.

Source: mlqa_evaluation_v1.py (Lewis et al. 2020, github.com/facebookresearch/MLQA), which
XTREME uses unchanged. SQuAD v1.1's rules, but with the articles of each language, Unicode
punctuation, and Chinese characters as tokens. Its quirks are kept: in Arabic every alef-lam is
removed, even inside words, and the Vietnamese list contains the words for "of" and "is".
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Sequence
from functools import partial

from xstilts.core.errors import DataError
from xstilts.metrics.base import Floats
from xstilts.metrics.squad import GoldAnswers, answer_metrics
from xstilts.metrics.squad import statistics as answer_statistics

ARTICLES = {
    "ar": re.compile("ال"),
    "de": re.compile(r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b"),
    "en": re.compile(r"\b(a|an|the)\b"),
    "es": re.compile(r"\b(un|una|unos|unas|el|la|los|las)\b"),
    "hi": None,
    "vi": re.compile(r"\b(của|là|cái|chiếc|những)\b"),
    "zh": None,
}
"""What the script treats as articles."""
HAN = re.compile("[\u4e00-\u9fa5]")


def is_punctuation(character: str) -> bool:
    """Whether a character is punctuation in Unicode or in ASCII (`string.punctuation`)."""
    return character in string.punctuation or unicodedata.category(character).startswith("P")


def normalize_answer(text: str, language: str) -> str:
    """Lower-case; remove punctuation, articles and repeated spaces; in Chinese, separate Han.

    Raises:
        DataError: MLQA does not have the language.
    """
    if language not in ARTICLES:
        raise DataError(
            f"MLQA's rules do not cover the language {language!r}",
            todo=f"they cover {', '.join(ARTICLES)}; use qa_mean_fixed for other languages",
        )
    bare = "".join(character for character in text.lower() if not is_punctuation(character))
    articles = ARTICLES[language]
    bare = articles.sub(" ", bare) if articles else bare
    spaced = HAN.sub(r" \g<0> ", bare) if language == "zh" else bare
    return " ".join(spaced.split())


def statistics(gold: Sequence[GoldAnswers], predicted: Sequence[str], language: str) -> Floats:
    """[n, 3]: exact match, F1, 1; each the maximum over an example's gold answers."""
    normalize = partial(normalize_answer, language=language)
    return answer_statistics(gold, predicted, normalize, empty_counts=False)


MLQA_MEAN, MLQA_EXACT_MATCH, MLQA_F1 = answer_metrics(
    ("mlqa_mean", "mlqa_exact_match", "mlqa_f1"),
    statistics,
    "MLQA",
    by_language=True,
)
