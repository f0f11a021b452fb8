"""xGQA: the answer to a question about an image, among GQA's answers. Trained on GQA.

Questions are GQA's balanced `testdev`, translated into seven languages; answers are English. Labels
are those of `gqa/trainval_label2ans.json`, IGLUE's list of 1,842 answers, else the answers of the
training file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from xstilts.core.errors import DataError
from xstilts.core.hashing import digest_of, digest_of_unchanged
from xstilts.formats.base import BadRow, Example
from xstilts.formats.image_text.classification import ImageTextExample
from xstilts.formats.io.readers import FileRow, unique_names
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.builders import ENGLISH, names, same_size
from xstilts.tasks.io.sources import DATA_SUBFOLDERS, Local
from xstilts.tasks.without_image import without_image
from xstilts.tasks.xtreme_m.image_task import IGLUE, image_task

LANGUAGES = names("en bn de id ko pt ru zh")
IMAGES = ("gqa/images", "gqa/images.zip", "xgqa/images", "xGQA/images")
LABEL_FILES = ("gqa/annotations/trainval_label2ans.json", "gqa/trainval_label2ans.json")
FOLDERS = ("gqa", "gqa/annotations", "gqa/questions")
TEST_FOLDERS = ("xGQA/annotations/zero_shot", "xGQA", "xgqa")
OFFICIAL = {"train": "train", "dev": "val"}
_known: dict[tuple[str, str], tuple[str, ...]] = {}


def questions(path: Path, start: str) -> Iterator[Example | BadRow]:
    """The questions of a file in GQA's form: one JSON object, id → question.

    Raises:
        DataError: not JSON, or no object.
    """
    tree = _read(path)
    if not isinstance(tree, dict):
        raise DataError(
            "not an object of questions by id", where=str(path), todo="use GQA's own files"
        )
    for number, (name, cells) in enumerate(tree.items()):
        row = FileRow(cells if isinstance(cells, dict) else {}, f"{path}: {name}", name)
        try:
            yield _example(row)
        except DataError as error:
            yield BadRow(f"{start}-{number}", error.what, where=row.where)


def _example(row: FileRow) -> ImageTextExample:
    image, answer = row.key("imageId"), row.text("answer").strip()
    return ImageTextExample(row.id, row.text("question"), (image,), answer, row.where)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=unique_names)
    except (ValueError, RecursionError) as error:
        raise DataError(f"not JSON: {error}", where=str(path), todo="copy it again") from error


def _train_files(split: str, _language: str) -> tuple[Local, ...]:
    name = f"{OFFICIAL[split]}_balanced_questions.json"
    return tuple(Local((f"{folder}/{name}",), questions) for folder in FOLDERS)


def _test_files(_split: str, language: str) -> tuple[Local, ...]:
    name = f"testdev_balanced_questions_{language}.json"
    return tuple(Local((f"{folder}/{name}",), questions) for folder in TEST_FOLDERS)


def _with_answers(task: TaskSpec, folder: Path) -> TaskSpec:
    """The task with the answers in the user's folder, a part of its fingerprint."""
    answers = _answers(folder)

    def fingerprint(split: str, language: str) -> str:
        return digest_of([task.fingerprint(split, language), answers])

    return replace(task, labels=answers, fingerprint=fingerprint)


def _answers(folder: Path) -> tuple[str, ...]:
    """GQA's answers, read once for the same bytes; none where no file has them."""
    for name, read in (*((file, _listed) for file in LABEL_FILES), *_training_names()):
        for sub in DATA_SUBFOLDERS:
            path = folder / sub / name
            if path.is_file():
                key = (str(path), digest_of_unchanged(path))
                if key not in _known:
                    _known[key] = read(path)
                return _known[key]
    return ()


def _training_names() -> list[tuple[str, Callable[[Path], tuple[str, ...]]]]:
    return [(local.files[0], _answers_of_questions) for local in _train_files("train", ENGLISH)]


def _listed(path: Path) -> tuple[str, ...]:
    """IGLUE's list of answers.

    Raises:
        DataError: not JSON, or no list of distinct answers.
    """
    tree = _read(path)
    given = tree if isinstance(tree, list) else []
    answers = tuple(one.strip() for one in given if isinstance(one, str))
    if not answers or len(set(filter(None, answers))) < len(given):
        what = "not a list of answers that are texts, none of them blank or twice"
        raise DataError(what, where=str(path), todo="use IGLUE's own file")
    return answers


def _answers_of_questions(path: Path) -> tuple[str, ...]:
    found = (one.label for one in questions(path, "") if isinstance(one, ImageTextExample))
    return tuple(sorted(set(filter(None, found))))


def _task(**fields: Any) -> TaskSpec:
    plain = image_task(
        IMAGES, format="image_question", licence="", source="GQA; github.com/e-bug/iglue", **fields
    )
    located = plain.with_data_dir
    assert located is not None
    return replace(plain, with_data_dir=partial(_located, located))


def _located(located: Callable[[Path], TaskSpec], folder: Path) -> TaskSpec:
    return replace(_with_answers(located(folder), folder), with_data_dir=partial(_located, located))


GQA = _task(
    name="gqa",
    sizes={"train": {"en": None}, "dev": {"en": None}},
    local=_train_files,
    subwords=12,
    summary="the answer to a question about an image; balanced questions",
    citation="Hudson and Manning 2019, arXiv 1902.09506",
)

XGQA = _task(
    name="xgqa",
    sizes={"test": same_size(LANGUAGES, None)},
    local=_test_files,
    subwords=14,
    train_task="gqa",
    summary="the English answer to a question about an image",
    citation=f"Pfeiffer et al. 2022, arXiv 2109.06082; {IGLUE}",
)
GQA_WITHOUT_IMAGE = without_image(GQA)
XGQA_WITHOUT_IMAGE = without_image(XGQA)
