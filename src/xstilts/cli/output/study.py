"""Output of `xstilts study`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from xstilts.api.plan_summary import PlanSummary
from xstilts.cli.output.console import console, print_line, print_text
from xstilts.cli.output.json_output import print_json
from xstilts.cli.output.plan_json import plan_as_json
from xstilts.reports.study import numbers_of
from xstilts.studies.base import Answer
from xstilts.studies.prospects import Prospect, verdict_text
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
    none = not any(prospect.answerable for prospect in planned.prospects)
    verdict = verdict_text(planned.study.name, planned.prospects)
    print_text(out, verdict, style="yellow" if none else "")
    if none and len({prospect.why for prospect in planned.prospects}) == 1:
        return
    shown = [each for each in planned.prospects if all_questions or not each.answerable]
    for words, why in question_lines(shown):
        print_text(out, words, bullet="  •")
        print_text(out, f"    {why}", style="dim")


def show_planned_json(planned: StudyPlan, summary: PlanSummary) -> None:
    """Print the plan as one JSON object, with each question and whether it can be answered."""
    plan = plan_as_json(summary, planned.notes)
    print_json({**plan, "questions": planned.prospects})


def question_lines(prospects: Sequence[Prospect]) -> Iterator[tuple[str, str]]:
    """Each question with its answer, and why; the beginning of the one before is not repeated."""
    before = ""
    for prospect in prospects:
        begin, comma, rest = prospect.question.rpartition(", ")
        is_repeated = bool(comma) and before.startswith(begin + comma)
        words = f"… {rest}" if is_repeated else prospect.question
        yield f"{'yes' if prospect.answerable else 'no'}: {words}", prospect.why
        before = prospect.question


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
