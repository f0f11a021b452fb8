"""The test answers of a target: rows, gold answers, and the predictions of all seeds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from xstilts.analysis.example_scores import example_scores
from xstilts.core.store import Store
from xstilts.formats import FORMATS
from xstilts.formats.spec import GoldSpec
from xstilts.metrics import METRICS
from xstilts.planning.compile import CompiledPlan, ResultCell
from xstilts.stages.io.rows import PREDICTIONS, read_rows
from xstilts.stages.prepare import ROWS
from xstilts.statistics.estimate import Floats

OUTSIDE = ("O", "_")
"""Tags of words outside of every span."""
NOTHING_FOUND = "nothing"
LONGEST = 280
"""Characters of a text that are shown, at most."""


@dataclass(frozen=True, eq=False)
class AnsweredTest:
    """The answers of a setting on the test rows of a target in one language.

    Args:
        cells: one per seed, all with predictions.
    """

    compiled: CompiledPlan
    store: Store
    cells: Sequence[ResultCell]

    @property
    def language(self) -> str:
        """Its code."""
        return self.cells[0].language

    def _inputs(self, cell: ResultCell) -> Mapping[str, str]:
        return self.compiled.plan.by_key[cell.key].inputs

    @cached_property
    def gold_spec(self) -> GoldSpec:
        """The gold answers of the format."""
        gold = FORMATS.get(self.compiled.plan.by_key[self.cells[0].key].params["format"]).gold
        assert gold is not None
        return gold

    @cached_property
    def rows(self) -> dict[str, dict[str, Any]]:
        """Id → prepared row."""
        rows = read_rows(self.store.read(self._inputs(self.cells[0])["rows"], ROWS))
        return {str(row["id"]): row for row in rows}

    def gold(self, name: str) -> Any:
        """The gold answer of a row."""
        return self.rows[name][self.gold_spec.column]

    def predictions(self, cell: ResultCell) -> dict[str, Any]:
        """Id → prediction, of one seed."""
        rows = read_rows(self.store.read(self._inputs(cell)["predictions"], PREDICTIONS))
        return {str(row["id"]): row["prediction"] for row in rows}

    @cached_property
    def first_predictions(self) -> dict[str, Any]:
        """Id → prediction, of the first seed."""
        return self.predictions(self.cells[0])

    def pairs(self) -> Iterator[tuple[Any, Any]]:
        """Gold answer and prediction of each example that has a gold answer, of all seeds."""
        for cell in self.cells:
            for name, answer in self.predictions(cell).items():
                if name in self.rows and not self._is_blank(self.gold(name)):
                    yield self.gold(name), answer

    def _is_blank(self, gold: Any) -> bool:
        """Whether a gold answer was removed, so that its row is not scored."""
        stage = self.compiled.plan.by_key[self._inputs(self.cells[0])["predictions"]]
        return self.gold_spec.row_is_blank(gold, stage.params.get("labels", ()))

    @cached_property
    def seed_scores(self) -> list[dict[str, float]]:
        """For each seed, id → score of the example; empty if no metric scores single examples."""
        metric = next(filter(_scores_examples, self.cells[0].metrics), None)
        return [
            dict(zip(one.ids, _values(metric, one.statistics), strict=True))
            for one in example_scores(self.cells, self.store)
            if metric and one.metric == metric
        ]

    @cached_property
    def scores(self) -> dict[str, float]:
        """Id → mean score over seeds."""
        seeds = self.seed_scores
        return {
            name: float(np.mean([of[name] for of in seeds]))
            for name in (seeds[0] if seeds else ())
            if all(name in of for of in seeds)
        }


def answered_tests(
    compiled: CompiledPlan, store: Store, target: str, setting: str
) -> list[AnsweredTest]:
    """The tests of a target with a setting, by language; without those that have no predictions."""
    by_language: dict[str, list[ResultCell]] = {}
    for cell in compiled.cells:
        is_asked = (cell.target, cell.intermediate) == (target, setting)
        if is_asked and _is_answered(cell, compiled, store):
            by_language.setdefault(cell.language, []).append(cell)
    return [
        AnsweredTest(compiled, store, sorted(cells, key=lambda cell: cell.seed))
        for cells in by_language.values()
    ]


def _is_answered(cell: ResultCell, compiled: CompiledPlan, store: Store) -> bool:
    stage = compiled.plan.by_key[cell.key]
    keys = [stage.inputs.get(role, "") for role in ("rows", "predictions")]
    if not all(keys) or "format" not in stage.params:
        return False
    gold = FORMATS.get(stage.params["format"]).gold
    return gold is not None and store.has(cell.key) and all(map(store.has, keys))


def _scores_examples(metric: str) -> bool:
    """Whether a metric says how good a single answer is."""
    own = METRICS.get(metric)
    return own.resampled is None and own.lowest == 0.0


def _values(metric: str, statistics: Floats) -> list[float]:
    """The score of each example; 1 where there was nothing to find, and nothing was found."""
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.asarray(METRICS.get(metric).value(statistics), dtype=np.float64)
    return [float(value) for value in np.where(np.isnan(values), 1.0, values)]


# texts


def text_of(row: Mapping[str, Any], gold_column: str) -> str:
    """The text of a row in one line, shortened."""
    parts = [
        shown
        for name, value in row.items()
        if name not in ("id", gold_column) and (shown := _text(value))
    ]
    return shortened(" ⁄ ".join(parts))


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple) and value and all(isinstance(one, str) for one in value):
        return " ".join(value)
    return ""


def shortened(text: str) -> str:
    """A text of at most `LONGEST` characters."""
    joined = " ".join(text.split())
    return joined if len(joined) <= LONGEST else f"{joined[: LONGEST - 1].rstrip()}…"


def answer_text(answer: Any, row: Mapping[str, Any]) -> str:
    """A gold answer or prediction; tags as the spans that they mark."""
    tokens = row.get("tokens")
    if isinstance(answer, list | tuple):
        if tokens is not None and len(tokens) == len(answer):
            spans = [f"{kind}: {' '.join(words)}" for kind, words in _spans(tokens, answer)]
            return shortened("; ".join(spans)) or NOTHING_FOUND
        return shortened(" | ".join(map(str, answer))) or NOTHING_FOUND
    if isinstance(answer, float):
        return f"{answer:.2f}"
    return shortened(str(answer)) or NOTHING_FOUND


def tag_kind(tag: str) -> str:
    """The kind of span that a tag belongs to: `area` of `B-area`."""
    prefix, _, kind = tag.partition("-")
    return kind if kind and prefix in ("B", "I", "E", "S", "L", "U") else tag


def _spans(tokens: Iterable[str], tags: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """The kind and words of each span; each word of tags without spans, such as parts of speech."""
    open_kind, words = "", list[str]()
    for token, tag in zip(tokens, tags, strict=True):
        kind = tag_kind(tag)
        continues = kind == open_kind and tag.startswith("I-")
        if words and not continues:
            yield open_kind, words
            words = []
        if kind not in OUTSIDE:
            words.append(token)
        open_kind = kind
    if words:
        yield open_kind, words
