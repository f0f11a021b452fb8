"""What `xstilts study` prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xstilts.cli.output.tables import console
from xstilts.reports.study import numbers_of
from xstilts.studies.base import Answer


def show(answer: Answer, files: Sequence[Path], copies: Sequence[Path]) -> None:
    """The summary, each finding with its numbers, the caveats, and where the files are."""
    out = console()

    def line(text: str, style: str | None = None) -> None:
        out.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    line(f"\n{answer.study}: {answer.question}\n", "dim")
    line(answer.summary, "bold")
    for finding in answer.findings:
        line(f"• {finding.text}")
        if numbers := numbers_of(finding):
            line(f"  {numbers}", "dim")
    for text in answer.caveats:
        line(f"! {text}", "yellow")
    line(f"wrote {len(files)} files in {files[0].parent}: {files[-2].name} is the one to read")
    if copies:
        line(f"and copies in {copies[0].parent}")
