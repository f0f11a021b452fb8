"""What tells the runs of a store apart: their dates, and in what runs of one name differ."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xstilts.analysis.run_records import FOLDER, SEPARATOR
from xstilts.config.recipe import OLD_RECIPE_KEYS
from xstilts.config.renamed_keys import OLD_EXPERIMENT_KEYS
from xstilts.core.store import Store

CURRENT_NAMES = OLD_EXPERIMENT_KEYS | OLD_RECIPE_KEYS
LONGEST = 40
"""Characters of a value that are shown."""
OTHER_DATA = "other data"


@dataclass(frozen=True)
class RecordedRun:
    """A run in a store, without its stages and cells.

    Args:
        experiment: its name.
        digests: of what it was and of its data.
        config: the experiment as JSON.
        when: of the last run, in seconds since 1970.
    """

    experiment: str
    digests: str
    config: Mapping[str, Any]
    when: float

    @property
    def name(self) -> str:
        """The experiment with the digests."""
        return f"{self.experiment}{SEPARATOR}{self.digests}"


def run_date(store: Store, name: str) -> float:
    """When an experiment was last run, from its record; 0 if the record is gone."""
    try:
        return (store.root / FOLDER / f"{name}.json").lstat().st_mtime
    except OSError:
        return 0.0


def differences(runs: Iterable[RecordedRun]) -> dict[str, tuple[str, ...]]:
    """Name of each run → its values of the keys in which runs of that experiment differ.

    Empty for an experiment with one run; `OTHER_DATA` if only the data differ.
    """
    groups: dict[str, list[RecordedRun]] = {}
    for run in runs:
        groups.setdefault(run.experiment, []).append(run)
    found: dict[str, tuple[str, ...]] = {}
    for group in groups.values():
        values = [dict(flat(run.config)) for run in group]
        keys = [
            key
            for key in dict.fromkeys(key for each in values for key in each)
            if any(each.get(key) != values[0].get(key) for each in values)
        ]
        for run, own in zip(group, values, strict=True):
            texts = tuple(f"{key} {_text(own.get(key))}" for key in keys)
            found[run.name] = texts or ((OTHER_DATA,) if len(group) > 1 else ())
    return found


def changed_keys(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Dotted keys, by their current names, whose values differ."""
    old, new = dict(flat(before)), dict(flat(after))
    for key in dict.fromkeys((*old, *new)):
        if old.get(key) != new.get(key):
            yield key


def flat(config: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys, by their current names, and values."""
    for key, value in config.items():
        name = f"{above}{CURRENT_NAMES.get(key, key)}"
        if isinstance(value, Mapping):
            yield from flat(value, f"{name}.")
        else:
            yield name, value


def _text(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(item, str | int) for item in value):
        text = ", ".join(map(str, value))
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
