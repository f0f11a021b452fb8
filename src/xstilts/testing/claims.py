"""Evidence with planted gains, for tests of claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from xstilts.analysis.example_scores import ExampleScores
from xstilts.analysis.results import COLUMNS
from xstilts.analysis.run_states import RunState
from xstilts.claims.evidence import ExperimentEvidence, TrainedSetting
from xstilts.planning.compile import ResultCell

CODES, SEEDS, EXAMPLES = ("en", "de", "fi"), (0, 1, 2, 3), 150
Gains = Mapping[tuple[str, str], float]
FORMATS = {"squad-v1": "span", "conll2000": "tagging", "text": "masked_lm"}


def claim_evidence(
    gains: Gains,
    *,
    states: Mapping[tuple[str, str], RunState] | None = None,
    encoder: str = "FacebookAI/xlm-roberta-large",
    seeds: Sequence[int] = SEEDS,
) -> ExperimentEvidence:
    """Evidence of an experiment with planted gains: (target, setting) → gain in accuracy."""
    targets = list(dict.fromkeys(target for target, _ in gains))
    cells, rows, outcomes = [], [], dict[str, list[ExampleScores]]()
    trainings: dict[str, TrainedSetting] = {}
    for target in targets:
        settings = {setting: gain for (at, setting), gain in gains.items() if at == target}
        for setting, gain in {"none": 0.0, **settings}.items():
            own_states = frozenset(filter(None, [(states or {}).get((target, setting))]))
            trained = () if setting == "none" else (f"train {setting}",)
            own = () if target in ("bucc", "tatoeba") else (f"train {target} after {setting}",)
            tasks = setting.replace("@de", "").split("+") if trained else []
            language = "de" if "@de" in setting else "en"
            formats = {task: FORMATS.get(task, "classification") for task in tasks}
            trainings |= dict.fromkeys(trained, TrainedSetting(formats, frozenset({language})))
            for code in CODES:
                for seed in seeds:
                    key = f"{target} {setting} {code} {seed}"
                    metrics, same = ("accuracy",), RunState.SAME_DATA in own_states
                    cell = encoder, setting, target, code, "test", seed, metrics, key
                    cells.append(ResultCell(*cell, (*trained, *own), same))
                    generator = np.random.default_rng([len(code + target), seed])
                    right = (generator.random(EXAMPLES) < 0.5 + gain).astype(float)
                    table = np.stack([right, np.ones(EXAMPLES)], axis=1)
                    ids = tuple(f"{target} {code} {number}" for number in range(EXAMPLES))
                    values = encoder, setting, target, code, "test", seed, "accuracy"
                    rows.append((*values, right.mean(), EXAMPLES, key, own_states))
                    scores = ExampleScores(
                        encoder, setting, target, code, seed, "accuracy", ids, table
                    )
                    outcomes.setdefault(target, []).append(scores)
    return ExperimentEvidence(
        "planted",
        encoder,
        tuple(cells),
        pd.DataFrame(rows, columns=list(COLUMNS)),
        lambda target: outcomes[target],
        (),
        trainings,
        draws=800,
    )
