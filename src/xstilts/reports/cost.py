"""What an experiment cost: dates, hours of CPU cores and GPUs, and an estimate of energy.

The energy is hours times assumed watts: it is not measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from xstilts.analysis.mixed_runs import CPU_BUILD
from xstilts.core.artifact import Artifact
from xstilts.core.errors import ConfigError
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.reports.sections import Section
from xstilts.reports.tables import NOTHING

GPU, CORE, UNKNOWN = "GPU", "CPU core", "not recorded"
HOUR = 3600.0
KILOWATT_HOUR = 1000.0


@dataclass(frozen=True)
class PowerAssumption:
    """Watts that a busy device draws, for an estimate of energy.

    Args:
        gpu: of a GPU with its share of the host; 400 W is the limit of an A100 SXM.
        core: of a CPU core; 10 W is that of a server processor of 320 W with 32 cores.

    Raises:
        ConfigError: a negative number.
    """

    gpu: float = 400.0
    core: float = 10.0

    def __post_init__(self) -> None:
        for name, watts in (("--gpu-watts", self.gpu), ("--core-watts", self.core)):
            if not 0 <= watts < float("inf"):
                raise ConfigError(f"{watts:g} watts", where=name, todo="give a number of watts")

    def watt_hours(self, hours: Mapping[str, float]) -> float:
        """Energy of hours by device; unknown ones count as GPUs, so it is an upper bound."""
        gpus = hours.get(GPU, 0.0) + hours.get(UNKNOWN, 0.0)
        return gpus * self.gpu + hours.get(CORE, 0.0) * self.core


DEFAULT_POWER = PowerAssumption()


def assumed_power(gpu: float | None = None, core: float | None = None) -> PowerAssumption:
    """The assumption with the watts that are given.

    Raises:
        ConfigError: a negative number.
    """
    return PowerAssumption(
        DEFAULT_POWER.gpu if gpu is None else gpu, DEFAULT_POWER.core if core is None else core
    )


@dataclass
class KindCost:
    """The cost of the finished stages of one kind: device → hours."""

    stages: int = 0
    hours: dict[str, float] = field(default_factory=dict)

    def add(self, artifact: Artifact) -> None:
        """Add a finished stage."""
        device = device_of(artifact.manifest["provenance"])
        self.stages += 1
        self.hours[device] = self.hours.get(device, 0.0) + artifact.seconds / HOUR


def device_of(provenance: Mapping[str, Any]) -> str:
    """What a stage ran on; earlier versions recorded no GPU, but the build of torch."""
    if provenance.get("gpu"):
        return GPU
    torch = str(provenance.get("versions", {}).get("torch", CPU_BUILD))
    return CORE if torch.endswith(CPU_BUILD) or "gpu" in provenance else UNKNOWN


def cost_section(stages: Iterable[Stage], store: Store, power: PowerAssumption) -> Section | None:
    """Dates, hours and energy of the finished stages of a plan; None without any."""
    kinds: dict[str, KindCost] = {}
    published, gpus = list[float](), dict[str, None]()
    for stage in stages:
        artifact = store.get_finished(stage.key)
        if artifact is None:
            continue
        kinds.setdefault(stage.kind, KindCost()).add(artifact)
        provenance = artifact.manifest["provenance"]
        published += [float(provenance["published"])] if "published" in provenance else []
        gpus |= {provenance["gpu"]: None} if provenance.get("gpu") else {}
    if not kinds:
        return None
    total = KindCost(sum(kind.stages for kind in kinds.values()))
    for kind in kinds.values():
        for device, hours in kind.hours.items():
            total.hours[device] = total.hours.get(device, 0.0) + hours
    devices = [device for device in (CORE, GPU, UNKNOWN) if device in total.hours]
    rows = [_row(name, kind, devices, power) for name, kind in kinds.items()]
    rows.append(_row("total", total, devices, power))
    notes = [_dates(published), f"GPUs: {', '.join(gpus)}." if gpus else "", _assumption(power)]
    if UNKNOWN in devices:
        notes.append("Hours without a recorded device count as GPU hours.")
    table = pd.DataFrame(rows)
    return Section("cost", "Cost", table, tuple(filter(None, notes)))


def _row(
    name: str, cost: KindCost, devices: Iterable[str], power: PowerAssumption
) -> dict[str, str]:
    hours = {
        f"{device} hours": _hours(cost.hours[device]) if device in cost.hours else NOTHING
        for device in devices
    }
    energy = _energy(power.watt_hours(cost.hours))
    return {"stages": name, "finished": f"{cost.stages:,}", **hours, "energy (estimate)": energy}


def _hours(hours: float) -> str:
    return f"{hours:.4f}" if hours < 0.1 else f"{hours:,.2f}"


def _energy(watt_hours: float) -> str:
    if watt_hours >= KILOWATT_HOUR:
        return f"{watt_hours / KILOWATT_HOUR:,.1f} kWh"
    return f"{watt_hours:.1f} Wh"


def _dates(published: list[float]) -> str:
    """The days of the first and the last result."""
    if not published:
        return ""
    first, last = (
        datetime.fromtimestamp(moment, UTC).date().isoformat()
        for moment in (min(published), max(published))
    )
    when = f"on {first}" if first == last else f"from {first} to {last}"
    return f"The results were made {when} (UTC)."


def _assumption(power: PowerAssumption) -> str:
    return (
        "Time of finished stages; those that are shared with other experiments count in full. "
        f"Energy is not measured: it assumes {power.gpu:g} W per GPU and {power.core:g} W per CPU "
        "core (--gpu-watts, --core-watts), without cooling, storage and idle devices."
    )
