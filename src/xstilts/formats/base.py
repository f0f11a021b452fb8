"""What formats work with: examples, rows, features, and how texts become sub-words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Subwords = Sequence[int] | NDArray[np.int32] | NDArray[np.int8]

Row = dict[str, Any]
"""One example as the prepare stage stores it: its fields by name, without `where`."""

IGNORED = -100
"""The target of an example, or of a sub-word, that has no gold answer: no loss, no score."""

HEADER = "header line, left out"
"""The problem of a first line that names the columns; it is no row."""


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
    """A row that is not a valid example: it is left out, reported and counted.

    Args:
        problem: the kind of problem, by which rows are counted.
        detail: what is wrong with this row.
        where: file and line.
    """

    id: str
    problem: str
    detail: str = ""
    where: str | None = None


@dataclass(frozen=True)
class FileNote(BadRow):
    """What is to be known of a file, such as columns that are not read; it is no row.

    Readers yield it among their rows, so that it is counted, once per file, and shown.
    """


class LeftOutRow(BadRow):
    """A row that its source leaves out by design: counted, but no problem of the file."""


@dataclass(frozen=True, eq=False)
class Feature:
    """One example as sub-word ids, ready to be put in a batch.

    Args:
        ids: sub-word ids with the encoder's own special tokens. Those of stored features are
            parts of the memory map, so that no Python object exists for each.
        types: segment ids (all 0 for encoders without segments), like `ids`.
        target: class index, number, or one class index per sub-word; `IGNORED` without gold.
        words: position of each word's first sub-word (tagging; -1 for words cut off), or
            positions that an answer may start at (span).
        offsets: characters of `context` that each sub-word covers, (-1, -1) for others (span).
        extra_texts: more texts of the same example (multiple choice: from the second choice on).
        images: float32 [k, p, w]: p states of width w of each of its k images; none for text.
    """

    id: str
    ids: Subwords
    types: Subwords
    target: float | list[int]
    words: tuple[int, ...] = ()
    extra_texts: tuple[Feature, ...] = ()
    offsets: tuple[tuple[int, int], ...] = ()
    context: str = ""
    images: NDArray[np.float32] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Feature) and self._plain() == other._plain()

    def _plain(self) -> tuple[object, ...]:
        """All values, without arrays."""
        images = None if self.images is None else self.images.tolist()
        subwords = subword_list(self.ids), subword_list(self.types)
        rest = self.target, self.words, self.extra_texts, self.offsets, self.context
        return (self.id, *subwords, *rest, images)

    @property
    def texts(self) -> tuple[Feature, ...]:
        """All texts of the example; each becomes a row of the batch."""
        return (self, *self.extra_texts)

    @property
    def max_tokens(self) -> int:
        """Sub-words of its longest text."""
        return max(len(text.ids) for text in self.texts)

    @property
    def image_tokens(self) -> int:
        """States of all its images."""
        return 0 if self.images is None else self.images.shape[0] * self.images.shape[1]


@dataclass(frozen=True)
class TokenizationConfig:
    """How examples are tokenized and answers decoded; the defaults of jiant's XTREME scripts.

    Args:
        max_length: sub-words per text, pair or window.
        stride: sub-words between the starts of two windows (span).
        question_length: sub-words of a question at most (span).
        n_best: candidate starts and ends that are combined (span).
        answer_length: sub-words of an answer at most (span).
        null_threshold: lead of the null answer's score from which it is predicted (span, v2.0).
        prompt: text before each sentence (retrieval, mining).
        retrieval_query_length: sub-words of a query at most (dual_encoder), as in XTREME-R.
    """

    max_length: int = 256
    stride: int = 128
    question_length: int = 64
    n_best: int = 20
    answer_length: int = 30
    null_threshold: float = 0.0
    prompt: str = ""
    retrieval_query_length: int = 96

    def key_params(self) -> dict[str, Any]:
        """The configuration as JSON; fields that were added later are omitted at their defaults."""
        added = ("prompt", "retrieval_query_length")
        defaults = {name: getattr(TokenizationConfig, name) for name in added}
        return {k: v for k, v in asdict(self).items() if defaults.get(k) != v}


@dataclass(frozen=True)
class HeadShape:
    """All that is needed to build a head.

    Args:
        format: the name of the task's format.
        labels: the number of labels; the vocabulary size where the head is tied.
        pooling: `cls` or `mean`, for heads that read one vector per text.
        tied_width: width of the embeddings where the head is tied; by default the encoder's.
        image_width, image_tokens: width and number of the states of an image, for heads that read
            images; 0 where there are none, or where they are withheld.
        joint_width: of the space that texts are projected to by an image-text encoder; 0 for
            others.
    """

    format: str
    labels: int
    dropout: float
    pooling: str
    tied_width: int | None = None
    image_width: int = 0
    image_tokens: int = 0
    joint_width: int = 0


def id_lists(features: Iterable[Feature]) -> Iterator[list[int]]:
    """The sub-word ids of every text of the features."""
    return (subword_list(text.ids) for feature in features for text in feature.texts)


def subword_list(subwords: Subwords) -> list[int]:
    """Sub-words, or their types, as Python numbers."""
    return [int(number) for number in subwords]
