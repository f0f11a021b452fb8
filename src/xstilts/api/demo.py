"""`demo`: a whole experiment on a tiny encoder, from its files to its report, in half a minute."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from xstilts.core.atomic_io import write_text
from xstilts.core.errors import ConfigError
from xstilts.executors.events import Listener

EXPERIMENT, DATA, ENCODER, STORE = "demo.yaml", "data", "encoder", "store"
REPORT = "xstilts-demo.html"
LAYERS, WIDTH, PIECES = 2, 64, 600
"""Of the encoder: blocks, width, and greatest number of entries of its vocabulary."""


@dataclass(frozen=True)
class Demo:
    """The files of a demo in its folder."""

    folder: Path

    @property
    def experiment(self) -> Path:
        """The experiment's YAML file."""
        return self.folder / EXPERIMENT

    @property
    def store(self) -> Path:
        """The folder of its store."""
        return self.folder / STORE

    @property
    def report(self) -> Path:
        """Its report."""
        return self.folder / REPORT

    @property
    def is_unchanged(self) -> bool:
        """Whether the experiment is the one that `demo` writes."""
        return self.experiment.read_text(encoding="utf-8") == demo_text()


def demo(folder: Path | str | None = None, *, on_event: Listener | None = None) -> Path:
    """Run the demo and return the path of its report.

    Args:
        folder: for its files and its store, a new or empty one, or that of an earlier demo; by
            default a new folder for temporary files.
        on_event: called with every event of the run, in this process; by default a notebook shows
            progress.

    Raises:
        ConfigError: the folder has other files.
        StoreError: the folder cannot be written.
    """
    from xstilts.api.experiment import run
    from xstilts.api.report import report

    prepared = prepare_demo(folder)
    run(str(prepared.experiment), prepared.store, on_event=on_event)
    return report(str(prepared.experiment), prepared.report, prepared.store)


def prepare_demo(folder: Path | str | None = None) -> Demo:
    """Write the data, the encoder and the experiment, unless an earlier demo did.

    Raises:
        ConfigError: the folder has other files.
    """
    chosen = Demo(Path(folder or tempfile.mkdtemp(prefix="xstilts-demo-")).expanduser().absolute())
    if not chosen.experiment.exists():
        _check_empty(chosen.folder)
        _write_files(chosen)
    return chosen


def _check_empty(folder: Path) -> None:
    is_other = folder.exists() and not folder.is_dir()
    if is_other or (folder.is_dir() and any(folder.iterdir())):
        raise ConfigError(
            "the folder of a demo must be new, empty, or that of an earlier demo",
            where=str(folder),
            todo="give another folder, or none for a temporary one",
        )


def _write_files(files: Demo) -> None:
    """Write everything that the experiment needs; the experiment itself last."""
    from xstilts.api.demo_data import write_demo_data
    from xstilts.models.random_encoder import write_random_encoder

    texts = write_demo_data(files.folder / DATA)
    write_random_encoder(files.folder / ENCODER, texts, layers=LAYERS, width=WIDTH, pieces=PIECES)
    write_text(files.experiment, demo_text())


def demo_text() -> str:
    """The YAML text of the experiment."""
    template = resources.files("xstilts.config") / "templates" / EXPERIMENT
    return template.read_text(encoding="utf-8")
