"""`xstilts init`: write an experiment for one's own files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ExperimentFile = Annotated[Path, typer.Argument(metavar="FILE", help="YAML file to write")]


def init(path: ExperimentFile = Path("experiment.yaml")) -> None:
    """Write a commented experiment for your own files; replaces no file."""
    import xstilts
    from xstilts.cli.output.init import show_written_experiment

    show_written_experiment(xstilts.init(path))
