"""Output of `xstilts study`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xstilts.cli.output.console import console
from xstilts.reports.study import numbers_of
from xstilts.studies.base import Answer


def show_answer(answer: Answer, files: Sequence[Path], copies: Sequence[Path]) -> None:
    """Summary, findings with their numbers, caveats, and the files written."""
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
    line(f"wrote {len(files)} files to {files[0].parent}; start with {files[-2].name}")
    if copies:
        line(f"copied them to {copies[0].parent}")
