"""`xstilts doctor`: what this machine offers."""

from __future__ import annotations

from xstilts.cli.options import Json


def doctor(as_json: Json = False) -> None:
    """Show versions, devices, store and access to the Hugging Face hub."""
    from xstilts.cli.diagnosis import diagnose
    from xstilts.cli.output.doctor import show_diagnosis

    show_diagnosis(diagnose(), as_json=as_json)
