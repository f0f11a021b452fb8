"""`FormatSpec`: everything in xstilts that depends on the kind of a task, in one object."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from xstilts.formats.base import (
    BadRow,
    Example,
    Feature,
    Row,
    TokenizationConfig,
)
from xstilts.formats.io.readers import FileRow, Parse
from xstilts.formats.training_spec import TrainingSpec

if TYPE_CHECKING:
    from xstilts.config.recipe import Recipe

Labels = Sequence[str]
Examples = Iterable[Example | BadRow]
Problem = tuple[str, str]
"""What is wrong with a row: the kind of problem, and details."""
DUMMY_ROWS = 20
"""So many rows with one and the same label are taken for dummies."""


def labels_are_blank(gold: Iterable[Any]) -> bool:
    """Whether test labels were removed: all are blank, or the same on 20 rows or more."""
    values = [str(answer) for answer in gold]
    if not any(value.strip() for value in values):
        return bool(values)
    return len(values) >= DUMMY_ROWS and len(set(values)) == 1


def label_is_blank(answer: Any, _labels: Labels) -> bool:
    """Whether a row has no label."""
    return not str(answer).strip()


def all_blank(gold: Iterable[Any]) -> bool:
    """Whether no example has an answer, for formats in which some may have none."""
    return not any(str(text).strip() for answer in gold for text in _texts(answer))


def _texts(answer: Any) -> Iterable[Any]:
    return answer if isinstance(answer, list | tuple) else (answer,)


def most_frequent(gold: Sequence[Any]) -> str:
    """The most frequent gold answer; the first of equally frequent ones."""
    return str(Counter(gold).most_common(1)[0][0])


def repeated(answer: Any, gold: Sequence[Any]) -> list[Any]:
    """The same answer for every example."""
    return [answer] * len(gold)


def identity(gold: Any) -> Any:
    """The gold answer itself."""
    return gold


def no_problems(_example: Any, _labels: Labels) -> Iterable[Problem]:
    """For formats that warn of nothing."""
    return ()


def all_readable(
    _rows: Sequence[Row], _features: Sequence[Feature], _tokenizer: Any
) -> Iterable[tuple[str, Problem]]:
    """For formats in which every part of a row is read, or cut off at a known length."""
    return ()


def same_metrics(_labels: Labels) -> tuple[str, ...]:
    """For formats whose metrics do not depend on the labels."""
    return ()


def translated_as_is(_row: Row, translated: Row, _language: str) -> tuple[Row | None, str]:
    """For formats whose gold answer does not depend on the texts' wording."""
    return translated, ""


@dataclass(frozen=True)
class GoldSpec:
    """The gold answers of a format.

    Args:
        column: the example's field that holds the gold answer.
        class_of: what a label of the task is a class of: the whole text, or each word. Empty
            where the head has no output per label; such tasks need no labels.
        is_blank: gold answers of a split → whether they were removed or replaced by dummies.
        row_is_blank: (gold answer, labels of the task) → whether this row's was removed.
        as_prediction: a gold answer → a prediction that scores 1.
        is_position: whether an answer is a place among the row's own choices, which tells nothing
            of other rows: it may be the first in all rows of a training or dev set.
    """

    column: str
    class_of: Literal["text", "word", ""] = ""
    is_blank: Callable[[Sequence[Any]], bool] = labels_are_blank
    row_is_blank: Callable[[Any, Labels], bool] = label_is_blank
    as_prediction: Callable[[Any], Any] = identity
    is_position: bool = False


@dataclass(frozen=True)
class FileSpec:
    """How users write examples down: a row each in TSV, JSONL or Parquet, or files of their own.

    Args:
        columns: the columns that a row must have; empty if there is no such form. `id` may be
            added in every format.
        example: (id, row) → the example. Raises DataError where a cell has the wrong type.
        examples: all rows of a file → examples, in place of `example`.
        readers: suffix → reader of files that hold whole examples, such as SQuAD's JSON.
        plain_text: other files have one text per line, and no columns.
        shuffled: the examples come in the order of digests, so that the first n are a sample.
        version: raise it when the same files give other examples or another order.
    """

    columns: tuple[str, ...] = ()
    example: Callable[[str, FileRow], Example] | None = None
    examples: Callable[[Iterable[FileRow | BadRow]], Iterable[Example | BadRow]] | None = None
    readers: Mapping[str, Parse] = field(default_factory=dict)
    plain_text: bool = False
    shuffled: bool = False
    version: int = 1


@dataclass(frozen=True)
class TranslationSpec:
    """How a row is machine-translated.

    Args:
        columns: the columns that hold texts, or lists of texts.
        adjust: (row, row with translated texts, language) → the row to keep, or none and why.
    """

    columns: tuple[str, ...]
    adjust: Callable[[Row, Row, str], tuple[Row | None, str]] = translated_as_is

    @property
    def keeps_answers(self) -> bool:
        """Whether the answer of a translated row is that of the row itself."""
        return self.adjust is translated_as_is


@dataclass(frozen=True)
class BaselineSpec:
    """The majority baseline: the same answer for every example.

    Args:
        answer: training gold → the answer.
        predictions: (answer, gold) → the answer as a prediction for each example.
    """

    answer: Callable[[Sequence[Any]], Any] = most_frequent
    predictions: Callable[[Any, Sequence[Any]], list[Any]] = repeated


@dataclass(frozen=True)
class SearchSpec:
    """How a format that is never trained gets from sentence vectors to predictions.

    Args:
        stage: the kind of stage that compares the vectors of two languages.
        settings: keys of the experiment's `retrieval` section that this stage takes.
        tunes_threshold: whether a threshold is tuned on dev.
        pooled: whether all languages are searched in one pool of candidates.
    """

    stage: str
    settings: tuple[str, ...] = ()
    tunes_threshold: bool = False
    pooled: bool = False


@dataclass(frozen=True)
class FormatSpec:
    """One kind of task: its examples, files, checks and gold answers, its head and its loss.

    A format either has a `training` or a `search`.

    Args:
        name: as in `TaskSpec.format`.
        example: the dataclass of its examples.
        features: (rows, tokenizer, labels, config) → sub-word ids and targets. A row may become
            several features of the same id, one after the other.
        metrics: names in `xstilts.metrics` for tasks that name none, the main one first.
        problems: (example, labels, split) → what makes an example unusable. Blank labels are
            none in the test split.
        content: an example → what makes it a duplicate of another one.
        gold: none for text without gold answers, which can only be an intermediate task.
        files: none if users cannot write files of this format.
        version: raise it when the same rows give other features.
        label_metrics: labels of a task that names no metrics → its metrics; empty: `metrics`.
        optional_field: a field that either all rows of a split have or none.
        warnings: (example, labels) → what is counted and kept.
        feature_problems: (rows, their features, tokenizer) → the id of a row, and what of it the
            tokenizer has no sub-word for.
        tokenization_fields: fields of `TokenizationConfig` that its features or predictions use.
        translation: none if its rows cannot be translated.
        input_only: a row → the row with a part of the input withheld, always the same part.
        within_bounds: (examples, (least, largest)) → the examples, those whose number is outside as
            bad rows; none if the gold answer is no number.
        baseline: none if no constant answer makes sense.
        training: none if the encoder is never trained on it.
        search: for formats whose sentences are embedded and searched.
    """

    name: str
    example: type
    features: Callable[[Sequence[Row], Any, Labels, TokenizationConfig], list[Feature]]
    metrics: tuple[str, ...]
    problems: Callable[[Any, frozenset[str], str], Iterable[Problem]]
    content: Callable[[Any], object]
    gold: GoldSpec | None = None
    files: FileSpec | None = None
    version: int = 1
    label_metrics: Callable[[Labels], tuple[str, ...]] = same_metrics
    optional_field: str = ""
    warnings: Callable[[Any, Labels], Iterable[Problem]] = no_problems
    feature_problems: Callable[
        [Sequence[Row], Sequence[Feature], Any], Iterable[tuple[str, Problem]]
    ] = all_readable
    tokenization_fields: tuple[str, ...] = ("max_length",)
    translation: TranslationSpec | None = None
    input_only: Callable[[Row], Row] | None = None
    within_bounds: Callable[[Examples, tuple[float, float]], Examples] | None = None
    baseline: BaselineSpec | None = None
    training: TrainingSpec | None = None
    search: SearchSpec | None = None

    def __post_init__(self) -> None:
        if (self.training is None) == (self.search is None):
            raise ValueError(f"format {self.name} needs either `training` or `search`")

    @property
    def class_of(self) -> str:
        """What a label is a class of: `text`, `word`, or empty; see `GoldSpec`."""
        return self.gold.class_of if self.gold else ""

    @property
    def images(self) -> int:
        """Number of images per example."""
        return self.training.images if self.training else 0

    @property
    def searches_test_set(self) -> bool:
        """Whether the answers are searched for among those of all examples of a test set."""
        return self.search is not None or (self.training is not None and self.training.whole_batch)

    @property
    def has_gold_probability(self) -> bool:
        """Whether a trained model gives its gold answers a probability."""
        return self.training is not None and self.training.gold_logits is not None

    def tokenization_params(self, recipe: Recipe) -> dict[str, Any]:
        """What of a recipe decides its features and predictions, as JSON for a stage's key."""
        return recipe.tokenization_params(self.tokenization_fields)

    def metrics_of(self, labels: Labels) -> tuple[str, ...]:
        """The metrics of a task that names none."""
        return self.label_metrics(labels) or self.metrics

    def gold_of_rows(self, rows: Iterable[Row]) -> list[Any]:
        """One gold answer per row; empty for formats without gold answers."""
        return [row[self.gold.column] for row in rows] if self.gold else []

    def gold_of_examples(self, examples: Iterable[Any]) -> list[Any]:
        """One gold answer per example; empty for formats without gold answers."""
        return [getattr(one, self.gold.column) for one in examples] if self.gold else []

    @property
    def predicts_unlabelled(self) -> bool:
        """Whether a row without gold answer can be predicted, and only not scored."""
        return self.training is not None

    def row_is_blank(self, gold: Any, labels: Labels) -> bool:
        """Whether the gold answer of a row was removed, and not that of all rows."""
        return self.gold is not None and self.gold.row_is_blank(gold, labels)

    def gold_is_blank(self, gold: Sequence[Any]) -> bool:
        """Whether gold answers were removed or replaced by dummies."""
        return self.gold is not None and self.gold.is_blank(gold)

    def is_uninformative(self, gold: Sequence[Any]) -> bool:
        """Whether gold answers of a training or dev set are blank, or all the same."""
        if self.gold and self.gold.is_position:
            return all_blank(gold)
        return self.gold_is_blank(gold)
