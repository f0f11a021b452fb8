"""Messages of the library on the terminal."""

from __future__ import annotations

import logging

from xstilts.cli.output.console import print_message


class TerminalHandler(logging.Handler):
    """Writes log records to standard error, as `warning: message`."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        text = f"{record.levelname.lower()}: {record.getMessage()}"
        print_message(text, "yellow")


def show_log_messages() -> None:
    """Show warnings and errors that the package logs."""
    logger = logging.getLogger("xstilts")
    if not any(isinstance(handler, TerminalHandler) for handler in logger.handlers):
        logger.addHandler(TerminalHandler(logging.WARNING))
