"""A page per command, from the command line's own definitions."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer
from rich.text import Text

import xstilts
from xstilts.cli.app import app

FOLDER = "reference/commands"
FUNCTIONS = {
    "data check": "check_data", "data show": "show_data",
    "encoders convert": "convert_encoder", "export": "export_model",
    "score": "score_predictions", "tasks new": "new_task",
}  # fmt: skip
"""Command → its Python function, where that has another name."""
MENTIONS = 6
"""Most pages that a page lists as mentioning its command."""


def commands() -> dict[str, Any]:
    """Name → command or group of commands."""
    group: Any = typer.main.get_command(app)
    return dict(sorted(group.commands.items()))


def path(name: str) -> str:
    """Where the page of a command is, below the folder of pages."""
    return f"{FOLDER}/{name}.md"


def pages(docs: Path) -> dict[str, str]:
    """Path → text of the page of every command.

    Args:
        docs: the folder of pages, which are searched for mentions of each command.
    """
    texts = {
        file.relative_to(docs).as_posix(): file.read_text(encoding="utf-8")
        for file in sorted(docs.rglob("*.md"))
    }
    return {path(name): page(name, command, texts) for name, command in commands().items()}


def page(name: str, command: Any, texts: Mapping[str, str]) -> str:
    """The page of one command, with a section for each command of a group."""
    parts = [f"# xstilts {name}", *_description(name, command)]
    for sub_name, sub_command in getattr(command, "commands", {}).items():
        full = f"{name} {sub_name}"
        parts += [f"## xstilts {full}", *_description(full, sub_command)]
    parts += ["Exit codes: [stopping and resuming](../../guide/stopping.md)."]
    parts += _mentions(name, texts)
    return "\n\n".join(parts) + "\n"


def function(name: str) -> str:
    """The Python function of a command; empty if it has none."""
    wanted = FUNCTIONS.get(name, name.replace(" ", "_"))
    return wanted if wanted in xstilts.VERBS else ""


def _description(name: str, command: Any) -> Iterator[str]:
    yield plain(command.help or "")
    if getattr(command, "commands", None) and not command.invoke_without_command:
        return
    parameters = [parameter for parameter in command.params if not parameter.hidden]
    arguments = [p for p in parameters if not p.opts[0].startswith("-")]
    options = [p for p in parameters if p.opts[0].startswith("-")]
    usage = " ".join(["xstilts", name, *map(_usage, arguments), *(["[OPTIONS]"] * bool(options))])
    yield f"```console\n$ {usage}\n```"
    for title, listed in (("argument", arguments), ("option", options)):
        if listed:
            rows = [f"| {_names(p)} | {_cell(_help(p))} |" for p in listed]
            yield "\n".join([f"| {title} | |", "| --- | --- |", *rows])
    if verb := function(name):
        yield f"In Python: [`xstilts.{verb}`][xstilts.api.{xstilts.VERBS[verb]}.{verb}]."


def plain(markup: str) -> str:
    """A help text without the markup of the terminal; its paragraphs stay."""
    text = Text.from_markup(markup).plain
    return re.sub(r"[ \t]*\n[ \t]*", "\n", text).strip()


def _usage(argument: Any) -> str:
    metavar = argument.metavar or argument.name.upper()
    return str(metavar if argument.required or metavar.startswith("[") else f"[{metavar}]")


def _names(parameter: Any) -> str:
    names = [*parameter.opts, *parameter.secondary_opts]
    if not names[0].startswith("-"):
        return _code(_usage(parameter))
    value = "" if parameter.is_flag else f" {parameter.metavar or parameter.name.upper()}"
    return ", ".join(_code(f"{name}{value}") for name in names)


def _code(text: str) -> str:
    """Code in a cell of a table, where a bar in backticks would end the cell."""
    return f"<code>{html.escape(text).replace('|', '&#124;')}</code>"


def _help(parameter: Any) -> str:
    text = plain(parameter.help or "")
    has_default = parameter.default not in (None, "", False, ()) and "[default:" not in text
    default = parameter.default if isinstance(parameter.default, str | int | float) else None
    needed = " (required)" if parameter.required and parameter.opts[0].startswith("-") else ""
    shown = f"  [default: {default}]" if has_default and default is not None else ""
    return f"{text}{shown}{needed}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;").replace("*", "\\*")


def _mentions(name: str, texts: Mapping[str, str]) -> Iterator[str]:
    """Links to the pages that mention a command most often."""
    pattern = re.compile(rf"xstilts {name}\b|xstilts\.{name}\(")
    counts = {page: len(pattern.findall(text)) for page, text in texts.items()}
    skipped = ("reference/commands.md", "index.md")
    ranked = sorted(
        (p for p, n in counts.items() if n and p not in skipped), key=lambda p: -counts[p]
    )
    if ranked:
        links = [f"[{_title(texts[page])}](../../{page})" for page in ranked[:MENTIONS]]
        yield f"Used in: {', '.join(links)}."


def _title(text: str) -> str:
    return text.partition("\n")[0].lstrip("# ").replace("`", "")
