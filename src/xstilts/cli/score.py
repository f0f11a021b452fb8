"""`xstilts score`: predictions that were made elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from xstilts.cli.options import DataOption, Json


def score_predictions(
    task: Annotated[str, typer.Option("--task", help="the task")],
    predictions: Annotated[
        Optional[Path],  # noqa: UP045 - typer reads the annotation at run time
        typer.Argument(
            metavar="PREDICTIONS",
            help="JSONL, JSON, TSV, CSV or Parquet with id and prediction; {language} in its name "
            "stands for every language",
        ),
    ] = None,
    languages: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("-l", "--language", help="language code; repeatable"),
    ] = None,
    split: Annotated[str, typer.Option("--split", help="the split")] = "test",
    data: DataOption = None,
    experiment: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--experiment", metavar="FILE", help="experiment that defines the task"),
    ] = None,
    template: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--template", metavar="FILE", help="write ids and inputs here instead, as JSON lines"
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Score predictions that were made elsewhere, by the task's metrics, with intervals.

    Missing and unknown ids are refused.
    """
    import xstilts
    from xstilts.api.score_predictions import write_template
    from xstilts.cli.output.scores import show_scores
    from xstilts.core.counted import counted
    from xstilts.core.errors import ConfigError

    chosen = languages or ()
    if template is not None:
        count = write_template(
            template, task, languages=chosen, split=split, data=data, experiment=experiment
        )
        typer.echo(f"wrote {template}: {counted(count, 'row')} to be completed with `prediction`")
        return
    if predictions is None:
        raise ConfigError("no file of predictions", todo="name one, or --template FILE")
    scores = xstilts.score_predictions(
        predictions, task, languages=chosen, split=split, data=data, experiment=experiment
    )
    show_scores(scores, as_json=as_json)
