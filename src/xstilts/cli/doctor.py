"""`xstilts doctor`: what this machine offers."""

from __future__ import annotations


def doctor() -> None:
    """Show versions, devices, store and access to the Hugging Face hub."""
    from xstilts.cli.diagnosis import diagnose
    from xstilts.cli.output.doctor import show_diagnosis

    show_diagnosis(diagnose())
