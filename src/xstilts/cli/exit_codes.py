"""From what a command raises to messages and exit codes."""

from __future__ import annotations

import sys
from collections.abc import Callable

from xstilts.cli.output.console import accept_any_text, discard_output, print_message
from xstilts.cli.signals import Interrupted, handle_signals
from xstilts.core.errors import StoreError, XstiltsError

INTERRUPTED = 130


def exit_code_of(command: Callable[[], object]) -> int | str | None:
    """Run a command; its exit code, after a message for what it raises.

    A pipe that its reader has closed (`xstilts plan … | head`) is no error and hides none.
    """
    handle_signals()
    accept_any_text()
    code = run_command(command)
    try:
        sys.stdout.flush()
    except OSError as error:
        discard_output(1)
        is_closed = isinstance(error, BrokenPipeError)
        return code if is_closed or code else _report_os_error(error)
    return code


def run_command(command: Callable[[], object]) -> int | str | None:
    """Run a command without changing what the process does at signals; its exit code.

    What it raises becomes a message, unless it is an error of the program itself.
    """
    try:
        command()
    except SystemExit as stop:
        if isinstance(stop.__context__, BrokenPipeError):  # typer and rich exit with 1
            discard_output(1)
            return 0
        return stop.code
    except XstiltsError as error:
        return _report(f"error: {error}", error.exit_code)
    except Interrupted:
        return _report("interrupted; finished stages are kept, re-run to resume", INTERRUPTED)
    except BrokenPipeError:
        discard_output(1)
    except OSError as error:
        return _report_os_error(error)
    return 0


def _report_os_error(error: OSError) -> int:
    file = f"{error.filename}: " if error.filename else ""
    todo = "check that the file or folder is there and can be read and written, then run again"
    return _report(f"error: {file}{error.strerror or error}\n  → {todo}", StoreError.exit_code)


def _report(text: str, code: int) -> int:
    print_message(text, "" if code == INTERRUPTED else "red")
    return code
