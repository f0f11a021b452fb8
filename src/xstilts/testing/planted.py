"""Evidence with planted effects, for tests of studies: cells and scores without any run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from xstilts.analysis.example_scores import ExampleScores
from xstilts.analysis.results import COLUMNS
from xstilts.analysis.run_states import RunState
from xstilts.config.experiment import Experiment
from xstilts.config.load import LoadedExperiment
from xstilts.core.store import Store
from xstilts.planning.compile import ResultCell
from xstilts.studies.base import OWN, Evidence


def experiment(settings: Sequence[str], targets: Sequence[str], **rest: object) -> LoadedExperiment:
    """An experiment of real tasks' names; nothing of it is ever read."""
    given = {
        "name": "planted", "encoder": "none", "intermediate": tuple(settings),
        "targets": tuple(targets), **rest,
    }  # fmt: skip
    return LoadedExperiment(Experiment.model_validate(given), "", "planted.yaml", Path("/nowhere"))


@dataclass
class Planted:
    """Scores 0.5 + gain + noise of every setting, target, language and seed.

    Args:
        gain: (setting, target) → what is planted.
        states: (setting, target) → the state of all runs there.
        missing: (setting, target) without scores.
        n: test examples of every language.
        encoder: its name; the examples of several with one `seed` are the same.
    """

    loaded: LoadedExperiment
    gain: Callable[[str, str], float]
    languages: Sequence[str] = ("en", "de", "fi", "sw")
    seeds: Sequence[int] = (0, 1)
    states: Mapping[tuple[str, str], RunState] = field(default_factory=dict)
    missing: frozenset[tuple[str, str]] = frozenset()
    steps: Mapping[str, int] = field(default_factory=dict)
    noise: float = 0.01
    seed: int = 0
    n: int = 300
    encoder: str = "e"

    def cells(self) -> tuple[ResultCell, ...]:
        """Every cell of the experiment."""
        return tuple(
            ResultCell(
                self.encoder, setting, target, language, "test", seed, ("accuracy",),
                f"{setting}/{target}/{language}/{seed}/{self.encoder}".removesuffix("/e"),
                () if setting == "none" else (setting,),
                self.states.get((setting, target)) is RunState.SAME_DATA,
            )
            for target in self.loaded.experiment.targets
            for setting in self.loaded.experiment.intermediate
            for language in self.languages
            for seed in self.seeds
        )  # fmt: skip

    def outcomes(self) -> list[ExampleScores]:
        """Right and wrong answers at the rate of the planted score, the same draws for all."""
        generator = np.random.default_rng(self.seed)
        draws = {code: generator.random(self.n) for code in self.languages}
        found = []
        for cell in self.cells():
            if (cell.intermediate, cell.target) in self.missing:
                continue
            rate = 0.5 + self.gain(cell.intermediate, cell.target)
            wobble = generator.random(self.n) < 0.1
            hits = np.where(wobble, generator.random(self.n), draws[cell.language]) < rate
            table = np.stack([hits.astype(float), np.ones(self.n)], axis=1)
            ids = tuple(f"{cell.language}-{k}" for k in range(self.n))
            found.append(
                ExampleScores(self.encoder, cell.intermediate, cell.target, cell.language,
                              cell.seed, "accuracy", ids, table)
            )  # fmt: skip
        return found

    def frame(self, outcomes: Sequence[ExampleScores] = ()) -> pd.DataFrame:
        """The results, of the outcomes if there are any."""
        generator = np.random.default_rng(self.seed)
        settings = self.loaded.experiment.intermediate
        own = {name: generator.normal(0, self.noise) for name in settings}
        scored = {
            (one.intermediate, one.target, one.language, one.seed): one.statistics[:, 0].mean()
            for one in outcomes
        }
        rows = []
        for cell in self.cells():
            place = cell.intermediate, cell.target
            if place in self.missing:
                continue
            value = 0.5 + self.gain(*place) + own[cell.intermediate] * (place[0] != "none")
            value += generator.normal(0, self.noise)
            value = scored.get((*place, cell.language, cell.seed), value)
            states = frozenset({self.states[place]} if place in self.states else ())
            value = float("nan") if RunState.DIVERGED in states else value
            rows.append(
                (self.encoder, *place, cell.language, "test", cell.seed, "accuracy", value, self.n,
                 cell.key, states)
            )  # fmt: skip
        return pd.DataFrame(rows, columns=list(COLUMNS))

    def evidence(self, outcomes: Sequence[ExampleScores] = (), **variants: Planted) -> Evidence:
        """What a study reads."""
        every = {OWN: self, **{name.replace("_", " "): one for name, one in variants.items()}}
        steps = {
            name: {"steps": count} for one in every.values() for name, count in one.steps.items()
        }
        return Evidence(
            self.loaded,
            Store("/nowhere"),
            {name: one.cells() for name, one in every.items()},
            {name: one.frame(outcomes) for name, one in every.items()},
            (),
            steps.get,
        )


def with_state(frame: pd.DataFrame, state: RunState, rows: pd.Series[bool]) -> pd.DataFrame:
    """The frame with one more state in some of its rows."""
    pairs = zip(frame["states"], rows, strict=True)
    return frame.assign(states=[states | {state} if chosen else states for states, chosen in pairs])
