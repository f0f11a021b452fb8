"""`xstilts evaluate`: a model that was tuned elsewhere, or a raw encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from xstilts.cli.options import DataOption, Devices, DryRun, Json, Quiet, StoreOption, Workers


def evaluate(
    encoder: Annotated[
        str, typer.Option("--encoder", help="folder or Hugging Face name of the model")
    ],
    suite: Annotated[
        list[str], typer.Option("--suite", metavar="SUITE|TASK", help="suite or task; repeatable")
    ],
    store: StoreOption = None,
    languages: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer reads the annotation at run time
        typer.Option("-l", "--language", help="language code; repeatable  \\[default: all]"),
    ] = None,
    split: Annotated[str, typer.Option("--split", metavar="test|dev", help="the split")] = "test",
    limit: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--limit", min=1, help="maximum number of examples per language"),
    ] = None,
    labels: Annotated[
        str,
        typer.Option(
            "--labels", metavar="A,B,C", help="names of the head's outputs, if it has none"
        ),
    ] = "",
    max_length: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--max-length", min=1, help="truncate texts to this many sub-words"),
    ] = None,
    data: DataOption = None,
    experiment: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--experiment", metavar="FILE", help="experiment that defines further tasks"),
    ] = None,
    workers: Workers = None,
    devices: Devices = "auto",
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Evaluate a model that was tuned elsewhere, or a raw encoder, without training it.

    A head of an AutoModelFor… class answers the tasks whose format and labels it has.

    Retrieval tasks are searched with the encoder's vectors. Other tasks are left out.
    """
    from xstilts.api.evaluate import prepare_evaluation
    from xstilts.api.plan_summary import check_disk_space
    from xstilts.api.run_options import RunOptions
    from xstilts.cli.output.evaluate import show_evaluation, show_skipped
    from xstilts.cli.output.plan import show_plan
    from xstilts.cli.output.plan_json import show_plan_json
    from xstilts.cli.progress import progress

    prepared = prepare_evaluation(
        encoder,
        suite,
        store,
        languages=languages or (),
        split=split,
        limit=limit,
        labels=labels.split(",") if labels else (),
        max_length=max_length,
        data=data,
        experiment=experiment,
    )
    options = RunOptions(workers=workers, devices=devices)
    summary = prepared.summary(options)
    if dry_run:
        show_plan_json(summary) if as_json else show_plan(summary)
        show_skipped(prepared.model.skipped, as_json=as_json)
        return
    check_disk_space(summary, prepared.store)
    with progress(summary, quiet=quiet) as on_event:
        evaluation = prepared.run(options, on_event)
    show_evaluation(evaluation, summary, as_json=as_json, in_full=quiet)
    raise typer.Exit(evaluation.run.exit_code)
