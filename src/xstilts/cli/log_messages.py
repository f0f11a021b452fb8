"""Messages of the library on the terminal."""

from __future__ import annotations

import logging

import typer

from xstilts.core.printable import printable


class TerminalHandler(logging.Handler):
    """Writes log records to standard error, as `warning: message`."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        text = f"{record.levelname.lower()}: {record.getMessage()}"
        typer.secho(printable(text), fg="yellow", err=True)


def show_log_messages() -> None:
    """Show warnings and errors that the package logs."""
    logger = logging.getLogger("xstilts")
    if not any(isinstance(handler, TerminalHandler) for handler in logger.handlers):
        logger.addHandler(TerminalHandler(logging.WARNING))
