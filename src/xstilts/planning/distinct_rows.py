"""Check that no example is both trained on and evaluated, nor its translation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xstilts.config.intermediate import IntermediateSetting
from xstilts.core.errors import ConfigError
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.origin import Origin, OriginKind
from xstilts.tasks.shuffled_labels import original_name


def check_distinct_rows(
    resolved: ResolvedExperiment, settings: Sequence[IntermediateSetting]
) -> None:
    """Check that no evaluated example, or its translation, is trained on."""
    targets = [resolved.task(name) for name in resolved.experiment.targets]
    parts = {part for setting in settings for part in setting.parts}
    of_targets = (resolved.train_refs(task) for task in targets if resolved.is_trained(task))
    parts |= {part for trained in of_targets for part in trained}
    originals = {original_name(part.task) for part in parts}
    for task in targets:
        if task.name in originals:
            check_overlap(resolved, task, resolved.experiment.eval_split)
        for name, split in task.translates:
            if name in originals:
                _check_translated(resolved, task, resolved.task(name), split)
        for part in sorted(parts):
            source = resolved.task(part.task)
            for language in dict.fromkeys((source.train_language, *part.languages)):
                _check_same_files(resolved, task, source, language)


def check_overlap(resolved: ResolvedExperiment, task: TaskSpec, role: str) -> None:
    """Check that the training slice of a task does not overlap its dev or evaluation slice."""
    train, other = resolved.split_slice(task, "train"), resolved.split_slice(task, role)
    if train.overlaps(other):
        use, why = (
            ("choose its best checkpoint", "these are the same examples")
            if role == "dev" and resolved.experiment.eval_split != "dev"
            else ("be evaluated", "the examples of a benchmark are translations of each other")
        )
        raise ConfigError(
            f"{task.name} would be trained on {train.name} and {use} on {other.name}: {why}",
            where=f"splits.{task.name}",
            todo="use slices that do not overlap, such as dev[:50%] and dev[50%:]",
        )


def _check_same_files(
    resolved: ResolvedExperiment, target: TaskSpec, source: TaskSpec, language: str
) -> None:
    """Check that the training data are not the file that a target is evaluated on."""
    train = resolved.split_slice(source, "train")
    evaluated = resolved.split_slice(target, resolved.experiment.eval_split)
    if not replace(train, split="").overlaps(replace(evaluated, split="")):
        return
    if not all(
        language in task.splits.get(part.split, ())
        for task, part in ((source, train), (target, evaluated))
    ):
        return
    origins = source.origin(train.split, language)
    if origins != target.origin(evaluated.split, language) or not _is_file_or_hub(origins):
        return
    if source.fingerprint(train.split, language) == target.fingerprint(evaluated.split, language):
        raise ConfigError(
            f"{source.name} {train.name} and the {evaluated.name} set of {target.name}, which is "
            "evaluated, are the same file",
            where=f"splits.{source.name}",
            todo="train on another split or another file",
        )


def _is_file_or_hub(origins: Sequence[Origin]) -> bool:
    return bool(origins) and all(origin.kind is not OriginKind.PACKAGE for origin in origins)


def _check_translated(
    resolved: ResolvedExperiment, target: TaskSpec, source: TaskSpec, split: str
) -> None:
    """Check that the target is not a translation of the training split."""
    train = resolved.split_slice(source, "train")
    markers = [f"minus-{name}" for name in (target.name, *_same_examples(target))]
    files = [path for part in source.origin(split, source.train_language) for path in part.files]
    if train.split == split and not any(
        marker in path.name for path in files for marker in markers
    ):
        without = f"a file without these examples (its name contains {' or '.join(markers)})"
        folder = (
            f"set the folder that has {without}: data: FOLDER in the experiment, or --data FOLDER"
        )
        raise ConfigError(
            f"{source.name} would be trained on {train.name}, and {target.name} contains "
            "translations of its examples",
            where=f"splits.{source.name}" if resolved.data else "data",
            todo=f"train on another split, or on {without}" if resolved.data else folder,
        )


def _same_examples(target: TaskSpec) -> list[str]:
    """Tasks whose test set is in the target: files without its examples have none of the target."""
    return [name for name, split in target.translates if split == "test"]
