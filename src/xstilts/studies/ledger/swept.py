"""Targets with a score for each of several layers and poolings: the one that a claim is about."""

from __future__ import annotations

import re
from collections.abc import Iterable

from xstilts.config.experiment import Retrieval
from xstilts.models.habits import KNOWN
from xstilts.studies.points import task_of

WAY = re.compile(r" \(layer (\d+), (\w+)\)$")


def customary(targets: Iterable[str], encoder: str) -> dict[str, str]:
    """Task → the one of its targets that is judged.

    Of a sweep it is the encoder's customary layer with the pooling that experiments have by
    default, else that layer, else the first: never the best one, which test scores would choose.
    """
    ways: dict[str, list[str]] = {}
    for target in dict.fromkeys(targets):
        ways.setdefault(task_of(target), []).append(target)
    return {
        task: min(found, key=lambda name: _strange(name, encoder)) for task, found in ways.items()
    }


def _strange(target: str, encoder: str) -> tuple[bool, bool]:
    """Whether a way has another layer, another pooling than is customary."""
    way = WAY.search(target)
    if not way:
        return False, False
    layer = KNOWN[encoder].retrieval_layer if encoder in KNOWN else None
    pooling = Retrieval.model_fields["pooling"].default
    return int(way[1]) != layer, way[2] != pooling
