"""The best answer of a window of a text, and of all windows of a question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from xstilts.formats.answer_text import NO_SPAN, AnswerSpan
from xstilts.formats.base import Feature, TokenizationConfig, subword_list

if TYPE_CHECKING:
    from torch import Tensor


class Candidate(NamedTuple):
    """A window's best answer, and the score of its first token, the null answer."""

    score: float
    span: AnswerSpan
    null_score: float

    @property
    def text(self) -> str:
        """The answer's characters in the context."""
        return self.span.text


def best_candidate(logits: Tensor, feature: Feature, config: TokenizationConfig) -> Candidate:
    """The span with the largest sum of start and end scores, among the best of each."""
    start, end = logits[: len(feature.ids)].T
    allowed = frozenset(feature.words)
    best, span = float("-inf"), (0, 0)
    starts, ends = (part.topk(min(config.n_best, len(part))) for part in (start, end))
    for first, start_score in zip(starts.indices.tolist(), starts.values.tolist(), strict=True):
        for last, end_score in zip(ends.indices.tolist(), ends.values.tolist(), strict=True):
            fits = first in allowed and feature.offsets[last][0] >= 0
            fits = fits and first <= last < first + config.answer_length
            if fits and start_score + end_score > best:
                best, span = start_score + end_score, (first, last)
    null_score = float(start[0] + end[0])
    if best == float("-inf"):
        return Candidate(best, NO_SPAN, null_score)
    first, last = span
    answer = AnswerSpan(
        feature.context,
        feature.offsets[first][0],
        feature.offsets[last][1],
        tuple(subword_list(feature.ids[first : last + 1])),
    )
    return Candidate(best, answer, null_score)


def best_answer(
    windows: Sequence[Candidate], config: TokenizationConfig, *, may_abstain: bool
) -> AnswerSpan:
    """The best window's answer; none if the model may abstain and every window prefers it."""
    best = max(windows, key=lambda window: window.score)
    null_score = min(window.null_score for window in windows)
    no_answer = null_score - best.score > config.null_threshold
    return NO_SPAN if may_abstain and no_answer else best.span
