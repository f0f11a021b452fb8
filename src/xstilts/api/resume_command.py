"""The command that resumes a recorded run, if its experiment is still defined in this way."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xstilts.analysis.run_differences import flat
from xstilts.analysis.run_records import RunRecord, experiment_config
from xstilts.api.inputs import load
from xstilts.config.load import LoadedExperiment, presets
from xstilts.core.errors import XstiltsError

DATA = "data"
SUPERSEDED = "it was run again later, with other data or by another version of xstilts"


@dataclass(frozen=True)
class ResumeCommand:
    """How a recorded run is resumed.

    Args:
        command: resumes it; empty if none does.
        problem: why none does, as the end of a sentence about the run; else empty.
    """

    command: str = ""
    problem: str = ""


def resume_command(record: RunRecord) -> ResumeCommand:
    """The command for a run, as seen from the current folder.

    It has `--data` and `--set` for the values that options of the run replaced, as far as they
    give the recorded experiment exactly.
    """
    argument = _argument(record)
    try:
        now = load(argument)
    except XstiltsError:
        if argument not in presets() and not Path(argument).is_file():
            return ResumeCommand(problem=f"{argument} is not in this folder: run status beside it")
        return ResumeCommand(problem=f"{argument} can no longer be loaded")
    recorded = _values(record.config)
    options = _options(now, recorded, same_text=record.text == now.text)
    if not _gives(argument, options, recorded):
        why = f"{argument} has changed since, so this version cannot be resumed by name"
        return ResumeCommand(problem=why)
    words = [word for option in options.items() for word in _words(*option)]
    return ResumeCommand(shlex.join(["xstilts", "run", argument, *words]))


def without_repeats(commands: Sequence[ResumeCommand]) -> list[ResumeCommand]:
    """The commands of runs, the newest last; one that several have resumes the newest of them."""
    newest = {each.command: number for number, each in enumerate(commands)}
    return [
        each
        if not each.command or newest[each.command] == number
        else ResumeCommand(problem=SUPERSEDED)
        for number, each in enumerate(commands)
    ]


def _argument(record: RunRecord) -> str:
    """The file of an experiment, or the preset that it was."""
    file = Path(record.origin or record.experiment)
    return file.stem if file.stem in presets() and not file.is_file() else str(file)


def _values(config: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted key → value, of the keys that have one; no plan depends on the description."""
    values = dict(flat(config))
    values.pop("description", None)
    return {key: value for key, value in values.items() if value is not None}


def _options(
    now: LoadedExperiment, recorded: Mapping[str, Any], *, same_text: bool
) -> dict[str, Any]:
    """Key → the recorded value; of a file that has changed, only its data can be an option."""
    current = _values(experiment_config(now.experiment))
    return {
        key: recorded.get(key)
        for key in dict.fromkeys((*recorded, *current))
        if recorded.get(key) != current.get(key) and (same_text or key == DATA)
    }


def _gives(argument: str, options: Mapping[str, Any], recorded: Mapping[str, Any]) -> bool:
    """Whether an experiment with options is the recorded one."""
    try:
        found = load(argument, _overrides(options), data=options.get(DATA))
    except XstiltsError:
        return False
    return _values(experiment_config(found.experiment)) == recorded


def _overrides(options: Mapping[str, Any]) -> list[str]:
    """The options that are not `--data`, as texts for `--set`."""
    return [
        f"{key}={json.dumps(value, ensure_ascii=False)}"
        for key, value in options.items()
        if key != DATA or value is None
    ]


def _words(key: str, value: Any) -> list[str]:
    if key == DATA and value is not None:
        return ["--data", str(value)]
    return ["--set", *_overrides({key: value})]
