"""Notes on compared runs that were computed in other precisions, on other devices or versions.

No key has the device, nor the precision that `auto` chooses, so that one store may hold both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from xstilts.analysis.run_states import DATA_NOTES
from xstilts.config.intermediate import NO_INTERMEDIATE
from xstilts.config.recipe import AUTO, COMPUTED_IN, PRECISION
from xstilts.core.artifact import Artifact
from xstilts.core.store import Store
from xstilts.planning.compile import ResultCell
from xstilts.planning.stage_memory import TRAININGS
from xstilts.stages.base import CHOOSE_RECIPE, RETRIED

if TYPE_CHECKING:
    import pandas as pd

EVALUATIONS = frozenset({"predict", "predict-tuned", "embed"})
BEST = "best per target"
"""What the settings that are chosen for each target are called together, as if they were one."""
CPU = "CPU"
CPU_BUILD = "+cpu"
"""End of the version of a torch that cannot use a GPU."""
SETTINGS = {
    NO_INTERMEDIATE: "without an intermediate task",
    BEST: "after the best setting of each",
}
"""Settings that are no intermediate task → how runs after them are named."""
SHOWN = 3
"""Settings that a note names, at most."""
Compared = tuple[str, str, str]
"""(encoder, setting, target)."""
GROUP = ("encoder", "intermediate", "target")
"""The columns of these in tables."""


class Aspect(StrEnum):
    """In what runs differ."""

    PRECISION = "in different precisions"
    DEVICE = "on different kinds of device"
    TORCH = "with different versions of torch"


TODO = {
    Aspect.PRECISION: "set `precision: fp32` in their recipes, or run all of them in a new store "
    "on one kind of device",
    Aspect.DEVICE: "run all of them in a new store on one kind of device",
    Aspect.TORCH: "run all of them in a new store with one version",
}
Computed = frozenset[tuple[bool, Aspect, str]]
"""(whether of a training, aspect, value)."""
NOTHING: Computed = frozenset()


@dataclass
class ComputedWith:
    """What the trainings and evaluations behind the scores of a store were computed with.

    Args:
        known: key → what is behind it; each stage is read once.
    """

    store: Store
    known: dict[str, Computed] = field(default_factory=dict)

    def behind(self, key: str) -> Computed:
        """Of a stage and all that it builds on, without the trials of a recipe search."""
        if key not in self.known:
            found = NOTHING
            if artifact := self.store.get_finished(key):
                stage = artifact.manifest["stage"]
                inputs = () if stage["kind"] == CHOOSE_RECIPE else stage["inputs"].values()
                found = found.union(_of_stage(artifact), *map(self.behind, inputs))
            self.known[key] = found
        return self.known[key]


@dataclass(frozen=True)
class ComparedRuns:
    """The finished runs of one comparison: a setting and its baseline, or two experiments."""

    group: Compared
    computed: Computed

    @property
    def mixed(self) -> Mapping[Aspect, frozenset[str]]:
        """Aspect → its values, where trainings or evaluations have several."""
        values: dict[tuple[bool, Aspect], set[str]] = {}
        for is_training, aspect, value in self.computed:
            values.setdefault((is_training, aspect), set()).add(value)
        found: dict[Aspect, frozenset[str]] = {}
        for (_, aspect), several in values.items():
            if len(several) > 1:
                found[aspect] = found.get(aspect, frozenset()) | several
        return found


@dataclass(frozen=True)
class MixedRuns:
    """All comparisons of an experiment whose runs differ in one aspect.

    Args:
        groups: comparison → what its runs were computed with.
        others: what the settings are compared with, as in "and its baseline"; empty if only their
            own runs are compared.
        several: the same of more than one setting.
        runs: what is compared without others, such as their seeds.
    """

    aspect: Aspect
    groups: Mapping[Compared, frozenset[str]]
    others: str = ""
    several: str = ""
    runs: str = "the seeds of"

    @property
    def values(self) -> list[str]:
        """What the runs of all comparisons were computed with."""
        return sorted(frozenset[str]().union(*self.groups.values()))

    @property
    def text(self) -> str:
        """What differs, where, and what to do."""
        names = [_name(group, self._several_encoders) for group in self.groups]
        more = [f"{len(names) - SHOWN} more"] if len(names) > SHOWN else []
        subject = ", ".join([*names[:SHOWN], *more])
        others = self.others if len(names) == 1 else self.several
        subject = f"{subject} {others}" if others else f"{self.runs} {subject}"
        values = ", ".join(self.values)
        return f"{subject} were computed {self.aspect} ({values}): {TODO[self.aspect]}"

    @property
    def _several_encoders(self) -> bool:
        return len({encoder for encoder, _, _ in self.groups}) > 1


def mixed_runs(cells: Iterable[ResultCell], baseline: str, store: Store) -> list[MixedRuns]:
    """The gains of an experiment, or its scores without a gain, whose runs are mixed."""
    groups = computed_by_setting(cells, store)
    gains, alone = list[ComparedRuns](), list[ComparedRuns]()
    with_gain = {(encoder, target) for encoder, setting, target in groups if setting != baseline}
    for (encoder, setting, target), computed in groups.items():
        runs = ComparedRuns((encoder, setting, target), computed)
        base = groups.get((encoder, baseline, target), NOTHING)
        if setting == baseline and (encoder, target) in with_gain:
            continue
        if setting == baseline or not base:
            alone.append(runs)
        else:
            gains.append(replace(runs, computed=computed | base))
    return [*summarised(gains, "and its baseline", "and their baselines"), *summarised(alone)]


def computed_by_setting(cells: Iterable[ResultCell], store: Store) -> dict[Compared, Computed]:
    """What the finished runs of each setting were computed with; none where that is not known."""
    known = ComputedWith(store)
    groups: dict[Compared, Computed] = {}
    for cell in cells:
        group = cell.encoder, cell.intermediate, cell.target
        groups[group] = groups.get(group, NOTHING) | known.behind(cell.key)
    return {group: computed for group, computed in groups.items() if computed}


def mixed_gains(cells: Iterable[ResultCell], baseline: str, store: Store) -> tuple[MixedRuns, ...]:
    """The gains of an experiment whose runs are mixed."""
    return tuple(one for one in mixed_runs(cells, baseline, store) if one.others)


def restricted(
    mixed: Iterable[MixedRuns], is_kept: Callable[[str, str, str], bool]
) -> tuple[MixedRuns, ...]:
    """The mixed runs of some comparisons: of encoder, setting and target."""
    parts = (
        replace(one, groups={group: of for group, of in one.groups.items() if is_kept(*group)})
        for one in mixed
    )
    return tuple(part for part in parts if part.groups)


def caveats_of(mixed: Iterable[MixedRuns]) -> tuple[str, ...]:
    """A sentence for each aspect, about all comparisons whose runs differ in it."""
    united: dict[tuple[Aspect, str, str, str], dict[Compared, frozenset[str]]] = {}
    for one in mixed:
        groups = united.setdefault((one.aspect, one.others, one.several, one.runs), {})
        for group, values in one.groups.items():
            groups[group] = groups.get(group, frozenset()) | values
    every = (MixedRuns(aspect, groups, *words) for (aspect, *words), groups in united.items())
    return tuple(f"{one.text}." for one in every)


def computed_differently(keys: Iterable[str], store: Store) -> list[str]:
    """What scores and measures were computed with, one by one; empty if it is one way for all."""
    known = ComputedWith(store)
    computed = {key: known.behind(key) for key in keys}
    if not ComparedRuns(("", "", ""), NOTHING.union(*computed.values())).mixed:
        return []
    return sorted(f"{key} {' '.join(map(str, one))}" for key, of in computed.items() for one in of)


def summarised(compared: Sequence[ComparedRuns], *words: str) -> Iterator[MixedRuns]:
    """One summary for each aspect in which some comparisons are mixed.

    Args:
        words: `others`, `several` and `runs`, see `MixedRuns`.
    """
    for aspect in Aspect:
        if mixed := {runs.group: runs.mixed[aspect] for runs in compared if aspect in runs.mixed}:
            yield MixedRuns(aspect, mixed, *words)


def with_mixed_notes(frame: pd.DataFrame, mixed: Mapping[str, Sequence[MixedRuns]]) -> pd.DataFrame:
    """The frame of noted results with the notes on mixed runs of each score's setting.

    Args:
        mixed: experiment, as in the frame → its mixed runs.
    """
    texts = {
        (experiment, *group): text
        for experiment, summaries in mixed.items()
        for group, text in texts_by_setting(summaries).items()
    }
    if not texts:
        return frame
    names = (frame[name] for name in ("experiment", *GROUP))
    found = (texts.get(row, "") for row in zip(*names, strict=True))
    notes = zip(frame[DATA_NOTES], found, strict=True)
    return frame.assign(**{DATA_NOTES: ["; ".join(filter(None, pair)) for pair in notes]})


def with_mixed_runs(table: pd.DataFrame, mixed: Sequence[MixedRuns]) -> pd.DataFrame:
    """A gain table with the notes on the mixed runs of each gain."""
    texts, names = texts_by_setting(mixed), (table[name] for name in GROUP)
    return table.assign(mixed_runs=[texts.get(row, "") for row in zip(*names, strict=True)])


def texts_by_setting(mixed: Iterable[MixedRuns]) -> dict[Compared, str]:
    """Comparison → a sentence on each aspect in which its own runs differ."""
    texts: dict[Compared, list[str]] = {}
    for one in mixed:
        for group, values in one.groups.items():
            texts.setdefault(group, []).append(replace(one, groups={group: values}).text)
    return {group: "; ".join(sentences) for group, sentences in texts.items()}


def _name(group: Compared, with_encoder: bool) -> str:
    encoder, setting, target = group
    after = SETTINGS.get(setting, f"after {setting}")
    return f"{target} {after}" + (f" ({encoder})" if with_encoder else "")


def _of_stage(artifact: Artifact) -> Computed:
    """What a training or an evaluation was computed with, as far as it is recorded."""
    stage, provenance = artifact.manifest["stage"], artifact.manifest["provenance"]
    is_training = stage["kind"] in TRAININGS
    if not (is_training or stage["kind"] in EVALUATIONS):
        return NOTHING
    torch = str(provenance.get("versions", {}).get("torch", ""))
    found = {Aspect.TORCH: ".".join(torch.split(".")[:2]), Aspect.DEVICE: _device(provenance)}
    if is_training and found[Aspect.DEVICE]:
        found[Aspect.PRECISION] = _chosen_precision(artifact)
    return frozenset((is_training, aspect, value) for aspect, value in found.items() if value)


def _device(provenance: Mapping[str, Any]) -> str:
    """The name of the GPU, or `CPU`; empty if it is not recorded, as by earlier versions."""
    if gpu := provenance.get("gpu"):
        return str(gpu)
    torch = str(provenance.get("versions", {}).get("torch", ""))
    return CPU if "gpu" in provenance or torch.endswith(CPU_BUILD) else ""


def _chosen_precision(artifact: Artifact) -> str:
    """The precision that `auto` has chosen for a training; empty if the experiment chooses it.

    One that was repeated in fp32 counts as bf16: its runs have the state `fp32-retry`.
    """
    if artifact.manifest["stage"]["params"].get("recipe", {}).get(PRECISION, AUTO) != AUTO:
        return ""
    if RETRIED in artifact.facts:
        return "bf16"
    notes = artifact.manifest["provenance"].get("notes", ())
    told = (text.removeprefix(COMPUTED_IN) for text in notes if text.startswith(COMPUTED_IN))
    return next(told, "fp32")
