"""What the answer is read off: gains, scores and what each measure predicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from xstilts.analysis.gains import ENGLISH, Gains, mean_or_nan
from xstilts.analysis.layer_sweeps import task_of
from xstilts.recommend.regret import by_other_targets
from xstilts.studies.similarity.measures import MEASURES, OTHERS
from xstilts.studies.task_table import mean_over_runs


@dataclass(frozen=True)
class SimilarityData:
    """What the answer is read off.

    Args:
        gains: by run.
        means, scores: [tasks, targets] mean gains and mean scores.
        predicted: measure → [tasks, targets], higher for more similar; `OTHERS` among them.
        measures: as they were measured, for single languages.
    """

    gains: Gains
    means: pd.DataFrame
    scores: pd.DataFrame
    predicted: Mapping[str, pd.DataFrame]
    measures: pd.DataFrame

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets on which some task has a gain."""
        return tuple(str(target) for target in self.means)


def read_data(gains: Gains, measures: pd.DataFrame) -> SimilarityData:
    """The gains and what every measure predicts of them."""
    tasks = list(dict.fromkeys(measures["task"]))
    means = mean_over_runs(gains.table, tasks)
    scores = mean_over_runs(gains.table, tasks, "score")
    targets = [str(target) for target in means]
    predicted = {name: predicted_by(measures, name, targets) for name in MEASURES}
    predicted = {name: one.reindex(means.index) for name, one in predicted.items()}
    return SimilarityData(
        gains, means, scores, {**predicted, OTHERS: by_other_targets(means)}, measures
    )


def predicted_by(
    measures: pd.DataFrame, measure: str, targets: Iterable[str], language: str = ""
) -> pd.DataFrame:
    """[tasks, targets] a measure, turned round where less of it is more similar; NaN if unknown.

    Args:
        measures: see `measured.measures_table`. What depends on no target holds for all.
        language: the target's; English or none stands for it where it was not measured. Empty:
            the mean over all but English, as for gains; English where that is all.
    """
    rows = measures[measures["measure"] == measure]
    found = {target: _of_target(rows, target, language) for target in targets}
    return MEASURES[measure].sign * pd.DataFrame(found, columns=list(found), dtype=float)


def _of_target(rows: pd.DataFrame, target: str, language: str) -> pd.Series[float]:
    own = rows[rows["other"].isin({target, task_of(target)})]
    own = rows[rows["other"] == ""] if own.empty else own
    codes = own["language"]
    choices = [codes == one for one in (language, "", ENGLISH)] if language else [codes != ENGLISH]
    kept = next((some for some in choices if some.any()), codes == language)
    own = own[kept] if language or kept.any() else own
    return own.groupby("task", sort=False)["value"].agg(mean_or_nan).astype(float)
