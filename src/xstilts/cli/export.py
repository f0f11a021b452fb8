"""`xstilts export`: a trained model as a plain Hugging Face folder, or on the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from xstilts.cli.options import Json, Quiet, StoreOption


def export_model(
    stage: Annotated[
        Optional[str],  # noqa: UP045 - typer reads the annotation at run time
        typer.Argument(
            metavar="EXPERIMENT|KEY|LABEL",
            help="an experiment of the store or its file, or the key or label of a training  "
            "\\[default: all experiments]",
        ),
    ] = None,
    to: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--to", metavar="DIR", help="a new folder"),
    ] = None,
    push: Annotated[
        str, typer.Option("--push", metavar="NAME", help="upload to this repository of the hub")
    ] = "",
    private: Annotated[bool, typer.Option("--private", help="a new repository is private")] = False,
    store: StoreOption = None,
    target: Annotated[str, typer.Option("--target", help="the target task")] = "",
    setting: Annotated[
        str, typer.Option("--setting", help="the intermediate setting; none: the baseline")
    ] = "",
    seed: Annotated[Optional[int], typer.Option("--seed", help="the seed")] = None,  # noqa: UP045
    encoder: Annotated[
        str, typer.Option("--encoder", help="the encoder, as in results, if there are several")
    ] = "",
    task: Annotated[
        str, typer.Option("--task", help="whose head to export; chooses among trainings, too")
    ] = "",
    without_head: Annotated[
        bool, typer.Option("--without-head", help="the encoder alone, as a sentence encoder")
    ] = False,
    layer: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--layer", metavar="N", help="cut an encoder without head after block N"),
    ] = None,
    train: Annotated[
        bool, typer.Option("--train", help="train again what was dropped to free disk")
    ] = False,
    licence: Annotated[
        str, typer.Option("--license", metavar="ID", help="of the model, for its card")
    ] = "",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a trained model with its head, tokenizer and model card.

    The folder opens with AutoModelFor… or sentence-transformers alone, and gives the same numbers.

    It is opened again and compared with the stored model before it gets its name.
    """
    import xstilts
    from xstilts.api.train_dropped import show_nothing
    from xstilts.cli.output.export import show_exported
    from xstilts.cli.progress import stage_progress

    exported = xstilts.export_model(
        stage,
        to,
        store,
        target=target,
        setting=setting,
        seed=seed,
        encoder=encoder,
        task=task,
        with_head=not without_head,
        layer=layer,
        train=train,
        push=push,
        private=private,
        licence=licence,
        showing=show_nothing if quiet else stage_progress,
    )
    show_exported(exported, as_json=as_json)
