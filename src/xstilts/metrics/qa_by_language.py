"""Exact match and token F1 of answers by rules that fit the answer's language.

XQuAD's and TyDiQA's official numbers use English rules in every language, and MLQA's list of
articles is wrong in two. What is mended here:

- Punctuation is that of Unicode, not of ASCII only.
- Case is folded (Straße = STRASSE, final sigma = sigma), Turkish and Azerbaijani i with and
  without dot are kept apart, and compatible characters are one (full-width 2 = 2).
- Articles are those of the answer's language, as whole words. English ones stay in other
  languages ("a" is a preposition in Spanish); Arabic al- goes only from the beginning of a
  word of which two letters or more remain; Vietnamese, which has none, keeps its words for
  "of" and "is".
- Scripts without spaces between words are compared character by character (with the marks on
  it): Han, kana, Thai, Lao, Burmese, Khmer. Elsewhere a token is what stands between spaces.
- An answer of which these rules would leave nothing keeps its articles, and if need be its
  punctuation: "%" is not "-", and right answers have an F1 of 1.

Articles of languages that XTREME's question answering does not have are not removed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import partial

from xstilts.metrics.base import Floats, Metric
from xstilts.metrics.mlqa import is_punctuation
from xstilts.metrics.squad import Golds, exact_match, mean_f1, mean_of_both
from xstilts.metrics.squad import statistics as best_of_golds

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
    """The tokens that are compared, with single spaces between; empty only for no text."""
    folded = _folded(text, language)
    bare = "".join(character for character in folded if not is_punctuation(character))
    tokens = CHARACTER.sub(r" \g<0> ", bare).split()
    return " ".join(_without_articles(tokens, language) or tokens or folded.split())


def _folded(text: str, language: str) -> str:
    same = unicodedata.normalize("NFKC", text)
    return (same.translate(DOTTED) if language in ("az", "tr") else same).casefold()


def _without_articles(tokens: Sequence[str], language: str) -> list[str]:
    if language == "ar":
        return [token.removeprefix(AL) if len(token) > 3 else token for token in tokens]
    articles = {article.casefold() for article in ARTICLES.get(language, "").split()}
    return [token for token in tokens if token not in articles]


def statistics(gold: Sequence[Golds], predicted: Sequence[str], language: str) -> Floats:
    """[n, 3]: exact match, F1, 1; the best over an example's gold answers."""
    normal = partial(normalize_answer, language=language)
    return best_of_golds(gold, predicted, normal, empty_counts=True)


def _metric(name: str, value: Callable[[Floats], Floats], title: str) -> Metric:
    title = f"{title}, rules of the language"
    return Metric(name, 1, statistics, value, ("span",), title, by_language=True)


QA_MEAN_FIXED = _metric("qa_mean_fixed", mean_of_both, "mean of exact match and F1")
EXACT_MATCH_FIXED = _metric("exact_match_fixed", exact_match, "exact match")
TOKEN_F1_FIXED = _metric("token_f1_fixed", mean_f1, "token F1")
