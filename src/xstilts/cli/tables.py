"""The commands `results` and `trials`, which print tables of an experiment."""

from __future__ import annotations

from typing import Annotated

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
    str, typer.Option("--format", help="csv, md, latex, or parquet (needs --out)")
]


def results(
    experiment: MaybeNamed = None,
    store: StoreOption = None,
    overrides: Overrides = None,
    encoder: EncoderOption = None,
    data: DataOption = None,
    form: TableFormat = "csv",
    out: OutFile = None,
) -> None:
    """Print all available scores as a table."""
    import xstilts
    from xstilts.api.inputs import check_output
    from xstilts.cli.output.results import show_results

    loaded = None
    if experiment:
        loaded = ExperimentArguments(experiment, store, overrides, encoder, data).load()
    check_output(out, loaded, store)
    show_results(xstilts.results(loaded, store), form, out)


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
