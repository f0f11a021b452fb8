"""Masked language modelling: continued pretraining beside, or instead of, an intermediate task.

Of the sub-words, 15 % are to be predicted: 80 % of these become the mask, 10 % a random
sub-word, 10 % stay (Devlin et al. 2019; jiant's `mlm_simple`). They are drawn anew each time an
example is seen, as in RoBERTa. The output layer is the word embedding matrix itself; the logits
of a whole batch are never in memory (see `tied`).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from xstilts.formats.base import IGNORED, Feature, Row, TokenizationConfig, identity_merge
from xstilts.formats.tagging import tag_targets
from xstilts.formats.text_features import text_features

if TYPE_CHECKING:
    from torch import Tensor, nn

    from xstilts.models.chunked_lm_loss import TiedLogits

AS_MASK, AS_RANDOM = 0.8, 0.1


@dataclass(frozen=True)
class Masking:
    """How an example is masked.

    Args:
        share: of the sub-words that are to be predicted, at least one.
        mask: vocabulary id of the mask; vocabulary: number of ids.
    """

    share: float
    mask: int
    vocabulary: int

    def drawn(self, feature: Feature, seed: int) -> Feature:
        """The example with some sub-words masked, and these as its targets."""
        draw = random.Random(seed)
        count = max(1, round(self.share * len(feature.words)))
        ids, target = list(feature.ids), [IGNORED] * len(feature.ids)
        for place in draw.sample(feature.words, min(count, len(feature.words))):
            target[place] = ids[place]
            luck = draw.random()
            if luck < AS_MASK:
                ids[place] = self.mask
            elif luck < AS_MASK + AS_RANDOM:
                ids[place] = draw.randrange(self.vocabulary)
        return replace(feature, ids=ids, target=target)


@dataclass(frozen=True)
class LineExample:
    """One line of running text (format `masked_lm`)."""

    id: str
    text: str
    where: str | None = None


class MaskedLM:
    """The targets of a feature are the ids that were masked; `words` are places that can be."""

    tied = True

    def features(
        self,
        rows: Sequence[Row],
        tokenizer: Any,
        labels: Sequence[str],
        reading: TokenizationConfig,
    ) -> list[Feature]:
        """Sub-word ids of each line, nothing masked yet; lines without a sub-word are left out."""
        special = set(tokenizer.all_special_ids)
        found = text_features(rows, tokenizer, reading.max_length, [IGNORED] * len(rows))
        marked = [
            replace(one, words=tuple(n for n, index in enumerate(one.ids) if index not in special))
            for one in found
        ]
        return [one for one in marked if one.words]

    def head(self, width: int, labels: int, dropout: float, pooling: str) -> nn.Module:
        """A head over a vocabulary; `labels` is its size."""
        from xstilts.models.heads import MaskedHead

        return MaskedHead(width, labels)

    def targets(self, features: Sequence[Feature], tokens: int) -> Tensor:
        """[b, tokens] vocabulary ids, -100 where nothing is to be predicted."""
        return tag_targets(features, tokens)

    def positions(self, features: Sequence[Feature], tokens: int) -> Tensor:
        """[b, tokens] where something is to be predicted."""
        return tag_targets(features, tokens) != IGNORED

    def loss(self, logits: TiedLogits, targets: Tensor) -> Tensor:
        """Cross-entropy over the vocabulary, summed over what is to be predicted."""
        from xstilts.models.chunked_lm_loss import cross_entropy

        return cross_entropy(logits, targets[targets != IGNORED])

    def predictions(
        self,
        logits: TiedLogits,
        features: Sequence[Feature],
        labels: Sequence[str],
        reading: TokenizationConfig,
    ) -> list[Any]:
        """The most likely ids at each example's places."""
        from xstilts.models.chunked_lm_loss import argmax

        counts = [len(masked_ids(feature)) for feature in features]
        best = iter(argmax(logits).tolist())
        return [list(islice(best, count)) for count in counts]

    aggregate = staticmethod(identity_merge)


def masked_ids(feature: Feature) -> list[int]:
    """The ids to be predicted in an example, in order."""
    assert isinstance(feature.target, list)
    return [index for index in feature.target if index != IGNORED]


MASKED_LM = MaskedLM()
