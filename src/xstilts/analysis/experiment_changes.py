"""What differs between two experiments: their files, and the packages that made their results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xstilts.core.private_text import without_paths
from xstilts.core.store import Store
from xstilts.planning.compile import ResultCell

NO_VALUE = "–"
NOT_COMPARED = ("name", "description")
SHOWN_PACKAGES = ("xstilts", "torch", "transformers", "tokenizers", "peft", "python")


@dataclass(frozen=True)
class Change:
    """A value that differs.

    Args:
        field: of the experiment, such as `recipes.target.epochs`; or a package.
        a, b: the values as text; – where one experiment has none.
    """

    field: str
    a: str
    b: str


def config_changes(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Change]:
    """The fields of two experiments that differ, in the order of the first.

    Args:
        a, b: see `analysis.run_records.experiment_config`.
    """
    first, second = (dict(_leaves(without_paths(config))) for config in (a, b))
    return [
        Change(name, first.get(name, NO_VALUE), second.get(name, NO_VALUE))
        for name in dict.fromkeys((*first, *second))
        if first.get(name) != second.get(name)
    ]


def _leaves(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, part in value.items():
        if not prefix and name in NOT_COMPARED:
            continue
        if isinstance(part, Mapping) and part:
            yield from _leaves(part, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", as_text(part)


def as_text(value: Any) -> str:
    """A value of an experiment in one line, as YAML has it."""
    if value is None or value == {} or value == []:
        return NO_VALUE
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ", ".join(map(as_text, value))
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {as_text(part)}" for name, part in value.items()) + "}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def package_changes(
    a: tuple[Iterable[ResultCell], Store], b: tuple[Iterable[ResultCell], Store]
) -> list[Change]:
    """The packages whose versions differ between the trainings and scores of two experiments."""
    first, second = (_versions(*side) for side in (a, b))
    return [
        Change(name, ", ".join(first[name]), ", ".join(second[name]))
        for name in SHOWN_PACKAGES
        if name in first and name in second and first[name] != second[name]
    ]


def _versions(cells: Iterable[ResultCell], store: Store) -> dict[str, list[str]]:
    """Package → the versions that made the results."""
    keys = {key for cell in cells for key in (cell.key, *cell.trained_by)}
    versions: dict[str, set[str]] = {}
    for artifact in filter(None, map(store.get_finished, keys)):
        for name, number in artifact.manifest["provenance"].get("versions", {}).items():
            versions.setdefault(name, set()).add(str(number))
    return {name: sorted(numbers) for name, numbers in versions.items()}
