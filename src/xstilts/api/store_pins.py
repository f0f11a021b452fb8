"""Keep artifacts of a store, whatever `store_gc` or `keep_weights` would remove.

xstilts.store_pin(["quickstart"], note="table 2")
"""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Sequence
from contextlib import suppress

from xstilts.analysis.stage_needs import StageNeeds, stage_needs
from xstilts.api.inputs import AnyStore, existing_store
from xstilts.core.artifact import DamagedArtifact
from xstilts.core.errors import ConfigError, UnknownNameError, suggestion
from xstilts.core.pins import Pin, Pins
from xstilts.core.stage import Stage
from xstilts.core.store import Store, store_errors
from xstilts.core.store_layout import KEY

SHORTEST = 6
"""Digits of a key that name a stage."""
ENCODER_ROLE = "encoder"


def store_pins(store: AnyStore | None = None) -> list[Pin]:
    """The pins of a store, by name; those that cannot be read are left out.

    Args:
        store: its folder; by default $XSTILTS_STORE or ./xstilts-store.

    Raises:
        StoreError: the pins cannot be read.
    """
    return list(Pins(existing_store(store).root).all)


def store_pin(names: Sequence[str], store: AnyStore | None = None, *, note: str = "") -> list[Pin]:
    """Pin stages: they are never removed, until `store_unpin` with the same names.

    A pin holds the stages that it was made for, and the encoder that each of them needs to be
    read; also stages that have not run yet.

    Args:
        names: experiments of the store, keys of stages (or their first 6 digits or more), labels
            of stages, or patterns of labels such as `train*mnli*`.
        store: its folder; by default $XSTILTS_STORE or ./xstilts-store.
        note: why, for people.

    Raises:
        ConfigError: no name, or a beginning of a key that several stages have.
        UnknownNameError: no such experiment or stage.
        StoreError: the store cannot be written.
    """
    opened = existing_store(store)
    if not names:
        raise ConfigError(
            "nothing to pin", todo="name an experiment, or the key or label of a stage"
        )
    needs = stage_needs(opened)
    stages = _known_stages(opened, needs)
    chosen = {name: _with_encoders(_keys_of(name, needs, stages), stages) for name in names}
    opened.prepare()
    pinned = Pins(opened.root)
    with store_errors(opened.root):
        return [pinned.add(name, keys, note) for name, keys in chosen.items()]


def store_unpin(names: Sequence[str], store: AnyStore | None = None) -> None:
    """Remove pins by the names that they were made with.

    Raises:
        UnknownNameError: no pin of that name; none is removed.
        StoreError: the store cannot be written.
    """
    opened = existing_store(store)
    pinned = Pins(opened.root)
    known = [one.name for one in pinned.all]
    for name in names:
        if name not in known:
            raise UnknownNameError("pin", name, known)
    with store_errors(opened.root):
        for name in names:
            pinned.remove(name)


def _known_stages(store: Store, needs: StageNeeds) -> dict[str, Stage]:
    """Key → stage, of experiments and studies, and of artifacts that none of them needs."""
    stages = needs.stages
    for key in store.names("artifacts"):
        if key not in stages and KEY.fullmatch(key):
            try:
                stages[key] = Stage.from_json(store.artifact(key).manifest["stage"])
            except (DamagedArtifact, KeyError, TypeError):
                continue
    return stages


def _keys_of(name: str, needs: StageNeeds, stages: dict[str, Stage]) -> set[str]:
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


def _with_encoders(keys: set[str], stages: dict[str, Stage]) -> set[str]:
    """Stages, and the encoders that their artifacts need to be read."""
    encoders = {stages[key].inputs.get(ENCODER_ROLE) for key in keys if key in stages}
    return keys | {key for key in encoders if key}
