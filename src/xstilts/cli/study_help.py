"""The help of verbs whose names come from a registry."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand


class StudyCommand(TyperCommand):
    """`xstilts study`, whose help lists the studies with their questions."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The usual help, and below it what can be asked."""
        from xstilts.studies import STUDIES

        said = (f"[bold]{name}[/bold]: {_question(name)}" for name in STUDIES)
        self.epilog = "\n\n".join(("Studies:", *said))
        super().format_help(ctx, formatter)


def _question(name: str) -> str:
    """What a study asks; a study of another package may not be importable here."""
    from xstilts.studies import STUDIES

    try:
        return STUDIES.get(name).question
    except ImportError as error:
        return f"cannot be asked here ({error})"
