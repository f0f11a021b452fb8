"""`xstilts trials`: the trials of a recipe search."""

from __future__ import annotations

from xstilts.cli.arguments import ExperimentArguments
from xstilts.cli.options import (
    DataOption,
    EncoderOption,
    Named,
    OutFile,
    Overrides,
    StoreOption,
    TableFormat,
)


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
