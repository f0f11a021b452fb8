"""Processes of read-only commands, compared with importing torch and transformers.

`plan` estimates the cost of the published study from its preset, without data and in an empty
store: once completely, once with one intermediate task. With data, it also looks up fingerprints.
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


def output_of(arguments: Sequence[str]) -> str:
    """Standard output of a Python process with the arguments.

    Raises:
        CalledProcessError: the process fails.
    """
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def measure(options: Options) -> list[Row]:
    """A row for each verb."""
    with tempfile.TemporaryDirectory() as store:

        def arguments(verb: str) -> list[str]:
            store_option = [] if verb == "--help" else ["--store", store]
            return ["-m", "xstilts", *VERBS[verb], *store_option]

        def side(given: Sequence[str]) -> Contestant:
            action: Callable[[], str] = lambda: output_of(given)  # noqa: E731
            return lambda _: timed(action)

        sides = {verb: side(arguments(verb)) for verb in VERBS} | {RIVAL: side(IMPORT)}
        turns = alternate(sides, options.rounds)
        stages = {verb: _stages(output_of(arguments(verb))) for verb in VERBS}
    rows = []
    for verb in VERBS:
        pairs = zip(turns[verb], turns[RIVAL], strict=True)
        notes = {"seconds": round(median(turn.seconds for turn in turns[verb]), 2)}
        notes["rival's seconds"] = round(median(turn.seconds for turn in turns[RIVAL]), 2)
        name = f"`xstilts {verb}`" + (f" ({stages[verb]} stages)" if stages[verb] else "")
        values = [own.seconds / rival.seconds for own, rival in pairs]
        rows.append(
            Row(name, RIVAL, values, None, None, share=True, small_is_good=True, notes=notes)
        )
    return rows


def _stages(text: str) -> str:
    match = re.search(r"([\d,]+) stages", text)
    return match[1] if match else ""


if __name__ == "__main__":
    program("startup", measure, rounds=3)
