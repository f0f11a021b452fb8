"""Commands that resume recorded runs."""

from __future__ import annotations

from xstilts.api.resume_command import SUPERSEDED, ResumeCommand, without_repeats


def test_a_command_is_that_of_the_newest_run_only() -> None:
    run, gone = ResumeCommand("xstilts run a.yaml"), ResumeCommand(problem="a.yaml has changed")
    assert without_repeats([gone, run, gone, run]) == [
        gone,
        ResumeCommand(problem=SUPERSEDED),
        gone,
        run,
    ]
