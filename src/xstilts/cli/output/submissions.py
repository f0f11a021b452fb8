"""Output of `xstilts report --format xtreme`: files of submissions and their problems."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xstilts.cli.output.console import console, print_text
from xstilts.cli.output.json_output import print_json

if TYPE_CHECKING:
    from xstilts.reports.xtreme.write import LeaderboardSubmission


def show_submissions(
    submissions: Sequence[LeaderboardSubmission], *, as_json: bool = False
) -> None:
    """Folder and zip of each submission, and all its problems."""
    if as_json:
        print_json(list(submissions))
        return
    out = console()
    for made in submissions:
        files = f"wrote {made.folder} and {made.archive.name}" if made.archive else "not written"
        print_text(out, f"{made.encoder}, {made.intermediate}, seed {made.seed}: {files}")
        if made.problems:
            out.print("INCOMPLETE: do not submit", style="bold red", highlight=False)
        for problem in made.problems:
            print_text(out, f"  {problem}")
