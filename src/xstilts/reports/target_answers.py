"""The calibration, the confusions and the worst examples of each target of an experiment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from shlex import quote

from xstilts.analysis.selection import SelectedSetting
from xstilts.core.store import Store
from xstilts.planning.compile import CompiledPlan
from xstilts.planning.target_name import TargetName
from xstilts.reports.answered_tests import AnsweredTest, answered_tests
from xstilts.reports.calibration import TargetCalibration, target_calibration
from xstilts.reports.confusion import TargetConfusion, target_confusion
from xstilts.reports.worst_examples import WorstExamples, worst_examples

TARGETS = 12
"""Targets whose answers are shown, at most: reading predictions takes time."""


@dataclass(frozen=True)
class LeftOut:
    """Targets whose answers are not shown.

    Args:
        shown: number of targets that are.
        command: what shows the first ones of the others.
    """

    shown: int
    targets: tuple[str, ...]
    command: str


@dataclass(frozen=True)
class TargetAnswers:
    """What is shown of the answers of the targets of one encoder."""

    calibrations: tuple[TargetCalibration, ...]
    confusions: tuple[TargetConfusion, ...]
    worst: tuple[WorstExamples, ...]
    left_out: LeftOut | None = None


def target_answers(
    compiled: CompiledPlan, store: Store, selected: Iterable[SelectedSetting], experiment: str
) -> TargetAnswers:
    """The answers of each target with the setting that is best on dev, and with the baseline.

    Calibration is that of all settings.

    Args:
        compiled: the plan of one encoder.
        experiment: its name.
    """
    best = {one.target: one.intermediate for one in selected if one.english}
    targets = list(dict.fromkeys(cell.target for cell in compiled.cells))
    calibrations, confusions, worst = [], [], []
    for target in targets[:TARGETS]:
        setting = best.get(target, compiled.baseline)
        tests = _tests(compiled, store, target)
        shown = tuple(dict.fromkeys((compiled.baseline, setting)))
        cells = [cell for of in tests.values() for test in of for cell in test.cells]
        calibrations.append(target_calibration(target, cells, compiled, store, shown))
        if setting in tests:
            confusions.append(target_confusion(target, setting, tests[setting]))
            chosen = {name: tests[name] for name in shown if name in tests}
            worst.append(worst_examples(target, chosen))
    return TargetAnswers(
        tuple(filter(None, calibrations)),
        tuple(filter(None, confusions)),
        tuple(filter(None, worst)),
        left_out(targets, experiment),
    )


def _tests(compiled: CompiledPlan, store: Store, target: str) -> dict[str, list[AnsweredTest]]:
    """Setting → its answered tests, the baseline first."""
    of_target = [cell.intermediate for cell in compiled.cells if cell.target == target]
    settings = dict.fromkeys((compiled.baseline, *of_target))
    found = {name: answered_tests(compiled, store, target, name) for name in settings}
    return {name: tests for name, tests in found.items() if tests}


def left_out(targets: Sequence[str], experiment: str) -> LeftOut | None:
    """The targets after the first `TARGETS`, and the command that shows them; None without any."""
    others = tuple(targets[TARGETS:])
    if not others:
        return None
    tasks = dict.fromkeys(TargetName.parse(name).task for name in others[:TARGETS])
    chosen, file = quote(f"targets=[{', '.join(tasks)}]"), quote(f"{experiment}.yaml")
    out = quote(f"{experiment}-more.html")
    command = f"xstilts report {file} --set {chosen} --out {out}"
    return LeftOut(TARGETS, others, command)
