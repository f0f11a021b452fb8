"""Retrieval targets that are trained on another task before they are searched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import xstilts
from xstilts.analysis.dev_scores import dev_scores
from xstilts.config.load import LoadedExperiment
from xstilts.core.errors import ConfigError
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.planning.compile import compile_experiment
from xstilts.planning.encoder_use import encoder_notes
from xstilts.planning.resolve import ResolvedExperiment

Runner = Callable[[LoadedExperiment, Path], Store]
SEARCH = ["targets=[toy-search]", "intermediate=[none, toy-same]", "seeds=[0]"]
TRAINED = [*SEARCH, "train_task={toy-search: toy-kind}"]

MEAN = "encoder.pooling=mean"


def stages(loaded: LoadedExperiment, kind: str) -> list[Stage]:
    return [stage for stage in compile_experiment(loaded).plan.stages if stage.kind == kind]


def notes(loaded: LoadedExperiment) -> list[str]:
    return [note for note in encoder_notes(ResolvedExperiment(loaded)) if "toy-search" in note]


def test_the_vectors_are_those_of_the_encoder_after_the_target_training(toy_file: Path) -> None:
    loaded = xstilts.load(str(toy_file), TRAINED)
    compiled = compile_experiment(loaded)
    trainings = {stage.key: set(stage.params["tasks"]) for stage in stages(loaded, "train")}
    for cell in compiled.cells:
        (search,) = (
            stage
            for stage in stages(loaded, "search")
            if stage.key == compiled.plan.by_key[cell.key].inputs["predictions"]
        )
        for side in ("here", "english"):
            embed = compiled.plan.by_key[search.inputs[f"vectors:{side}"]]
            assert embed.inputs["base"] == cell.trained_by[-1]
        expected = [{"toy-kind"}] if cell.intermediate == "none" else [{"toy-same"}, {"toy-kind"}]
        assert [trainings[key] for key in cell.trained_by] == expected


def test_a_target_without_a_training_task_keeps_its_stages(toy_file: Path) -> None:
    plain = xstilts.load(str(toy_file), SEARCH)
    explicit = xstilts.load(str(toy_file), [*SEARCH, "train_task={toy-search: none}"])
    keys = {stage.key for stage in compile_experiment(plain).plan.stages}
    assert {stage.key for stage in compile_experiment(explicit).plan.stages} == keys
    assert [len(cell.trained_by) for cell in compile_experiment(plain).cells] == [0, 1]
    assert not ResolvedExperiment(plain).is_trained(ResolvedExperiment(plain).task("toy-search"))


@pytest.mark.parametrize(
    ("changes", "layers", "poolings", "differing"),
    [
        ([], [2], ["cls"], ()),
        ([MEAN], [2], ["mean"], ()),
        (["retrieval.layer=1"], [1], ["cls"], ("retrieval.layer",)),
        (["retrieval={layer: 2, pooling: cls}"], [2], ["cls"], ()),
        (["retrieval.pooling=mean"], [2], ["mean"], ("retrieval.pooling",)),
    ],
)
def test_the_vectors_are_those_that_training_compares_unless_others_are_asked_for(
    toy_file: Path,
    changes: list[str],
    layers: list[int],
    poolings: list[str],
    differing: tuple[str, ...],
) -> None:
    encoder = [] if MEAN in changes else ["encoder.pooling=cls"]
    loaded = xstilts.load(str(toy_file), [*TRAINED, *encoder, *changes])
    for stage in stages(loaded, "embed"):
        assert (stage.params["layers"], stage.params["poolings"]) == (layers, poolings)
        assert stage.params["max_length"] == 256
        assert "prompt" not in stage.params
    (note,) = notes(loaded)
    assert "trained on toy-kind" in note
    for key in ("retrieval.layer", "retrieval.pooling"):
        assert (key in note) == (key in differing)


def test_lengths_are_those_of_the_recipe_or_of_the_retrieval_section(toy_file: Path) -> None:
    short = [*TRAINED, "recipes.tasks={toy-search: {max_length: 64}}"]
    (length,) = {
        s.params["max_length"] for s in stages(xstilts.load(str(toy_file), short), "embed")
    }
    assert length == 64
    asked = xstilts.load(str(toy_file), [*short, "retrieval.max_length=32"])
    assert {stage.params["max_length"] for stage in stages(asked, "embed")} == {32}
    assert any("retrieval.max_length" in note for note in notes(asked))


def test_other_lengths_of_queries_than_in_training_are_noted() -> None:
    chosen = ["targets=[lareqa-xquad-r]", "intermediate=[none]", "data=/"]
    chosen += ["recipes.target.max_length=128", "retrieval.max_length=128"]
    for changes, noted in (([], True), (["recipes.target.retrieval_query_length=128"], False)):
        loaded = xstilts.load("home", [*chosen, *changes])
        (note,) = (one for one in encoder_notes(ResolvedExperiment(loaded)) if "lareqa" in one)
        assert ("retrieval.max_length" in note) == noted


def test_a_training_by_dot_products_is_noted(toy_file: Path) -> None:
    by_dot = "recipes.tasks={toy-search: {contrastive_similarity: dot}}"
    for changes, noted in (([], False), ([by_dot], True)):
        (note,) = notes(xstilts.load(str(toy_file), [*TRAINED, *changes]))
        assert ("dot products" in note) == noted


def test_queries_and_candidates_have_the_lengths_of_a_dual_encoder() -> None:
    targets = ["targets=[lareqa-xquad-r]", "languages=[de]", "intermediate=[none]", "seeds=[0]"]
    loaded = xstilts.load("home", [*targets, "data=/", "recipes.target.max_length=200"])
    lengths = {stage.label.split()[-1]: stage.params for stage in stages(loaded, "embed")}
    pool = [params["max_length"] for name, params in lengths.items() if name != "de"]
    assert (lengths["de"]["max_length"], pool) == (96, [200] * 11)
    (training,) = stages(loaded, "train")
    assert list(training.params["tasks"]) == ["squad-retrieval"]
    frozen = [*targets, "data=/", "train_task={lareqa-xquad-r: none}"]
    assert not stages(xstilts.load("home", frozen), "train")


def test_a_sweep_of_a_trained_target_is_named(toy_file: Path) -> None:
    loaded = xstilts.load(str(toy_file), [*TRAINED, MEAN, "retrieval.layer=[1, 2]"])
    targets = {cell.target for cell in compile_experiment(loaded).cells}
    assert targets == {"toy-search (layer 1, mean)", "toy-search (layer 2, mean)"}


def test_a_task_with_a_head_cannot_go_without_training(toy_file: Path) -> None:
    loaded = xstilts.load(str(toy_file), ["train_task={toy-kind: none}"])
    with pytest.raises(ConfigError, match="toy-kind"):
        compile_experiment(loaded)


@pytest.mark.parametrize("task", ["toy-search-2", "toy-search"])
def test_a_retrieval_task_or_an_unknown_one_cannot_train_a_target(
    toy_file: Path, task: str
) -> None:
    loaded = xstilts.load(str(toy_file), [*SEARCH, f"train_task={{toy-search: {task}}}"])
    if task == "toy-search":  # its own name: not trained
        assert not stages(loaded, "train")[1:]
        return
    with pytest.raises(ConfigError, match=task):
        compile_experiment(loaded)


def test_the_training_data_after_themselves_are_marked(toy_file: Path) -> None:
    more = ["intermediate=[none, toy-kind, toy-same]"]
    cells = compile_experiment(xstilts.load(str(toy_file), [*TRAINED, *more])).cells
    assert {cell.intermediate: cell.same_data for cell in cells} == {
        "none": False,
        "toy-kind": True,
        "toy-same": False,
    }


def test_a_searched_recipe_is_chosen_on_dev_of_the_training_task(toy_file: Path) -> None:
    search = "search={learning_rate: [1.0e-3, 3.0e-3]}"
    loaded = xstilts.load(str(toy_file), [*TRAINED, search, "intermediate=[none]"])
    assert len(stages(loaded, "train")) == 3  # two trials, and the final one
    assert len(stages(loaded, "choose-recipe")) == 1
    with pytest.raises(ConfigError):
        compile_experiment(xstilts.load(str(toy_file), [*SEARCH, search]))


def test_a_trained_target_is_scored_and_has_the_dev_score_of_its_training(
    toy_file: Path, tmp_path: Path, run_here: Runner
) -> None:
    loaded = xstilts.load(str(toy_file), [*TRAINED, MEAN, "intermediate=[none]"])
    store = run_here(loaded, tmp_path / "store")
    compiled = compile_experiment(loaded)
    (cell,) = compiled.cells
    (scores,) = dev_scores(compiled, store).values()
    assert scores.score == store.artifact(cell.trained_by[-1]).facts["dev_mean"]
    frozen = xstilts.load(str(toy_file), [*SEARCH, "retrieval.layer=2", "intermediate=[none]"])
    assert not dev_scores(compile_experiment(frozen), run_here(frozen, tmp_path / "store"))
    (trained,) = stages(loaded, "embed")[:1]
    (plain,) = (s for s in stages(frozen, "embed") if s.inputs["rows"] == trained.inputs["rows"])
    changed, before = (
        np.load(store.artifact(stage.key) / "vectors-2-mean.npy") for stage in (trained, plain)
    )
    assert changed.shape == before.shape
    assert not np.allclose(changed, before, atol=1e-3)
