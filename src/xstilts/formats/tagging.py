"""One tag per word, read from the word's first sub-word: POS, NER, slots.

A sentence that is too long is read in several parts, cut between words. Source: XTREME's
third_party/run_tag.py, which splits; jiant cuts off the end and scores the rest. Of a word that is
longer than a part, the sub-words that fit are read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xstilts.formats.base import (
    IGNORED,
    BadRow,
    Example,
    Feature,
    HeadShape,
    Row,
    TokenizationConfig,
)
from xstilts.formats.checks import label_problems, text_problems
from xstilts.formats.classification import shuffled
from xstilts.formats.gold_logits import labelled_logits
from xstilts.formats.io.readers import FileRow
from xstilts.formats.spec import (
    BaselineSpec,
    FileSpec,
    FormatSpec,
    GoldLogits,
    GoldSpec,
    Labels,
    Problem,
    TrainingSpec,
    labels_are_blank,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

OUTSIDE = "O"


@dataclass(frozen=True)
class TaggedExample:
    """One sentence as words with one tag each (format `tagging`; BIO tags mark spans)."""

    id: str
    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    where: str | None = None


def _example(name: str, row: FileRow) -> TaggedExample:
    return TaggedExample(name, row.words("tokens"), row.words("tags"), row.where)


def _conllu(path: Path, start: str) -> Iterable[Example | BadRow]:
    from xstilts.formats.io.conllu import read_conllu

    return read_conllu(path, start)


def _problems(example: TaggedExample, labels: frozenset[str], split: str) -> Iterator[Problem]:
    yield from text_problems(example.tokens or ("",), "empty word")
    blank = split == "test" and not any(tag.strip() for tag in example.tags)
    if len(example.tokens) != len(example.tags) and not blank:
        yield "words and tags differ in number", f"{len(example.tokens)}, {len(example.tags)}"
    yield from label_problems(example.tags, labels, split)


def _warnings(example: TaggedExample, labels: Labels) -> Iterator[Problem]:
    """The first I-X that follows neither B-X nor I-X; span F1 has a rule for it."""
    if not {"B-", "I-"} <= {label[:2] for label in labels}:
        return
    for before, tag in pairwise((OUTSIDE, *example.tags)):
        if tag.startswith("I-") and before not in (tag, f"B-{tag[2:]}"):
            yield "I- tag without its B-, kept", tag
            return


def _content(example: TaggedExample) -> object:
    return example.tokens


def _gold_is_blank(gold: Sequence[Any]) -> bool:
    """Blank tags, dummies, or no tag but O in the whole split."""
    sentences = [" ".join(tags) for tags in gold]
    only_outside = all(set(tags.split(" ")) == {OUTSIDE} for tags in sentences)
    return labels_are_blank(sentences) or (bool(sentences) and only_outside)


def _input_only(row: Row) -> Row:
    """The words, and their tags with them, shuffled."""
    order = shuffled(row, len(row["tokens"]))
    return {**row, **{name: [row[name][place] for place in order] for name in ("tokens", "tags")}}


def _most_frequent_tag(gold: Sequence[Any]) -> str:
    return str(Counter(tag for tags in gold for tag in tags).most_common(1)[0][0])


def _tag_everywhere(tag: str, gold: Sequence[Any]) -> list[Any]:
    return [[tag] * len(tags) for tags in gold]


def _features(
    rows: Sequence[Row], tokenizer: Any, labels: Labels, config: TokenizationConfig
) -> list[Feature]:
    """Sub-word ids with the tag at each word's first sub-word, -100 elsewhere.

    The parts of a sentence come one after the other and have its id.
    """
    rows = [part for row in rows for part in _parts(row, tokenizer, config.max_length)]
    if not rows:
        return []
    encoded = tokenizer(
        [list(row["tokens"]) for row in rows],
        is_split_into_words=True,
        truncation=True,
        max_length=config.max_length,
        return_token_type_ids=True,
    )
    index = {label: number for number, label in enumerate(labels)}
    return [_feature(row, encoded, number, index) for number, row in enumerate(rows)]


def _head(width: int, shape: HeadShape) -> nn.Module:
    from xstilts.models.heads import TokenHead

    return TokenHead(width, shape.labels, shape.dropout)


def _positions(features: Sequence[Feature], tokens: int) -> Tensor:
    """[b, tokens] the words' first sub-words."""
    import torch

    found = torch.zeros(len(features), tokens, dtype=torch.bool)
    for row, feature in zip(found, features, strict=True):
        row[[place for place in feature.words if place >= 0]] = True
    return found


def _loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy, summed over words."""
    from torch.nn import functional

    return functional.cross_entropy(
        logits.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORED, reduction="sum"
    )


def _predictions(
    logits: Tensor, features: Sequence[Feature], labels: Labels, _config: TokenizationConfig
) -> list[Any]:
    """One tag per word of each feature."""
    best = logits.argmax(-1).tolist()
    return [_tags(line, feature, labels) for line, feature in zip(best, features, strict=True)]


def _aggregate(
    features: Sequence[Feature],
    predictions: Sequence[Any],
    _labels: Labels,
    _config: TokenizationConfig,
) -> list[Any]:
    """The tags of each sentence, those of its parts joined."""
    parts = zip(features, predictions, strict=True)
    grouped = groupby(parts, key=lambda part: part[0].id)
    return [[tag for _, tags in group for tag in tags] for _, group in grouped]


def _gold_logits(logits: Tensor, features: Sequence[Feature]) -> list[GoldLogits]:
    return [
        labelled_logits(row[: len(feature.ids)], feature.target)
        for row, feature in zip(logits, features, strict=True)
    ]


def _gold_options(feature: Feature, labels: Labels) -> tuple[int, int]:
    assert isinstance(feature.target, list)
    return sum(target >= 0 for target in feature.target), len(labels)


def _one_tag_everywhere(gold: Sequence[Any], predicted: Sequence[Any]) -> bool:
    given = {tag for tags in predicted for tag in tags}
    wanted = {tag for tags in gold for tag in tags}
    return len(given) == 1 and len(wanted) > 1


def _parts(row: Row, tokenizer: Any, max_length: int) -> Iterator[Row]:
    """The row, or rows of consecutive words that fit, with their tags."""
    words, tags = list(row["tokens"]), list(row["tags"])
    limit = max_length - tokenizer.num_special_tokens_to_add()
    encoded = tokenizer(words, is_split_into_words=True, add_special_tokens=False)
    if len(encoded["input_ids"]) <= limit:
        yield row
        return
    sizes = Counter(word for word in encoded.word_ids() if word is not None)
    start = held = 0
    for place in range(len(words)):
        if held + sizes[place] > limit and place > start:
            yield {**row, "tokens": words[start:place], "tags": tags[start:place]}
            start, held = place, 0
        held += sizes[place]
    yield {**row, "tokens": words[start:], "tags": tags[start:]}


def tag_targets(features: Sequence[Feature], tokens: int) -> Tensor:
    """[b, tokens] the features' targets, one per sub-word, padded with -100."""
    import torch

    rows = torch.full((len(features), tokens), IGNORED)
    for row, feature in zip(rows, features, strict=True):
        row[: len(feature.ids)] = torch.tensor(feature.target)
    return rows


def _feature(row: Row, encoded: Any, number: int, index: dict[str, int]) -> Feature:
    ids, starts = encoded["input_ids"][number], dict[int, int]()
    for position, word in enumerate(encoded.word_ids(number)):
        if word is not None:
            starts.setdefault(word, position)
    target = [IGNORED] * len(ids)
    for (_, position), tag in zip(sorted(starts.items()), row["tags"], strict=False):
        target[position] = index.get(tag, IGNORED)
    words = tuple(starts.get(word, -1) for word in range(len(row["tokens"])))
    return Feature(row["id"], ids, encoded["token_type_ids"][number], target, words)


def _tags(line: list[int], feature: Feature, labels: Sequence[str]) -> list[str]:
    missing = OUTSIDE if OUTSIDE in labels else labels[0]
    return [labels[line[place]] if place >= 0 else missing for place in feature.words]


TAGGING = FormatSpec(
    name="tagging",
    version=2,
    example=TaggedExample,
    metrics=("span_f1",),
    files=FileSpec(("tokens", "tags"), _example, readers={".conllu": _conllu}),
    problems=_problems,
    warnings=_warnings,
    content=_content,
    gold=GoldSpec("tags", class_of="word", is_blank=_gold_is_blank),
    input_only=_input_only,
    baseline=BaselineSpec(_most_frequent_tag, _tag_everywhere),
    features=_features,
    training=TrainingSpec(
        head=_head,
        targets=tag_targets,
        positions=_positions,
        loss=_loss,
        predictions=_predictions,
        aggregate=_aggregate,
        gold_logits=_gold_logits,
        gold_options=_gold_options,
        collapsed=_one_tag_everywhere,
    ),
)
