"""The gain table of an experiment, saved in its store: its bootstrap takes long.

STORE/gains/EXPERIMENT@CONFIG.json has the rows and a digest of all that they were computed from:
the published digests of the statistics, the settings that are excluded, the number of draws and
the code. With another digest, or if the file is missing or damaged, the table is computed again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xstilts.analysis.example_scores import example_scores
from xstilts.analysis.gain_table import Gain, gain_frame, gain_rows
from xstilts.analysis.run_states import RunState, states_text
from xstilts.core.atomic_io import write_json
from xstilts.core.code_digest import added_code_digest, code_digest
from xstilts.core.hashing import digest_of, with_digest, without_digest
from xstilts.core.store_layout import GAINS, is_marked
from xstilts.metrics import METRICS
from xstilts.stages.score import STATISTICS
from xstilts.statistics.bootstrap import DRAWS

if TYPE_CHECKING:
    import pandas as pd

    from xstilts.analysis.gains import Gains
    from xstilts.core.store import Store
    from xstilts.planning.compile import ResultCell

DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


def saved_gain_table(
    frame: pd.DataFrame, gains: Gains, cells: Sequence[ResultCell], store: Store, run: str
) -> pd.DataFrame:
    """`gain_table` of the cells' example scores: the saved one, or a computed one, then saved.

    Args:
        frame: see `results.results_frame`.
        gains: of the same results.
        run: EXPERIMENT@CONFIG, the name of the file.
    """
    path, inputs = store.root / GAINS / f"{run}.json", inputs_digest(frame, gains, cells, store)
    rows = _read(path, inputs)
    if rows is None:
        rows = gain_rows(frame, gains, example_scores(cells, store))
        if is_marked(store.root):
            _save(path, inputs, rows)
    return gain_frame(rows)


def inputs_digest(
    frame: pd.DataFrame, gains: Gains, cells: Sequence[ResultCell], store: Store
) -> str:
    """A digest of everything that a gain table depends on."""
    names = [one.name for one in fields(gains) if one.name not in ("runs", "mixed")]
    known = json.dumps({name: getattr(gains, name) for name in names}, default=_plain)
    return digest_of(
        {
            "code": code_digest(),
            "metrics": {name: _metric_code(name) for name in sorted(set(frame["metric"]))},
            "numpy": np.__version__,
            "draws": DRAWS,
            "gains": json.loads(known),
            "rows": list(_tested(frame)),
            "statistics": _digest_of_lines(_statistics(cells, store)),
        }
    )


def _digest_of_lines(values: Iterable[Any]) -> str:
    """A digest of many values, of which only one is in memory."""
    sha = hashlib.sha256()
    for value in values:
        sha.update(json.dumps(value).encode() + b"\n")
    return sha.hexdigest()


def _metric_code(name: str) -> list[str]:
    """The digests of a metric's functions, which another package may have added."""
    metric = METRICS.get(name)
    return [added_code_digest(one) for one in (metric.value, metric.resampled) if one]


def _plain(value: Any) -> Any:
    """Sets and dataclasses as JSON."""
    return sorted(value) if isinstance(value, frozenset) else asdict(value)


def _tested(frame: pd.DataFrame) -> Iterator[list[str]]:
    """What is tested, and the states of its runs, each once and in the order of the results."""
    columns = (frame[name] for name in ("encoder", "target", "metric", "intermediate", "states"))
    for *names, states in dict.fromkeys(zip(*columns, strict=True)):
        yield [*names, states_text(states)]


def _statistics(cells: Sequence[ResultCell], store: Store) -> Iterator[list[str | int]]:
    """The runs that have scores, with the published digests of their statistics."""
    for cell in cells:
        if artifact := store.get_valid(cell.key):
            run = cell.encoder, cell.intermediate, cell.target, cell.language, cell.seed
            yield [*run, artifact.published_digest(STATISTICS)]


def _read(path: Path, inputs: str) -> list[Gain] | None:
    """The rows in a file; None if they are damaged, of other inputs or not there."""
    try:
        saved = without_digest(json.loads(path.read_bytes()))
        if saved["inputs"] != inputs:
            return None
        return [
            Gain(**{**row, "states": frozenset(map(RunState, row["states"]))})
            for row in saved["rows"]
        ]
    except DAMAGE:
        return None


def _save(path: Path, inputs: str, rows: Sequence[Gain]) -> None:
    """Write the rows; a store that cannot be written has its gains computed at each command."""
    written = [{**vars(row), "states": sorted(row.states)} for row in rows]
    with suppress(OSError):
        write_json(path, with_digest({"inputs": inputs, "rows": written}))
