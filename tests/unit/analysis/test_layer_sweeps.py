"""Sweeps over layers and poolings count as one target in every study."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from xstilts.analysis.layer_sweeps import default_layers
from xstilts.planning.measures import MeasureRef
from xstilts.studies import difficulty, reasoning, similarity
from xstilts.studies.base import OWN, Answer, Evidence
from xstilts.studies.study_data import gains_in
from xstilts.testing.planted import Planted, experiment

WAYS = tuple(f"tatoeba (layer {layer}, mean)" for layer in (0, 8, 12))
TASKS = ("mnli", "qqp", "piqa", "copa", "squad-v1", "conll2000")


@pytest.mark.parametrize(
    ("targets", "layer", "kept"),
    [
        (["xnli", *WAYS], 8, {"xnli": "xnli", WAYS[1]: "tatoeba"}),
        (WAYS, 7, {WAYS[0]: "tatoeba"}),
        (WAYS, None, {WAYS[0]: "tatoeba"}),
        (["t (layer 8, cls)", "t (layer 8, mean)"], 8, {"t (layer 8, mean)": "t"}),
        (["t (layer 7, cls)", "t (layer 7, mean)"], 8, {"t (layer 7, mean)": "t"}),
        (["t (layer 7, mean)", "t (layer 8, cls)"], 8, {"t (layer 8, cls)": "t"}),
    ],
)  # fmt: skip
def test_the_default_layer_and_pooling_represent_a_sweep(
    targets: list[str], layer: int | None, kept: dict[str, str]
) -> None:
    assert default_layers(targets, layer) == kept


def swept() -> Evidence:
    """Tatoeba in three layers, which agree; the gain follows dev scores in layer 8 alone."""
    loaded = experiment(
        ("none", *TASKS), ("tatoeba", "xcopa"), encoder="xlm-roberta-base", seeds=(0, 1)
    )

    def gain(setting: str, target: str) -> float:
        return 0.03 * TASKS.index(setting) if setting in TASKS and target == "tatoeba" else 0.0

    one = Planted(loaded, gain, noise=0.001).evidence()
    frame, cells = one.results[OWN], one.cells[OWN]
    others = frame["target"] != "tatoeba"
    searched = [
        frame[~others].assign(target=way, value=frame["value"] if way == WAYS[1] else 0.5)
        for way in WAYS
    ]
    wide = tuple(
        replace(cell, target=target)
        for cell in cells
        for target in (WAYS if cell.target == "tatoeba" else (cell.target,))
    )
    measured = tuple(MeasureRef("accuracy", name, seed=0, keys=(name,)) for name in TASKS)
    measured += tuple(MeasureRef("textemb", name, other="tatoeba", keys=(name,)) for name in TASKS)
    facts = {
        name: {"value": place / 10, "dev": {"0": place / 10}} for place, name in enumerate(TASKS)
    }
    return replace(
        one,
        results={OWN: pd.concat([frame[others], *searched], ignore_index=True)},
        cells={OWN: wide},
        measured=measured,
        facts=facts.get,
    )


def frame_of(answer: Answer, name: str) -> pd.DataFrame:
    return next(one.frame for one in answer.tables if one.name == name)


def test_a_sweep_is_one_target_in_every_study() -> None:
    evidence = swept()
    assert set(gains_in(evidence).table["target"]) == {"tatoeba", "xcopa"}
    found = difficulty.STUDY.answer(evidence)
    assert set(frame_of(found, "associations-retrieval")["target"]) == {"all"}
    estimate = next(one.estimate for one in found.findings if one.name == "accuracy")
    assert estimate is not None
    assert estimate.value == pytest.approx(1)
    measure_table = frame_of(similarity.STUDY.answer(evidence), "measures").set_index("measure")
    assert measure_table.loc["textemb", "targets"] == 1
    assert set(frame_of(reasoning.STUDY.answer(evidence), "targets")["target"]) == {
        "tatoeba",
        "xcopa",
    }
    message = (
        "tatoeba was evaluated with 3 layers and poolings, which count as one target: "
        "layer 8, mean is used."
    )
    for study in (difficulty, similarity, reasoning):
        assert message in study.STUDY.answer(evidence).caveats
