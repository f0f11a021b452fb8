"""`xstilts tasks`: the tasks that experiments can use."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from xstilts.cli.completion import complete_tasks
from xstilts.cli.options import Json


def tasks(
    name: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(help="show the details of this task", autocompletion=complete_tasks),
    ] = None,
    as_json: Json = False,
) -> None:
    """List tasks with their formats, sizes, languages, licences and sources."""
    from xstilts.cli.output.tasks import show_task, show_tasks, show_tasks_json

    if as_json:
        show_tasks_json(name)
    elif name is None:
        show_tasks()
    else:
        show_task(name)
