"""Exact match and token F1 of answers with normalisation for the answer's language.

The official numbers of XQuAD and TyDiQA use English rules in every language, and MLQA's list of
articles is wrong in two languages. These metrics differ from the official ones as follows:

- All Unicode punctuation is removed, not only ASCII.
- Case is folded (Straße = STRASSE, final sigma = sigma), dotted and dotless i remain distinct in
  Turkish and Azerbaijani, and compatibility characters are normalised (full-width 2 = 2).
- Articles are those of the answer's language, and only full words. English articles remain in
  other languages ("a" is a preposition in Spanish); Arabic al- is removed only as a prefix that
  leaves at least two letters; Vietnamese, which has no articles, keeps its words for "of" and
  "is".
- Scripts without spaces between words (Han, kana, Thai, Lao, Burmese, Khmer) are compared
  character by character, combining marks included. In other scripts tokens are split at spaces.
- An answer that these rules would leave empty keeps its articles and, if necessary, its
  punctuation: "%" is not "-", and a correct answer has an F1 of 1.

Articles of languages outside XTREME's question answering are not removed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import partial

from xstilts.metrics.base import Floats
from xstilts.metrics.mlqa import is_punctuation
from xstilts.metrics.squad import GoldAnswers, answer_metrics
from xstilts.metrics.squad import statistics as answer_statistics

ARTICLES = {
    "de": "der die das den dem des ein eine einen einem eines einer",
    "el": "ο η το του της τον τη την οι τα των τους τις ένας μία μια ένα ενός μιας έναν",
    "en": "a an the",
    "es": "el la los las un una unos unas",
}
AL = "ال"
SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Thai and Lao, Burmese, Khmer, kana, Han."""
MARKS = "".join(
    character
    for character in re.findall(f"[{SPACELESS}]", "".join(map(chr, range(0x0E00, 0x3100))))
    if unicodedata.category(character).startswith("M")
)
CHARACTER = re.compile(f"[{SPACELESS}][{MARKS}]*")
DOTTED = str.maketrans("Iİ", "ıi")


def normalize_answer(text: str, language: str) -> str:
    """Return the tokens to compare, joined by single spaces; empty only for an empty text."""
    folded = _folded(text, language)
    bare = "".join(character for character in folded if not is_punctuation(character))
    tokens = CHARACTER.sub(r" \g<0> ", bare).split()
    return " ".join(_without_articles(tokens, language) or tokens or folded.split())


def _folded(text: str, language: str) -> str:
    text = unicodedata.normalize("NFKC", text)
    return (text.translate(DOTTED) if language in ("az", "tr") else text).casefold()


def _without_articles(tokens: Sequence[str], language: str) -> list[str]:
    if language == "ar":
        return [token.removeprefix(AL) if len(token) > 3 else token for token in tokens]
    articles = {article.casefold() for article in ARTICLES.get(language, "").split()}
    return [token for token in tokens if token not in articles]


def statistics(gold: Sequence[GoldAnswers], predicted: Sequence[str], language: str) -> Floats:
    """[n, 3]: exact match, F1, 1; each the maximum over an example's gold answers."""
    normalize = partial(normalize_answer, language=language)
    return answer_statistics(gold, predicted, normalize, empty_counts=True)


QA_MEAN_FIXED, EXACT_MATCH_FIXED, TOKEN_F1_FIXED = answer_metrics(
    ("qa_mean_fixed", "exact_match_fixed", "token_f1_fixed"),
    statistics,
    "language-specific",
    by_language=True,
)
