"""`xstilts results`: scores as a table."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from xstilts.cli.arguments import ExperimentArguments
from xstilts.cli.options import (
    DataOption,
    EncoderOption,
    Json,
    MaybeNamed,
    OutFile,
    Overrides,
    StoreOption,
)


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
    as_json: Json = False,
) -> None:
    """Print all available scores as a table, or the ranking of several encoders."""
    import xstilts
    from xstilts.api.inputs import check_output
    from xstilts.cli.output.json_output import chosen_format
    from xstilts.cli.output.results import show_rankings, show_results

    form = chosen_format(form, as_json=as_json)
    loaded = None
    if experiment:
        loaded = ExperimentArguments(experiment, store, overrides, encoder, data).load()
    check_output(out, loaded, store)
    if ranking:
        show_rankings(loaded, store, form, out)
    else:
        show_results(xstilts.results(loaded, store), form or "csv", out)
