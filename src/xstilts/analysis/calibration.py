"""The calibration of each run of a target: predictions with probabilities against gold answers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from xstilts.core.errors import DataError
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.formats import FORMATS
from xstilts.metrics.calibration import BinnedAnswers, binned_answers
from xstilts.planning.compile import CompiledPlan, ResultCell
from xstilts.stages.io.rows import PREDICTION, PREDICTIONS, probabilities_of, read_table
from xstilts.stages.prepare import ROWS


@dataclass(frozen=True, eq=False)
class _Gold:
    """The gold answers of a test.

    Args:
        is_known: [n] whether a row has one; the others are not scored.
        known_ids: of the rows that have one.
    """

    ids: pa.ChunkedArray
    answers: pa.ChunkedArray
    is_known: NDArray[np.bool_]
    known_ids: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class RunAnswers:
    """A run's answers to the examples that have a gold answer, with their names."""

    ids: tuple[str, ...]
    binned: BinnedAnswers


@dataclass(frozen=True, eq=False)
class CalibrationReader:
    """Reads the runs of one target; tests that several runs have in common are read once."""

    compiled: CompiledPlan
    store: Store
    _gold: dict[str, _Gold] = field(default_factory=dict)

    def has_classes(self, cell: ResultCell) -> bool:
        """Whether the format of the run's target gives a probability to each prediction."""
        stage = self.compiled.plan.by_key[cell.key]
        spec = FORMATS.get(stage.params["format"]) if "format" in stage.params else None
        return bool(spec and spec.training and spec.training.probabilities)

    def answers(self, cell: ResultCell) -> RunAnswers | None:
        """The run's answers in bins of confidence; None if its predictions hold no probabilities.

        Raises:
            DataError: the predictions are not those of the gold rows.
            StoreError: a file is damaged.
        """
        score = self.compiled.plan.by_key[cell.key]
        table = read_table(self.store.read(score.inputs["predictions"], PREDICTIONS))
        probabilities = probabilities_of(table)
        if probabilities is None:
            return None
        gold = self._gold_of(score)
        if not gold.ids.equals(table["id"]):
            raise DataError(
                f"{score.label}: the predictions are not those of the gold rows", todo="run again"
            )
        same = pc.call_function("equal", [table[PREDICTION], gold.answers]).fill_null(False)
        is_right = np.asarray(same.to_numpy(), dtype=bool)
        binned = binned_answers(probabilities[gold.is_known], is_right[gold.is_known])
        return RunAnswers(gold.known_ids, binned)

    def _gold_of(self, score: Stage) -> _Gold:
        key = score.inputs["rows"]
        if key not in self._gold:
            spec = FORMATS.get(score.params["format"])
            assert spec.gold is not None
            labels = self.compiled.plan.by_key[score.inputs["predictions"]].params["labels"]
            table = read_table(self.store.read(key, ROWS), ["id", spec.gold.column])
            answers = table[spec.gold.column]
            is_known = [not spec.row_is_blank(one, labels) for one in answers.to_pylist()]
            known_ids = tuple(
                str(name)
                for name, known in zip(table["id"].to_pylist(), is_known, strict=True)
                if known
            )
            self._gold[key] = _Gold(table["id"], answers, np.array(is_known, dtype=bool), known_ids)
        return self._gold[key]
