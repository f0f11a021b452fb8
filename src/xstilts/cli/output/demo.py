"""Output of `xstilts demo`: what happens, and what to do next."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from xstilts.api.demo import Demo
from xstilts.api.plan_summary import PlanSummary
from xstilts.cli.output.console import console, print_line, print_text
from xstilts.cli.output.json_output import print_json
from xstilts.cli.output.next_steps import show_steps
from xstilts.cli.output.run_json import run_as_json
from xstilts.executors.base import RunResult

if TYPE_CHECKING:
    import pandas as pd

QUESTION = (
    "A tiny encoder with random weights learns the topic of a sentence from 24 English examples "
    "(demo-topic) and is tested in English and three artificial languages, in which 25, 50 and "
    "75 % of the words differ from English. Does it learn more if it is first trained on 400 "
    "other English sentences: to tag animals, clothing, food and tools (demo-tags), or to tell "
    "requests from statements (demo-request)?"
)
EXPECTED = (
    "The data are made so that the answer is known: tags teach the words that topics depend on, "
    "so demo-tags gains, most in the language nearest to English. The same sentences with "
    "shuffled tags, or with another question (demo-request), must not gain. Each setting was "
    "trained with three seeds; the intervals cover seeds and test examples."
)


def show_question(demo: Demo) -> None:
    """What the demo asks, before it runs."""
    out = console()
    print_line(out, f"demo in {demo.folder}")
    if demo.is_unchanged:
        print_text(out, f"\n{QUESTION}\n")


def show_report(demo: Demo, *, is_open: bool, quiet: bool = False) -> None:
    """What the gains mean, and where the report is.

    Args:
        quiet: only where the report is.
    """
    out = console()
    if demo.is_unchanged and not quiet:
        print_text(out, f"\n{EXPECTED}\n")
    print_line(out, f"report: {demo.report}{' (opened)' if is_open else ''}")


def show_next_steps(demo: Demo) -> None:
    """Commands to go on with."""
    words = shlex.join([str(demo.experiment), "--store", str(demo.store)])
    show_steps(
        (
            (f"xstilts plan {words}", "every stage; edit the file and see what would run again"),
            (f"xstilts results {words}", "all scores"),
            ("xstilts run quickstart", "the same question on a real encoder and ten languages"),
            ("xstilts init my-experiment.yaml", "an experiment for your own files"),
        )
    )


def show_demo_json(
    demo: Demo, result: RunResult, summary: PlanSummary, gains: pd.DataFrame
) -> None:
    """Print the files of the demo, how its run ended, and its gains, as one JSON object."""
    files = {"experiment": demo.experiment, "store": demo.store, "report": demo.report}
    print_json({**files, **run_as_json(result, summary, gains)})
