"""Rows that were left out, blank labels and texts that no tokenizer read, as results need them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xstilts.analysis.answer_text import answer_text_note
from xstilts.analysis.precision_note import precision_note
from xstilts.analysis.row_names import name_of_rows, names_of_read
from xstilts.analysis.run_states import DATA_NOTES
from xstilts.analysis.shared_images import shared_images
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
    """

    name: str
    rows: int | None
    left_out: Mapping[str, int]
    kept: Mapping[str, int]
    unread: Mapping[str, int]
    examples: tuple[str, ...] = ()
    is_part: bool = False

    @property
    def changes_scores(self) -> bool:
        """Whether more is noted than duplicates and the like."""
        return bool(self.left_out or self.unread or not self.kept.keys().isdisjoint(CHANGES_SCORES))

    @property
    def text(self) -> str:
        """In one line, with counts; without rows that are kept and scored like others."""
        kept = {kind: n for kind, n in self.kept.items() if kind in CHANGES_SCORES}
        counts = counts_text({**self.left_out, **kept, **self.unread})
        total = sum(self.left_out.values())
        of_split = " of the split" if self.is_part else ""
        rows = f"{total:,} row{'s' * (total != 1)}{of_split} left out: " if total else ""
        used = f" ({counted(self.rows or 0, 'row')} used)" if self.is_part else ""
        named = f" (such as {', '.join(self.examples)})" if self.examples else ""
        return f"{self.name}{used}: {rows}{counts}{named}"


def counts_text(counts: Mapping[str, int]) -> str:
    """Problems with their counts, the most frequent first."""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{kind} {count:,}" for kind, count in ordered)


def plan_data_notes(stages: Iterable[Stage], store: Store) -> list[DataNote]:
    """The notes of the finished stages of a plan, in its order."""
    found = (store.get_finished(stage.key) for stage in stages)
    notes = [note for artifact in found if artifact for note in _notes(artifact, store)]
    return list({_shown(note): note for note in notes}.values())


def _shown(note: DataNote) -> tuple[object, ...]:
    """All that a table shows of a note: equal notes are one."""
    counts = (counts_text(one) for one in (note.left_out, note.kept, note.unread))
    return note.name, note.rows, note.examples, *counts


def with_data_notes(frame: pd.DataFrame, store: Store) -> pd.DataFrame:
    """The frame of results with a column of the notes on all data behind each score."""
    known: dict[str, dict[str, None]] = {}
    texts = ["; ".join(_notes_behind(key, store, known)) for key in frame["key"]]
    return frame.assign(**{DATA_NOTES: texts})


def _notes_behind(key: str, store: Store, known: dict[str, dict[str, None]]) -> dict[str, None]:
    """The texts of the notes on a stage and on all that it builds on, each once."""
    if key not in known:
        known[key] = {}
        if artifact := store.get_finished(key):
            for source in artifact.manifest["stage"]["inputs"].values():
                known[key] |= _notes_behind(source, store, known)
            for note in _notes(artifact, store):
                known[key] |= {note.text: None} if note.changes_scores else {}
            for text in filter(None, (answer_text_note(artifact), precision_note(artifact))):
                known[key][text] = None
    return known[key]


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
