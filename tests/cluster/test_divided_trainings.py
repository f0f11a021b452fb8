"""Trainings that are divided over two processes by workers of Ray and of Slurm."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.core.store import Store
from xstilts.executors.base import BatchOptions
from xstilts.testing.equal_artifacts import check_equal_artifacts

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1200)]
HAS_SLURM = all(map(shutil.which, ("munged", "slurmctld", "slurmd"))) and os.geteuid() == 0


@pytest.fixture(scope="module")
def one_training(toy_file: Path) -> LoadedExperiment:
    return xstilts.load(
        str(toy_file),
        [
            *("name=one", "seeds=[0]", "intermediate=[none]", "targets=[toy-kind]"),
            "recipes.target.epochs=2",
        ],
    )


@pytest.fixture(scope="module")
def divided_here(one_training: LoadedExperiment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of the same experiment, divided on this machine."""
    store = tmp_path_factory.mktemp("divided") / "store"
    result = xstilts.run(one_training, store, workers=1, devices="cpu", devices_per_stage=2)
    assert (result.exit_code, result.failed) == (0, {})
    return store


@pytest.fixture
def ray_node() -> Iterator[str]:
    """The address of a cluster with one node of two CPUs."""
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    nodes: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
    nodes.wait_for_nodes()
    yield nodes.address
    ray.shutdown()
    nodes.shutdown()


def check_divided(store: Path, expected: Path) -> None:
    """Assert that the training was divided, and gave the bytes of the other store."""
    opened = Store(store)
    manifests = [opened.artifact(key).manifest for key in opened.names("artifacts")]
    assert [
        manifest["provenance"]["devices"]
        for manifest in manifests
        if manifest["stage"]["kind"] == "train"
    ] == [2]
    check_equal_artifacts(opened, Store(expected))


def test_a_worker_of_ray_divides_its_trainings(
    ray_node: str, one_training: LoadedExperiment, divided_here: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    result = xstilts.run(one_training, store, executor="ray", address=ray_node, devices_per_stage=2)
    assert (result.exit_code, result.failed) == (0, {})
    check_divided(store, divided_here)


@pytest.mark.skipif(not HAS_SLURM, reason="needs slurm-wlm and munge, and root")
def test_a_task_of_slurm_divides_its_trainings(
    slurm: Path, one_training: LoadedExperiment, divided_here: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    result = xstilts.run(
        one_training, store, executor="slurm", batch=BatchOptions("wide"), devices_per_stage=2
    )
    assert (result.exit_code, result.failed) == (0, {})
    check_divided(store, divided_here)
