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
from xstilts.config.recorded_experiment import recorded_experiment
from xstilts.core.errors import XstiltsError

DATA = "data"
CHANGED = "{} has changed since, so this version cannot be resumed by name"
UNCHANGED = (
    "{} has not changed, but no options are known that give this version: give those of that run "
    "(a file that it extends, or xstilts, may have changed)"
)
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
    give the recorded experiment exactly. Data are not read: that they are the same is not checked.
    """
    argument = _argument(record)
    if not record.text and argument not in presets():
        return ResumeCommand(problem=_without_file(record))
    try:
        now = load(argument)
    except XstiltsError:
        if argument not in presets() and not Path(argument).is_file():
            return ResumeCommand(problem=f"{argument} is not in this folder: run status beside it")
        return ResumeCommand(problem=f"{argument} can no longer be loaded")
    recorded, same_text = _values(_completed(record.config)), record.text == now.text
    options = _options(now, recorded, same_text=same_text)
    if not _gives(argument, options, recorded):
        why = UNCHANGED if same_text else CHANGED
        return ResumeCommand(problem=why.format(argument))
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


def _without_file(record: RunRecord) -> str:
    """Why a run has no command whose record has no text of a file."""
    if not record.origin:
        return "its record does not have its file: repeat the command that ran it"
    return f"it was not run from a file ({record.origin}): repeat the command or call that ran it"


def _argument(record: RunRecord) -> str:
    """The file of an experiment, or the preset that it was."""
    file = Path(record.origin or record.experiment)
    return file.stem if file.stem in presets() and not file.is_file() else str(file)


def _completed(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """A recorded experiment with today's defaults of keys that did not exist then."""
    try:
        return experiment_config(recorded_experiment(config))
    except ValueError:  # it has a key or value that no longer exists
        return config


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
        found = load(argument, _overrides(options), data=_data(options))
    except XstiltsError:
        return False
    return _values(experiment_config(found.experiment)) == recorded


def _overrides(options: Mapping[str, Any]) -> list[str]:
    """The options that are not for `--data`, as texts for `--set`."""
    return [
        f"{key}={json.dumps(value, ensure_ascii=False)}"
        for key, value in options.items()
        if not _is_data_option(key, value)
    ]


def _data(options: Mapping[str, Any]) -> str | None:
    """The value for `--data`, if there is one."""
    value = options.get(DATA)
    return str(value) if _is_data_option(DATA, value) else None


def _words(key: str, value: Any) -> list[str]:
    if _is_data_option(key, value):
        return ["--data", str(value)]
    return ["--set", *_overrides({key: value})]


def _is_data_option(key: str, value: Any) -> bool:
    """Whether `--data` gives a value: it makes paths absolute, `--set` leaves them as they are."""
    return key == DATA and isinstance(value, str) and value == str(Path(value).absolute())
