"""Scores and gains on a target minus those on its control.

A control has the test examples of its target without their images, so that what both have is
learned from text. All differences are paired: by language, seed and example, which are drawn
together (`gain_bootstrap`). A control that gives one answer to everything is at chance, as it
may be, so that collapsed runs of controls are used.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xstilts.analysis.example_scores import ExampleScores
from xstilts.analysis.gain_bootstrap import System, bootstrap_gains, systems_of
from xstilts.analysis.gains import ENGLISH
from xstilts.config.intermediate import NO_INTERMEDIATE
from xstilts.metrics import METRICS
from xstilts.statistics.bootstrap import DRAWS, add_seed_variance, bootstrap_p, percentiles
from xstilts.statistics.estimate import Estimate, Floats, missing_estimate

TARGET, CONTROL = "target", "control"
"""Names under which the target's runs are compared with the control's, their baseline."""
NO_SETTINGS = "no setting has all of its scores on both"
NO_SCORES = "scores of the target or of its control are missing"
OTHER_EXAMPLES = "the control has other test examples"


@dataclass(frozen=True)
class ControlDifference:
    """A difference between a target and its control, between -1 and 1.

    Args:
        estimate: of the mean over languages other than English, seeds and settings.
        seeds: how many; with one the p value is over examples alone.
    """

    estimate: Estimate
    seeds: int = 0


@dataclass(frozen=True)
class ControlledRuns:
    """The runs on a target and on its control, for one metric.

    Args:
        target, control: setting → (language, seed) → scores of the examples.
        draws: of the bootstrap.
        baseline: the setting that gains are over.
    """

    metric: str
    target: dict[str, dict[tuple[str, int], ExampleScores]]
    control: dict[str, dict[tuple[str, int], ExampleScores]]
    draws: int = DRAWS
    baseline: str = NO_INTERMEDIATE

    @classmethod
    def of(
        cls, target: Iterable[ExampleScores], control: Iterable[ExampleScores], metric: str,
        draws: int = DRAWS, baseline: str = NO_INTERMEDIATE,
    ) -> ControlledRuns:  # fmt: skip
        """Those of two targets with one metric."""
        parts = _systems(target, metric), _systems(control, metric)
        return cls(metric, *parts, draws, baseline)

    @property
    def languages(self) -> list[str]:
        """Languages of the baseline's runs on both."""
        return sorted({code for code, _ in self._common_keys([self.baseline])})

    def has(self, setting: str, key: tuple[str, int], *, on_target: bool) -> bool:
        """Whether there is a run of a setting in a language with a seed.

        Args:
            on_target: on the target, or else on its control.
        """
        return key in (self.target if on_target else self.control).get(setting, {})

    def in_language(self, code: str) -> ControlledRuns:
        """The runs in one language."""
        target, control = (
            {
                name: {key: run for key, run in system.items() if key[0] == code}
                for name, system in part.items()
            }
            for part in (self.target, self.control)
        )
        return replace(self, target=target, control=control)

    def score_difference(self, settings: Collection[str]) -> ControlDifference:
        """The target's score minus its control's, averaged over settings."""
        return self._difference([(name, 1.0) for name in settings])

    def gain_difference(self, settings: Collection[str]) -> ControlDifference:
        """The gain on the target minus the gain on its control, averaged over settings."""
        signed = [(name, 1.0) for name in settings]
        return self._difference([*signed, (self.baseline, -float(len(settings)))], len(settings))

    def _difference(
        self, signed: Sequence[tuple[str, float]], count: int | None = None
    ) -> ControlDifference:
        """The sum of the settings' score differences by sign, over the number of settings."""
        count = len(signed) if count is None else count
        if not count:
            return ControlDifference(missing_estimate(0, NO_SETTINGS))
        keys = self._common_keys([name for name, _ in signed])
        if not keys:
            return ControlDifference(missing_estimate(0, NO_SCORES))
        if any(self.target[name][key].ids != self.control[name][key].ids
               for name, _ in signed for key in keys):  # fmt: skip
            return ControlDifference(missing_estimate(0, OTHER_EXAMPLES))
        drawn = sum(sign * self._drawn(name, keys) for name, sign in signed) / count
        value = sum(sign * self._observed(name, keys) for name, sign in signed) / count
        assert isinstance(drawn, np.ndarray)
        with_seeds = add_seed_variance(drawn)
        examples = {code: len(self.target[signed[0][0]][code, seed].ids) for code, seed in keys}
        estimate = Estimate(
            float(value), *percentiles(with_seeds), bootstrap_p(with_seeds), sum(examples.values())
        )
        return ControlDifference(estimate, len({seed for _, seed in keys}))

    def _common_keys(self, settings: Sequence[str]) -> list[tuple[str, int]]:
        """The languages that have all seeds that all settings have, with these seeds.

        English is left out unless there is no other language.
        """
        systems = [part.get(name, {}) for name in settings for part in (self.target, self.control)]
        if not systems:
            return []
        common = set(systems[0]).intersection(*systems[1:])
        common = {key for key in common if key[0] != ENGLISH} or common
        seeds = {seed for _, seed in common}
        codes = {code for code, _ in common}
        complete = [code for code in codes if all((code, seed) in common for seed in seeds)]
        return sorted((code, seed) for code in complete for seed in seeds)

    def _pair(self, name: str, keys: Sequence[tuple[str, int]]) -> tuple[System, System]:
        """The target's and the control's runs of a setting."""
        target, control = (
            {key: part[name][key] for key in keys} for part in (self.target, self.control)
        )
        return target, control

    def _drawn(self, name: str, keys: Sequence[tuple[str, int]]) -> Floats:
        """[draws, seeds] the score difference of a setting in each draw of the examples."""
        target, control = self._pair(name, keys)
        systems = {self.metric: {TARGET: target, CONTROL: control}}
        english = {code for code, _ in keys} == {ENGLISH}
        drawn = bootstrap_gains(systems, self.draws, baseline=CONTROL, in_english=english)
        return drawn[self.metric][TARGET]

    def _observed(self, name: str, keys: Sequence[tuple[str, int]]) -> float:
        target, control = self._pair(name, keys)
        scores = [self._score(target[key]) - self._score(control[key]) for key in keys]
        return float(np.mean(scores))

    def _score(self, examples: ExampleScores) -> float:
        return float(METRICS.get(self.metric).value(examples.statistics.sum(0)))


def _systems(
    scores: Iterable[ExampleScores], metric: str
) -> dict[str, dict[tuple[str, int], ExampleScores]]:
    return systems_of(one for one in scores if one.metric == metric)
