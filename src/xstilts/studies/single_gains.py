"""Gains of single intermediate tasks as rows for `statistics`, and what is left out and why."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from xstilts.analysis.scan import SAME_DATA, Facts
from xstilts.analysis.stats import ENGLISH, UNSOUND
from xstilts.config.load import Loaded
from xstilts.config.setting import BASELINE, parse_setting
from xstilts.stages.compile import Cell
from xstilts.stages.names import Names
from xstilts.statistics.estimate import Estimate
from xstilts.statistics.groups import COLUMNS
from xstilts.tasks.base import TaskSpec

Place = tuple[str, str, int]
"""Target, language, seed."""
Score = tuple[float, str]
"""A score and what must be known of it; see `analysis.scan.results_frame`."""


@dataclass(frozen=True)
class Gains:
    """What single tasks did to other languages' scores.

    Args:
        table: task, target, language, seed, gain (between -1 and 1); NaN where a run diverged,
            collapsed or is missing. No rows where a setting holds the target's own data.
        caveats: in words, what was left out and what has no gain.
    """

    table: pd.DataFrame
    caveats: tuple[str, ...]


def single_tasks(loaded: Loaded) -> dict[str, TaskSpec]:
    """Setting → its task, for the settings that are one task in its own language."""
    names, found = Names(loaded), {}
    for text in loaded.experiment.intermediate:
        setting = parse_setting(text)
        if len(setting.chain) == 1 and len(setting.chain[0]) == 1:
            (part,) = setting.chain[0]
            task = names.task(part.task, "intermediate")
            if not part.languages and task.format != "masked_lm":
                found[setting.name] = task
    return found


def gains_of(cells: Sequence[Cell], results: pd.DataFrame, tasks: Collection[str]) -> Gains:
    """The gains of these settings in every language but English, by the targets' main metrics."""
    scores = _scores(cells, results)
    caveats = list(_without_baseline(cells, scores))
    lost = {target for target, _ in caveats}
    rows: list[tuple[str, str, str, int, float]] = []
    said: dict[str, dict[str, None]] = {}
    for cell in cells:
        name, place = cell.intermediate, (cell.target, cell.language, cell.seed)
        if name not in tasks or cell.language == ENGLISH or cell.target in lost:
            continue
        value, note = scores.get((name, *place), (float("nan"), "without a score"))
        why = _unsound(note)
        if cell.same_data:
            said.setdefault(f"{SAME_DATA}, left out", {})[f"{name} on {cell.target}"] = None
            continue
        if why:
            said.setdefault(why, {})[f"{name} on {cell.target} seed {cell.seed}"] = None
        gain = float("nan") if why else value - scores[(BASELINE, *place)][0]
        rows.append((name, *place, gain))
    told = (f"{why}: {', '.join(where)}" for why, where in said.items())
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return Gains(table, (*(text for _, text in caveats), *told))


def _scores(cells: Sequence[Cell], results: pd.DataFrame) -> dict[tuple[str, str, str, int], Score]:
    """(setting, target, language, seed) → the main metric's score and its note."""
    main = {cell.target: cell.metrics[0] for cell in cells}
    names = ("intermediate", "target", "language", "seed", "metric", "value", "note")
    return {
        (setting, target, language, int(seed)): (float(value), note)
        for setting, target, language, seed, metric, value, note in zip(
            *(results[name] for name in names), strict=True
        )
        if metric == main.get(target)
    }


def _unsound(note: str) -> str:
    """Why a score counts for nothing; empty if it does count."""
    if note == "without a score":
        return note
    return " and ".join(word for word in note.split() if word in UNSOUND)


def _without_baseline(
    cells: Sequence[Cell], scores: Mapping[tuple[str, str, str, int], Score]
) -> Iterator[tuple[str, str]]:
    """(target, in words why it is left out), where the baseline is not whole and sound."""
    wanted: dict[str, list[Place]] = {}
    for cell in cells:
        places = wanted.setdefault(cell.target, [])
        if cell.language != ENGLISH:
            places.append((cell.target, cell.language, cell.seed))
    for target, places in wanted.items():
        found = [scores.get((BASELINE, *place), (0.0, "without a score")) for place in places]
        for why in sorted({_unsound(note) for _, note in found} - {""}):
            yield target, f"{target} is left out, its baseline is {why}"
            break


def without_places(table: pd.DataFrame) -> pd.DataFrame:
    """The gains without what all tasks have in common at a target, language and seed.

    By least squares, gain = task + place. Where every task has every place, the differences
    between tasks stay as they are. Where some have no gain on a target, such as on one whose
    training data they are, nobody is helped by an easy target or harmed by a hard one.
    """
    known = table[table["gain"].notna()]
    if known.empty:
        return table
    place = known.groupby(["target", "language", "seed"]).ngroup().to_numpy()
    task = known.groupby("task").ngroup().to_numpy()
    levels = np.concatenate([np.eye(task.max() + 1)[task], np.eye(place.max() + 1)[place]], axis=1)
    gains = known["gain"].to_numpy(dtype=np.float64)
    fitted = np.linalg.lstsq(levels, gains, rcond=None)[0][task.max() + 1 :]
    gains = gains - fitted[place] + fitted.mean()
    return table.assign(gain=pd.Series(gains, index=known.index))


def steps_of(cells: Sequence[Cell], facts: Facts, tasks: Collection[str]) -> dict[str, int]:
    """Setting → optimizer steps of its intermediate training, where that is finished."""
    found: dict[str, int] = {}
    for cell in cells:
        if cell.intermediate in tasks and cell.intermediate not in found and cell.trained_by:
            known = facts(cell.trained_by[0])
            if known and "steps" in known:
                found[cell.intermediate] = int(known["steps"])
    return found


def unequal(steps: Mapping[str, int]) -> str:
    """The caveat on an unequal budget; empty if all were trained for as many steps."""
    if len(set(steps.values())) < 2:
        return ""
    said = ", ".join(f"{name} {count:,}" for name, count in sorted(steps.items(), key=_by_count))
    return f"The intermediate tasks were not trained for the same number of steps: {said}."


def _by_count(item: tuple[str, int]) -> tuple[int, str]:
    return item[1], item[0]


def in_points(estimate: Estimate) -> Estimate:
    """An estimate of scores between 0 and 1 in points of 100."""
    value, low, high = (100 * one for one in (estimate.value, estimate.low, estimate.high))
    return replace(estimate, value=value, low=low, high=high)


def verdict(estimate: Estimate, unit: str = "points") -> str:
    """A difference in words: `+1.9 points, more than chance`, or why there is no number."""
    if estimate.value != estimate.value:
        return f"no number, {estimate.note}"
    said = f"{estimate.value:+.1f} {unit}"
    if estimate.p != estimate.p:
        return f"{said}, not tested"
    return said + (", more than chance" if estimate.found else ", which may be chance")
