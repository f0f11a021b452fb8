"""Output of `xstilts report --out -`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xstilts.config.load import LoadedExperiment


def show_report(
    loaded: LoadedExperiment, store: Path | None, form: str, watts: Mapping[str, float | None]
) -> None:
    """Write a report to standard output, as the bytes of its file.

    Args:
        watts: arguments of `xstilts.report` for the estimate of energy.

    Raises:
        ConfigError: an unknown format.
    """
    import xstilts

    with TemporaryDirectory() as folder:
        written = xstilts.report(loaded, Path(folder) / "report", store, form=form, **watts)
        content = written.read_bytes()
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()
