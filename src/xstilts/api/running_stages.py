"""The stages of a store that processes work on now."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from xstilts.core.leases import EXPIRY, Holder
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.core.store_layout import KEY, LEASES
from xstilts.core.units import duration

UNKNOWN = "perhaps another process; if there is none, `xstilts run` runs it again after a minute"
"""Who works on a stage whose lease is damaged."""


@dataclass(frozen=True)
class RunningStage:
    """A stage that a process works on.

    Args:
        process, host: its number and its machine; 0 and empty if they cannot be read.
        since: when it began, in seconds since 1970, by its own clock; 0 if it is not known.
        silent: seconds without a sign of life, by the clocks of the store's disk and of this
            machine; a process gives one every few seconds.
    """

    key: str
    label: str
    process: int
    host: str
    since: float
    silent: float

    @property
    def text(self) -> str:
        """The stage and who works on it, in words."""
        holder = Holder(self.host, "", self.process, "", self.since)
        unreadable = f"{UNKNOWN} ({LEASES}/{self.key[:12]}… cannot be read)"
        who = holder.text if self.process else unreadable
        silence = f", no sign of life for {duration(self.silent)}" if self.silent > EXPIRY else ""
        return f"{self.label}: {who}{silence}"


def held_stages(store: Store) -> dict[str, tuple[float, Holder | None]]:
    """Key → when its lease was last touched, and its holder; nothing is written.

    Raises:
        StoreError: the folder of the leases cannot be read.
    """
    held = (key for key in store.names(LEASES) if KEY.fullmatch(key) and store.leases.is_held(key))
    newest = ((key, store.leases.newest(key)) for key in held)
    return {key: lease for key, lease in newest if lease}


def running_stages(
    stages: Iterable[Stage], held: dict[str, tuple[float, Holder | None]]
) -> tuple[RunningStage, ...]:
    """Those of some stages that are held."""
    found = []
    for stage in stages:
        if stage.key in held:
            touched, holder = held[stage.key]
            process, host, since = (
                (holder.process, holder.host, holder.since) if holder else (0, "", 0.0)
            )
            silent = max(0.0, time.time() - touched)
            found.append(RunningStage(stage.key, stage.label, process, host, since, silent))
    return tuple(found)
