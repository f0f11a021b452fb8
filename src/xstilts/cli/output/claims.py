"""Output of `xstilts claims`: a table on the terminal, or text in another format."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xstilts.cli.output.console import console
from xstilts.core.store import Store

if TYPE_CHECKING:
    from xstilts.claims.judge import Judgement

COLUMNS = ("id", "about", "claim", "measured", "verdict", "tested on")


def show_claims(
    judgements: Sequence[Judgement], form: str | None, path: Path | None, store: Store
) -> None:
    """Claims with their verdicts.

    Args:
        form: md, json or html; by default the ending of the path, or a table without a path.

    Raises:
        ConfigError: an unknown format.
        StoreError: the file cannot be written.
    """
    from xstilts.reports.claims import LEGEND, claims_text, readable
    from xstilts.reports.tables import for_terminal, write_bytes

    if form is None and path is None:
        console().print(for_terminal(readable(judgements), COLUMNS, LEGEND))
        return
    ending = path.suffix.removeprefix(".") if path else ""
    text = claims_text(judgements, form or ending, store)
    if path is None:
        sys.stdout.write(text)
    else:
        write_bytes(path, text.encode())
