"""Standard output as a rich console, and as text for any terminal and pipe."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Iterable
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from xstilts.cli.output.wrapping import wrapped, wrapped_item
from xstilts.core.printable import printable

PIPE_WIDTH = 140
"""Columns of a table that is not printed to a terminal, unless the variable COLUMNS says more."""


PLAIN = "xstilts.plain"
"""The error handler of standard output and standard error."""
PLAIN_FORMS = {
    "→": "->", "–": "-", "—": "-", "−": "-", "─": "-", "…": "...", "•": "*", "·": "*", "✓": "+",
    "✗": "x", "×": "x", "≤": "<=", "≥": ">=", "‘": "'", "’": "'", "“": '"', "”": '"',
}  # fmt: skip
"""Signs of the program's own texts as ASCII."""


class TextConsole(Console):
    """A console that prints text as it is: names may contain brackets and colons.

    Control characters in a text are printed as escapes.
    """

    def __init__(
        self, *, stderr: bool = False, width: int | None = None, quiet: bool = False
    ) -> None:
        super().__init__(stderr=stderr, width=width, markup=False, emoji=False, quiet=quiet)

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
    """Standard output; without a terminal as wide as COLUMNS says, or `PIPE_WIDTH`."""
    return TextConsole(width=None if _has_width() else PIPE_WIDTH)


def _has_width() -> bool:
    """Whether standard output is as wide as a terminal, so that texts wrap."""
    return sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit()


def accept_any_text() -> None:
    r"""Let standard output and standard error take characters that their encoding lacks.

    Signs have a plain form (`->`); others are written as escapes (`\u0142`), so that nothing is
    lost without a trace.
    """
    codecs.register_error(PLAIN, _plain)
    for name in ("stdout", "stderr"):
        stream: TextIO | None = getattr(sys, name)
        if stream is None:  # closed by the caller
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors=PLAIN)


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    """Plain forms of what an encoding lacks, else escapes."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    form = PLAIN_FORMS.get(error.object[error.start])
    if form is not None:
        return form, error.start + 1
    single = UnicodeEncodeError(
        error.encoding, error.object, error.start, error.start + 1, error.reason
    )
    return codecs.backslashreplace_errors(single)


def print_message(text: str, style: str = "") -> None:
    """Print a message for people to standard error."""
    out = TextConsole(stderr=True)
    out.print(Text(text, style), soft_wrap=True, highlight=False)


def discard_output(*descriptors: int) -> None:
    """Send what is still written to these file descriptors to nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def print_text(out: Console, text: str, *, style: str = "", bullet: str = "") -> None:
    """Print a paragraph without markup, wrapped at words; on pipes as one line.

    Args:
        bullet: before the first line; the others are indented as far as the text.
    """
    for paragraph in text.split("\n"):
        for line in _lines(Text(paragraph, style), bullet, out.width if _has_width() else None):
            print_line(out, line)


def _lines(text: Text, bullet: str, width: int | None) -> Iterable[Text]:
    if width is None:
        return [Text.assemble(bullet, " ", text) if bullet else text]
    if bullet:
        return wrapped_item(bullet, text, width)
    indent = len(text.plain) - len(text.plain.lstrip(" "))
    if not indent:
        return wrapped(text, width)
    return [Text.assemble(" " * indent, line) for line in wrapped(text[indent:], width - indent)]


def print_line(out: Console, line: str | Text) -> None:
    """Print a line without markup, highlighting or breaks, such as a command to copy."""
    out.print(line, markup=False, highlight=False, soft_wrap=True)
