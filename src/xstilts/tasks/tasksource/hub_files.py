"""Which files of a data set on the Hub hold the splits of a configuration."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from xstilts.core.errors import DataError

CONVERTED = re.compile(r"(?P<config>[^/]+)/(?P<split>[^/]+)/\d+\.parquet")
"""On the branch `refs/convert/parquet`."""
OWN = re.compile(r"((?P<config>[^/]+)/)?(?P<split>[^/]+)-\d{5}-of-\d{5}(-[0-9a-f]+)?\.parquet")
"""As the library `datasets` uploads them; without configurations, in the folder `data`."""
PARTIAL = "partial-"
"""Begins the names of splits of which the Hub has converted only a part."""
DEFAULTS = ("default", "data", "")
SHOWN = 12

Files = Mapping[str, tuple[str, ...]]
"""Split, as the data set calls it → its files, in order."""


def split_files(paths: Iterable[str], dataset: str, config: str) -> Files:
    """The files of a configuration; of the only or the default one if none is named.

    Raises:
        DataError: there are none, or the configuration is not clear.
    """
    found: dict[str, dict[str, list[str]]] = {}
    for path in sorted(paths):
        if match := CONVERTED.fullmatch(path) or OWN.fullmatch(path):
            by_split = found.setdefault(match["config"] or "", {})
            by_split.setdefault(match["split"], []).append(path)
    if not found:
        raise DataError(
            f"no Parquet files with the splits in their names are in {dataset}",
            todo="read it as a custom task: docs/reference/tasks.md, tasksource",
        )
    chosen = found[_config(list(found), dataset, config)]
    if cut := sorted(name for name in chosen if name.startswith(PARTIAL)):
        raise DataError(
            f"the Hub has converted only a part of {dataset} to Parquet: {', '.join(cut)}",
            todo="read it as a custom task: docs/reference/tasks.md, tasksource",
        )
    return {split: tuple(files) for split, files in chosen.items()}


def _config(known: list[str], dataset: str, config: str) -> str:
    """The folder of a configuration."""
    wanted = [config] if config else [name for name in DEFAULTS if name in known]
    if not config and len(known) == 1:
        wanted = known
    if not wanted or wanted[0] not in known:
        shown = ", ".join(name or "(none)" for name in known[:SHOWN])
        raise DataError(
            f"{dataset} has no configuration {config or 'default'}; it has {shown}",
            todo="another version of tasksource may name another one",
        )
    return wanted[0]
