"""Output of `xstilts study`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.padding import Padding
from rich.text import Text

from xstilts.cli.output.console import console, print_line, print_text
from xstilts.reports.study import numbers_of
from xstilts.studies.base import Answer
from xstilts.studies.prospects import verdict_text
from xstilts.studies.study_plan import StudyPlan


def show_prospects(planned: StudyPlan, *, all_questions: bool) -> None:
    """What can be answered at all, and notes on the plan.

    Args:
        all_questions: list each question, not only those that cannot be answered.
    """
    out = console()
    for note in planned.notes:
        print_text(out, note)
    if not planned.prospects:
        return
    none = not any(one.answerable for one in planned.prospects)
    out.print(Text(verdict_text(planned.study.name, planned.prospects), "yellow" if none else ""))
    if none and len({one.why for one in planned.prospects}) == 1:
        return
    for one in planned.prospects:
        if all_questions or not one.answerable:
            out.print(Padding(Text(one.text), (0, 0, 0, 2)))


def show_answer(answer: Answer, files: Sequence[Path], copies: Sequence[Path]) -> None:
    """Summary, findings with their numbers, caveats, and the files written."""
    out = console()

    print_text(out, f"\n{answer.study}: {answer.question}\n", style="dim")
    print_text(out, answer.summary, style="bold")
    for finding in answer.findings:
        print_text(out, finding.text, bullet="•")
        if numbers := numbers_of(finding):
            print_text(out, f"  {numbers}", style="dim")
    for caveat in answer.caveats:
        print_text(out, caveat, bullet="!", style="yellow")
    print_line(out, f"wrote {len(files)} files to {files[0].parent}; start with {files[-2].name}")
    if copies:
        print_line(out, f"copied them to {copies[0].parent}")
