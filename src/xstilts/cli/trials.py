"""`xstilts trials`: the trials of a recipe search."""

from __future__ import annotations

from xstilts.cli.arguments import ExperimentArguments
from xstilts.cli.options import (
    DataOption,
    EncoderOption,
    Json,
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
    form: TableFormat = None,
    out: OutFile = None,
    as_json: Json = False,
) -> None:
    """Print the trials of an experiment's recipe search, with dev scores and the choice."""
    import xstilts
    from xstilts.api.inputs import check_output
    from xstilts.cli.output.json_output import chosen_format
    from xstilts.cli.output.results import show_results

    form = chosen_format(form, as_json=as_json) or "csv"
    loaded = ExperimentArguments(experiment, store, overrides, encoder, data).load()
    check_output(out, loaded, store)
    show_results(xstilts.trials(loaded, store), form, out)
