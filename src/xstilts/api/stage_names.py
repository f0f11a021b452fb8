"""What names stages of a store: an experiment, a key or its beginning, a label or a pattern."""

from __future__ import annotations

import difflib
import fnmatch
from contextlib import suppress

from xstilts.analysis.stage_needs import StageNeeds
from xstilts.core.artifact import DamagedArtifact
from xstilts.core.errors import ConfigError, UnknownNameError, suggestion
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.core.store_layout import KEY

SHORTEST = 6
"""Digits of a key that name a stage."""


def known_stages(store: Store, needs: StageNeeds) -> dict[str, Stage]:
    """Key → stage, of experiments and studies, and of artifacts that none of them needs."""
    stages = needs.stages
    for key in store.names("artifacts"):
        if key not in stages and KEY.fullmatch(key):
            try:
                stages[key] = Stage.from_json(store.artifact(key).manifest["stage"])
            except (DamagedArtifact, KeyError, TypeError):
                continue
    return stages


def keys_of(name: str, needs: StageNeeds, stages: dict[str, Stage]) -> set[str]:
    """The stages that a name means.

    Raises:
        ConfigError: it begins several keys, or means none.
    """
    with suppress(UnknownNameError):
        return {key for need in needs.of(name) for key in need.stages}
    labelled = {key for key, stage in stages.items() if stage.label == name}
    if labelled:
        return labelled
    begun = {key for key in stages if len(name) >= SHORTEST and key.startswith(name)}
    if len(begun) > 1:
        raise ConfigError(
            f"{len(begun)} keys begin with {name}", todo="give more digits of the key"
        )
    if begun:
        return begun
    if matching := {key for key, stage in stages.items() if fnmatch.fnmatchcase(stage.label, name)}:
        return matching
    experiments = {need.experiment for need in needs.needs}
    labels = {stage.label for stage in stages.values()}
    near = difflib.get_close_matches(name, experiments | labels, n=1)
    raise ConfigError(
        f"the store has no experiment, key or label {name!r}",
        todo=suggestion(name, near or experiments),
    )
