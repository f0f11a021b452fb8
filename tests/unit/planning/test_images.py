"""Stages that read images have the vision tower as an input, and all others stay as they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image

import xstilts
from xstilts.core.errors import MissingPackageError
from xstilts.core.stage import Stage
from xstilts.core.warn_once import forget_warnings
from xstilts.models.vision import tower_source
from xstilts.planning.compile import compile_experiment
from xstilts.stages.io.image_roles import IMAGE_CONTEXT, VISION
from xstilts.tasks.io import image_decoding
from xstilts.testing.towers import write_tower


@pytest.fixture
def picture_file(toy_file: Path, tmp_path: Path) -> Path:
    """An experiment with a task of texts, one with pictures, and its control."""
    tree = yaml.safe_load(toy_file.read_text())
    pictures = {
        "format": "image_inference",
        "files": "data/pics-{split}-{language}.jsonl",
        "splits": {"train": ["en"], "dev": ["en", "xx"], "test": ["en", "xx"]},
        "labels": ["yes", "no"],
        "images": str(tmp_path / "pictures"),
    }
    (tmp_path / "pictures").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "pictures/1.png")
    tree["tasks"] |= {"pics": pictures, "blind": {**pictures, "withhold_images": True}}
    tree |= {"targets": ["toy-kind", "pics", "blind"], "intermediate": ["none", "toy-same"]}
    path = toy_file.with_name("pictures.yaml")
    path.write_text(yaml.safe_dump({**tree, "seeds": [0]}))
    return path


def stages_of(path: Path, *changes: str) -> list[Stage]:
    return list(compile_experiment(xstilts.load(str(path), list(changes))).plan.stages)


def keys_of(stages: list[Stage], *kinds: str, task: str = "") -> set[str]:
    return {one.key for one in stages if one.kind in kinds and f" {task} " in f" {one.label} "}


def test_training_and_prediction_with_images_have_the_tower(picture_file: Path) -> None:
    stages = stages_of(picture_file)
    (tower,) = (one for one in stages if one.kind == "import-vision")
    read = {one.label for one in stages if one.inputs.get(VISION) == tower.key}
    assert read == {
        one.label
        for one in stages
        if one.kind in ("train", "predict") and " pics " in f" {one.label} "
    }
    assert len(read) == 6
    for one in stages:
        assert (IMAGE_CONTEXT in one.context) == (one.label in read)


def test_few_shot_training_has_the_tower_too(picture_file: Path) -> None:
    stages = stages_of(picture_file, "few_shot={examples: [2], targets: [pics]}")
    few = [one for one in stages if one.kind == "train" and "heads" in one.params]
    assert few
    assert all(VISION in one.inputs for one in few)


def test_a_tower_changes_the_keys_of_stages_with_images_alone(
    picture_file: Path, tmp_path: Path
) -> None:
    tower = write_tower(tmp_path / "tower", "vit")
    before, after = stages_of(picture_file), stages_of(picture_file, f"vision={tower}")
    same = {one.key for one in before} & {one.key for one in after}
    for one in before:
        changes = one.kind == "import-vision" or (
            one.kind in ("train", "predict", "score") and " pics " in f" {one.label} "
        )
        assert (one.key in same) == (not changes), one.label


def test_stages_of_texts_do_not_depend_on_the_tower(toy_file: Path) -> None:
    plain = {one.key for one in stages_of(toy_file)}
    assert {one.key for one in stages_of(toy_file, "vision={grid: 2}")} == plain


def test_a_tower_that_no_task_uses_is_said(
    toy_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    forget_warnings()
    stages_of(toy_file, "vision={grid: 2}")
    assert "`vision` is not used" in caplog.text


def test_images_that_are_nowhere_are_said_by_the_plan(
    picture_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    forget_warnings()
    (tmp_path / "pictures/1.png").unlink()
    (tmp_path / "pictures").rmdir()
    stages_of(picture_file)
    assert "tasks.pics.images" in caplog.text
    assert str(tmp_path / "pictures") in caplog.text


@pytest.mark.parametrize("module", [tower_source, image_decoding])
def test_a_missing_package_is_an_error_of_the_plan(
    picture_file: Path, module: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    with pytest.raises(MissingPackageError, match=r"xstilts\[vision\]"):
        stages_of(picture_file)


def test_texts_need_no_package_for_images(toy_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (tower_source, image_decoding):
        monkeypatch.setattr(module, "find_spec", lambda _: None)
    assert stages_of(toy_file)


def test_planning_with_images_imports_neither_torch_nor_pillow(picture_file: Path) -> None:
    program = (
        "import sys, xstilts\n"
        "from xstilts.planning.compile import compile_experiment\n"
        f"compile_experiment(xstilts.load({str(picture_file)!r}))\n"
        "print([name for name in ('torch', 'PIL', 'transformers') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
