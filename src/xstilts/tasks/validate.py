"""Which examples can be used honestly: the rest is counted, and too many stop the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from xstilts.core.errors import DataError
from xstilts.formats.base import BadRow, Example
from xstilts.formats.classification import TextExample
from xstilts.formats.masked_lm import LineExample
from xstilts.formats.multiple_choice import ChoiceExample
from xstilts.formats.retrieval import RetrievalExample
from xstilts.formats.span import SpanExample
from xstilts.formats.tagging import TaggedExample
from xstilts.tasks.base import TaskSpec

NUL = "NUL character"
TOLERATED = 0.05
"""Share of bad rows above which a split is refused."""


DOUBLED = "duplicate row, kept"
"""A problem that leaves no row out."""


@dataclass
class RowProblems:
    """Bad rows by kind of problem, with the first ten in words."""

    counts: Counter[str] = field(default_factory=Counter)
    first: list[str] = field(default_factory=list)

    def add(self, problem: str, example: Example | BadRow, detail: str = "") -> None:
        """Note one bad row."""
        self.counts[problem] += 1
        if len(self.first) < 10:
            place = example.where or f"row {example.id!r}"
            self.first.append(f"{place}: {problem}{': ' + detail if detail else ''}")


def validated(
    examples: Iterable[Example | BadRow], task: TaskSpec, split: str, language: str
) -> tuple[list[Example], RowProblems]:
    """The examples without empty or mislabelled rows and doubled ids, and what was wrong.

    A test row whose gold label is blank stays: it can be predicted, only not scored. Doubled
    rows stay too, counted: XTREME's PAWS-X, PAN-X and UDPOS have some in every split. So do
    sentences with an I-X after neither B-X nor I-X, for which span F1 has a rule.

    Raises:
        DataError: more than a twentieth of the rows are bad, or none is left.
    """
    kept, complaints, total = filter_rows(examples, task, split)
    place = f"{task.name} {split} ({language})"
    if total == 0:
        raise DataError(f"{place} has no rows", todo="check the source of the task")
    if too_many_problems(total, len(kept)):
        listed = "\n    ".join(complaints.first)
        raise DataError(
            f"{total - len(kept)} of {total} rows of {place} cannot be used:\n    {listed}",
            todo=f"mend them; up to {TOLERATED:.0%} of bad rows are left out and counted",
        )
    return kept, complaints


def too_many_problems(total: int, kept: int) -> bool:
    """Whether too many rows cannot be used, or none can."""
    return kept == 0 or total - kept > TOLERATED * total


def filter_rows(
    examples: Iterable[Example | BadRow], task: TaskSpec, split: str
) -> tuple[list[Example], RowProblems, int]:
    """The usable examples, what was wrong with the others, and how many there were in all."""
    complaints, seen_ids, seen_rows = RowProblems(), set[str](), set[object]()
    kept, total = list[Example](), 0
    labels = frozenset(task.labels)
    bio = {"B-", "I-"} <= {label[:2] for label in labels}
    for example in examples:
        total += 1
        if isinstance(example, BadRow):
            complaints.add(example.problem, example, example.detail)
            continue
        problem, detail = next(_problems(example, labels, split), ("", ""))
        content = _content(example)
        if not problem and example.id in seen_ids:
            problem, detail = "duplicate id", example.id
        if problem:
            complaints.add(problem, example, detail)
            continue
        if content in seen_rows:
            complaints.add(DOUBLED, example)  # benchmarks have them, so have we
        if bio and isinstance(example, TaggedExample) and (tag := _unknown_labels(example.tags)):
            complaints.add("I- tag without its B-, kept", example, tag)
        seen_ids.add(example.id)
        seen_rows.add(content)
        kept.append(example)
    return kept, complaints, total


def _unknown_labels(tags: Sequence[str]) -> str:
    """The first I-X that follows neither B-X nor I-X; empty if there is none."""
    for before, tag in pairwise(("O", *tags)):
        if tag.startswith("I-") and before not in (tag, f"B-{tag[2:]}"):
            return tag
    return ""


def _problems(example: Example, labels: frozenset[str], split: str) -> Iterator[tuple[str, str]]:
    if isinstance(example, TaggedExample):
        if not example.tokens or not all(token.strip() for token in example.tokens):
            yield "empty word", ""
        if any("\0" in token for token in example.tokens):
            yield NUL, ""
        blank = split == "test" and not any(tag.strip() for tag in example.tags)
        if len(example.tokens) != len(example.tags) and not blank:
            yield "words and tags differ in number", f"{len(example.tokens)}, {len(example.tags)}"
        for tag in example.tags:
            if tag not in labels and not (split == "test" and not tag.strip()):
                yield "label outside the set", repr(tag)
        return
    if isinstance(example, SpanExample):
        yield from _span_problems(example, labels, split)
        return
    assert isinstance(example, TextExample | ChoiceExample | LineExample | RetrievalExample)
    texts = [example.text]
    if isinstance(example, TextExample) and example.text_pair is not None:
        texts.append(example.text_pair)
    if isinstance(example, ChoiceExample):
        texts += example.choices
        if len(example.choices) != len(labels):
            yield "not as many choices as labels", f"{len(example.choices)}, {len(labels)}"
    if not all(text.strip() for text in texts):
        yield "empty text", ""
    if any("\0" in text for text in texts):
        yield NUL, ""
    if isinstance(example, TextExample | ChoiceExample) and example.label not in labels:
        blank_test = split == "test" and not example.label.strip()
        if not blank_test:
            yield "label outside the set", repr(example.label)


def _span_problems(
    example: SpanExample, labels: frozenset[str], split: str
) -> Iterator[tuple[str, str]]:
    if not example.question.strip() or not example.context.strip():
        yield "empty text", ""
    if "\0" in example.question + example.context:
        yield NUL, ""
    if split != "test" and not example.answers and not labels:
        yield "no answer", "only tasks with the label unanswerable may have none"
    for answer, start in zip(example.answers, example.starts, strict=True):
        blank_test = split == "test" and not answer.strip()
        if not blank_test and example.context[start : start + len(answer)] != answer:
            yield "answer not in its context", repr(answer)


def _content(example: Example) -> object:
    if isinstance(example, TaggedExample):
        return example.tokens
    if isinstance(example, RetrievalExample):
        return example.text, example.meaning
    if isinstance(example, ChoiceExample):
        return example.text, example.choices
    if isinstance(example, SpanExample):
        return example.question, example.context
    if isinstance(example, LineExample):
        return example.text
    assert isinstance(example, TextExample)
    return example.text, example.text_pair


def gold_is_blank(gold: Iterable[object], kind: str = "") -> bool:
    """Whether the labels were removed, as benchmarks do with their test sets.

    Blank strings, or one and the same label on 20 rows or more (dummies): both would give a
    score that means nothing. For tags, a set in which no span is left counts as blank; for
    format `span`, where single questions may have no answer, one in which none has any; for
    `mining`, where most sentences have no translation, one in which none has.
    """
    values = [" ".join(item) if isinstance(item, list | tuple) else str(item) for item in gold]
    blank = [not value.strip() for value in values]
    if kind in ("mining", "span"):
        return all(blank)
    if any(blank):
        return True
    if values and all(set(value.split(" ")) == {"O"} for value in values):
        return True
    return len(values) >= 20 and len(set(values)) == 1
