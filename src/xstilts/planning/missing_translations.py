"""Files of the user's translations that a plan reads and that do not exist."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from xstilts.config.experiment import TranslatorConfig
from xstilts.core.counted import counted
from xstilts.core.errors import MissingDataError
from xstilts.core.plan import StageState, StageStatus
from xstilts.core.stage import Stage
from xstilts.planning.compiled_experiment import CompiledExperiment
from xstilts.translate import missing_file


@dataclass(frozen=True)
class MissingTranslations:
    """A file with translations of a task that does not exist.

    Args:
        language: that the task is translated into.
    """

    task: str
    language: str
    file: Path


def missing_translations(stages: Iterable[Stage]) -> tuple[MissingTranslations, ...]:
    """The missing files of the `translate` stages among these, each once."""
    found: dict[MissingTranslations, None] = {}
    for stage in stages:
        if stage.kind == "translate":
            params, context = stage.params, stage.context
            choice = TranslatorConfig.model_validate(context["translator"])
            task, language = str(context["task"]), str(params["target"])
            folder = Path(context["folder"])
            if path := missing_file(choice, params["source"], language, folder, task):
                found[MissingTranslations(task, language, path)] = None
    return tuple(found)


def check_translations(
    parts: Iterable[CompiledExperiment], statuses: Mapping[str, StageStatus] | None
) -> None:
    """Check that all files of the user's translations exist.

    Args:
        statuses: key → state; only stages to do are checked. None: all stages are to do.

    Raises:
        MissingDataError: some do not; names the first.
    """
    for part in parts:
        with part.loaded.locating_errors():
            todo = (
                stage
                for stage in part.compiled.plan.stages
                if statuses is None or statuses[stage.key].state is StageState.TODO
            )
            if missing := missing_translations(todo):
                first, more = missing[0], len(missing) - 1
                raise MissingDataError(
                    f"no translations at {first.file}"
                    + (f"; {counted(more, 'more file')} are missing" if more else ""),
                    where="translator.options.files",
                    todo=f"write the {first.language} translations of {first.task} to this file",
                )
