"""The commands `results`, `trials`, `tasks` and `recipes`, which print tables."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from xstilts.cli.arguments import ExperimentArguments
from xstilts.cli.options import (
    DataOption,
    EncoderOption,
    MaybeNamed,
    Named,
    OutFile,
    Overrides,
    StoreOption,
)

TableFormat = Annotated[
    str, typer.Option("--format", help="csv, json, md, latex, or parquet (needs --out)")
]


def results(
    experiment: MaybeNamed = None,
    store: StoreOption = None,
    overrides: Overrides = None,
    encoder: EncoderOption = None,
    data: DataOption = None,
    ranking: Annotated[
        bool, typer.Option("--ranking", help="rank the encoders of an experiment instead")
    ] = False,
    form: Annotated[
        Optional[str],  # noqa: UP045 - typer reads the annotation at run time
        typer.Option(
            "--format",
            help="csv, json, md, latex, or parquet (needs --out)  \\[default: csv; with --ranking "
            "a table for people]",
        ),
    ] = None,
    out: OutFile = None,
) -> None:
    """Print all available scores as a table, or the ranking of several encoders."""
    import xstilts
    from xstilts.api.inputs import check_output
    from xstilts.cli.output.results import show_rankings, show_results

    loaded = None
    if experiment:
        loaded = ExperimentArguments(experiment, store, overrides, encoder, data).load()
    check_output(out, loaded, store)
    if ranking:
        show_rankings(loaded, store, form, out)
    else:
        show_results(xstilts.results(loaded, store), form or "csv", out)


def trials(
    experiment: Named,
    store: StoreOption = None,
    overrides: Overrides = None,
    encoder: EncoderOption = None,
    data: DataOption = None,
    form: TableFormat = "csv",
    out: OutFile = None,
) -> None:
    """Print the trials of an experiment's recipe search, with dev scores and the choice."""
    import xstilts
    from xstilts.api.inputs import check_output
    from xstilts.cli.output.results import show_results

    loaded = ExperimentArguments(experiment, store, overrides, encoder, data).load()
    check_output(out, loaded, store)
    show_results(xstilts.trials(loaded, store), form, out)


def tasks(
    name: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(help="show the details of this task"),
    ] = None,
) -> None:
    """List tasks with their formats, sizes, languages, licences and sources."""
    from xstilts.cli.output.tasks import show_task, show_tasks

    if name is None:
        show_tasks()
    else:
        show_task(name)


def recipes(
    name: Annotated[
        Optional[str],  # noqa: UP045 - typer reads the annotation at run time
        typer.Argument(help="show values and sources of this recipe"),
    ] = None,
) -> None:
    """List published recipes of encoder families, which experiments can use by name."""
    from xstilts.cli.output.recipes import show_recipe, show_recipes

    if name is None:
        show_recipes()
    else:
        show_recipe(name)
