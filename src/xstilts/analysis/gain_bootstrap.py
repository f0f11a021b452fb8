"""Paired bootstrap of gains over test examples.

Test examples are drawn with replacement, the same ones for both systems (Efron & Tibshirani 1993;
paired, as Koehn 2004 does). Seeds stand for other seeds, and what they add to the draws has
Student's t distribution (`statistics.bootstrap.add_seed_variance`). Languages are not drawn: the
gain is about these languages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from xstilts.analysis.example_scores import ExampleScores
from xstilts.analysis.gains import ENGLISH
from xstilts.config.intermediate import BASELINE
from xstilts.metrics import METRICS
from xstilts.statistics.bootstrap import example_weights
from xstilts.statistics.estimate import Floats

System = Mapping[tuple[str, int], ExampleScores]
"""The example scores of one setting for one target and metric, by language and seed."""


def systems_of(
    examples: Iterable[ExampleScores],
) -> dict[str, dict[tuple[str, int], ExampleScores]]:
    """Setting → its system, from the example scores of one target and metric."""
    systems: dict[str, dict[tuple[str, int], ExampleScores]] = {}
    for one in examples:
        systems.setdefault(one.intermediate, {})[one.language, one.seed] = one
    return systems


def bootstrap_gains(metric: str, systems: Mapping[str, System], draws: int) -> dict[str, Floats]:
    """Setting → [draws, seeds] its mean gain over languages in each draw of the examples.

    Args:
        systems: of one target, the baseline among them; draws of several targets with the same
            ids are alike, so that they may be averaged draw by draw and seed by seed before
            `add_seed_variance`.
    """
    baseline = systems[BASELINE]
    others = {name: system for name, system in systems.items() if name != BASELINE}
    common = {name: common_runs(system, baseline) for name, system in others.items()}
    total = {name: np.zeros((draws, len(seeds))) for name, (_, seeds) in common.items()}
    for code in sorted({code for codes, _ in common.values() for code in codes} - {ENGLISH}):
        for block, weights in example_weights(_ids(code, systems), draws):
            scores = _scores(metric, code, systems, weights)
            for name, (codes, seeds) in common.items():
                for place, seed in enumerate(seeds if code in codes else ()):
                    difference = scores[name, seed] - scores[BASELINE, seed]
                    total[name][block, place] += np.nan_to_num(difference)
    counts = {name: len(set(codes) - {ENGLISH}) for name, (codes, _) in common.items()}
    return {name: sums / counts[name] for name, sums in total.items() if counts[name]}


def _ids(code: str, systems: Mapping[str, System]) -> tuple[str, ...]:
    """The test examples of a language, which must be the same for all systems."""
    found = {
        one.ids for system in systems.values() for (at, _), one in system.items() if at == code
    }
    if len(found) != 1:
        raise ValueError(f"{code}: the settings were tested on different examples")
    return next(iter(found))


def _scores(
    metric: str, code: str, systems: Mapping[str, System], weights: Floats
) -> dict[tuple[str, int], Floats]:
    """(setting, seed) → [block] scores of one language in some draws."""
    value, known = METRICS.get(metric).value, dict[int, Floats]()
    found = {}
    for name, system in systems.items():
        for (at, seed), one in system.items():
            if at == code:
                table = one.statistics  # one and the same for all seeds of an untrained encoder
                if id(table) not in known:
                    known[id(table)] = value(weights @ table)
                found[name, seed] = known[id(table)]
    return found


def common_runs(system: System, baseline: System) -> tuple[list[str], list[int]]:
    """The languages that both have for all of the seeds that both have."""
    both = system.keys() & baseline.keys()
    seeds = sorted({seed for _, seed in both})
    codes = sorted({code for code, _ in both})
    return [code for code in codes if all((code, seed) in both for seed in seeds)], seeds
