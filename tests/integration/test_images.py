"""Tasks with images from files to scores: chains, controls, measures and bad input."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from safetensors.torch import load_file

import xstilts
from xstilts.analysis.results import results_frame
from xstilts.core.errors import DataError
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.planning.compile import compile_experiment
from xstilts.planning.measures import compile_measures
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.stages.io.rows import read_rows
from xstilts.tasks.base import TaskSpec
from xstilts.testing.measures import run_stages
from xstilts.testing.tasks import check_task
from xstilts.testing.tiny_images import write_image_experiment

SMALL = [
    *("name=images", "seeds=[0]", "limits={train: 16, dev: 8}"),
    *("recipes.intermediate.epochs=1", "recipes.target.epochs=1"),
    *("recipes.intermediate.num_evals=1", "recipes.target.num_evals=1"),
]


@pytest.fixture(scope="session")
def toy_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment with tasks with images; do not write to its folder."""
    return write_image_experiment(tmp_path_factory.mktemp("images"))


def run(path: Path, store: Path, *changes: str) -> tuple[Store, Sequence[Stage]]:
    compiled = compile_experiment(xstilts.load(str(path), [*SMALL, *changes]))
    return run_stages(compiled.plan.stages, store), compiled.plan.stages


def of_kind(stages: Sequence[Stage], kind: str, *words: str) -> list[Stage]:
    return [
        stage
        for stage in stages
        if stage.kind == kind and all(word in stage.label for word in words)
    ]


def test_a_chain_of_text_and_image_tasks_is_evaluated_in_another_language(
    toy_images: Path, tmp_path: Path
) -> None:
    store, stages = run(
        toy_images,
        tmp_path,
        "intermediate=[toy-same > toy-colour+toy-colour-without-image]",
        "targets=[toy-two, toy-question, toy-caption, toy-kind]",
    )
    scores = {
        stage.label.removesuffix(" seed 0").split()[-1]: store.artifact(stage.key).facts["scores"]
        for stage in of_kind(stages, "score", "toy-caption")
    }
    assert scores.keys() == {"en", "xx"}
    assert set(scores["xx"]) == {
        *("image_text_recall_at_1", "image_to_text_recall_at_1", "text_to_image_recall_at_1"),
    }
    assert {score["n"] for score in scores["xx"].values()} == {16}
    (predicted,) = of_kind(stages, "predict", "toy-caption", "xx")
    rows = read_rows(store.artifact(predicted.key) / "predictions.parquet")
    assert all(name.endswith(".ppm") for row in rows for name in row["prediction"])
    assert len(of_kind(stages, "score")) == 8
    with_tower = [stage.label for stage in stages if "vision" in stage.inputs]
    assert not any("toy-kind" in label for label in with_tower)
    assert any(label.startswith("train toy-same > ") for label in with_tower)


def test_results_count_images_where_they_have_several_captions(
    toy_images: Path, tmp_path: Path
) -> None:
    path = Path(shutil.copytree(toy_images.parent, tmp_path / "own")) / toy_images.name
    (captions,) = path.parent.rglob("caption-test-xx.jsonl")
    rows = [json.loads(line) for line in captions.read_text().splitlines()]
    more = [{**row, "id": f"{row['id']}-b", "text": f"{row['text']} today"} for row in rows[:5]]
    captions.write_text("".join(json.dumps(row) + "\n" for row in [*rows, *more]))
    changes = [*SMALL, "intermediate=[none]", "targets=[toy-caption]"]
    compiled = compile_experiment(xstilts.load(str(path), changes))
    store = run_stages(compiled.plan.stages, tmp_path / "store")
    frame = results_frame(compiled.cells, store)
    assert set(frame["language"]) == {"en", "xx"}
    assert set(frame["n"]) == {len(rows)}
    (scored,) = of_kind(compiled.plan.stages, "score", "xx")
    facts = store.artifact(scored.key).facts["scores"]
    assert {score["n"] for score in facts.values()} == {len(rows) + 5}


def test_ids_of_one_image_are_one_right_answer(toy_images: Path, tmp_path: Path) -> None:
    path = Path(shutil.copytree(toy_images.parent, tmp_path / "own")) / toy_images.name
    (captions,) = path.parent.rglob("caption-test-xx.jsonl")
    rows = [json.loads(line) for line in captions.read_text().splitlines()]
    (picture,) = path.parent.rglob(rows[0]["image"])
    shutil.copy(picture, picture.with_name("copy.ppm"))
    more = [{**rows[0], "id": f"more {name}", "image": name} for name in (picture.stem, "copy.ppm")]
    captions.write_text("".join(json.dumps(row) + "\n" for row in [*rows, *more]))
    changes = [*SMALL, "intermediate=[none]", "targets=[toy-caption]"]
    compiled = compile_experiment(xstilts.load(str(path), changes))
    store = run_stages(compiled.plan.stages, tmp_path / "store")
    frame = results_frame(compiled.cells, store)
    assert set(frame[frame["language"] == "xx"]["n"]) == {len(rows)}


def with_other_pictures(path: Path, folder: Path) -> Path:
    copied = Path(shutil.copytree(path.parent, folder))
    for number, picture in enumerate(sorted((copied / "images").glob("*/*.ppm"))):
        head, pixels = picture.read_bytes()[:13], picture.read_bytes()[13:]
        picture.write_bytes(head + random.Random(number).randbytes(len(pixels)))
    return copied / path.name


@pytest.mark.parametrize("target", ["toy-colour", "toy-colour-without-image"])
def test_pictures_change_a_model_unless_they_are_withheld(
    target: str, toy_images: Path, tmp_path: Path
) -> None:
    other = with_other_pictures(toy_images, tmp_path / "other")
    states = []
    for number, path in enumerate((toy_images, other)):
        store, stages = run(
            path, tmp_path / f"{number}", f"targets=[{target}]", "intermediate=[none]"
        )
        (train,) = of_kind(stages, "train")
        states.append(load_file(store.artifact(train.key) / "heads.safetensors"))
    same = [
        value.equal(states[1][name])
        for name, value in states[0].items()
        if ".match.text_" not in name  # moments of the texts alone
    ]
    assert all(same) if target.endswith("without-image") else not any(same)
    assert any("image_tokens" in name for name in states[0]) == (target == "toy-colour")


def test_bad_rows_are_named_and_counted(toy_images: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(toy_images.parent, tmp_path / "toy"))
    path = folder / "images" / "colour-test-en.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows = [{**row, "id": f"{copy} {row['id']}"} for copy in range(6) for row in rows]
    rows[1]["image"], rows[2]["label"], rows[3]["image"] = "", "maybe", "absent.ppm"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    store = Store(tmp_path / "store").prepare()
    loaded = xstilts.load(
        str(folder / toy_images.name), [*SMALL, "targets=[toy-colour]", "intermediate=[none]"]
    )
    stages = compile_experiment(loaded).plan.stages
    (prepare,) = of_kind(stages, "prepare", "toy-colour test en")
    facts = run_stages((prepare,), store.root).artifact(prepare.key).facts
    assert facts["rows"] == len(rows) - 3
    left_out = {kind for kind in facts["problems"] if kind not in facts["kept_problems"]}
    assert left_out >= {"text without an image", "label outside the set"}
    assert sum(facts["problems"][kind] for kind in left_out) == 3
    rows[4:14] = [{**row, "image": "absent.ppm"} for row in rows[4:14]]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (prepare,) = of_kind(compile_experiment(loaded).plan.stages, "prepare", "toy-colour test en")
    with pytest.raises(DataError, match="absent"):
        run_stages((prepare,), store.root)


def task_of(path: Path, name: str) -> TaskSpec:
    loaded = xstilts.load(str(path), [f"targets=[{name}]", "intermediate=[none]"])
    return ResolvedExperiment(loaded).task(name)


@pytest.mark.parametrize(
    "name",
    ["toy-colour", "toy-colour-without-image", "toy-two", "toy-question", "toy-caption"],
)
def test_tasks_with_images_keep_the_contract_of_tasks(name: str, toy_images: Path) -> None:
    check_task(task_of(toy_images, name))


@pytest.mark.parametrize(
    ("change", "named"), [("copy", "images in common"), ("cut", "image 'test-0.ppm'")]
)
def test_shared_and_unreadable_images_break_the_contract(
    change: str, named: str, toy_images: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(toy_images.parent, tmp_path / "toy"))
    picture = folder / "images" / "test" / "test-0.ppm"
    other = (folder / "images" / "train" / "train-3.ppm").read_bytes()
    picture.write_bytes(other if change == "copy" else other[:40])
    with pytest.raises(AssertionError, match=named):
        check_task(task_of(folder / toy_images.name, "toy-question"))


def test_measures_read_images_where_models_do(toy_images: Path, tmp_path: Path) -> None:
    changes = ["intermediate=[none, toy-colour]", "targets=[toy-two]"]
    loaded = xstilts.load(str(toy_images), [*SMALL, *changes])
    names = [
        *("chance", "majority", "confidence", "prequential", "input-only", "taskemb", "logme"),
    ]
    stages, references = compile_measures(loaded, names)
    read = {stage.kind for stage in stages if "vision" in stage.inputs}
    assert read == {"train", "dynamics", "surprise", "fisher"}
    store = run_stages(stages, tmp_path)
    assert {reference.measure for reference in references} == set(names)
    for stage in of_kind(stages, "train", "in part"):
        heads = load_file(store.artifact(stage.key) / "heads.safetensors")
        assert not any("image_tokens" in name for name in heads)
