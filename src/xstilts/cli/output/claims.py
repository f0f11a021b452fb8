"""Output of `xstilts claims`: tables on the terminal, or text in another format."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xstilts.claims.subject import Subject
from xstilts.cli.output.console import console, print_text
from xstilts.cli.output.tables import framed, name, show_table, text
from xstilts.core.store import Store

if TYPE_CHECKING:
    from xstilts.claims.judge import Judgement

COLUMNS = {
    Subject.RESULTS: {
        "id": name("id"),
        "verdict": name("verdict"),
        "claim": text("claim"),
        "measured": text("measured", 1),
        "experiment": name("experiment", 2),
    },
    Subject.SETUP: {
        "id": name("id"),
        "here": name("here"),
        "set-up": text("set-up"),
        "what it has": text("what it has", 1),
        "experiment": name("experiment", 2),
    },
}
"""Columns of the tables for terminals, by the subject of the claims."""
STYLES = {"supported": "green", "contradicted": "red", "met": "green", "not met": "red"}
"""Verdict → its style; all others are dim."""
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
    from xstilts.reports.tables import write_output

    if form is None and path is None:
        _show_tables(judgements)
        return
    ending = path.suffix.removeprefix(".") if path else ""
    written = claims_text(judgements, form or ending, store)
    if path is None:
        sys.stdout.write(written)
    else:
        write_output(path, written.encode())


def _show_tables(judgements: Sequence[Judgement]) -> None:
    """The claims about results, then the facts about the set-up."""
    from xstilts.reports.claims import (
        LEGEND,
        SETUP_LEGEND,
        TABLES,
        TITLES,
        by_subject,
        mixed_notes,
    )

    captions = {Subject.RESULTS: f"{LEGEND} {MORE}", Subject.SETUP: SETUP_LEGEND}
    several = len({judgement.experiment for judgement in judgements}) > 1
    for subject, group in by_subject(judgements).items():
        columns = [title for title in COLUMNS[subject] if several or title != "experiment"]
        print_text(console(), TITLES[subject], style="bold")
        table = TABLES[subject](group)[columns]
        outcome = columns[1]
        styles = {outcome: [STYLES.get(each, "dim") for each in table[outcome]]}
        show_table(
            console(),
            framed(table, COLUMNS[subject], captions[subject], cell_styles=styles),
        )
        for note in mixed_notes(group):
            print_text(console(), note, bullet="!")
