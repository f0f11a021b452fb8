"""`dual_encoder`: queries and the passages that answer them, for SQuAD and entity links.

Query and passage are encoded apart by the same encoder; the vector of each is its pooled last
state, without further weights. In training the passages of a batch compete for each query. Source:
XTREME-R's third_party/run_retrieval_qa.py, which adds BERT's pooler and reads sentence and
paragraph as one text; nlu-evals' run_retrieval.py has no pooler either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from xstilts.formats.base import Feature, HeadShape, Row, TokenizationConfig, subword_list
from xstilts.formats.checks import NUL, text_problems
from xstilts.formats.contrastive import ContrastiveSettings, group_numbers, in_batch_softmax
from xstilts.formats.io.readers import FileRow
from xstilts.formats.spec import (
    FileSpec,
    FormatSpec,
    GoldSpec,
    Labels,
    Problem,
    TranslationSpec,
)
from xstilts.formats.text_features import text_features, texts_without_subword
from xstilts.formats.training_spec import TrainingSpec

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class PassageExample:
    """A query and the passage that answers it (format `dual_encoder`).

    Args:
        passage: such as a sentence.
        context: read after the passage, as the second text of a pair, such as its paragraph;
            empty if there is none.
    """

    id: str
    query: str
    passage: str
    context: str = ""
    where: str | None = None


def _example(name: str, row: FileRow) -> PassageExample:
    context = row.optional_text("context") or ""
    return PassageExample(name, row.text("query"), row.text("passage"), context, row.where)


def _problems(example: PassageExample, _labels: frozenset[str], _split: str) -> Iterator[Problem]:
    yield from text_problems([example.query, example.passage])
    if "\0" in example.context:
        yield NUL, "in the context"


def _content(example: PassageExample) -> object:
    return example.query, example.passage, example.context


def _first_rank(_passage: str) -> int:
    """The rank of the right passage in a perfect search."""
    return 1


def _features(
    rows: Sequence[Row], tokenizer: Any, _labels: Labels, config: TokenizationConfig
) -> list[Feature]:
    """Sub-words of each query, with those of its passage as its only extra text."""
    none = [0] * len(rows)
    queries = [{"id": row["id"], "text": row["query"]} for row in rows]
    passages = [
        {"id": row["id"], "text": row["passage"], "text_pair": row["context"] or None}
        for row in rows
    ]
    return [
        replace(query, extra_texts=(passage,))
        for query, passage in zip(
            text_features(queries, tokenizer, config.retrieval_query_length, none),
            text_features(passages, tokenizer, config.max_length, none),
            strict=True,
        )
    ]


def _without_subword(
    rows: Sequence[Row], _features: Sequence[Feature], tokenizer: Any
) -> Iterator[tuple[str, Problem]]:
    """The queries and passages that the tokenizer has no sub-word for."""
    texts = ((row["id"], text) for row in rows for text in (row["query"], row["passage"]))
    return texts_without_subword(texts, tokenizer)


def _head(_width: int, shape: HeadShape) -> nn.Module:
    """The pooled states: [2b, t, width] → [2b, width]."""
    from xstilts.models.heads import PooledVectors

    return PooledVectors(shape.pooling)


def _targets(features: Sequence[Feature], _tokens: int) -> Tensor:
    """[b, 2] numbers of queries and of passages, equal where their sub-words are equal."""
    return group_numbers(
        [tuple(subword_list(text.ids)) for text in feature.texts] for feature in features
    )


def _loss(logits: Tensor, groups: Tensor) -> Tensor:
    vectors = logits.view(len(groups), 2, -1)
    return in_batch_softmax(vectors, groups, ContrastiveSettings())


def _predictions(
    logits: Tensor, features: Sequence[Feature], _labels: Labels, _config: TokenizationConfig
) -> list[Any]:
    """[2, width] per example: the vectors of query and passage."""
    return list(logits.view(len(features), 2, -1).numpy())


def _ranks(
    features: Sequence[Feature],
    vectors: Sequence[Any],
    _labels: Labels,
    _config: TokenizationConfig,
) -> list[Any]:
    """The rank (from 1) of each query's passage among the distinct passages, by cosine.

    Passages of equal queries are right for all of them. Ties count against the right passage.
    """
    import numpy as np

    from xstilts.metrics.retrieval import ranks

    if not features:
        return []
    query_groups, passage_groups = _targets(features, 0).T.tolist()
    first = dict(zip(reversed(passage_groups), reversed(range(len(features))), strict=True))
    passages = sorted(first)
    right: dict[int, set[int]] = {}
    for query, passage in zip(query_groups, passage_groups, strict=True):
        right.setdefault(query, set()).add(passage)
    searches = [
        (row, str(passage))
        for row, query in enumerate(query_groups)
        for passage in sorted(right[query])
    ]
    rows, searched = zip(*searches, strict=True)
    pairs = np.stack(vectors)
    candidates = pairs[[first[group] for group in passages], 1]
    found = ranks(pairs[list(rows), 0], candidates, searched, list(map(str, passages)))
    best = np.full(len(features), len(passages))
    np.minimum.at(best, list(rows), found)
    answer: list[Any] = best.tolist()
    return answer


def _collapsed(_gold: Sequence[str], predicted: Sequence[int]) -> bool:
    """Whether all texts have the same vector: every rank is the last one."""
    return len(set(predicted)) == 1 and predicted[0] > 1


DUAL_ENCODER = FormatSpec(
    name="dual_encoder",
    example=PassageExample,
    metrics=("map_at_20", "recall_at_1"),
    files=FileSpec(("query", "passage"), _example),
    problems=_problems,
    content=_content,
    gold=GoldSpec("passage", as_prediction=_first_rank),
    translation=TranslationSpec(("query", "passage", "context")),
    features=_features,
    feature_problems=_without_subword,
    tokenization_fields=("max_length", "retrieval_query_length"),
    training=TrainingSpec(
        head=_head,
        targets=_targets,
        loss=_loss,
        predictions=_predictions,
        aggregate=_ranks,
        count=len,
        collapsed=_collapsed,
        batch_loss=in_batch_softmax,
        has_dropout=False,
        has_weights=False,
    ),
)
