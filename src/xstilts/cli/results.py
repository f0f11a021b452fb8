"""`xstilts results`: scores as a table."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Annotated, Optional

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

if TYPE_CHECKING:
    from xstilts.api.experiment_progress import ExperimentProgress
    from xstilts.api.handle import ExperimentHandle


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
            help="table (means), csv, json, md, latex, or parquet (needs --out)  "
            "\\[default: table on a terminal, else csv; with --ranking a table]",
        ),
    ] = None,
    out: OutFile = None,
    as_json: Json = False,
) -> None:
    """Print all available scores, or the ranking of several encoders.

    On a terminal: the means of each experiment. In files and pipes: every score, as csv, with notes
    such as of missing scores on standard error.
    """
    import xstilts
    from xstilts.api.handle import open_experiment
    from xstilts.api.inputs import check_output
    from xstilts.api.results import result_notes, snapshot_of
    from xstilts.cli.output.json_output import chosen_format
    from xstilts.cli.output.results import (
        TABLE,
        described_runs,
        show_no_scores,
        show_notes_apart,
        show_rankings,
        show_results,
        show_score_tables,
    )

    form = chosen_format(form, as_json=as_json)
    arguments = ExperimentArguments(experiment or "", store, overrides, encoder, data)
    loaded = arguments.load() if experiment else None
    check_output(out, loaded, store)
    if ranking:
        show_rankings(loaded, store, form, out)
    else:
        handle = open_experiment(loaded, store) if loaded else None
        opened = None if handle else snapshot_of(store)
        frame = xstilts.results(handle, opened)
        notes = result_notes(frame, handle, opened)
        if form == TABLE or (form is None and out is None and sys.stdout.isatty()):
            if frame.empty:
                show_no_scores(_progress(handle, arguments), notes, store)
            else:
                show_score_tables(frame, {} if loaded else described_runs(store), notes)
        else:
            show_results(frame, form or "csv", out)
            show_notes_apart(notes)


def _progress(
    handle: ExperimentHandle | None, arguments: ExperimentArguments
) -> list[ExperimentProgress]:
    """How far the experiment is, or every one of the store."""
    import xstilts
    from xstilts.api.experiment_progress import ExperimentProgress

    if handle is None:
        return list(map(ExperimentProgress.of_status, xstilts.status(arguments.store)))
    command = shlex.join(["xstilts", "run", *arguments.command_line()])
    return [ExperimentProgress.of_handle(handle, command)]
