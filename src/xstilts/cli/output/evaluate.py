"""What `xstilts evaluate` prints."""

from __future__ import annotations

from collections.abc import Mapping

from xstilts.api.evaluate import EvaluatedModel
from xstilts.api.plan_summary import PlanSummary
from xstilts.cli.output.console import TextConsole, console, print_text
from xstilts.cli.output.run import show_problems, show_result
from xstilts.cli.output.scores import show_scores


def show_evaluation(
    evaluation: EvaluatedModel,
    summary: PlanSummary,
    *,
    as_json: bool = False,
    in_full: bool = False,
) -> None:
    """Print the scores, and what was left out.

    Args:
        in_full: also each problem, for a run whose progress was not shown.
    """
    if as_json:
        if in_full:
            show_problems(evaluation.run, summary, TextConsole(stderr=True))
        show_scores(evaluation.scores, as_json=True)
        show_skipped(evaluation.skipped, as_json=True)
        return
    show_result(evaluation.run, summary, in_full=in_full)
    if evaluation.head:
        print_text(console(), f"answered by {evaluation.head}")
    if len(evaluation.scores):
        show_scores(evaluation.scores)
    show_skipped(evaluation.skipped)


def show_skipped(skipped: Mapping[str, str], *, as_json: bool = False) -> None:
    """Print the tasks that were left out, with their reasons; to standard error beside JSON."""
    out = TextConsole(stderr=True) if as_json else console()
    for task, why in skipped.items():
        print_text(out, f"{task} is left out: {why}")
