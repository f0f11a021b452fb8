"""Output of `xstilts store verify`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from xstilts.api.store_verify import Damage, Verification
from xstilts.cli.output.console import TextConsole, console, print_text
from xstilts.cli.output.json_output import print_json
from xstilts.cli.output.store import bytes_text
from xstilts.core.counted import counted
from xstilts.core.units import duration

FOREIGN_SHOWN = 20


@contextmanager
def reading(*, quiet: bool) -> Iterator[Callable[[int], None] | None]:
    """Show on standard error how many bytes were read."""
    if quiet:
        yield None
        return
    read = [0, 0]
    with TextConsole(stderr=True).status("reading") as status:

        def add(count: int) -> None:
            read[0] += count
            read[1] += 1
            status.update(Text(f"read {read[1]:,} entries, {bytes_text(read[0])}"))

        yield add


def show_verification(result: Verification, *, repair: bool, as_json: bool = False) -> None:
    """What is damaged, what needs it, and what to do."""
    if as_json:
        print_json(asdict(result))
        return
    out = console()
    for damage in result.damaged:
        _show_damage(out, damage)
    for path in result.foreign[:FOREIGN_SHOWN]:
        print_text(out, f"foreign, never touched: {path}")
    if (more := len(result.foreign) - FOREIGN_SHOWN) > 0:
        print_text(out, f"foreign, never touched: … and {more:,} more")
    if result.journal_lines:
        print_text(out, f"journal.jsonl: {result.journal_lines:,} damaged lines, which are skipped")
    print_text(
        out,
        f"read {result.files:,} entries, {bytes_text(result.bytes)} in {result.root}: "
        + (f"{len(result.damaged):,} damaged" if result.damaged else "all match what was written"),
    )
    if result.again:
        stages = counted(result.again, "stage")
        time = duration(result.seconds)
        print_text(out, f"the next run computes {stages} again: about {time} in one process")
    if result.damaged and not repair:
        print_text(out, "→ xstilts store verify --repair moves what is damaged to damaged/")


def _show_damage(out: Console, damage: Damage) -> None:
    label = f" ({damage.stage.label})" if damage.stage else ""
    print_text(out, f"damaged: {damage.path}{label}")
    print_text(out, f"  {damage.problem}")
    if damage.needed_by:
        print_text(out, f"  needed by {', '.join(damage.needed_by)}")
    print_text(out, f"  → {damage.remedy}")
    if damage.moved_to:
        print_text(out, f"  moved to {damage.moved_to}")
