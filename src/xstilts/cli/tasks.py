"""`xstilts tasks`: the tasks that experiments can use; `tasks new`: a task for one's own files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer
from typer.core import TyperGroup

from xstilts.cli.completion import complete_tasks
from xstilts.cli.options import Json


class TasksGroup(TyperGroup):
    """A command with an optional task and options, which also has commands of its own."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take a first word that is no command of the group for the name of a task."""
        if args and args[0] in self.commands:
            args = ["", *args]  # no task
        else:
            ctx.allow_interspersed_args = True
        rest: list[str] = super().parse_args(ctx, args)
        return rest

    def get_params(self, ctx: Any) -> list[Any]:
        """Its parameters; to the usage of its own commands, which take no task, only options."""
        params: list[Any] = super().get_params(ctx)
        is_own = ctx.command is self
        return [one for one in params if is_own or one.param_type_name != "argument"]


app = typer.Typer(cls=TasksGroup, invoke_without_command=True)


@app.callback()
def tasks(
    ctx: typer.Context,
    name: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(
            help="show the details of this task; with --tasksource: a word in the names",
            autocompletion=complete_tasks,
        ),
    ] = None,
    tasksource: Annotated[
        bool, typer.Option("--tasksource", help="list the tasks of the package tasksource")
    ] = False,
    download: Annotated[
        bool, typer.Option("--download", help="download this tasksource task for later use")
    ] = False,
    as_json: Json = False,
) -> None:
    """List tasks with their formats, sizes, languages, licences and sources."""
    import xstilts
    from xstilts.cli.output.json_output import print_json
    from xstilts.cli.output.tasks import show_task, show_tasks, show_tasks_json
    from xstilts.cli.output.tasksource import show_tasksource

    if ctx.invoked_subcommand:
        return
    if download:
        if name is None or tasksource:
            raise typer.BadParameter("name one task: tasksource:NAME", param_hint="--download")
        xstilts.download_task(name)
    if tasksource and as_json:
        print_json(xstilts.tasksource_tasks(name or "").to_dict("records"))
    elif tasksource:
        show_tasksource(name or "")
    elif as_json:
        show_tasks_json(name)
    elif name is None:
        show_tasks()
    else:
        show_task(name)


@app.command()
def new(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="a data file of any split and language")
    ],
    name: Annotated[str, typer.Option("--name", help="name of the task")] = "",
    language: Annotated[
        str, typer.Option("-l", "--language", help="language of files that do not name it")
    ] = "",
    encoder: Annotated[
        str, typer.Option("--encoder", help="whose sub-words are shown: a folder or hub name")
    ] = "e5-small-packaged",
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--out", help="experiment to write, with the task; no file is replaced"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a task for your files: guess format, columns, labels and languages, and check them.

    Files near FILE are found by the split and the language in their names. The first texts are
    shown as a model sees them. The exit code is 2 if needed data are missing or broken.
    """
    import xstilts
    from xstilts.cli.output.console import console
    from xstilts.cli.output.json_output import print_json
    from xstilts.cli.output.new_task import show_new_task

    made = xstilts.new_task(file, name=name, language=language, encoder=encoder, out=out)
    if as_json:
        print_json(made)
    else:
        show_new_task(console(), made)
    if any(report.fails for report in made.reports):
        raise typer.Exit(2)
