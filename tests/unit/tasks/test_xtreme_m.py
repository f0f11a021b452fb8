"""Image-text tasks of IGLUE and their training data, in small files of the official forms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xstilts.core.errors import DataError, MissingDataError
from xstilts.formats.base import BadRow
from xstilts.tasks import TASKS
from xstilts.tasks.data_check import SplitState, check_split
from xstilts.tasks.emoji import pictures
from xstilts.tasks.io.sources import located
from xstilts.tasks.suites import SUITES
from xstilts.tasks.without_image import without_image
from xstilts.tasks.xtreme_m.xflickrco import NO_CAPTION
from xstilts.tasks.xtreme_m.xvnli import OF_THE_TEST_SET
from xstilts.testing.task_files import jsonl, task, write

PIXEL = b"P6 1 1 255\n\x00\x00\x00"


def pair(image: str, number: int, label: str = "neutral", **more: Any) -> dict[str, Any]:
    name = f"{image}.jpg#{number}r1n"
    texts = {"sentence1": "caption", "sentence2": f"sentence {number}"}
    return {"gold_label": label, **texts, "pairID": name, "Flikr30kID": image, **more}


def question(text: str, answer: str, image: str = "n1") -> dict[str, str]:
    return {"question": text, "answer": answer, "imageId": image}


def statement(name: str, label: str) -> dict[str, str]:
    return {"identifier": name, "sentence": "Two dogs.", "label": label}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for language in ("en", "fr"):
        test = jsonl(pair("1", 0, "entailment"), pair("2", 1, "-"))
        write(tmp_path, f"xtreme-m/xvnli/{language}/test.jsonl", test)
    image = tmp_path / "xtreme-m" / "flickr30k" / "images" / "1.jpg"
    image.parent.mkdir(parents=True)
    image.write_bytes(PIXEL)
    two = {"caption": "Mbwa.", "left_img": "8-5.jpg", "right_img": "8-1.jpg"}
    rows = jsonl({"id": "sw-0", "label": True, **two}, {"id": "sw-1", "label": False, **two})
    write(tmp_path, "marvl/zero_shot/annotations/marvl-sw.jsonl", rows)
    nlvr2 = jsonl(statement("dev-8-0-0", "True"), statement("dev-8-1-1", "False"))
    write(tmp_path, "nlvr2/annotations/dev.jsonl", nlvr2)
    write(tmp_path, "nlvr2/data/train.json", nlvr2)
    asked = {"7": question("Is it red?", "yes"), "3": question("What is it?", "lamp", "n2")}
    write(tmp_path, "gqa/train_balanced_questions.json", json.dumps(asked))
    write(tmp_path, "xGQA/testdev_balanced_questions_de.json", json.dumps(asked))
    images = [
        {"id": "5", "img_path": "5.jpg", "sentences": ["A cat.", "A pet."]},
        {"id": "6", "img_path": "6.jpg", "sentences": ["A dog."]},
    ]
    write(tmp_path, "flickr30k/annotations/valid_ann.jsonl", jsonl(*images))
    write(tmp_path, "xFlickrCO/annotations/ja/test.jsonl", jsonl(images[1]))
    return tmp_path


def read(name: str, split: str, folder: Path, language: str = "en") -> dict[str, Any]:
    return {one.id: one for one in task(name, folder).read(split, language)}


def test_xvnli_reads_hypothesis_and_image_without_the_caption(folder: Path) -> None:
    found = read("xvnli-image", "test", folder, "fr")
    good = found["1.jpg#0r1n"]
    assert (good.text, good.images, good.label) == ("sentence 0", ("1",), "entailment")
    assert [type(one) for one in found.values()].count(BadRow) == 1
    assert task("xvnli-image", folder).images("test").read("1") == PIXEL  # type: ignore[misc]


@pytest.mark.parametrize("file", ["snli_ve/snli_ve_train.jsonl", "xvnli/en/train.jsonl"])
@pytest.mark.parametrize("column", ["Flikr30kID", "Flickr30K_ID"])
def test_training_leaves_out_images_of_the_test_set(folder: Path, file: str, column: str) -> None:
    rows = [pair("1", 5), pair("3", 6)]
    for row in rows:
        row[column] = row.pop("Flikr30kID")
    write(folder, f"xtreme-m/{file}", jsonl(*rows))
    found = list(task("snli-ve", folder).read("train", "en"))
    kept = [one.images for one in found if not isinstance(one, BadRow)]
    assert kept == [("3",)]
    assert [one.problem for one in found if isinstance(one, BadRow)] == [OF_THE_TEST_SET]


def test_rows_with_images_of_the_test_set_do_not_count_as_broken(folder: Path) -> None:
    rows = [pair("1", number) for number in range(3)] + [pair("3", 6)]
    write(folder, "xtreme-m/snli_ve/snli_ve_train.jsonl", jsonl(*rows))
    (folder / "xtreme-m/flickr30k/images/3.jpg").write_bytes(PIXEL)
    report = check_split(TASKS.get("snli-ve"), "train", "en", folder)
    assert (report.state, report.rows) == (SplitState.FOUND, 1)
    assert report.counts[OF_THE_TEST_SET] == 3
    assert report.first[0].endswith(f"{OF_THE_TEST_SET}: 1")


def test_training_on_snli_ve_needs_the_test_set(tmp_path: Path) -> None:
    write(tmp_path, "snli_ve/snli_ve_train.jsonl", jsonl(pair("1", 5)))
    with pytest.raises(MissingDataError, match="test.jsonl"):
        list(task("snli-ve", tmp_path).read("train", "en"))


def test_marvl_has_two_images_of_its_language(folder: Path) -> None:
    found = read("marvl", "test", folder, "sw")
    assert found["sw-0"].images == ("sw/all/8-5.jpg", "sw/all/8-1.jpg")
    assert [found[f"sw-{number}"].label for number in range(2)] == ["true", "false"]


@pytest.mark.parametrize("split", ["train", "dev"])
def test_nlvr2_names_images_by_the_identifier(folder: Path, split: str) -> None:
    found = read("nlvr2", split, folder)
    assert found["dev-8-1-1"].images == ("dev-8-1-img0", "dev-8-1-img1")
    assert {name: one.label for name, one in found.items()} == {
        "dev-8-0-0": "true",
        "dev-8-1-1": "false",
    }


def test_xgqa_is_answered_by_the_answers_of_training(folder: Path) -> None:
    assert task("xgqa", folder).labels == ("lamp", "yes")
    assert read("xgqa", "test", folder, "de")["3"].label == "lamp"
    write(folder, "gqa/trainval_label2ans.json", json.dumps(["yes", "no"]))
    for name in ("gqa", "xgqa", "xgqa-without-image"):
        assert task(name, folder).labels == ("yes", "no")


def test_spaces_around_an_answer_make_no_other_answer(folder: Path) -> None:
    asked = {"7": question("Is it red?", "yes "), "3": question("Is it old?", "yes", "n2")}
    for file in ("gqa/train_balanced_questions.json", "xGQA/testdev_balanced_questions_de.json"):
        write(folder, file, json.dumps(asked))
    assert task("xgqa", folder).labels == ("yes",)
    assert {one.label for one in read("xgqa", "test", folder, "de").values()} == {"yes"}


LISTED = json.dumps(["yes", "no"])


def test_a_list_of_answers_may_begin_with_a_byte_order_mark(folder: Path) -> None:
    write(folder, "gqa/trainval_label2ans.json", f"\ufeff{LISTED}")
    assert task("xgqa", folder).labels == ("yes", "no")


@pytest.mark.parametrize("listed", [LISTED[:5], "[]", "[1]", '["a", "a "]', '["a", ""]', "5"])
def test_a_broken_list_of_answers_is_named_and_does_not_stop_the_check(
    folder: Path, listed: str
) -> None:
    write(folder, "gqa/trainval_label2ans.json", listed)
    with pytest.raises(DataError, match=r"trainval_label2ans\.json"):
        task("xgqa", folder)
    report = check_split(TASKS.get("xgqa"), "test", "de", folder)
    assert report.state is SplitState.BROKEN
    assert "trainval_label2ans.json" in report.why


def test_other_answers_change_the_fingerprint(folder: Path) -> None:
    before = task("xgqa", folder).fingerprint("test", "de")
    write(folder, "gqa/trainval_label2ans.json", json.dumps(["yes", "no"]))
    assert task("xgqa", folder).fingerprint("test", "de") != before


def test_a_question_without_an_image_is_a_bad_row(folder: Path) -> None:
    write(folder, "xGQA/testdev_balanced_questions_de.json", json.dumps({"1": {"question": "?"}}))
    (found,) = task("xgqa", folder).read("test", "de")
    assert isinstance(found, BadRow)
    assert "imageId" in found.problem


def test_an_image_has_as_many_examples_as_captions(folder: Path) -> None:
    found = read("flickr30k", "dev", folder)
    assert {name: one.images for name, one in found.items()} == {
        "5-0": ("5.jpg",),
        "5-1": ("5.jpg",),
        "6": ("6.jpg",),
    }
    assert read("xflickrco", "test", folder, "ja")["6"].text == "A dog."


def test_an_image_without_captions_is_counted(folder: Path) -> None:
    images = [{"id": str(one), "img_path": f"{one}.jpg", "sentences": []} for one in range(2)]
    images[0]["sentences"] = ["A cat."]
    write(folder, "xFlickrCO/annotations/ja/test.jsonl", jsonl(*images))
    found = task("xflickrco", folder).read("test", "ja")
    assert [one.problem for one in found if isinstance(one, BadRow)] == [NO_CAPTION]


@pytest.mark.parametrize("name", [one for one in TASKS if one.endswith("-without-image")])
def test_a_control_differs_from_its_task_in_the_image_alone(name: str, folder: Path) -> None:
    has_noto = any(path.is_file() for path in pictures.NOTO_FILES)
    if name.startswith("emoji-nli-noto") and not has_noto:
        pytest.skip("no fonts-noto-color-emoji")
    control = located(TASKS.get(name), folder, {})
    own = located(TASKS.get(control.control_of), folder, {})
    assert name == f"{own.name}-without-image"
    assert control.withholds_image
    assert not own.withholds_image
    assert (control.labels, control.splits, control.format) == (own.labels, own.splits, own.format)
    for split, codes in own.splits.items():
        same = control.fingerprint(split, codes[0]), own.fingerprint(split, codes[0])
        assert same[0] == same[1]
    if own.train_task:
        assert TASKS.get(control.train_task).control_of == own.train_task
    else:
        assert not control.train_task


def test_a_control_of_files_in_another_folder_stays_a_control(folder: Path) -> None:
    moved = without_image(TASKS.get("marvl")).with_data_dir
    assert moved is not None
    assert moved(folder).control_of == "marvl"
    assert moved(folder).withholds_image


def test_the_suite_has_the_training_data_of_its_targets() -> None:
    tasks = set(SUITES["xtreme-m"].tasks)
    targets = [TASKS.get(name) for name in ("xvnli-image", "marvl", "xgqa", "xflickrco")]
    assert {one.name for one in targets} | {one.train_task for one in targets} <= tasks


def test_the_data_check_counts_images_and_names_those_that_are_missing(folder: Path) -> None:
    rows = jsonl(*(pair(str(1 + number % 2), number, "neutral") for number in range(40)))
    write(folder, "xtreme-m/xvnli/en/test.jsonl", rows)
    report = check_split(TASKS.get("xvnli-image"), "test", "en", folder)
    assert (report.rows, report.images) == (20, 1)
    assert report.counts["no such image"] == 20
    assert report.state is SplitState.BROKEN
    assert any("images/2" in problem for problem in report.first)
    (folder / "xtreme-m/flickr30k/images/2.jpg").write_bytes(PIXEL.replace(b"\0", b"1"))
    report = check_split(TASKS.get("xvnli-image"), "test", "en", folder)
    assert (report.state, report.rows, report.images) == (SplitState.FOUND, 40, 2)


def test_the_data_check_names_folders_without_images(folder: Path) -> None:
    report = check_split(TASKS.get("marvl"), "test", "sw", folder)
    assert report.state is SplitState.MISSING
    assert "marvl/images" in report.why
