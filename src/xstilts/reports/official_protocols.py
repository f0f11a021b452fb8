"""Where a benchmark's official protocol differs from the trainings of an experiment.

XTREME-R's protocol of XCOPA contains an intermediate task, Social IQa, before COPA, and its
retrieval targets are trained first. A study of intermediate tasks has to say whether they are kept.
"""

from __future__ import annotations

from collections.abc import Iterator

from xstilts.planning.compile import CompiledPlan
from xstilts.planning.target_name import TargetName
from xstilts.tasks.benchmarks import Benchmark


def protocol_notes(compiled: CompiledPlan, benchmark: Benchmark) -> Iterator[str]:
    """A sentence for each target: the official trainings, and whether they are kept here."""
    for target, official in benchmark.protocol.items():
        trained = target_trainings(compiled, target)
        if trained is not None and (official or trained):
            settings = dict.fromkeys(cell.intermediate for cell in compiled.cells)
            yield _note(benchmark.title, target, official, trained, tuple(settings))


def target_trainings(compiled: CompiledPlan, target: str) -> tuple[str, ...] | None:
    """The tasks that a target is trained on after the intermediate setting, in order.

    None if the experiment does not have the target; empty if nothing is trained for it.
    """
    for cell in compiled.cells:
        name = TargetName.parse(cell.target)
        if name.task == target and name.is_zero_shot:
            stages = (compiled.plan.by_key[key] for key in cell.target_trainings)
            return tuple("+".join(stage.params["tasks"]) for stage in stages)
    return None


def _note(
    title: str,
    target: str,
    official: tuple[str, ...],
    trained: tuple[str, ...],
    settings: tuple[str, ...],
) -> str:
    protocol = f"{target}: {title} {_in_words(official)}"
    if official == trained:
        return f"{protocol}, and so does this experiment."
    here = f"{protocol}; this experiment {_in_words(trained)}"
    before = official[: len(official) - len(trained)]
    if not trained or not before or official != (*before, *trained):
        return f"{here}."
    same = " > ".join(before)
    kept = f"; the setting {same} is the official protocol" if same in settings else ""
    return f"{here}: the intermediate task {same} is dropped{kept}."


def _in_words(tasks: tuple[str, ...]) -> str:
    return f"trains on {', then '.join(tasks)}" if tasks else "uses the encoder without training"
