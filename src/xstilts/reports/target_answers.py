"""The confusions and the worst examples of each target of an experiment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from xstilts.analysis.selection import SelectedSetting
from xstilts.core.store import Store
from xstilts.planning.compile import CompiledPlan
from xstilts.reports.answered_tests import AnsweredTest, answered_tests
from xstilts.reports.confusion import TargetConfusion, target_confusion
from xstilts.reports.worst_examples import WorstExamples, worst_examples

TARGETS = 12
"""Targets whose answers are shown, at most: reading predictions takes time."""


@dataclass(frozen=True)
class TargetAnswers:
    """What is shown of the answers of one target; none of a kind that has nothing to show."""

    confusion: TargetConfusion | None
    worst: WorstExamples | None


def target_answers(
    compiled: CompiledPlan, store: Store, selected: Iterable[SelectedSetting]
) -> list[TargetAnswers]:
    """The answers of each target with the setting that is best on dev, and with the baseline.

    Args:
        compiled: the plan of one encoder.
    """
    best = {one.target: one.intermediate for one in selected if one.english}
    answers = []
    for target in list(dict.fromkeys(cell.target for cell in compiled.cells))[:TARGETS]:
        setting = best.get(target, compiled.baseline)
        tests: dict[str, list[AnsweredTest]] = {}
        for name in dict.fromkeys((compiled.baseline, setting)):
            if of := answered_tests(compiled, store, target, name):
                tests[name] = of
        if setting in tests:
            confusion = target_confusion(target, setting, tests[setting])
            answers.append(TargetAnswers(confusion, worst_examples(target, tests)))
    return answers
