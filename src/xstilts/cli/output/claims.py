"""Output of `xstilts claims`: tables on the terminal, or text in another format."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xstilts.claims.subject import Subject
from xstilts.cli.output.console import console, print_text
from xstilts.core.store import Store

if TYPE_CHECKING:
    from xstilts.claims.judge import Judgement

COLUMNS = {
    Subject.RESULTS: ("id", "claim", "measured", "verdict", "experiment"),
    Subject.SETUP: ("id", "set-up", "here", "experiment", "what it has"),
}
"""Columns of the tables for terminals, by the subject of the claims."""
MORE = "Scope, confidence and what was not tested: --out claims.html, or --format md or json."


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
    from xstilts.reports.claims import claims_text
    from xstilts.reports.tables import write_bytes

    if form is None and path is None:
        _show_tables(judgements)
        return
    ending = path.suffix.removeprefix(".") if path else ""
    text = claims_text(judgements, form or ending, store)
    if path is None:
        sys.stdout.write(text)
    else:
        write_bytes(path, text.encode())


def _show_tables(judgements: Sequence[Judgement]) -> None:
    """The claims about results, then the facts about the set-up."""
    from xstilts.reports.claims import LEGEND, SETUP_LEGEND, TABLES, TITLES, by_subject
    from xstilts.reports.tables import for_terminal

    captions = {Subject.RESULTS: f"{LEGEND} {MORE}", Subject.SETUP: SETUP_LEGEND}
    several = len({one.experiment for one in judgements}) > 1
    for subject, group in by_subject(judgements).items():
        columns = [name for name in COLUMNS[subject] if several or name != "experiment"]
        print_text(console(), TITLES[subject])
        table = TABLES[subject](group)[columns]
        console().print(for_terminal(table, columns, captions[subject]))
