"""What a command raised, or could not write, is its exit code."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CODE = """
import sys
from xstilts.cli.exit_codes import exit_code_of
def command():
    sys.stdout.write("text\\n")
    raise SystemExit({code})
sys.exit(exit_code_of(command))
"""
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


def run(code: int, stdout: int) -> tuple[int, bytes]:
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(code=code)],
        env=BUFFERED,
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=60,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("code", [0, 2, 3])
def test_a_closed_pipe_hides_no_exit_code(code: int) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    assert run(code, writing) == (code, b"")
    os.close(writing)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize(("code", "expected"), [(0, 4), (3, 3)])
def test_a_full_disk_is_an_error_in_words(code: int, expected: int) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    returned, errors = run(code, full)
    os.close(full)
    assert returned == expected
    assert b"Exception ignored" not in errors
    assert (b"No space left" in errors) == (code == 0)
