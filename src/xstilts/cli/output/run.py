"""Output of `xstilts run`: failures, then the gains."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from xstilts.analysis.data_notes import DataNote
from xstilts.analysis.recipe_choices import RecipeSearchResult, choice_texts
from xstilts.api.plan_summary import PlanSummary
from xstilts.cli.output.console import TextConsole, console, print_line, print_text
from xstilts.cli.output.tables import Column, framed, name, number, show_table, text
from xstilts.core.counted import counted
from xstilts.core.units import size
from xstilts.executors.base import RunResult

if TYPE_CHECKING:
    import pandas as pd

    from xstilts.analysis.encoders_compared import EncodersCompared
    from xstilts.reports.sections import Section


MOST_ANSWERS = 8
"""Sentences on gains that a terminal shows of an encoder; the report has all of them."""
RANKING_COLUMNS = {
    "target": name("target"),
    "encoder": name("encoder"),
    "rank": number("rank"),
    "score": number("score", 1),
    "difference": number("difference", 2),
    "95 %": number("95 %", 3),
    "intermediate": name("intermediate", 4),
    "note": text("note", 5),
}


def show_result(result: RunResult, summary: PlanSummary, *, in_full: bool = False) -> None:
    """Numbers of failed and skipped stages of a run.

    Args:
        in_full: also each problem, for a run whose progress was not shown.
    """
    out = console()
    if not result.done and not result.failed:
        print_text(out, "nothing to do")
    if in_full:
        show_problems(result, summary, out)
    elif result.failed or result.skipped:
        counts = (("failed", result.failed), ("skipped", result.skipped))
        parts = [f"{counted(len(keys), 'stage')} {what}" for what, keys in counts if keys]
        print_text(out, ", ".join(parts), style="red" if result.failed else "")
    if result.freed:
        print_text(
            out,
            f"freed {size(result.freed)}: files that keep_weights does not keep; what needs them "
            "later trains them again",
        )


def show_problems(result: RunResult, summary: PlanSummary, out: TextConsole) -> None:
    """Each failed stage with its problem, and the number of stages skipped for each reason."""
    by_key = summary.compiled.plan.by_key
    for key, problem in result.failed.items():
        print_text(out, f"{by_key[key].label}: {problem}", bullet="✗", style="red")
    for reason, count in Counter(result.skipped.values()).items():
        print_text(out, f"{counted(count, 'stage')} skipped: {reason}", bullet="–")


def show_data_notes(notes: Sequence[DataNote]) -> None:
    """One line per set of data of which rows were left out or not scored or not read."""
    for note in notes:
        if note.changes_scores:
            print_text(console(), note.text, bullet="!", style="yellow")


def show_notes(notes: Iterable[str]) -> None:
    """One line per note."""
    for note in notes:
        print_text(console(), note, bullet="!")


def show_choices(searches: Sequence[RecipeSearchResult]) -> None:
    """One line per recipe search: the choice, its dev score and its cost."""
    for choice in choice_texts(searches):
        print_text(console(), choice)


def show_gains(
    gains: pd.DataFrame,
    results: pd.DataFrame,
    arguments: Sequence[str],
    baseline: str,
) -> None:
    """The gain table, or the scores if there are no gains, and the command for the report.

    Args:
        arguments: of `xstilts report` for the same experiment and store.
    """
    from xstilts.cli.output.gains import gain_legend, gain_table, score_table
    from xstilts.reports.answer_box import answer_lines
    from xstilts.reports.tables import baseline_text

    out = console()
    if gains.empty and results.empty:
        print_text(out, "no scores yet")
        return
    if gains.empty:
        show_table(out, score_table(results))
        print_text(
            out, f"no gains: they need scores of the baseline `{baseline}` and another setting"
        )
    else:
        encoders = list(dict.fromkeys(gains["encoder"]))
        legend = gain_legend(gains, baseline_text(baseline))
        for encoder in encoders:
            if len(encoders) > 1:
                print_text(out, f"gains with {encoder}")
            own = gains[gains["encoder"] == encoder]
            show_table(out, gain_table(own, legend if encoder == encoders[-1] else ""))
            for line in answer_lines(own[own["main"]])[:MOST_ANSWERS]:
                print_text(out, line, bullet="•")
    print_line(out, f"full report: xstilts report {shlex.join(arguments)}")


def show_benchmarks(sections: Iterable[Section]) -> None:
    """The table of each benchmark and encoder with its notes."""
    for section in sections:
        if ": " in section.title:
            print_text(console(), section.title)
        caption = "\n".join(section.notes)
        show_table(console(), framed(section.table, _benchmark_columns(section.table), caption))


def _benchmark_columns(table: pd.DataFrame) -> dict[str, Column]:
    """Settings and the average stay in the rows; tasks fold from the last."""
    first, *tasks, average = table.columns
    columns = {task: number(task, index + 1) for index, task in enumerate(tasks)}
    return {first: name(first), **columns, average: number(average)}


def show_ranking(compared: EncodersCompared | None, *, every: bool = False) -> None:
    """The rankings of the encoders, if there are several; see `ranking_sections`."""
    if compared is None or not compared.rows:
        return
    from xstilts.reports.encoder_ranking import OF_ONE_RANKING, ranking_sections

    sections = ranking_sections(compared, every=every)
    for section in sections:
        print_text(console(), section.title)
        notes = [note for note in section.notes if note.startswith(OF_ONE_RANKING)]
        if section is sections[-1]:
            notes += [n for n in sections[0].notes if not n.startswith(OF_ONE_RANKING)]
        table = section.table.drop(columns=["score 95 %", "p (Holm)"])
        show_table(console(), framed(table, RANKING_COLUMNS, "\n".join(notes)))
