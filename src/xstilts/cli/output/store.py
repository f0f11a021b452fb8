"""Output of `xstilts store size`, `gc` and `pin`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from rich import box
from rich.console import Console
from rich.table import Table

from xstilts.api.store_gc import Removal
from xstilts.api.store_sizes import StoreSize
from xstilts.cli.output.console import console, print_text
from xstilts.cli.output.json_output import print_json
from xstilts.core.garbage import Garbage
from xstilts.core.pins import Pin

SHOWN = 20
"""Removed entries that are listed for people; JSON has all."""
KEY_DIGITS = 12


def bytes_text(count: float) -> str:
    """Bytes as text: 1.7 GB, 340 MB, 12 kB."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.{1 if unit == 'GB' else 0}f} {unit}"
    return f"{count:.0f} B"


def table(*columns: str, right: Sequence[int] = ()) -> Table:
    """A table whose columns of numbers are aligned to the right."""
    made = Table(*columns, box=box.SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
    for index in right:
        made.columns[index].justify = "right"
        made.columns[index].no_wrap = True
    return made


def show_size(size: StoreSize, *, as_json: bool = False) -> None:
    """Bytes by kind and by experiment, and the largest artifacts."""
    if as_json:
        print_json(asdict(size))
        return
    out = console()
    kinds = table("kind", "size", right=[1])
    for kind, count in size.kinds.items():
        if count:
            kinds.add_row(kind, bytes_text(count))
    print_text(out, str(size.root))
    out.print(kinds)
    _show_experiments(out, size)
    if size.largest:
        largest = table("largest artifacts", "key", "size", right=[2])
        for item in size.largest:
            label = f"{item.label or 'unknown'}{' (pinned)' if item.pinned else ''}"
            largest.add_row(label, item.key[:KEY_DIGITS], bytes_text(item.bytes))
        out.print(largest)
    for path in size.unreadable:
        print_text(out, f"not counted, as it cannot be read: {path}")
    print_text(out, f"total {bytes_text(size.total)}; {bytes_text(size.free)} free on its disk")


def _show_experiments(out: Console, size: StoreSize) -> None:
    if not size.experiments and not size.unneeded:
        return
    experiments = table("experiment", "needs", "alone", "shared", right=[1, 2, 3])
    for one in size.experiments:
        shared = one.bytes - one.alone
        experiments.add_row(one.name, *map(bytes_text, (one.bytes, one.alone, shared)))
    if size.unneeded:
        experiments.add_row("no experiment", bytes_text(size.unneeded), "", "")
    out.print(experiments)


def show_garbage(entries: Sequence[Garbage], *, as_json: bool = False) -> None:
    """What would be removed, and its size."""
    if as_json:
        total = sum(entry.bytes for entry in entries)
        print_json({"remove": [asdict(entry) for entry in entries], "bytes": total})
        return
    out = console()
    if not entries:
        print_text(out, "nothing to remove")
        return
    _show_counts(out, entries)
    for entry in entries:
        print_text(out, f"{bytes_text(entry.bytes):>7}  {entry.path}")
    size = bytes_text(sum(entry.bytes for entry in entries))
    print_text(out, f"would remove {_entries(len(entries))}, {size}")


def _show_counts(out: Console, entries: Sequence[Garbage]) -> None:
    numbers, sizes = Counter[str](), Counter[str]()
    for entry in entries:
        numbers[entry.kind] += 1
        sizes[entry.kind] += entry.bytes
    kinds = table("kind", "number", "size", right=[1, 2])
    for kind, number in numbers.items():
        kinds.add_row(kind, f"{number:,}", bytes_text(sizes[kind]))
    out.print(kinds)


def show_removal(removal: Removal, *, as_json: bool = False) -> None:
    """What was removed, and what stayed."""
    if as_json:
        named = {
            name: [asdict(entry) for entry in entries]
            for name, entries in (("removed", removal.removed), ("stayed", removal.stayed))
        }
        print_json({**named, "bytes": removal.bytes})
        return
    out = console()
    if removal.removed:
        _show_counts(out, removal.removed)
    for entry in removal.stayed:
        print_text(out, f"stayed, as a process has begun to use it: {entry.path}")
    if not removal.removed:
        print_text(out, "nothing removed")
        return
    print_text(out, f"removed {_entries(len(removal.removed))}, {bytes_text(removal.bytes)}")


def _entries(count: int) -> str:
    return f"{count:,} {'entry' if count == 1 else 'entries'}"


def show_pins(pins: Sequence[Pin], *, as_json: bool = False) -> None:
    """The pins of a store."""
    if as_json:
        print_json([asdict(pin) for pin in pins])
        return
    out = console()
    if not pins:
        print_text(out, "nothing is pinned")
        return
    listed = table("pin", "stages", "since", "by", "note", right=[1])
    for pin in pins:
        since = time.strftime("%Y-%m-%d", time.localtime(pin.when))
        listed.add_row(pin.name, f"{len(pin.keys):,}", since, pin.by, pin.note)
    out.print(listed)
