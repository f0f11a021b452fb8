"""One tag per word, read from the word's first sub-word: POS, NER, slots.

A sentence that is too long is read in several parts, cut between words. Source: XTREME's
third_party/run_tag.py, which splits; jiant cuts off the end and scores the rest. Of a word that is
longer than a part, the sub-words that fit are read. A word without a sub-word, such as a zero-width
space, is not trained on; its prediction is O, or the tag predicted most often if there is no O.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

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
from xstilts.formats.feature_store import word_counts
from xstilts.formats.gold_logits import labelled_logits
from xstilts.formats.io.readers import FileRow
from xstilts.formats.spec import (
    DUMMY_ROWS,
    BaselineSpec,
    FileSpec,
    FormatSpec,
    GoldSpec,
    Labels,
    Problem,
)
from xstilts.formats.tag_schemes import OUTSIDE, TagScheme, scheme_of_labels
from xstilts.formats.tag_sequences import NO_SUBWORD, Numbers, TagNumbers, TagSequences, packed
from xstilts.formats.training_spec import GoldLogits, TrainingSpec
from xstilts.formats.word_subwords import WordPart, WordSubwords, word_subwords

if TYPE_CHECKING:
    from torch import Tensor, nn

SPAN_METRICS, STRICT_METRICS = ("span_f1",), ("span_f1_strict", "span_f1")
TAG_METRICS = ("tag_accuracy", "pos_f1")
TOKEN_TAG_ENDINGS = (".conll", ".bio", ".bioes", ".iob", ".iob1", ".iob2")
"""Endings of files with a word and its tag in each line."""
SOME_UNTAGGED = "some words have no tag"
WITHOUT_SUBWORD = "word without a sub-word, not read"


@dataclass(frozen=True)
class TaggedExample:
    """One sentence as words with one tag each (format `tagging`; BIO tags mark spans)."""

    id: str
    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    where: str | None = None


def _example(name: str, row: FileRow) -> TaggedExample:
    return TaggedExample(name, row.words("tokens"), row.labels_of_words("tags"), row.where)


def _conllu(path: Path, start: str) -> Iterable[Example | BadRow]:
    from xstilts.formats.io.conllu import read_conllu

    return read_conllu(path, start)


def _token_tags(path: Path, start: str) -> Iterable[Example | BadRow]:
    from xstilts.formats.io.token_tags import read_token_tags

    return read_token_tags(path, start)


def _problems(example: TaggedExample, labels: frozenset[str], split: str) -> Iterator[Problem]:
    words = example.tokens or ("",)
    if not all(words):  # white space alone can be a word: it has no sub-word
        yield "empty word", ""
    yield from text_problems(word for word in words if word.strip())
    blank = split == "test" and not any(tag.strip() for tag in example.tags)
    if len(example.tokens) != len(example.tags) and not blank:
        yield "words and tags differ in number", f"{len(example.tokens)}, {len(example.tags)}"
    untagged = [number for number, tag in enumerate(example.tags, 1) if not tag.strip()]
    if 0 < len(untagged) < len(example.tags):
        yield SOME_UNTAGGED, f"word {untagged[0]} of {len(example.tags)}"
    yield from label_problems(example.tags, labels, split)


def _warnings(example: TaggedExample, labels: Labels) -> Iterator[Problem]:
    """The first I-X that follows neither B-X nor I-X; span F1 has a rule for it."""
    if not {"B-", "I-"} <= {label[:2] for label in labels}:
        return
    for before, tag in pairwise((OUTSIDE, *example.tags)):
        if tag.startswith("I-") and before not in (tag, f"B-{tag[2:]}"):
            yield "I- tag without its B-, kept", tag
            return


def _metrics(labels: Labels) -> tuple[str, ...]:
    """Span F1 for tags in BIO, strictly if they are converted; else those of single tags."""
    scheme = scheme_of_labels(labels)
    if scheme is TagScheme.NONE and set(labels) - {OUTSIDE}:
        return TAG_METRICS
    return STRICT_METRICS if scheme in (TagScheme.BIOES, TagScheme.IOB1) else SPAN_METRICS


def _content(example: TaggedExample) -> object:
    return example.tokens


def _gold_is_blank(gold: Sequence[Any]) -> bool:
    """Blank tags, no tag but O in the whole split, or one tag in twenty sentences or more."""
    tags = {tag for sentence in gold for tag in sentence if tag.strip()}
    return bool(gold) and (
        not tags or tags == {OUTSIDE} or (len(tags) == 1 and len(gold) >= DUMMY_ROWS)
    )


def _row_is_blank(tags: Any, _labels: Labels) -> bool:
    """No tags, or blank ones; old stores may hold rows in which only some are blank."""
    return not len(tags) or any(not tag.strip() for tag in tags)


def _input_only(row: Row) -> Row:
    """The words, and their tags with them, shuffled."""
    order = shuffled(row, len(row["tokens"]))
    return {
        **row,
        **{name: [row[name][position] for position in order] for name in ("tokens", "tags")},
    }


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
    parts = [part for row in rows for part in _parts(row, tokenizer, config.max_length)]
    encoded = word_subwords([part.words for part in parts], tokenizer, config.max_length)
    index = {label: number for number, label in enumerate(labels)}
    return [_feature(part, subwords, index) for part, subwords in zip(parts, encoded, strict=True)]


def _without_subword(
    rows: Sequence[Row], features: Sequence[Feature], _tokenizer: Any
) -> Iterator[tuple[str, Problem]]:
    """The words of each row that have no sub-word."""
    missing = {
        name: [position for part in parts for position in part.words]
        for name, parts in groupby(features, key=lambda part: part.id)
    }
    for row in rows:
        for word, position in zip(row["tokens"], missing[row["id"]], strict=True):
            if position < 0:
                yield row["id"], (WITHOUT_SUBWORD, ascii(word))


def _head(width: int, shape: HeadShape) -> nn.Module:
    from xstilts.models.heads import TokenHead

    return TokenHead(width, shape.labels, shape.dropout)


def _positions(features: Sequence[Feature], tokens: int) -> Tensor:
    """[b, tokens] the words' first sub-words."""
    import torch

    mask = torch.zeros(len(features), tokens, dtype=torch.bool)
    for row, feature in zip(mask, features, strict=True):
        row[[position for position in feature.words if position >= 0]] = True
    return mask


def _loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy, summed over words."""
    from torch.nn import functional

    return functional.cross_entropy(
        logits.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORED, reduction="sum"
    )


def _predictions(
    logits: Tensor, features: Sequence[Feature], _labels: Labels, _config: TokenizationConfig
) -> list[Any]:
    """The label numbers of the words of each feature, packed."""
    best = logits.argmax(-1).tolist()
    return [_label_numbers(line, feature) for line, feature in zip(best, features, strict=True)]


def _aggregate(
    features: Sequence[Feature],
    predictions: TagNumbers,
    labels: Labels,
    _config: TokenizationConfig,
) -> TagSequences:
    """The tags of each sentence, those of its parts joined; the predictions are changed."""
    numbers = predictions.numbers
    numbers[numbers == NO_SUBWORD] = _default_label(numbers, labels)
    return TagSequences(labels, numbers, _sentence_ends(features))


def _empty_predictions(features: Sequence[Feature]) -> TagNumbers:
    return TagNumbers(word_counts(features))


def _sentence_ends(features: Sequence[Feature]) -> NDArray[np.int64]:
    """[n] number of words up to the end of each sentence."""
    sentences = groupby(features, key=lambda part: part.id)
    words = (sum(len(part.words) for part in parts) for _, parts in sentences)
    return np.fromiter(words, dtype=np.int64).cumsum()


def _default_label(numbers: Numbers, labels: Labels) -> int:
    """The label of words without a sub-word: O, or the one that is predicted most often.

    Of labels that are predicted equally often, the first one predicted.
    """
    if OUTSIDE in labels:
        return labels.index(OUTSIDE)
    predicted = numbers[numbers != NO_SUBWORD]
    if not len(predicted):
        return 0
    counts = np.bincount(predicted)
    return int(predicted[np.argmax(counts[predicted])])


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


class _Part(NamedTuple):
    """Consecutive words of a sentence that fit in one text, with their tags."""

    id: str
    words: WordPart
    tags: tuple[str, ...]


def _parts(row: Row, tokenizer: Any, max_length: int) -> Iterator[_Part]:
    """The sentence, or parts of it that fit."""
    words, tags = tuple(row["tokens"]), tuple(row["tags"])
    limit = max_length - tokenizer.num_special_tokens_to_add()
    (encoded,) = word_subwords([WordPart(words)], tokenizer)
    if len(encoded.ids) <= limit:
        yield _Part(row["id"], WordPart(words), tags)
        return
    sizes = _sizes(encoded, len(words))
    start = held = 0
    for position in range(len(words)):
        if held + sizes[position] > limit and position > start:
            yield _Part(row["id"], WordPart(words[start:position], start > 0), tags[start:position])
            start, held = position, 0
        held += sizes[position]
    yield _Part(row["id"], WordPart(words[start:], start > 0), tags[start:])


def _sizes(encoded: WordSubwords, count: int) -> list[int]:
    """Sub-words of each word; those of a space are the next word's."""
    sizes, spaces = [0] * count, 0
    for word in encoded.words:
        if word is None:
            spaces += 1
            continue
        sizes[word] += 1 + spaces
        spaces = 0
    return sizes


def tag_targets(features: Sequence[Feature], tokens: int) -> Tensor:
    """[b, tokens] the features' targets, one per sub-word, padded with -100."""
    import torch

    rows = torch.full((len(features), tokens), IGNORED)
    for row, feature in zip(rows, features, strict=True):
        row[: len(feature.ids)] = torch.tensor(feature.target)
    return rows


def _feature(part: _Part, encoded: WordSubwords, index: dict[str, int]) -> Feature:
    starts = dict[int, int]()
    for position, word in enumerate(encoded.words):
        if word is not None:
            starts.setdefault(word, position)
    target = [IGNORED] * len(encoded.ids)
    for word, tag in enumerate(part.tags):
        if word in starts:
            target[starts[word]] = index.get(tag, IGNORED)
    words = tuple(starts.get(word, -1) for word in range(len(part.words.words)))
    return Feature(part.id, encoded.ids, encoded.types, target, words)


def _label_numbers(line: list[int], feature: Feature) -> bytes:
    return packed(line[position] if position >= 0 else NO_SUBWORD for position in feature.words)


TAGGING = FormatSpec(
    name="tagging",
    version=2,
    example=TaggedExample,
    metrics=SPAN_METRICS,
    label_metrics=_metrics,
    files=FileSpec(
        ("tokens", "tags"),
        _example,
        readers={".conllu": _conllu, **dict.fromkeys(TOKEN_TAG_ENDINGS, _token_tags)},
    ),
    problems=_problems,
    warnings=_warnings,
    content=_content,
    gold=GoldSpec("tags", class_of="word", is_blank=_gold_is_blank, row_is_blank=_row_is_blank),
    input_only=_input_only,
    baseline=BaselineSpec(_most_frequent_tag, _tag_everywhere),
    features=_features,
    feature_problems=_without_subword,
    training=TrainingSpec(
        head=_head,
        targets=tag_targets,
        positions=_positions,
        loss=_loss,
        predictions=_predictions,
        empty_predictions=_empty_predictions,
        aggregate=_aggregate,
        gold_logits=_gold_logits,
        gold_options=_gold_options,
        collapsed=_one_tag_everywhere,
        pools=False,
    ),
)
