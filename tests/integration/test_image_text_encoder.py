"""SigLIP as the encoder: text side in all phases, its own tower, the study and example pictures."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.base import RunResult
from xstilts.models.encoder_files import BODY, EncoderFiles
from xstilts.models.vision.tower_source import tower_digests
from xstilts.planning.compile import compile_experiment
from xstilts.reports.example_pictures import SIZE, example_pictures
from xstilts.testing.encoder_families import write_family
from xstilts.testing.tiny_images import write_image_experiment

LENGTH = 24
CHANGES = [
    *("name=ready", "seeds=[0]", "limits={train: 16, dev: 8}", "vision=null"),
    *("intermediate=[none, toy-same]", f"retrieval.max_length={LENGTH}"),
    "targets=[toy-colour, toy-colour-without-image, toy-two, toy-search]",
    *(
        f"recipes.{phase}.{name}={value}"
        for phase in ("intermediate", "target")
        for name, value in (("epochs", 1), ("num_evals", 1), ("max_length", LENGTH))
    ),
]


@pytest.fixture(scope="module")
def ready(
    tmp_path_factory: pytest.TempPathFactory, run_in_process: Callable[..., RunResult]
) -> tuple[LoadedExperiment, Path]:
    """An experiment whose encoder is a tiny SigLIP with its image processor, and its store."""
    folder = tmp_path_factory.mktemp("ready")
    path = write_image_experiment(folder)
    shutil.rmtree(folder / "encoder")
    write_family(folder / "encoder", "siglip", max_position_embeddings=LENGTH)
    steps = json.loads((folder / "tower" / "preprocessor_config.json").read_text())
    steps |= {"size": {"height": 32, "width": 32}, "image_processor_type": "SiglipImageProcessor"}
    (folder / "encoder" / "preprocessor_config.json").write_text(json.dumps(steps))
    shutil.rmtree(folder / "tower")
    loaded = xstilts.load(str(path), CHANGES)
    run_in_process(loaded, folder / "store")
    return loaded, folder


def stages_of(loaded: LoadedExperiment, kind: str, *words: str) -> list[Stage]:
    stages = compile_experiment(loaded).plan.stages
    return [
        stage
        for stage in stages
        if stage.kind == kind and all(word in stage.label for word in words)
    ]


def test_the_tower_is_the_encoders_own(ready: tuple[LoadedExperiment, Path]) -> None:
    loaded, folder = ready
    (tower,) = stages_of(loaded, "import-vision")
    assert tower.params["source"] == {
        "from": "folder",
        "files": tower_digests(folder / "encoder"),
    }


def test_both_phases_train_the_text_side_and_keep_it(
    ready: tuple[LoadedExperiment, Path],
) -> None:
    loaded, folder = ready
    store = Store(folder / "store")
    (encoder,) = stages_of(loaded, "encoder")
    (second,) = stages_of(loaded, "train", "train toy-same ")
    (third,) = stages_of(loaded, "train", "train toy-colour after toy-same")
    bodies = [load_file(store.artifact(stage.key) / BODY) for stage in (encoder, second, third)]
    name = "encoder.layers.0.mlp.fc1.weight"
    for before, after in pairwise(bodies):
        assert not after[name].equal(before[name])
        assert after["head.weight"].equal(before["head.weight"])
    read = EncoderFiles(store.artifact(encoder.key).path, store.artifact(third.key).path)
    model = read.model(torch.arange(20))
    assert model.get_parameter(name).equal(bodies[2][name])


def test_every_language_is_scored(ready: tuple[LoadedExperiment, Path]) -> None:
    loaded, folder = ready
    frame = xstilts.results(loaded, folder / "store")
    found = set(zip(frame["target"], frame["language"], strict=True))
    assert {("toy-colour", "en"), ("toy-colour", "xx"), ("toy-search", "xx")} <= found
    assert frame["value"].notna().all()


def test_the_report_shows_pictures_in_two_languages(
    ready: tuple[LoadedExperiment, Path], tmp_path: Path
) -> None:
    loaded, folder = ready
    page = xstilts.report(loaded, tmp_path / "page.html", folder / "store").read_text("utf-8")
    section = page[page.index('<section id="pictures">') :]
    section = section[: section.index("</section>")]
    images = re.findall(r'<img src="data:image/png;base64,([^"]+)" alt="([^"]+)">', section)
    assert section.count("<img") == len(images) == 2 + 2 * 2
    for data, alt in images:
        with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
            assert max(picture.size) <= SIZE
        assert alt.startswith(("toy-colour: image ", "toy-two: image "))
    assert 'lang="xx"' in section
    assert 'lang="en"' in section
    assert "after toy-same: " in section
    assert "toy-colour-without-image" not in section


def test_examples_are_the_first_of_each_gold_answer_with_their_predictions(
    ready: tuple[LoadedExperiment, Path],
) -> None:
    loaded, folder = ready
    compiled, store = compile_experiment(loaded), Store(folder / "store")
    colour, two = example_pictures(compiled, store)
    assert (colour.target, two.target) == ("toy-colour", "toy-two")
    assert [example.texts[0].gold for example in colour.examples] in (["no", "yes"], ["yes", "no"])
    rows = [json.loads(line) for line in (folder / "images" / "colour-test-xx.jsonl").open()]
    first = {row["label"]: row for row in reversed(rows)}
    for example in colour.examples:
        foreign, english = example.texts
        assert (foreign.code, english.code) == ("xx", "en")
        assert foreign.text == first[foreign.gold]["text"]
        assert [one.setting for one in foreign.predictions] == ["none", "toy-same"]
        assert all(one.right == (one.answer == foreign.gold) for one in foreign.predictions)
    assert [len(example.pictures) for example in two.examples] == [2, 2]


def test_an_image_that_is_gone_or_changed_is_named(
    ready: tuple[LoadedExperiment, Path], tmp_path: Path
) -> None:
    _, folder = ready
    shutil.copytree(folder, tmp_path / "copy")
    moved = xstilts.load(str(tmp_path / "copy" / "toy.yaml"), CHANGES)
    compiled, store = compile_experiment(moved), Store(tmp_path / "copy" / "store")
    pictures = tmp_path / "copy" / "images" / "test"
    before = example_pictures(compiled, store)[0].examples
    names = [example.pictures[0].alt.rpartition(" ")[2] for example in before]
    other = next(path for path in sorted(pictures.iterdir()) if path.name not in names)
    (pictures / names[0]).unlink()
    shutil.copy(other, pictures / names[1])
    gone, changed = (one.pictures[0] for one in example_pictures(compiled, store)[0].examples)
    assert (gone.uri, changed.uri) == ("", "")
    assert names[0] in gone.problem
    assert "changed" in changed.problem


def test_the_study_compares_the_target_with_its_control(
    ready: tuple[LoadedExperiment, Path],
) -> None:
    loaded, folder = ready
    answer = xstilts.study("multimodal", loaded, folder / "store")
    names = [one.name for one in answer.findings]
    assert "toy-colour-above-control-none" in names
    assert any("toy-two was evaluated without a control" in text for text in answer.caveats)
