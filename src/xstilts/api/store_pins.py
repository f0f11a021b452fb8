"""Keep artifacts of a store, whatever `store_gc` or `keep_weights` would remove.

xstilts.store_pin(["quickstart"], note="table 2")
"""

from __future__ import annotations

from collections.abc import Sequence

from xstilts.analysis.stage_needs import stage_needs
from xstilts.api.inputs import AnyStore, existing_store, experiment_name
from xstilts.api.stage_names import keys_of, known_stages
from xstilts.core.errors import ConfigError, UnknownNameError
from xstilts.core.pins import Pin, Pins
from xstilts.core.stage import Stage
from xstilts.core.store import store_errors

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
        names: experiments of the store or their files, keys of stages (or their first 6 digits or
            more), labels of stages, or patterns of labels such as `train*mnli*`.
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
    stages = known_stages(opened, needs)
    known = {need.experiment for need in needs.needs}
    names = [experiment_name(name, known) for name in names]
    chosen = {name: _with_encoders(keys_of(name, needs, stages), stages) for name in names}
    opened.prepare()
    pinned = Pins(opened.root)
    with store_errors(opened.root):
        return [pinned.add(name, keys, note) for name, keys in chosen.items()]


def store_unpin(names: Sequence[str], store: AnyStore | None = None) -> None:
    """Remove pins by the names that they were made with.

    The file of an experiment stands for its name.

    Raises:
        UnknownNameError: no pin of that name; none is removed.
        StoreError: the store cannot be written.
    """
    opened = existing_store(store)
    pinned = Pins(opened.root)
    known = [one.name for one in pinned.all]
    names = [experiment_name(name, known) for name in names]
    for name in names:
        if name not in known:
            raise UnknownNameError("pin", name, known)
    with store_errors(opened.root):
        for name in names:
            pinned.remove(name)


def _with_encoders(keys: set[str], stages: dict[str, Stage]) -> set[str]:
    """Stages, and the encoders that their artifacts need to be read."""
    encoders = {stages[key].inputs.get(ENCODER_ROLE) for key in keys if key in stages}
    return keys | {key for key in encoders if key}
