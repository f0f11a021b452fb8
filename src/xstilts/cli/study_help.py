"""Help texts that list the entries of a registry."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand


class StudyCommand(TyperCommand):
    """The command `xstilts study`; its help lists the studies and their questions."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Append the studies to the standard help."""
        from xstilts.studies import STUDIES

        listed = (f"[bold]{name}[/bold]: {_question(name)}" for name in STUDIES)
        self.epilog = "\n\n".join(("Studies:", *listed))
        super().format_help(ctx, formatter)


def _question(name: str) -> str:
    """The question of a study, or why it cannot be imported."""
    from xstilts.studies import STUDIES

    try:
        return STUDIES.get(name).question
    except ImportError as error:
        return f"not available ({error})"
