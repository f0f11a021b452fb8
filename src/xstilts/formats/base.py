"""What a format is: the protocol that training and prediction are written against."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from torch import Tensor, nn

Row = dict[str, Any]
"""One example as the prepare stage stores it."""

IGNORED = -100
"""The target of an example, or of a sub-word, that has no gold answer: no loss, no score."""


class Example(Protocol):
    """One example of a task: a frozen dataclass, whose other fields are its format's.

    Args:
        id: unique within a split and language.
        where: file and line it was read from, for messages; not stored.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def id(self) -> str:
        """Its name."""

    @property
    def where(self) -> str | None:
        """Its file and line; none where no file holds it."""


@dataclass(frozen=True)
class BadRow:
    """A row that is no example: it is left out, named and counted, like other bad rows.

    Rows are counted by `problem`; `detail` says more of this one.
    """

    id: str
    problem: str
    detail: str = ""
    where: str | None = None


@dataclass(frozen=True)
class Feature:
    """One example as sub-word ids, ready to be put in a batch.

    Args:
        ids: sub-word ids with the encoder's own special tokens.
        types: segment ids (all 0 for encoders without segments).
        target: class index, or one index per sub-word (-100: not scored).
        words: position of each word's first sub-word (tagging; words cut off have none), or
            positions that an answer may start at (span).
        offsets: characters of `context` that each sub-word covers, (-1, -1) for others (span).
        further: more texts of the same example (multiple choice: the second choice and on).
    """

    id: str
    ids: list[int]
    types: list[int]
    target: int | list[int]
    words: tuple[int, ...] = ()
    extra_texts: tuple[Feature, ...] = ()
    offsets: tuple[tuple[int, int], ...] = ()
    context: str = ""

    @property
    def texts(self) -> tuple[Feature, ...]:
        """All texts of the example; each becomes a row of the batch."""
        return (self, *self.extra_texts)

    @property
    def max_tokens(self) -> int:
        """Sub-words of its longest text."""
        return max(len(text.ids) for text in self.texts)


@dataclass(frozen=True)
class TokenizationConfig:
    """How examples are read; the defaults are those of jiant's XTREME scripts.

    Args:
        max_length: sub-words per text, pair or window.
        stride: sub-words that a window moves on by (span).
        question_length: sub-words of a question at most (span).
        n_best: starts and ends that are paired (span).
        answer_length: sub-words of an answer at most (span).
        null_threshold: how far nothing must lead before it is the answer (span, v2.0).
    """

    max_length: int = 256
    stride: int = 128
    question_length: int = 64
    n_best: int = 20
    answer_length: int = 30
    null_threshold: float = 0.0


def id_lists(features: Iterable[Feature]) -> Iterator[list[int]]:
    """The sub-word ids of every text of the features."""
    return (text.ids for feature in features for text in feature.texts)


class Format(Protocol):
    """How one kind of task becomes sub-word ids."""

    def features(
        self,
        rows: Sequence[Row],
        tokenizer: Any,
        labels: Sequence[str],
        reading: TokenizationConfig,
    ) -> list[Feature]:
        """Sub-word ids and targets of the rows."""


class TrainedFormat(Format, Protocol):
    """How one kind of task is trained and predicted; stateless.

    `tied` says whether its head ends in the word embedding matrix and is computed only at
    `places`; such a head takes two more arguments, the matrix and these places, and gives
    `TiedLogits`. The others give a tensor.

    Heads and functions are called in several threads at once; what is random in a head is
    `nn.Dropout`, which each thread draws on its own.
    """

    tied: bool

    def head(self, width: int, labels: int, dropout: float, pooling: str) -> nn.Module:
        """A fresh head: (hidden [n, t, width], mask [n, t]) → logits, for n texts."""

    def targets(self, features: Sequence[Feature], tokens: int) -> Tensor:
        """The targets of a batch padded to a number of tokens."""

    def positions(self, features: Sequence[Feature], tokens: int) -> Tensor | None:
        """[b, tokens] the sub-words whose hidden states the head must read; none: all may be."""

    def loss(self, logits: Any, targets: Tensor) -> Tensor:
        """The loss of a batch, summed over its targets other than -100."""

    def predictions(
        self,
        logits: Any,
        features: Sequence[Feature],
        labels: Sequence[str],
        reading: TokenizationConfig,
    ) -> list[Any]:
        """One prediction per feature."""

    def aggregate(
        self,
        features: Sequence[Feature],
        predictions: Sequence[Any],
        labels: Sequence[str],
        reading: TokenizationConfig,
    ) -> list[Any]:
        """One prediction per example, as the task's metric takes it."""


def any_position(_features: Sequence[Feature], _tokens: int) -> None:
    """What `places` is for formats that may read every sub-word, or whose head's pooling tells."""


def identity_merge(
    _features: Sequence[Feature],
    predictions: Sequence[Any],
    _labels: Sequence[str],
    _reading: TokenizationConfig,
) -> list[Any]:
    """What `merged` is for formats with one feature per example."""
    return list(predictions)
