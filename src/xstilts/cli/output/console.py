"""Standard output as a rich console, and as text for any terminal and pipe."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from xstilts.core.printable import printable

PIPE_WIDTH = 140
"""Columns of a table that is not printed to a terminal."""


class TextConsole(Console):
    """A console that prints text as it is: names may contain brackets and colons.

    Control characters in a text are printed as escapes.
    """

    def __init__(self, *, stderr: bool = False, width: int | None = None) -> None:
        super().__init__(stderr=stderr, width=width, markup=False, emoji=False)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """The segments of something to print; only rich's own segments control the terminal."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else printable(text), style, control)

    def on_broken_pipe(self) -> None:
        """Raise the BrokenPipeError that rich is handling; rich would exit, but a run goes on."""
        raise


def console() -> TextConsole:
    """Standard output, with a fixed width if it is not a terminal."""
    return TextConsole(width=None if sys.stdout.isatty() else PIPE_WIDTH)


def accept_any_text() -> None:
    r"""Let standard output and standard error take characters that their encoding lacks.

    These are written as escapes (`\u2192`), so that nothing is lost without a trace.
    """
    for name in ("stdout", "stderr"):
        stream: TextIO | None = getattr(sys, name)
        if stream is None:  # closed by the caller
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")


def discard_output(*descriptors: int) -> None:
    """Send what is still written to these file descriptors to nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def print_text(out: Console, text: str) -> None:
    """Print a line without markup, highlighting or hard wraps."""
    out.print(text, markup=False, highlight=False, soft_wrap=True)
