"""The best setting of a target for each seed, selected by the dev scores of the other seeds.

Dev and test scores of one training vary together, so a setting chosen by the dev scores of the
very trainings that are tested seems to gain where none does. Where each seed's setting is chosen
by the other seeds, each seed's gain is of trainings that had no part in the choice. The choices
have seeds in common: where dev and test scores are nearly the same, p is too small with many seeds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import isnan

from xstilts.analysis.dev_scores import DevScores, dev_scores
from xstilts.analysis.selection import SelectedBy, dev_grounds
from xstilts.core.store import Store
from xstilts.planning.compile import CompiledPlan


@dataclass(frozen=True)
class HeldOutSelection:
    """The settings chosen for one target.

    Args:
        settings: seed → setting, in the order of the seeds; empty if `selected_by` is `test`,
            as the displayed scores choose for no claim.
    """

    target: str
    selected_by: SelectedBy
    settings: Mapping[int, str]


def select_by_other_seeds(
    compiled: CompiledPlan, store: Store, candidates: Collection[str]
) -> list[HeldOutSelection]:
    """One for each target of an experiment with one encoder; see `choose_by_other_seeds`.

    Args:
        candidates: the settings to choose from.
    """
    dev = dev_scores(compiled, store)
    among: dict[tuple[str, str], dict[str, None]] = {}
    seeds: dict[tuple[str, str], set[int]] = {}
    for cell in compiled.cells:
        if cell.intermediate in candidates:
            place = cell.encoder, cell.target
            among.setdefault(place, {})[cell.intermediate] = None
            seeds.setdefault(place, set()).add(cell.seed)
    selections = []
    for place, settings in among.items():
        grounds = dev_grounds(*place, settings, dev)
        if grounds is None:
            selections.append(HeldOutSelection(place[1], SelectedBy.TEST, {}))
            continue
        selected_by, found = grounds
        if chosen := choose_by_other_seeds(found, sorted(seeds[place])):
            selections.append(HeldOutSelection(place[1], selected_by, chosen))
    return selections


def choose_by_other_seeds(found: Mapping[str, DevScores], seeds: Sequence[int]) -> dict[int, str]:
    """Seed → the setting with the best mean dev score of the other seeds, the first of equals.

    A single seed has the setting that is best by its own. Empty if a seed has nothing to choose
    by: settings with a failed run or missing scores are never chosen.

    Args:
        found: setting → its dev scores.
    """
    chosen: dict[int, str] = {}
    for seed in seeds:
        scores = {
            setting: dev.score_without(seed) if len(seeds) > 1 else dev.score
            for setting, dev in found.items()
        }
        usable = {setting: score for setting, score in scores.items() if not isnan(score)}
        if not usable:
            return {}
        chosen[seed] = max(usable, key=usable.__getitem__)
    return chosen
