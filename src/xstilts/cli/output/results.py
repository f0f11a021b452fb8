"""Output of `xstilts results`: a data frame on standard output or in a file."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from xstilts.cli.output.console import console, print_line, print_message, print_text
from xstilts.cli.output.tables import show_table
from xstilts.cli.output.units import date_text
from xstilts.core.errors import ConfigError
from xstilts.core.plan import counts_of_states

if TYPE_CHECKING:
    import pandas as pd

    from xstilts.api.experiment_progress import ExperimentProgress
    from xstilts.config.load import LoadedExperiment

TABLE = "table"
MOST_DIFFERENCES = 3


def show_results(frame: pd.DataFrame, form: str, path: Path | None) -> None:
    """Write a frame in one format, to standard output without a path.

    Raises:
        ConfigError: an unknown format, or parquet without a path.
        StoreError: the file cannot be written.
    """
    from xstilts.reports.tables import table_text, write_table

    if path is not None:
        write_table(frame, form, path)
        return
    if form == "parquet":
        raise ConfigError("parquet cannot be printed", todo="give --out FILE")
    sys.stdout.write(table_text(frame, form))


def show_notes_apart(notes: Mapping[str, Sequence[str]]) -> None:
    """Print notes to standard error, where a table for programs is on standard output.

    Args:
        notes: see `api.results.result_notes`.
    """
    for experiment, own in notes.items():
        for note in own:
            print_message(f"{experiment}: {note}")


def described_runs(store: Path | None) -> dict[str, str]:
    """Name in results → when the experiment was last run, and what tells it apart."""
    import xstilts

    statuses = xstilts.status(store)
    described = {}
    for status in statuses:
        facts = [date_text(status.when), *status.differs[:MOST_DIFFERENCES]]
        described[status.name] = described[status.experiment] = "; ".join(filter(None, facts))
    return described


def show_score_tables(
    frame: pd.DataFrame, runs: Mapping[str, str], notes: Mapping[str, Sequence[str]]
) -> None:
    """The mean scores of each experiment.

    Args:
        runs: name of an experiment in the frame → what tells it apart.
        notes: the same → see `api.results.result_notes`.
    """
    from xstilts.cli.output.gains import score_table
    from xstilts.cli.output.run import show_notes

    out = console()
    for experiment, own in frame.groupby("experiment", sort=False):
        facts = runs.get(str(experiment), "")
        title = f"{experiment} ({facts})" if facts else str(experiment)
        print_text(out, title, style="bold")
        show_table(out, score_table(own))
        show_notes(notes.get(str(experiment), ()))
    print_text(out, "every score: --format csv, or xstilts results … > FILE")


def show_no_scores(
    experiments: Sequence[ExperimentProgress],
    notes: Mapping[str, Sequence[str]],
    store: Path | None,
) -> None:
    """What there is of experiments without scores, and what to do.

    Args:
        notes: see `api.results.result_notes`; they say why there are none if no stage is to do.
    """
    from xstilts.cli.output.run import show_notes
    from xstilts.cli.output.status import show_running_now

    out = console()
    chosen = shlex.join(["--store", str(store)] if store else [])
    print_text(out, "no scores yet")
    for one in experiments:
        print_text(out, f"{one.experiment}: {counts_of_states(one.states)}")
        for label, problem in one.failed.items():
            print_text(out, f"{label} failed: {problem}", bullet="  ✗", style="red")
        if one.running:
            show_running_now(one.running, one.experiment)
        elif one.has_todo and one.command:
            print_text(out, "no stage runs now; to run what is to do:")
            print_line(out, f"  {one.command}")
        elif one.has_todo:
            print_text(out, f"no stage runs now; {one.problem}")
    if not any(one.has_todo for one in experiments):
        show_notes(chain.from_iterable(notes.values()))
    if experiments:
        print_line(out, f"the newest events: xstilts status {chosen}".rstrip())
    else:
        print_line(out, f"no experiment was run here: xstilts run quickstart {chosen}".rstrip())


def show_rankings(
    loaded: LoadedExperiment | None, store: Path | None, form: str | None, path: Path | None
) -> None:
    """Print the rankings of an experiment's encoders as tables for people, or write the numbers.

    Raises:
        ConfigError: no experiment, one with a single encoder, or an unknown format.
        StoreError: the file cannot be written.
    """
    import xstilts
    from xstilts.api.handle import open_experiment
    from xstilts.api.results import compared_encoders
    from xstilts.cli.output.run import show_ranking

    if loaded is None:
        raise ConfigError("--ranking needs an experiment", todo="xstilts results FILE --ranking")
    handle = open_experiment(loaded, store)
    compared = compared_encoders(handle)
    if form or path:
        show_results(xstilts.rank_encoders(handle), form or "csv", path)
    elif compared.rows:
        show_ranking(compared, every=True)
    else:
        print_text(console(), "no ranking yet: no two encoders have scores on one target")
