"""Output of `xstilts tasks new`."""

from __future__ import annotations

import shlex
from pathlib import Path

from rich.console import Console

from xstilts.api.new_task import NewTask, SeenExample
from xstilts.cli.output.console import print_line, print_text
from xstilts.cli.output.data_check import show_data_check
from xstilts.cli.output.next_steps import show_steps
from xstilts.core.printable import printable

SHOWN = 40
"""Sub-words shown of a text."""


def show_new_task(out: Console, made: NewTask) -> None:
    """What was guessed, the check, the first batch, and the declaration to copy."""
    print_text(out, "guessed", style="bold")
    for guess in made.guesses:
        print_text(out, printable(guess), bullet="•")
    out.print()
    print_text(out, "checked", style="bold")
    show_data_check(out, made.reports, None)
    out.print()
    print_text(out, f"the first texts as {made.encoder} sees them", style="bold")
    for seen in made.batch:
        print_text(out, _subwords(seen), bullet="•")
    out.print()
    if made.file:
        _show_written(out, made.file, is_complete=made.is_target)
        return
    print_text(out, "for an experiment's file", style="bold")
    for line in made.text.splitlines():
        print_line(out, line)


def _show_written(out: Console, file: Path, *, is_complete: bool) -> None:
    add = "" if is_complete else ": add `targets`, the tasks to evaluate"
    print_line(out, f"wrote {file}{add}")
    name = shlex.quote(str(file))
    show_steps(
        (
            (f"xstilts plan {name}", "what would run, with time and disk"),
            (f"xstilts run {name}", "runs it; stop it at any time and run it again"),
        )
    )


def _subwords(seen: SeenExample) -> str:
    """Sub-words, with a class index after those that have one; then the target of the text."""
    target = seen.target
    marked = list(seen.subwords)
    if isinstance(target, list) and len(target) == len(marked):
        marked = [
            f"{word}/{index}" if index >= 0 else word
            for word, index in zip(marked, target, strict=True)
        ]
    text = printable(" ".join(marked[:SHOWN])) + (" …" if len(marked) > SHOWN else "")
    names = ", ".join(f"{index} {label}" for index, label in sorted(seen.labels.items()))
    if names:
        return f"{text} → {names}"
    return text if isinstance(target, list) or target < 0 else f"{text} → {target:g}"
