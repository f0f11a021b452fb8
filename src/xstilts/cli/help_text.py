"""Help of commands from docstrings: paragraphs that the terminal wraps at its own width."""

from __future__ import annotations

import inspect

import typer


def use_paragraphs(app: typer.Typer) -> None:
    """Give each command, also those of groups, its docstring without the breaks of the source."""
    for command in app.registered_commands:
        command.help = paragraphs(command.help or inspect.getdoc(command.callback) or "")
    for group in app.registered_groups:
        if group.typer_instance:
            use_paragraphs(group.typer_instance)


def paragraphs(text: str) -> str:
    """A text whose paragraphs are one line each."""
    joined = (" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
    return "\n\n".join(joined)
