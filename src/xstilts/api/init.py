"""`init`: write a commented experiment for the user's own files."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

from xstilts.core.errors import ConfigError
from xstilts.core.output_folder import make_output_folder

DEFAULT_FILE = "experiment.yaml"
TEMPLATE = "experiment.yaml"
NAME = "my-experiment"
"""Of the experiment in the template, and of one whose file has no usable name."""


def init(path: Path | str = DEFAULT_FILE) -> Path:
    """Write a commented experiment for your own files and return its path.

    Its name is that of the file. Nothing else is written, and no file is replaced.

    Raises:
        ConfigError: there is a file of that name, or it cannot be written.
    """
    target = Path(path).expanduser()
    if target.suffix not in (".yaml", ".yml"):
        raise ConfigError(
            "an experiment is a YAML file",
            where=str(target),
            todo=f"give a name such as {DEFAULT_FILE}",
        )
    try:
        make_output_folder(target.parent)
        with target.open("x", encoding="utf-8") as file:
            file.write(experiment_template(target.stem))
    except FileExistsError as error:
        raise ConfigError(
            "this file exists, and is not replaced", where=str(target), todo="give another name"
        ) from error
    except OSError as error:
        raise ConfigError(
            f"cannot be written: {error.strerror}",
            where=str(target),
            todo="give a file in a folder that you can write to",
        ) from error
    return target


def experiment_template(name: str) -> str:
    """The text of the experiment; characters of the name that are not allowed are left out."""
    template = resources.files("xstilts.config") / "templates" / TEMPLATE
    text = template.read_text(encoding="utf-8")
    return text.replace(f"name: {NAME}", f"name: {experiment_name(name)}", 1)


def experiment_name(text: str) -> str:
    """The name of an experiment after that of its file, without characters that none may have."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")[:100] or NAME
