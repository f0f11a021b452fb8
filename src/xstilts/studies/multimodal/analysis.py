"""What is found of one target: by setting, by language, run by run, and by group.

The headline is averaged over the inference tasks draw by draw: languages share their test examples,
so they are no independent points. Holm's correction counts every inference task in every language.
How NLI compares with other intermediate tasks has tasks as its points (`statistics.groups`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from xstilts.analysis.example_scores import ExampleScores
from xstilts.analysis.gain_bootstrap import bootstrap_gains
from xstilts.analysis.gain_table import gain_table
from xstilts.analysis.gains import ENGLISH, compute_gains
from xstilts.analysis.run_states import RunState, has_state
from xstilts.config.intermediate import BASELINE
from xstilts.planning.compile import ResultCell
from xstilts.statistics.block_effects import remove_block_effects
from xstilts.statistics.bootstrap import add_seed_variance, bootstrap_p, percentiles
from xstilts.statistics.estimate import Estimate, Floats, missing_estimate
from xstilts.statistics.group_contrast import contrast
from xstilts.statistics.multiple_testing import benjamini_hochberg, holm
from xstilts.studies.mcnemar_runs import paired_answers
from xstilts.studies.multimodal.data import MultimodalData
from xstilts.studies.text import in_points


@dataclass(frozen=True)
class MultimodalResults:
    """What is found of one target.

    Args:
        overall: the gain of every setting over all languages but English; see
            `analysis.stats.gain_table`.
        by_language: the same in each; those of inference corrected for all.
        answers: McNemar's test of every run after an inference task; see `paired.COLUMNS`.
        together: the mean gain of the inference tasks, in points.
        versus: inference tasks minus the others, in points.
    """

    overall: pd.DataFrame
    by_language: pd.DataFrame
    answers: pd.DataFrame
    together: Estimate
    versus: Estimate


def judge(points: MultimodalData, draws: int) -> MultimodalResults:
    """What is found of a target.

    Args:
        draws: of the bootstrap.
    """
    overall = _gain_table(points.cells, points.outcomes, points.results, draws)
    held = {cell.intermediate for cell in points.cells if cell.same_data}
    return MultimodalResults(
        overall,
        _by_language(points, overall, draws),
        paired_answers(points.outcomes, points.group - held),
        _together(points, draws),
        _versus(points),
    )


def _gain_table(
    cells: Sequence[ResultCell], found: Sequence[ExampleScores], frame: pd.DataFrame, draws: int
) -> pd.DataFrame:
    table = gain_table(frame, compute_gains(frame, cells), found, draws)
    return table[table["main"]]


def _by_language(points: MultimodalData, overall: pd.DataFrame, draws: int) -> pd.DataFrame:
    parts = []
    for code in sorted({cell.language for cell in points.cells} - {ENGLISH}):
        cells = [cell for cell in points.cells if cell.language == code]
        mine = [one for one in points.outcomes if one.language == code]
        here = points.results[points.results["language"] == code]
        parts.append(_gain_table(cells, mine, here, draws).assign(language=code))
    table = pd.concat(parts) if parts else overall.assign(language="")
    asked = table["intermediate"].isin(points.group) & ~has_state(table, RunState.SAME_DATA)
    tested = table["p"].where(asked).to_numpy(dtype=np.float64)
    return table.assign(p_holm=holm(tested), q=benjamini_hochberg(tested))


def _together(points: MultimodalData, draws: int) -> Estimate:
    """Of the inference tasks that have all of their gains, over examples and seeds."""
    table = points.by_task[points.by_task["task"].isin(points.group)]
    whole = table.groupby("task")["gain"].transform(lambda gains: gains.notna().all())
    table = table[whole.astype(bool)]
    abroad = [one for one in points.outcomes if one.language != ENGLISH]
    runs = list(_runs(points, abroad, set(table["task"]), draws))
    if not runs:
        return missing_estimate(0, "no inference task has all of its scores")
    drawn = add_seed_variance(np.mean(runs, axis=0))
    n = sum({one.language: len(one.ids) for one in abroad}.values())
    value = float(table["gain"].mean())
    return in_points(Estimate(value, *percentiles(drawn), bootstrap_p(drawn), n))


def _runs(
    points: MultimodalData, abroad: Sequence[ExampleScores], tasks: Collection[str], draws: int
) -> Iterator[Floats]:
    """[draws, seeds] each task's gain over languages, in each draw of the examples."""
    metric = points.results["metric"].iloc[0] if len(points.results) else ""
    for target in dict.fromkeys(cell.target for cell in points.cells):
        systems: dict[str, dict[tuple[str, int], ExampleScores]] = {}
        for one in abroad:
            here = one.target == target and one.metric == metric
            if here and one.intermediate in {BASELINE, *tasks}:
                systems.setdefault(one.intermediate, {})[one.language, one.seed] = one
        if BASELINE in systems:
            yield from bootstrap_gains({metric: systems}, draws)[metric].values()


def _versus(points: MultimodalData) -> Estimate:
    if points.by_task.empty:
        return missing_estimate(0, "no intermediate task has a gain")
    table = remove_block_effects(points.by_task)
    return in_points(contrast(table, points.group, model=False).tasks)
