"""The intervals of every language, saved in the store next to the gain table.

STORE/gains/EXPERIMENT@CONFIG-languages.json, valid as long as the digest of its inputs is the same;
see `saved_gain_table`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from xstilts.analysis.language_intervals import LanguageInterval, language_intervals
from xstilts.analysis.saved_gain_table import DAMAGE, inputs_digest
from xstilts.core.atomic_io import write_json
from xstilts.core.hashing import with_digest, without_digest
from xstilts.core.store_layout import GAINS, is_marked

if TYPE_CHECKING:
    import pandas as pd

    from xstilts.analysis.gains import Gains
    from xstilts.core.store import Store
    from xstilts.planning.compile import ResultCell


def saved_language_intervals(
    frame: pd.DataFrame, gains: Gains, cells: Sequence[ResultCell], store: Store, run: str
) -> list[LanguageInterval]:
    """`language_intervals` of the cells: the saved ones, or computed ones, then saved.

    Args:
        frame, gains, run: see `saved_gain_table.saved_gain_table`.
    """
    path = store.root / GAINS / f"{run}-languages.json"
    inputs = inputs_digest(frame, gains, cells, store)
    rows = _read(path, inputs)
    if rows is None:
        rows = list(language_intervals(cells, store, gains.baseline))
        if is_marked(store.root):
            with suppress(OSError):  # a store that cannot be written is computed at each command
                write_json(path, with_digest({"inputs": inputs, "rows": list(map(vars, rows))}))
    return rows


def _read(path: Path, inputs: str) -> list[LanguageInterval] | None:
    """The rows in a file; None if they are damaged, of other inputs or not there."""
    try:
        saved = without_digest(json.loads(path.read_bytes()))
        if saved["inputs"] != inputs:
            return None
        return [LanguageInterval(**row) for row in saved["rows"]]
    except DAMAGE:
        return None
