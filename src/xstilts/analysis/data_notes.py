"""Rows left out or trained on, blank labels, texts that no tokenizer read, as results need them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from xstilts.analysis.answer_text import answer_text_note
from xstilts.analysis.precision_note import precision_note
from xstilts.analysis.row_names import name_of_rows, names_of_read
from xstilts.analysis.run_states import DATA_NOTES
from xstilts.analysis.shared_images import shared_images
from xstilts.analysis.shared_inputs import InputComparison
from xstilts.core.artifact import Artifact
from xstilts.core.counted import counted
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.formats.image_text.classification import UNKNOWN_ANSWER
from xstilts.stages.base import FEATURE_PROBLEMS
from xstilts.stages.translate import DROPPED
from xstilts.tasks.image_checks import SEPARATE_IMAGES
from xstilts.tasks.row_filter import BLANK_GOLD
from xstilts.tasks.row_languages import NO_OWN_LANGUAGE, OTHER_LANGUAGES
from xstilts.tasks.row_problems import recorded_problems
from xstilts.tasks.shuffled_labels import NOT_SHUFFLED

if TYPE_CHECKING:
    import pandas as pd

SHARED_IMAGES = "images that training has, kept"
SHARED_INPUTS = "inputs that training has"
"""Beginning of the problem of rows that a training of their model has too; its data follow."""
CHANGES_SCORES = (
    *(BLANK_GOLD, UNKNOWN_ANSWER, SHARED_IMAGES, SEPARATE_IMAGES, NOT_SHUFFLED),
    *(OTHER_LANGUAGES, NO_OWN_LANGUAGE),
)
"""Problems of rows that are used, which change what their scores mean."""
SHOWN = 3
"""Names of images in a note, at most."""


@dataclass(frozen=True)
class DataNote:
    """What is to be known of a set of rows, or of all rows that a stage reads.

    Rows of a split are checked before a slice and a limit choose among them, so that `left_out` and
    `kept` are of the whole split, except for problems of images and of shuffled labels.

    Args:
        name: of the data: task, split or slice, and language; or of all that a stage reads.
        rows: how many are used; None of a stage that reads prepared rows.
        left_out: rows that are not used, by problem.
        kept: rows that are not left out in spite of a problem, by problem.
        unread: words, answers and lines that the tokenizer has no sub-word for.
        examples: names of the first ones, where no other note names them.
        is_part: whether a slice or a limit uses only a part of the split.
        problem: a damaged artifact, and what is therefore not known of the data.
    """

    name: str
    rows: int | None
    left_out: Mapping[str, int]
    kept: Mapping[str, int]
    unread: Mapping[str, int]
    examples: tuple[str, ...] = ()
    is_part: bool = False
    problem: str = ""

    @property
    def changes_scores(self) -> bool:
        """Whether more is noted than duplicates and the like."""
        known = self.left_out or self.unread or self.problem
        return bool(known or any(map(_changes_scores, self.kept)))

    @property
    def text(self) -> str:
        """In one line, with counts; without rows that are kept and scored like others."""
        kept = {kind: n for kind, n in self.kept.items() if _changes_scores(kind)}
        counts = counts_text({**self.left_out, **kept, **self.unread})
        total = sum(self.left_out.values())
        of_split = " of the split" if self.is_part else ""
        rows = f"{total:,} row{'s' * (total != 1)}{of_split} left out: " if total else ""
        shown = self.is_part or any(kind.startswith(SHARED_INPUTS) for kind in kept)
        used = f" ({counted(self.rows or 0, 'row')} used)" if shown else ""
        return f"{self.name}{used}: {rows}{counts}{self.named}{self.problem}"

    @property
    def named(self) -> str:
        """The first examples in brackets; empty without any."""
        return f" (such as {', '.join(self.examples)})" if self.examples else ""


def _changes_scores(kind: str) -> bool:
    """Whether a problem of rows that are used changes what their scores mean."""
    return kind in CHANGES_SCORES or kind.startswith(SHARED_INPUTS)


def counts_text(counts: Mapping[str, int]) -> str:
    """Problems with their counts, the most frequent first."""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{kind} {count:,}" for kind, count in ordered)


def plan_data_notes(stages: Iterable[Stage], store: Store) -> list[DataNote]:
    """The notes of the finished stages of a plan, in its order; then the shared inputs."""
    found = [artifact for stage in stages if (artifact := store.get_finished(stage.key))]
    notes = [note for artifact in found for note in _notes(artifact, store)]
    notes += _shared_inputs(found, InputComparison(store))
    return list({_shown(note): note for note in notes}.values())


def _shown(note: DataNote) -> tuple[object, ...]:
    """All that a table shows of a note: equal notes are one."""
    counts = (counts_text(one) for one in (note.left_out, note.kept, note.unread))
    return note.name, note.rows, note.examples, note.problem, *counts


def with_data_notes(frame: pd.DataFrame, store: Store) -> pd.DataFrame:
    """The frame of results with a column of the notes on all data behind each score."""
    behind = _NotesBehind(store, InputComparison(store))
    return frame.assign(**{DATA_NOTES: ["; ".join(behind.texts(key)) for key in frame["key"]]})


@dataclass
class _NotesBehind:
    """The notes on stages and on all that they build on; each stage is read once."""

    store: Store
    comparison: InputComparison
    known: dict[str, dict[str, None]] = field(default_factory=dict)

    def texts(self, key: str) -> dict[str, None]:
        """The texts of the notes behind a stage, each once."""
        if key not in self.known:
            self.known[key] = texts = dict[str, None]()
            if artifact := self.store.get_finished(key):
                for source in artifact.manifest["stage"]["inputs"].values():
                    texts |= self.texts(source)
                texts |= dict.fromkeys(self._of(artifact))
        return self.known[key]

    def _of(self, artifact: Artifact) -> Iterator[str]:
        notes = [*_notes(artifact, self.store), *_shared_inputs([artifact], self.comparison)]
        yield from (note.text for note in notes if note.changes_scores)
        yield from filter(None, (answer_text_note(artifact), precision_note(artifact)))


def _shared_inputs(stages: Sequence[Artifact], comparison: InputComparison) -> Iterator[DataNote]:
    for shared in comparison.of(stages):
        counts = {f"{SHARED_INPUTS} ({shared.trained}), kept": shared.count}
        yield DataNote(shared.evaluated, shared.rows, {}, counts, {}, examples=(shared.first,))
    for unread in comparison.unread(stages):
        problem = f"inputs are not compared: {unread.problem.what}; {unread.problem.todo}"
        yield DataNote(unread.name, None, {}, {}, {}, problem=problem)


def _notes(artifact: Artifact, store: Store) -> Iterator[DataNote]:
    facts, stage = artifact.facts, artifact.manifest["stage"]
    unread = facts.get(FEATURE_PROBLEMS, {})
    if stage["kind"] == "prepare":
        left_out, kept = recorded_problems(facts)
        if left_out or kept:
            name, is_part = name_of_rows(artifact), _is_part(stage["params"], facts["rows"])
            yield DataNote(name, facts["rows"], left_out, kept, unread, is_part=is_part)
    elif dropped := facts.get(DROPPED) if stage["kind"] == "translate" else None:
        yield DataNote(stage["label"], facts["rows"], dropped, {}, unread)
    elif unread:
        yield DataNote(names_of_read(artifact, store), None, {}, {}, unread)
    for shared in shared_images(artifact, store):
        rows = store.get_valid(shared.rows)
        name = name_of_rows(rows) if rows else stage["label"]
        counts = {SHARED_IMAGES: len(shared.names)}
        yield DataNote(name, None, {}, counts, {}, examples=shared.names[:SHOWN])


def _is_part(params: Mapping[str, Any], rows: int) -> bool:
    """Whether prepared rows are a slice, or as many as their limit."""
    limit = params.get("limit")
    return bool(params.get("share")) or (limit is not None and rows >= limit)
