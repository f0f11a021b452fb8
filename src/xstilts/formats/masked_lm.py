"""Masked language modelling: continued pretraining as, or next to, an intermediate task.

Of the sub-words, 15 % are to be predicted: 80 % of these become the mask, 10 % a random
sub-word, 10 % stay (Devlin et al. 2019; jiant's `mlm_simple`). They are drawn again each time an
example is seen, as in RoBERTa. The output layer is the word embedding matrix itself; the logits
of a whole batch are never in memory (see `models.chunked_lm_loss`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from xstilts.core.hashing import seed_of
from xstilts.formats.base import (
    IGNORED,
    BadRow,
    Feature,
    HeadShape,
    Row,
    TokenizationConfig,
    subword_list,
)
from xstilts.formats.checks import text_problems
from xstilts.formats.io.readers import FileRow
from xstilts.formats.spec import FileSpec, FormatSpec, Labels, Problem, TranslationSpec
from xstilts.formats.tagging import tag_targets
from xstilts.formats.text_features import text_features
from xstilts.formats.training_spec import SelfSupervision, TrainingSpec
from xstilts.models.mask_token import mask_id

if TYPE_CHECKING:
    from torch import Tensor, nn

    from xstilts.models.chunked_lm_loss import TiedLogits

AS_MASK, AS_RANDOM = 0.8, 0.1
WITHOUT_SUBWORD = "line without a sub-word, left out"


@dataclass(frozen=True)
class LineExample:
    """One line of running text (format `masked_lm`)."""

    id: str
    text: str
    where: str | None = None


def _lines(rows: Iterable[FileRow | BadRow]) -> list[LineExample | BadRow]:
    """One example per line of a text, in the order of the lines' digests.

    The order does not depend on the file's name, which no key contains. Parallel files have
    different orders, so that a limit takes different sentences of each.
    """
    examples: list[LineExample | BadRow] = []
    for row in rows:
        if isinstance(row, BadRow):
            examples.append(row)
            continue
        for line in row.text("text").split("\n"):
            if line.strip():
                examples.append(LineExample(str(len(examples)), line, row.where))
    return sorted(examples, key=_digest)


def _digest(line: LineExample | BadRow) -> int:
    return seed_of("line", line.text if isinstance(line, LineExample) else line.id)


def _problems(example: LineExample, _labels: frozenset[str], _split: str) -> Iterator[Problem]:
    yield from text_problems([example.text])


def _content(example: LineExample) -> object:
    return example.text


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
        ids, target = subword_list(feature.ids), [IGNORED] * len(feature.ids)
        for position in draw.sample(feature.words, min(count, len(feature.words))):
            target[position] = ids[position]
            luck = draw.random()
            if luck < AS_MASK:
                ids[position] = self.mask
            elif luck < AS_MASK + AS_RANDOM:
                ids[position] = draw.randrange(self.vocabulary)
        return replace(feature, ids=ids, target=target)


def _masking(share: float, tokenizer: Any, vocabulary: int) -> Callable[[Feature, int], Feature]:
    return Masking(share, mask_id(tokenizer), vocabulary).drawn


def masked_ids(feature: Feature) -> list[int]:
    """The ids to be predicted in an example, in order."""
    assert isinstance(feature.target, list)
    return [index for index in feature.target if index != IGNORED]


def _features(
    rows: Sequence[Row], tokenizer: Any, _labels: Labels, config: TokenizationConfig
) -> list[Feature]:
    """Sub-word ids of each line, nothing masked yet; `words` are the positions that can be.

    Lines without a sub-word are left out.
    """
    special = set(tokenizer.all_special_ids)
    features = text_features(rows, tokenizer, config.max_length, [IGNORED] * len(rows))
    maskable = [
        replace(one, words=tuple(n for n, index in enumerate(one.ids) if index not in special))
        for one in features
    ]
    return [feature for feature in maskable if feature.words]


def _without_subword(
    rows: Sequence[Row], features: Sequence[Feature], _tokenizer: Any
) -> Iterator[tuple[str, Problem]]:
    """The lines that were left out."""
    kept = {feature.id for feature in features}
    for row in rows:
        if row["id"] not in kept:
            yield row["id"], (WITHOUT_SUBWORD, ascii(row["text"]))


def _head(width: int, shape: HeadShape) -> nn.Module:
    """A head over a vocabulary, whose size `labels` is."""
    from xstilts.models.heads import MaskedHead

    return MaskedHead(width, shape.labels, shape.tied_width or width)


def _positions(features: Sequence[Feature], tokens: int) -> Tensor:
    """[b, tokens] where something is to be predicted."""
    return tag_targets(features, tokens) != IGNORED


def _loss(logits: TiedLogits, targets: Tensor) -> Tensor:
    """Cross-entropy over the vocabulary, summed over what is to be predicted."""
    from xstilts.models.chunked_lm_loss import cross_entropy

    return cross_entropy(logits, targets[targets != IGNORED])


def _predictions(
    logits: TiedLogits, features: Sequence[Feature], _labels: Labels, _config: TokenizationConfig
) -> list[Any]:
    """The most likely ids at each example's masked positions."""
    from xstilts.models.chunked_lm_loss import argmax

    counts = [len(masked_ids(feature)) for feature in features]
    best = iter(argmax(logits).tolist())
    return [list(islice(best, count)) for count in counts]


MASKED_LM = FormatSpec(
    name="masked_lm",
    example=LineExample,
    metrics=("masked_accuracy",),
    files=FileSpec(("text",), examples=_lines, plain_text=True, shuffled=True, version=2),
    problems=_problems,
    content=_content,
    translation=TranslationSpec(("text",)),
    features=_features,
    feature_problems=_without_subword,
    training=TrainingSpec(
        head=_head,
        targets=tag_targets,
        positions=_positions,
        loss=_loss,
        predictions=_predictions,
        tied=True,
        self_supervision=SelfSupervision(_masking, masked_ids),
        pools=False,
        has_dropout=False,
    ),
)
