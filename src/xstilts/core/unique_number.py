"""Digits for the names of temporary files and folders, which no other process gives.

Numbers of processes alone do not suffice: on the machines that share a store, and in containers,
they are equal.
"""

from __future__ import annotations

import os
from secrets import randbelow


def unique_number() -> str:
    """The number of this process, and nine random digits."""
    return f"{os.getpid()}{randbelow(10**9):09}"
