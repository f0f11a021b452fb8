"""What a node of a cluster must have to run stages: the store, equal versions, and memory.

The driver writes a probe into the store, and each node says whether it sees it: a folder of the
same name on the node's own disk has no such file.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from xstilts.core.devices import visible_gpus
from xstilts.core.errors import ConfigError, StoreError
from xstilts.core.machine_memory import gpu_memory
from xstilts.executors.versions import versions

logger = logging.getLogger(__name__)
MUST_EQUAL = ("xstilts", "torch", "transformers", "tokenizers")
"""Packages of one version on all nodes: code and numbers of stages depend on them."""


@dataclass(frozen=True)
class NodeFacts:
    """What a node reports before it runs stages.

    Args:
        host: its name.
        node: its identity in the cluster.
        versions: of Python and packages.
        sees_store: whether the driver's probe is there.
        gpu_memory: bytes of its smallest GPU that is used; None without one, or if unknown.
    """

    host: str
    node: str
    versions: Mapping[str, str]
    sees_store: bool
    gpu_memory: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The facts as JSON."""
        return asdict(self)

    @classmethod
    def from_text(cls, text: str) -> NodeFacts:
        """The facts that a node has sent as JSON.

        Raises:
            ConfigError: they are those of another version.
        """
        try:
            facts = cls(**json.loads(text))
            names = (facts.host, facts.node, *facts.versions, *facts.versions.values())
            if not all(isinstance(name, str) for name in names):
                raise TypeError("a name is no text")
        except (ValueError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"a node reports what this version of xstilts does not ({error})",
                todo="install the same version on every node",
            ) from error
        return facts


def write_probe(root: Path) -> Path:
    """Write a file into the store that no other folder has."""
    path = root / "staging" / f".probe.{uuid.uuid4().int % 10**18}"
    path.touch()
    return path


def node_facts(probe: Path, node: str = "") -> NodeFacts:
    """The facts of this machine; of GPUs, those that this process sees."""
    sizes = [gpu_memory(gpu) for gpu in visible_gpus()]
    smallest = min((size for size in sizes if size), default=None)
    return NodeFacts(socket.gethostname(), node, versions(), _exists(probe), smallest)


def _exists(path: Path) -> bool:
    """Whether a file exists; listing its folder makes network file systems look again."""
    try:
        return path.name in os.listdir(path.parent)
    except OSError:
        return False


def check_node(facts: NodeFacts, root: Path, option: str) -> None:
    """Check that a node can run stages of the store; warn of versions that differ less.

    Args:
        option: of the command, for messages.

    Raises:
        ConfigError: another version of xstilts, or of a package that numbers depend on.
        StoreError: the node does not see the store.
    """
    check_versions(facts.host, facts.versions, option)
    if not facts.sees_store:
        raise StoreError(
            f"the node {facts.host} does not see the store {root}",
            todo="give a folder that all nodes share, under one path, with --store",
        )


def check_versions(host: str, installed: Mapping[str, str], option: str) -> None:
    """Compare a node's versions with those of this process.

    Raises:
        ConfigError: another version of xstilts, or of a package that numbers depend on.
    """
    here = versions()
    names = sorted({*here, *installed}, key=lambda name: (name not in MUST_EQUAL, name))
    other = [name for name in names if installed.get(name) != here.get(name)]
    if other and other[0] in MUST_EQUAL:
        raise ConfigError(
            f"{host} has {_version(installed, other[0])} of {other[0]}, and this machine "
            f"{_version(here, other[0])}",
            where=option,
            todo="install the same versions on every node: results depend on them",
        )
    for name in other:
        text = "%s has %s of %s, and this machine %s; artifacts record their own versions"
        logger.warning(text, host, _version(installed, name), name, _version(here, name))


def _version(installed: Mapping[str, str], name: str) -> str:
    return installed.get(name, "no version")


def gpu_shortage(needed: int, size: int | None) -> str:
    """Why a GPU of some bytes cannot run a stage; empty if it can, or its size is unknown."""
    if size is None or size >= needed:
        return ""
    return (
        f"the stage needs at least {needed / 1e9:.1f} GB of GPU memory, and the GPU has "
        f"{size / 1e9:.1f} GB: use a larger one, a lower max_length or gradient_checkpointing"
    )
