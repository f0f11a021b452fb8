"""Output of `xstilts store size`, `gc` and `pin`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console

from xstilts.api.store_gc import Removal
from xstilts.api.store_sizes import StoreSize
from xstilts.cli.output.console import console, print_line, print_text
from xstilts.cli.output.json_output import print_json
from xstilts.cli.output.tables import FoldingTable, name, number, show_table, text
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


def show_size(size: StoreSize, *, as_json: bool = False) -> None:
    """Bytes by kind and by experiment, and the largest artifacts."""
    if as_json:
        print_json(asdict(size))
        return
    out = console()
    kinds = [(kind, bytes_text(count)) for kind, count in size.kinds.items() if count]
    print_line(out, str(size.root))
    show_table(out, FoldingTable((name("kind"), number("size")), kinds))
    _show_experiments(out, size)
    if size.largest:
        largest = [
            (
                f"{item.label or 'unknown'}{' (pinned)' if item.pinned else ''}",
                item.key[:KEY_DIGITS],
                bytes_text(item.bytes),
            )
            for item in size.largest
        ]
        columns = (name("largest artifacts"), name("key", 1), number("size"))
        show_table(out, FoldingTable(columns, largest))
    for path in size.unreadable:
        print_text(out, f"not counted, as it cannot be read: {path}")
    print_text(out, f"total {bytes_text(size.total)}; {bytes_text(size.free)} free on its disk")


def _show_experiments(out: Console, size: StoreSize) -> None:
    if not size.experiments and not size.unneeded:
        return
    rows = [
        (each.name, *map(bytes_text, (each.bytes, each.alone, each.bytes - each.alone)))
        for each in size.experiments
    ]
    if size.unneeded:
        rows.append(("no experiment", bytes_text(size.unneeded), "", ""))
    columns = (name("experiment"), number("needs"), number("alone", 1), number("shared", 2))
    show_table(out, FoldingTable(columns, rows))


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
        print_line(out, f"{bytes_text(entry.bytes):>7}  {entry.path}")
    size = bytes_text(sum(entry.bytes for entry in entries))
    print_text(out, f"would remove {_entries(len(entries))}, {size}")


def _show_counts(out: Console, entries: Sequence[Garbage]) -> None:
    numbers, sizes = Counter[str](), Counter[str]()
    for entry in entries:
        numbers[entry.kind] += 1
        sizes[entry.kind] += entry.bytes
    rows = [(kind, f"{count:,}", bytes_text(sizes[kind])) for kind, count in numbers.items()]
    show_table(out, FoldingTable((name("kind"), number("number"), number("size")), rows))


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
        print_text(out, f"kept, as a process has started to use it: {entry.path}")
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
    rows = [
        (
            pin.name,
            f"{len(pin.keys):,}",
            time.strftime("%Y-%m-%d", time.localtime(pin.when)),
            pin.by,
            pin.note,
        )
        for pin in pins
    ]
    columns = (name("pin"), number("stages"), name("since", 1), name("by", 2), text("note", 3))
    show_table(out, FoldingTable(columns, rows))
