"""Whether peft is installed, which adapters need; without importing it or torch."""

from __future__ import annotations

from importlib.util import find_spec

from xstilts.core.errors import MissingPackageError


def check_peft() -> None:
    """Check that peft is installed.

    Raises:
        MissingPackageError: it is not.
    """
    if find_spec("peft") is None:
        raise MissingPackageError(
            "`lora` in a recipe needs the package peft", todo="run: pip install 'xstilts[lora]'"
        )
