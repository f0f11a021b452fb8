"""Stages in bf16, from files to scores: their notes, and scores close to those of fp32."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.core.store import Store
from xstilts.planning.compile import compile_experiment

Runner = Callable[[LoadedExperiment, Path], Store]
SMALL = ["targets=[toy-kind, toy-search]", "intermediate=[none]", "seeds=[0]"]
BF16 = ["recipes.target.precision=bf16", "retrieval.precision=bf16"]


def test_stages_in_bf16_note_it_and_have_the_vectors_of_fp32_within_rounding(
    toy_file: Path, tmp_path: Path, run_here: Runner
) -> None:
    stores, vectors = {}, dict[str, list[np.ndarray]]()
    for name, changes in (("fp32", []), ("bf16", BF16)):
        loaded = xstilts.load(str(toy_file), [*SMALL, *changes])
        stores[name] = run_here(loaded, tmp_path / name)
        stages = compile_experiment(loaded).plan.stages
        for kind in ("predict", "embed"):
            made = [stores[name].artifact(stage.key) for stage in stages if stage.kind == kind]
            notes = [one.manifest["provenance"]["notes"] for one in made]
            assert notes
            assert all(("computed in bf16" in each) is (name == "bf16") for each in notes)
        files = [path for one in made for path in sorted(one.path.glob("*.npy"))]
        vectors[name] = [np.load(path) for path in files]
    for exact, rounded in zip(vectors["fp32"], vectors["bf16"], strict=True):
        lengths = np.linalg.norm(exact, axis=1) * np.linalg.norm(rounded, axis=1)
        assert ((exact * rounded).sum(1) / lengths).min() > 0.99
        assert (exact != rounded).any()
