"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from xstilts.cli.completion import complete_experiments

STORE_HELP = "folder of the store  \\[default: $XSTILTS_STORE, else ./xstilts-store]"


def _none_for_dash(path: Optional[Path]) -> Optional[Path]:  # noqa: UP045
    """No file for `-`, standard output."""
    return None if path == Path("-") else path


Named = Annotated[
    str,
    typer.Argument(
        metavar="EXPERIMENT|PRESET",
        help="YAML file or preset",
        autocompletion=complete_experiments,
    ),
]
MaybeNamed = Annotated[
    Optional[str],  # noqa: UP045 - typer reads the annotation at run time
    typer.Argument(
        metavar="EXPERIMENT|PRESET",
        help="YAML file or preset  \\[default: all in the store]",
        autocompletion=complete_experiments,
    ),
]
StoreOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--store", help=STORE_HELP),
]
Overrides = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--set", metavar="A.B=C", help="override a value of the experiment; repeatable"),
]
EncoderOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--encoder", help="Hugging Face name or folder, overrides the experiment's"),
]
DataOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--data", help="folder with task files that are not downloaded"),
]
Workers = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(
        "--workers", min=1, help="worker processes  \\[default: one per GPU, or per core]"
    ),
]
Devices = Annotated[
    str,
    typer.Option(
        "--devices",
        metavar="auto|cpu|0,1",
        help="auto: all GPUs, otherwise the CPU; or GPU numbers",
    ),
]
DevicesPerStage = Annotated[
    int,
    typer.Option(
        "--devices-per-stage", metavar="N", help="divide each training over N GPUs (or CPU cores)"
    ),
]
Executor = Annotated[
    str,
    typer.Option("--executor", metavar="NAME", help="local, ray or slurm: what runs the stages"),
]
Address = Annotated[
    str,
    typer.Option("--address", metavar="HOST:PORT", help="of the Ray cluster; auto: one found here"),
]
Partition = Annotated[str, typer.Option("--partition", help="of Slurm, for the jobs")]
Gpus = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option("--gpus", min=0, help="Slurm: GPUs of each job"),
]
TimeLimit = Annotated[str, typer.Option("--time", help="Slurm: time limit of each job")]
Trackers = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--tracker",
        metavar="NAME",
        help="also log to jsonl, mlflow, tensorboard, trackio or wandb; repeatable",
    ),
]

STANDARD_OUTPUT = Path("-")
OutFile = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--out",
        help="output file  \\[default: - for standard output]",
        callback=_none_for_dash,
    ),
]
Tflops = Annotated[
    float, typer.Option(min=0.001, help="assumed sustained speed of a GPU, in TFLOP/s")
]
StoreArgument = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Argument(metavar="STORE", help=STORE_HELP),
]
ClaimsFile = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--claims", help="YAML file of claims, instead of the paper's"),
]
Isolate = Annotated[bool, typer.Option("--isolate", help="run every stage in a new process")]
IgnoreDisk = Annotated[
    bool, typer.Option("--ignore-disk", help="start even if the disk has too little space")
]
Json = Annotated[bool, typer.Option("--json", help="print JSON")]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="print results and errors, without progress")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="show the plan without running it")]
TableFormat = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--format", help="csv, json, md, latex, or parquet (needs --out)  \\[default: csv]"
    ),
]
