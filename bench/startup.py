"""Verbs that only look, as whole processes beside importing torch and transformers.

`plan` prices the published study from its preset, without data and in an empty store: once whole,
once with one intermediate task. The data's fingerprints, which are looked up then, come on top.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from statistics import median

from bench.cli import Options, program
from bench.timing import Contestant, Row, alternate, timed

RIVAL = "importing torch and transformers' models"
IMPORT = ("-c", "import torch, transformers; transformers.AutoModel, transformers.XLMRobertaModel")
VERBS = {
    "--help": ("--help",),
    "plan": ("plan", "phang-2020"),
    "plan, one intermediate task": ("plan", "phang-2020", "--set", "intermediate=[none, mnli]"),
}


def said(arguments: Sequence[str]) -> str:
    """What a Python process with some arguments writes.

    Raises:
        CalledProcessError: it fails.
    """
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def measure(options: Options) -> list[Row]:
    """A row for each verb."""
    with tempfile.TemporaryDirectory() as store:

        def arguments(verb: str) -> list[str]:
            place = [] if verb == "--help" else ["--store", store]
            return ["-m", "xstilts", *VERBS[verb], *place]

        def side(given: Sequence[str]) -> Contestant:
            action: Callable[[], str] = lambda: said(given)  # noqa: E731
            return lambda _: timed(action)

        sides = {verb: side(arguments(verb)) for verb in VERBS} | {RIVAL: side(IMPORT)}
        turns = alternate(sides, options.rounds)
        stages = {verb: _stages(said(arguments(verb))) for verb in VERBS}
    rows = []
    for verb in VERBS:
        pairs = zip(turns[verb], turns[RIVAL], strict=True)
        notes = {"seconds": round(median(turn.seconds for turn in turns[verb]), 2)}
        notes["rival's seconds"] = round(median(turn.seconds for turn in turns[RIVAL]), 2)
        name = f"`xstilts {verb}`" + (f" ({stages[verb]} stages)" if stages[verb] else "")
        values = [one.seconds / other.seconds for one, other in pairs]
        rows.append(
            Row(name, RIVAL, values, None, None, share=True, small_is_good=True, notes=notes)
        )
    return rows


def _stages(text: str) -> str:
    found = re.search(r"(\d+) stages", text)
    return f"{int(found[1]):,}" if found else ""


if __name__ == "__main__":
    program("startup", measure, rounds=3)
