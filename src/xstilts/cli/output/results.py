"""Output of `xstilts results`: a data frame on standard output or in a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from xstilts.core.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd


def show_results(frame: pd.DataFrame, form: str, path: Path | None) -> None:
    """Write a frame in one format, to standard output without a path.

    Raises:
        ConfigError: an unknown format, or parquet without a path.
        StoreError: the file cannot be written.
    """
    from xstilts.reports.tables import table_text, write_table

    if path is not None:
        write_table(frame, form, path)
        return
    if form == "parquet":
        raise ConfigError("parquet cannot be printed", todo="give --out FILE")
    sys.stdout.write(table_text(frame, form))
