"""States of images are computed once per tower, and no result depends on the cache."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from xstilts.core import cpu
from xstilts.core import fault_injection as faults
from xstilts.core.artifact import Artifact
from xstilts.core.errors import DataError, StoreError
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.worker import execute_stage
from xstilts.formats.base import Feature
from xstilts.formats.image_features import ImageFeatures
from xstilts.models.vision.tower import VisionTower, vision_tower
from xstilts.models.vision.tower_files import import_tower
from xstilts.stages.base import StageContext
from xstilts.stages.io import image_cache
from xstilts.stages.io.image_features import image_features, with_row_images
from xstilts.stages.io.image_roles import IMAGE_CONTEXT
from xstilts.stages.io.rows import read_rows
from xstilts.testing.pictures import picture_stage, write_picture_texts
from xstilts.testing.towers import write_tower

COUNT = 20


@pytest.fixture(scope="module")
def tower(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    folder = tmp_path_factory.mktemp("tower")
    import_tower(write_tower(folder / "hf", "dinov2"), folder, {"states": "patches"})
    return Artifact("a" * 64, folder.parent, folder.name)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(image_cache, "PIECE", 8)
    (tmp_path / "pictures").mkdir()
    rng = np.random.default_rng(0)
    for number in range(COUNT):
        pixels = rng.integers(0, 256, (20, 20 + number, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"pictures/{number}.png")
    write_picture_texts(tmp_path, range(COUNT))
    yield tmp_path
    forget()


def forget() -> None:
    """What a new process does not know."""
    image_cache._digests.clear()
    image_cache._verified.clear()


def rows_of(folder: Path, limit: int | None = None) -> Artifact:
    return execute_stage(
        Store(folder / "store").prepare(), picture_stage(folder, limit), lambda _: None
    )


def context_of(folder: Path, tower: Artifact, cache: str | None = "features") -> StageContext:
    context = {IMAGE_CONTEXT: {"pics": dict(picture_stage(folder).context)}}
    stage = Stage("predict", 1, {}, {}, context=context)
    features = folder / cache if cache else None
    folders = folder / "out", folder / "checkpoints"
    return StageContext(stage, {"vision": tower}, *folders, lambda _: None, features=features)


def features_of(folder: Path, tower: Artifact, limit: int | None = None) -> ImageFeatures:
    return image_features(
        context_of(folder, tower), read_rows(rows_of(folder, limit) / "rows.parquet")
    )


def states_of(features: ImageFeatures) -> dict[str, Any]:
    return {name: features.of([name])[0] for name in sorted(features.position)}


def assert_equal(features: ImageFeatures, expected: ImageFeatures) -> None:
    ours, theirs = states_of(features), states_of(expected)
    assert ours.keys() == theirs.keys()
    for name, states in ours.items():
        np.testing.assert_array_equal(states, theirs[name])


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sum of the pixels of every image that is computed from now on."""
    seen, original = list[int](), VisionTower.states

    def states(tower: VisionTower, pixels: Any) -> Any:
        seen.append(int(pixels.astype(int).sum()))
        return original(tower, pixels)

    monkeypatch.setattr(VisionTower, "states", states)
    return seen


def test_states_are_those_of_the_tower(folder: Path, tower: Artifact) -> None:
    features = features_of(folder, tower)
    assert features.array.shape == (COUNT, 17, 16)
    for name, states in states_of(features).items():
        with Image.open(folder / f"pictures/{name}.png") as image:
            expected = vision_tower(tower.path).states(np.asarray(image))
        np.testing.assert_array_equal(states, expected)


def test_each_image_is_computed_once(
    folder: Path, tower: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = counted(monkeypatch)
    features_of(folder, tower, 5)
    assert len(seen) == 5
    features = features_of(folder, tower)
    forget()
    assert_equal(features_of(folder, tower), features)
    assert len(seen) == len(set(seen)) == COUNT


def test_states_depend_on_neither_cores_nor_cache_nor_order(folder: Path, tower: Artifact) -> None:
    expected = features_of(folder, tower)
    rows = read_rows(rows_of(folder) / "rows.parquet")
    cpu.set_core_limit(3)
    try:
        parallel = image_features(context_of(folder, tower, "other"), rows[::-1])
    finally:
        cpu.set_core_limit(1)
    assert_equal(parallel, expected)
    assert_equal(image_features(context_of(folder, tower, None), rows), expected)


def test_another_tower_has_features_of_its_own(
    folder: Path, tower: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    features_of(folder, tower)
    seen = counted(monkeypatch)
    features_of(folder, replace(tower, key="b" * 64))
    assert len(seen) == COUNT


@pytest.mark.parametrize("damage", ["cut", "other bytes", "gone", "manifest"])
def test_damaged_features_are_computed_again(
    folder: Path, tower: Artifact, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = {name: one.copy() for name, one in states_of(features_of(folder, tower)).items()}
    forget()
    victim = next(iter(sorted((folder / "features" / "artifacts").iterdir())))
    if damage == "manifest":
        (victim / "manifest.json").write_text("{}")
    elif damage == "gone":
        (victim / "states.npy").unlink()
    else:
        data = bytearray((victim / "states.npy").read_bytes())
        data[-1] ^= 255
        (victim / "states.npy").write_bytes(data[:-8] if damage == "cut" else data)
    seen = counted(monkeypatch)
    again = states_of(features_of(folder, tower))
    assert 1 <= len(seen) <= 8
    for name, states in again.items():
        np.testing.assert_array_equal(states, expected[name])


def test_the_cache_may_be_deleted(folder: Path, tower: Artifact) -> None:
    expected = {name: one.copy() for name, one in states_of(features_of(folder, tower)).items()}
    shutil.rmtree(folder / "features")
    again = states_of(features_of(folder, tower))
    for name, states in again.items():
        np.testing.assert_array_equal(states, expected[name])


def test_an_interruption_keeps_the_finished_pieces(
    folder: Path, tower: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, original = list[int](), VisionTower.states

    def stopped(tower: VisionTower, pixels: Any) -> Any:
        if len(seen) == 12:
            raise KeyboardInterrupt
        seen.append(1)
        return original(tower, pixels)

    monkeypatch.setattr(VisionTower, "states", stopped)
    with pytest.raises(KeyboardInterrupt):
        features_of(folder, tower)
    monkeypatch.setattr(VisionTower, "states", original)
    computed = counted(monkeypatch)
    features_of(folder, tower)
    assert len(computed) == COUNT - 8


def test_a_full_disk_is_a_store_error(
    folder: Path, tower: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = read_rows(rows_of(folder) / "rows.parquet")
    monkeypatch.setattr(faults, "_passes", Counter())  # other tests count on theirs
    monkeypatch.setenv("XSTILTS_FAULT", "store.before_manifest:full")
    with pytest.raises(StoreError, match="full"):
        image_features(context_of(folder, tower), rows)
    monkeypatch.delenv("XSTILTS_FAULT")
    assert list((folder / "features" / "staging").iterdir()) == []


@pytest.mark.parametrize("change", ["content", "gone"])
def test_an_image_that_has_changed_since_its_row_was_prepared_is_refused(
    folder: Path, tower: Artifact, change: str
) -> None:
    rows = read_rows(rows_of(folder) / "rows.parquet")
    if change == "gone":
        (folder / "pictures/3.png").unlink()
    else:
        Image.new("RGB", (8, 8)).save(folder / "pictures/3.png")
    with pytest.raises(DataError, match="changed") as raised:
        image_features(context_of(folder, tower), rows)
    assert "pictures/3" in str(raised.value)


def test_a_changed_file_does_not_matter_once_its_features_exist(
    folder: Path, tower: Artifact
) -> None:
    rows = read_rows(rows_of(folder) / "rows.parquet")
    expected = {
        name: one.copy()
        for name, one in states_of(image_features(context_of(folder, tower), rows)).items()
    }
    (folder / "pictures/3.png").unlink()
    forget()
    states = states_of(image_features(context_of(folder, tower), rows))
    np.testing.assert_array_equal(states["3"], expected["3"])


def test_two_names_of_one_image_share_its_states(
    folder: Path, tower: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(folder / "pictures/3.png", folder / "pictures/4.png")
    rows = read_rows(rows_of(folder) / "rows.parquet")
    (one, other) = (row for row in rows if row["text"] in ("picture 3", "picture 4"))
    assert one["images"] == other["images"]
    names = {"images": ["3"]}, {"images": ["4"]}  # as earlier versions prepared them
    earlier = [{**row, **name} for row, name in zip((one, other), names, strict=True)]
    seen = counted(monkeypatch)
    features = image_features(
        context_of(folder, tower), [*(row for row in rows if row not in (one, other)), *earlier]
    )
    assert len(seen) == COUNT - 1
    assert features.position["3"] == features.position["4"]


def test_features_get_the_images_of_their_rows(folder: Path, tower: Artifact) -> None:
    rows = rows_of(folder)
    texts = [Feature(row["id"], [1], [0], 0) for row in read_rows(rows / "rows.parquet")]
    context = context_of(folder, tower)
    images = states_of(features_of(folder, tower))
    features = with_row_images(context, rows, texts)
    for row, feature in zip(read_rows(rows / "rows.parquet"), features, strict=True):
        assert feature.images is not None
        np.testing.assert_array_equal(feature.images[0], images[row["images"][0]])


def test_withheld_images_are_not_computed(
    folder: Path, tower: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, seen = rows_of(folder), counted(monkeypatch)
    texts = [Feature(row["id"], [1], [0], 0) for row in read_rows(rows / "rows.parquet")]
    context = context_of(folder, tower)
    withheld = replace(context.stage, context={IMAGE_CONTEXT: {"pics": None}})
    assert with_row_images(replace(context, stage=withheld), rows, texts) is texts
    assert with_row_images(replace(context, inputs={}), rows, texts) is texts
    assert not seen
