"""Write `docs/performance.md` from the results of the benchmarks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.cli import BUILD, ROOT
from bench.timing import Row

PAGE = ROOT / "docs" / "performance.md"
ORDER = (
    *("finetune", "finetune-bf16", "precision", "mlm", "memory", "lora", "evaluate", "tatoeba"),
    *("mine", "grid", "startup", "worker_start"),
)
"""Names of the results; those that end in `-bf16` are of benchmarks with `--precision bf16`."""
FAILED: dict[str, Any] = {"skipped": "failed, or not run", "rows": []}
HEAD = """\
# Performance

Written by `python -m bench.report` (the last step of `make bench`) from the most recent result of
each benchmark. Both sides use the same data and weights, precision, threads, examples per
optimizer step, dropout, schedule and clipping. They alternate (ABAB…) in one process tree, after
an uncounted warm-up of each. Memory is measured once per side; a round of the grid is a complete
grid between single runs. Every benchmark except memory, adapters (which tests compare with peft)
and start-up first checks that both sides compute the same result. A figure is the median of the
rounds' values, with minimum and maximum: how many times as fast xstilts is, a share, or seconds.

The share of the matrix-product rate counts the operations of the blocks' matrices for real sub-
words only, relative to the best product of large matrices in the same run; for mining, relative
to the same number of operations in such products, measured next to each round. That rate varies
between runs on a shared machine, so shares in different rows are not comparable.

Both sides run in one process with the same number of threads. The rivals' libraries parallelise
each matrix product; xstilts, as in a single stage of `xstilts run`, gives each thread its own
texts. Nothing on this page was measured on a GPU. Large plans and stores: [scale](scale.md).
"""

LIMITS = {
    "mine": "Without fast bf16 each cosine is computed once, in fp32. A third side performs the "
    "same number of operations in large fp32 products; `speed-up if only fp32 products took time`, "
    "below, is the ratio that would remain if everything else were free. Where that is below the "
    "target, the target is out of reach for fp32 on that machine.",
    **dict.fromkeys(
        ("finetune", "finetune-bf16", "evaluate", "tatoeba"),
        "`ratio if only products took time`, below, is what would remain if everything but "
        "products of matrices were free. Where that is below the target, the target is out of "
        "reach for this precision on that machine. The rest is normalisation, softmax, GELU, "
        "dropout, sums and copies, each a few per cent, in torch's own kernels.",
    ),
    "precision": "bf16 makes products of matrices faster and leaves the rest in fp32, as autocast "
    "does. With a share p of the time in products, and products that are r times as fast in bf16, "
    "the ratio is at most 1 / (1 - p + p / r). Shares are below. On CPUs with AVX-512 that are not "
    "Intel's, fp32 products are by oneDNN too, which makes r smaller where it is faster than MKL.",
    "grid": "The time outside of stages; and stages that run alone differ in time from the same "
    "ones in the grid by more than the target's 3 % on a shared machine.",
    "worker_start": "The first worker waits until its server has imported torch and transformers; "
    "a further one only reads weights and data. Where `seconds of the imports alone`, below, are "
    "more than the target, it is out of reach with these libraries on that machine.",
    "mlm": "The rival in one piece does not fit into 24 GB; its need is extrapolated from slices "
    "that do. xstilts always holds all rows at once.",
}
"""What limits a benchmark, where it is known."""


def page(results: dict[str, dict[str, Any]]) -> str:
    """The page as Markdown."""
    parts = (part(results) for part in (_table, _limits, _notes, _where))
    return "\n".join([HEAD, *("\n".join(part) for part in parts)]) + "\n"


def _limits(results: dict[str, dict[str, Any]]) -> Iterator[str]:
    reasons: dict[str, list[str]] = {}
    for name, result in results.items():
        if any(row.met is False for row in _rows(result)):
            reasons.setdefault(LIMITS.get(name, "Not known."), []).append(f"`{name}`")
    if reasons:
        yield "\n## Missed targets\n"
    for reason, names in reasons.items():
        yield f"- {', '.join(names)}: {reason}"


def _table(results: dict[str, dict[str, Any]]) -> Iterator[str]:
    yield "| benchmark | rival | measured | spread | target | aim |"
    yield "|---|---|---|---|---|---|"
    for name, result in results.items():
        if result["skipped"]:
            yield f"| {name} | | not measured: {result['skipped']} | | | |"
        for row in _rows(result):
            spread = f"{_figure(row, min(row.values))} – {_figure(row, max(row.values))}"
            mark = {True: "", False: " (missed)", None: ""}[row.met]
            cells = [row.benchmark, row.rival, f"**{_figure(row, row.value)}**{mark}", spread]
            cells += [_target(row, row.at_least), _target(row, row.aim)]
            yield f"| {' | '.join(cells)} |"


def _rows(result: dict[str, Any]) -> list[Row]:
    return [Row(**row) for row in result["rows"]]


def _figure(row: Row, value: float) -> str:
    if row.share:
        return f"{100 * value:.1f} %"
    if row.seconds:
        return f"{value:.2f} s"
    return f"{value:.2f}×"


def _target(row: Row, value: float | None) -> str:
    if value is None:
        return ""
    return f"{'at most' if row.small_is_good else 'at least'} {_figure(row, value)}"


def _notes(results: dict[str, dict[str, Any]]) -> Iterator[str]:
    yield "\n## Other measurements\n"
    for result in results.values():
        for row in _rows(result):
            notes = dict(row.notes)
            if ratio := row.if_only_products:
                notes["ratio if only products took time"] = round(ratio, 2)
            if notes:
                facts = "; ".join(f"{name} {_plain(value)}" for name, value in notes.items())
                yield f"- {row.benchmark}, {row.rival}: {facts}."


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {one}" for name, one in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _where(results: dict[str, dict[str, Any]]) -> Iterator[str]:
    yield "\n## Machine, versions, commands\n"
    for facts in _different(
        result["machine"] for result in results.values() if result is not FAILED
    ):
        yield f"- {facts['processor']}; {facts['precision']}; {facts['system']}"
    for facts in _different(
        result["versions"] for result in results.values() if result is not FAILED
    ):
        yield f"- {', '.join(f'{name} {number}' for name, number in facts.items())}"
    yield ""
    for name, result in results.items():
        yield f"    {result.get('command', f'python -m bench.{name}')}"


def _different(facts: Iterator[dict[str, str]]) -> list[dict[str, str]]:
    return [json.loads(text) for text in dict.fromkeys(json.dumps(one) for one in facts)]


def read(*, tiny: bool = False) -> dict[str, dict[str, Any]]:
    """The results of the benchmarks, in the order of the table."""
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
