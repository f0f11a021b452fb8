"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

Named = Annotated[str, typer.Argument(metavar="EXPERIMENT|PRESET", help="YAML file or preset")]
MaybeNamed = Annotated[
    Optional[str],  # noqa: UP045 - typer reads the annotation at run time
    typer.Argument(metavar="[EXPERIMENT|PRESET]", help="YAML file or preset; all if empty"),
]
StoreOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--store", help="where artifacts live  [default: ./xstilts-store]"),
]
Overrides = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--set", metavar="A.B=C", help="change one value of the experiment; repeatable"),
]
EncoderOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--encoder", help="a Hugging Face name or a folder, instead of the experiment's"),
]
DataOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--data", help="folder with the files of tasks that are not downloaded"),
]
Workers = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option("--workers", min=1, help="worker processes  [default: one per GPU, or per core]"),
]
Devices = Annotated[
    str, typer.Option("--devices", metavar="auto|cpu|0,1", help="all GPUs, the CPU, or these GPUs")
]
Executor = Annotated[str, typer.Option("--executor", help="what runs the stages")]
Trackers = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--tracker",
        metavar="NAME",
        help="log progress to jsonl, tensorboard or wandb as well; repeatable",
    ),
]

OutFile = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--out", help="write to this file instead of standard output"),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="only say what would run, like `plan`")]
