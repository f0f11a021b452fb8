"""Remove from a store what no process works on and no experiment needs.

for entry in xstilts.store_garbage().entries: print(entry.path, entry.bytes)
xstilts.store_gc()
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from xstilts.analysis.run_records import SEPARATOR
from xstilts.analysis.stage_needs import StageNeeds, needs_state, stage_needs
from xstilts.api.inputs import AnyStore, existing_store
from xstilts.core.errors import ConfigError, StoreError
from xstilts.core.garbage import (
    DAY,
    Garbage,
    GarbageKind,
    Kept,
    disk_bytes,
    find_garbage,
    remove_garbage,
)
from xstilts.core.pins import Pins
from xstilts.core.store import Store
from xstilts.core.store_layout import ENTRY_NAMES, GAINS, PINS
from xstilts.planning.study_stages import STUDY_FILE


def ignore(_entry: Garbage) -> None:
    """Do nothing with an entry that was removed."""


@dataclass(frozen=True)
class Removal:
    """What `store_gc` removed.

    Args:
        stayed: what a process had begun to use, or lies behind a symbolic link.
    """

    removed: list[Garbage] = field(default_factory=list)
    stayed: list[Garbage] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        """Of all removed files."""
        return sum(entry.bytes for entry in self.removed)


def store_garbage(
    store: AnyStore | None = None,
    *,
    older_than: float = DAY,
    experiment: str | None = None,
    now: float | None = None,
) -> list[Garbage]:
    """What `store_gc` with the same arguments would remove.

    Args:
        store: its folder; by default $XSTILTS_STORE or ./xstilts-store.
        older_than: seconds; younger artifacts and damaged files stay.
        experiment: a name of which all runs are forgotten: its records, its studies, and what
            only they need, of any age; or `NAME@DIGESTS`, one run, as `status` names it.
        now: seconds since the epoch.

    Raises:
        UnknownNameError: no record of that experiment.
        ConfigError: a process works on the experiment.
        StoreError: the store, a record or a pin cannot be read, so that it is not known what is
            needed.
    """
    opened = existing_store(store)
    needs = stage_needs(opened)
    _check_readable(opened, needs)
    kept, records = _kept(opened, needs, older_than, experiment)
    tables = _gain_tables(opened, needs, experiment)
    found = find_garbage(opened, kept, now)
    if held := [key for key in kept.forgotten if opened.leases.is_held(key)]:
        raise ConfigError(
            f"a process works on {experiment}: stage {held[0][:12]}", todo="wait until it has ended"
        )
    return [*records, *tables, *found]


def store_gc(
    store: AnyStore | None = None,
    *,
    older_than: float = DAY,
    experiment: str | None = None,
    on_removed: Callable[[Garbage], None] = ignore,
    now: float | None = None,
) -> Removal:
    """Remove leftovers of ended processes, what is damaged, and what no experiment needs.

    Arguments and errors: see `store_garbage`. Pinned artifacts and foreign files always stay.

    Raises:
        StoreError: the store cannot be written.
    """
    opened = existing_store(store)
    state = needs_state(opened)
    entries = store_garbage(opened, older_than=older_than, experiment=experiment, now=now)
    if not entries:
        return Removal()
    opened.prepare()
    removal = Removal()

    def note(entry: Garbage) -> None:
        nonlocal state
        removal.removed.append(entry)
        if entry.kind is GarbageKind.FORGOTTEN:
            state = needs_state(opened)
        on_removed(entry)

    def is_current() -> bool:
        return needs_state(opened) == state

    removal.stayed.extend(remove_garbage(opened, entries, note, now, is_current))
    opened.journal.write("gc", entries=len(removal.removed), bytes=removal.bytes)
    return removal


def _check_readable(store: Store, needs: StageNeeds) -> None:
    """Refuse to call anything unneeded while a record or a pin cannot be read.

    Raises:
        StoreError: one cannot.
    """
    unreadable = dict(needs.unreadable)
    unreadable |= {f"{PINS}/{name}": why for name, why in Pins(store.root).damaged.items()}
    if unreadable:
        lines = [f"{path}: {why}" for path, why in sorted(unreadable.items())]
        raise StoreError(
            "nothing was removed, as it is not known which stages these need:\n  "
            + "\n  ".join(lines),
            where=str(store.root),
            todo="run the experiment or study again, or pin again; delete the file to give up "
            "what only it needs",
        )


def _kept(
    store: Store, needs: StageNeeds, older_than: float, experiment: str | None
) -> tuple[Kept, list[Garbage]]:
    """What must stay, and the records and studies of a forgotten experiment."""
    pinned = Pins(store.root).keys
    if experiment is None:
        return Kept(needs.stages.keys(), pinned, older_than), []
    own = needs.of(experiment)
    others = {key for need in needs.needs if need not in own for key in need.stages}
    only = {key for need in own for key in need.stages} - others
    paths = sorted(path for need in own for path in _files(store.root / need.path))
    forgotten = [
        Garbage(GarbageKind.FORGOTTEN, path.relative_to(store.root).as_posix(), disk_bytes(path))
        for path in paths
    ]
    return Kept(others, pinned, older_than, only), forgotten


def _gain_tables(store: Store, needs: StageNeeds, experiment: str | None) -> list[Garbage]:
    """Saved gain tables of experiments that have no record, or only forgotten ones."""
    forgotten = [] if experiment is None else needs.of(experiment)
    recorded = {need.experiment for need in needs.needs if need not in forgotten}
    names = filter(ENTRY_NAMES[GAINS].fullmatch, store.names(GAINS))
    paths = (store.root / GAINS / name for name in names)
    return [
        Garbage(GarbageKind.GAINS, f"{GAINS}/{path.name}", disk_bytes(path))
        for path in paths
        if path.name.rpartition(SEPARATOR)[0] not in recorded
    ]


def _files(path: Path) -> Iterator[Path]:
    """A record, or the files of a study's folder that a study writes."""
    if not path.is_dir():
        yield path
    elif not path.is_symlink():
        yield from (entry for entry in path.iterdir() if STUDY_FILE.fullmatch(entry.name))
