"""`docs/performance.md` from what the benchmarks have written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.cli import BUILD, ROOT
from bench.timing import Row

PAGE = ROOT / "docs" / "performance.md"
ORDER = ("finetune", "mlm", "memory", "evaluate", "tatoeba", "mine", "grid", "startup")
FAILED: dict[str, Any] = {"skipped": "it failed, or was not run", "rows": []}
HEAD = """\
# Performance

Written by `python -m bench.report` (`make bench` calls it last) from what each benchmark measured
when it was last run. Both sides have the same data and weights, precision, threads, examples per
optimizer step, dropout, schedule and clipping. They take turns (ABAB…) in one process tree, after
a warm-up turn of each that is not counted. Memory is measured once for each side; a round of the
grid is the whole grid between runs made alone. Each benchmark but those of memory and start-up
checks that both sides compute the same. A figure is the median of the rounds' ratios, with the
lowest and the highest: how many times as fast xstilts is, or a share.

The share of the matrix-product rate counts the operations of the blocks' matrices for real
sub-words only, against the best product of large matrices that was seen in the same run; for
mining, against as many operations in such products, next to each turn. That rate differs from run
to run on a shared machine, so shares of different rows cannot be compared.

Where models compute, both sides are one process with the same number of threads. The rivals'
libraries share each product of matrices among them; xstilts, as in a lone stage of `xstilts run`,
gives each thread texts of its own. Nothing here was measured on a GPU.
"""

LIMITS = {
    "mine": "Each cosine is made once, in fp32. A third side does as many operations in products "
    "of large matrices; `times as fast if products alone took time`, below, is what would be left "
    "of the ratio if everything else cost nothing. Where that is less than the target, the target "
    "is out of reach on that machine.",
    "evaluate": "Shares of the product rate are below: 1 / the rival's share is what would be left "
    "of the ratio if ours reached the rate of large products.",
    "grid": "Its time outside of stages; and stages that run alone take another time than the same "
    "ones in the grid, by more than the target's 3 % on a shared machine.",
    "mlm": "The rival in one piece does not fit into 24 GB; what it would need is reckoned from "
    "slices that do. Ours always holds all rows at once.",
}
"""What forbids more, of the benchmarks for which it is known."""


def page(results: dict[str, dict[str, Any]]) -> str:
    """The page as Markdown."""
    parts = (part(results) for part in (_table, _limits, _notes, _where))
    return "\n".join([HEAD, *("\n".join(part) for part in parts)]) + "\n"


def _limits(results: dict[str, dict[str, Any]]) -> Iterator[str]:
    missed = [
        name for name, found in results.items() if any(row.met is False for row in _rows(found))
    ]
    if missed:
        yield "\n## What the missed targets wait for\n"
    for name in missed:
        yield f"- `{name}`: {LIMITS.get(name, 'Not known.')}"


def _table(results: dict[str, dict[str, Any]]) -> Iterator[str]:
    yield "| benchmark | rival | measured | spread | target | aim |"
    yield "|---|---|---|---|---|---|"
    for name, found in results.items():
        if found["skipped"]:
            yield f"| {name} | | not measured: {found['skipped']} | | | |"
        for row in _rows(found):
            spread = f"{_figure(row, min(row.values))} – {_figure(row, max(row.values))}"
            mark = {True: "", False: " (missed)", None: ""}[row.met]
            cells = [row.benchmark, row.rival, f"**{_figure(row, row.value)}**{mark}", spread]
            cells += [_target(row, row.at_least), _target(row, row.aim)]
            yield f"| {' | '.join(cells)} |"


def _rows(found: dict[str, Any]) -> list[Row]:
    return [Row(**row) for row in found["rows"]]


def _figure(row: Row, value: float) -> str:
    if row.share:
        return f"{100 * value:.1f} %"
    return f"{value:.2f}×"


def _target(row: Row, value: float | None) -> str:
    if value is None:
        return ""
    return f"{'at most' if row.small_is_good else 'at least'} {_figure(row, value)}"


def _notes(results: dict[str, dict[str, Any]]) -> Iterator[str]:
    yield "\n## What else was measured\n"
    for found in results.values():
        for row in _rows(found):
            if row.notes:
                facts = "; ".join(f"{name} {_plain(value)}" for name, value in row.notes.items())
                yield f"- {row.benchmark}, {row.rival}: {facts}."


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {one}" for name, one in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _where(results: dict[str, dict[str, Any]]) -> Iterator[str]:
    yield "\n## Machine, versions, commands\n"
    for facts in _different(found["machine"] for found in results.values() if found is not FAILED):
        yield f"- {facts['processor']}; {facts['precision']}; {facts['system']}"
    for facts in _different(found["versions"] for found in results.values() if found is not FAILED):
        yield f"- {', '.join(f'{name} {number}' for name, number in facts.items())}"
    yield ""
    for name, found in results.items():
        yield f"    {found.get('command', f'python -m bench.{name}')}"


def _different(facts: Iterator[dict[str, str]]) -> list[dict[str, str]]:
    return [json.loads(text) for text in dict.fromkeys(json.dumps(one) for one in facts)]


def read(*, tiny: bool = False) -> dict[str, dict[str, Any]]:
    """What the benchmarks have written, in the table's order."""
    paths = {name: BUILD / f"{name}{'-tiny' if tiny else ''}.json" for name in ORDER}
    return {
        name: json.loads(path.read_text(encoding="utf-8")) if path.is_file() else FAILED
        for name, path in paths.items()
    }


def write(path: Path = PAGE, *, tiny: bool = False) -> None:
    """Write the page."""
    path.write_text(page(read(tiny=tiny)), encoding="utf-8")


if __name__ == "__main__":
    write()
