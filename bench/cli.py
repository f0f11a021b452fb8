"""The command line of every benchmark, and where its rows are written."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from bench.timing import Row
from xstilts.core.cpu_features import has_fast_bf16
from xstilts.training.precision import Precision

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "bench"


class NotAvailable(Exception):
    """This machine lacks what a benchmark needs; the table says so."""


@dataclass(frozen=True)
class Options:
    """How to measure.

    Args:
        data: folder with XTREME's data (see `--help`).
        rounds: turns of each side that count.
        size: the benchmark's own measure of size; 0: its default.
        tiny: a toy encoder and toy data: figures mean nothing.
        precision: of both sides on a CPU, `fp32` or `bf16`.
    """

    data: Path
    rounds: int
    size: int = 0
    tiny: bool = False
    precision: Precision = "fp32"


def require_fast_bf16(options: Options) -> None:
    """Check that bf16 is worth measuring.

    Raises:
        NotAvailable: the CPU has no instructions for it.
    """
    if has_fast_bf16() is False and not options.tiny:
        raise NotAvailable("the CPU has no instructions for bf16")


def program(
    name: str,
    measure: Callable[[Options], list[Row]],
    *,
    rounds: int,
    size: str = "unused",
    precisions: Sequence[Precision] = ("fp32",),
) -> None:
    """A benchmark's main: measure, print, and write `build/bench/NAME.json`.

    Args:
        precisions: that both sides can compute in; the name of the file ends in `-bf16` then.
    """
    parser = argparse.ArgumentParser(prog=f"python -m bench.{name}")
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--size", type=int, default=0, help=size)
    parser.add_argument("--tiny", action="store_true", help="toy sizes, to see that it runs")
    parser.add_argument(
        "--precision", choices=precisions, default="fp32", help="of both sides on a CPU"
    )
    given = parser.parse_args()
    name = f"{name}-bf16" if given.precision == "bf16" else name
    options = Options(given.data.absolute(), given.rounds, given.size, given.tiny, given.precision)
    try:
        rows, skipped = measure(options), ""
    except NotAvailable as reason:
        rows, skipped = [], str(reason)
        print(f"{name}: left out: {reason}")
    for row in rows:
        spread = f"{min(row.values):.3g}–{max(row.values):.3g}"
        print(f"{row.benchmark} | {row.rival}: {row.value:.3g} ({spread}) {row.notes}")
    _write(name, options, rows, skipped)


def _write(name: str, options: Options, rows: list[Row], skipped: str) -> None:
    from bench.machine import machine, versions

    BUILD.mkdir(parents=True, exist_ok=True)
    result = {
        "command": " ".join(
            ["python -m", f"bench.{name.removesuffix('-bf16')}", *_flags(sys.argv[1:])]
        ),
        "tiny": options.tiny,
        "skipped": skipped,
        "rows": [row.to_json() for row in rows],
        "machine": machine(options.precision),
        "versions": versions(),
    }
    text = json.dumps(result, indent=1, ensure_ascii=False)
    (BUILD / f"{name}{'-tiny' if options.tiny else ''}.json").write_text(text, encoding="utf-8")


def _flags(given: list[str]) -> list[str]:
    """The arguments without this machine's folders."""
    return ["DATA" if before == "--data" else flag for before, flag in pairwise(["", *given])]
