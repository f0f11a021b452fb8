"""Rows are tokenized once, and stored features equal the format's output."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import AutoTokenizer

from xstilts.core import fault_injection as faults
from xstilts.core.artifact import Artifact
from xstilts.core.errors import StoreError
from xstilts.core.locks import wait_lock
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.formats import FORMATS
from xstilts.formats.base import Feature, TokenizationConfig, id_lists
from xstilts.formats.feature_store import (
    ConcatFeatures,
    StoredFeatures,
    lengths,
    occurring_ids,
    text_counts,
    write_features,
)
from xstilts.models.encoder_import import import_encoder
from xstilts.stages import embed as embed_stage
from xstilts.stages.base import StageContext
from xstilts.stages.io import tokenized as stage_module
from xstilts.stages.io.rows import write_rows
from xstilts.stages.io.tokenized import prepared
from xstilts.testing.tiny import write_encoder
from xstilts.training.batching import collate

TEXT = "the dog is here"
READING = TokenizationConfig(max_length=24, stride=6, question_length=6, retrieval_query_length=9)
ROWS: dict[str, tuple[tuple[str, ...], list[dict[str, Any]]]] = {
    "classification": (
        ("a", "b"),
        [
            {"id": str(n), "text": TEXT, "text_pair": "a cat " * n, "label": "ab "[n]}
            for n in range(3)
        ],
    ),
    "multiple_choice": (
        ("0", "1", "2"),
        [
            {"id": f"é{n}", "text": TEXT, "choices": ["a", "a cat", "bread"], "label": str(n)}
            for n in range(2)
        ],
    ),
    "tagging": (
        ("O", "B-x"),
        [
            {"id": str(n), "tokens": ["cat", "", "qq"] * n, "tags": ["O", "B-x", "?"] * n}
            for n in (1, 2, 9)
        ],
    ),
    "span": (
        ("answerable", "unanswerable"),
        [
            {
                "id": str(n),
                "question": "where is it " * n,
                "context": "the cat – is “here” today " * n,
                "answers": ["cat"] if n else [],
                "starts": [4] if n else [],
            }
            for n in (3, 1)
        ],
    ),
    "masked_lm": ((), [{"id": str(n), "text": text} for n, text in enumerate([TEXT, "", "a"])]),
    "regression": (
        (),
        [{"id": str(n), "text": TEXT, "text_pair": "a", "score": n / 3} for n in (-300, 1, 2)],
    ),
    "retrieval": ((), [{"id": str(n), "text": "a " * n, "meaning": ""} for n in range(4)]),
    "image_retrieval": (
        (),
        [{"id": str(n), "text": "a " * n, "images": [f"é{n}.png"]} for n in range(3)],
    ),
    **{
        kind: (
            ("a", "b"),
            [{"id": str(n), "text": TEXT, "images": ["1"], "label": "ab "[n]} for n in range(3)],
        )
        for kind in ("image_inference", "image_question", "image_statement")
    },
    "answer_retrieval": (
        (),
        [
            {"id": str(n), "text": TEXT, "context": "a cat " * n, "keys": [], "group": ""}
            for n in range(3)
        ],
    ),
    "dual_encoder": (
        (),
        [
            {"id": f"é{n}", "query": "is it? " * 9, "passage": TEXT, "context": "a cat " * n}
            for n in range(2)
        ],
    ),
    "mining": ((), [{"id": str(n), "text": "bread", "meaning": ""} for n in range(2)]),
}


class NoTokenizer:
    def __call__(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("tokenised again")

    def __getattr__(self, name: str) -> Any:
        raise AssertionError("tokenised again")


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("encoder")
    import_encoder(write_encoder(folder / "hf"), folder)
    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture
def context(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> StageContext:
    monkeypatch.setattr(stage_module, "PIECE", 2)
    encoder = tmp_path_factory.mktemp("encoder")
    (encoder / "layout.json").write_text("{}")
    inputs = {"encoder": Artifact("e" * 64, encoder.parent, encoder.name)}
    stage = Stage("predict", 1, {}, {})
    folders = tmp_path / "out", tmp_path / "checkpoints"
    return StageContext(stage, inputs, *folders, lambda _: None, features=tmp_path / "features")


def rows_of(kind: str, folder: Path) -> Artifact:
    write_rows(folder / "rows.parquet", ROWS[kind][1])
    return Artifact(kind[0] * 64, folder.parent, folder.name)


def plain(kind: str, tokenizer: Any) -> Sequence[Feature]:
    form = FORMATS.get(kind)
    return form.features(ROWS[kind][1], tokenizer, ROWS[kind][0], READING)


def asked(context: StageContext, kind: str, tokenizer: Any) -> Sequence[Feature]:
    return prepared(
        context, rows_of(kind, context.folder.parent), kind, ROWS[kind][0], READING, tokenizer
    )


@pytest.mark.parametrize("kind", list(FORMATS))
def test_stored_features_equal_the_format_output_and_are_built_once(
    kind: str, context: StageContext, tokenizer: Any
) -> None:
    expected = plain(kind, tokenizer)
    first = asked(context, kind, tokenizer)
    again = asked(context, kind, NoTokenizer())
    assert isinstance(again, StoredFeatures)
    for found in (first, again):
        assert list(found) == list(expected)
        assert [found[place] for place in range(-len(found), 0)] == list(expected)
        assert found[1:] == list(expected[1:])
        with pytest.raises(IndexError):
            found[len(found)]
    assert lengths(again).tolist() == [one.max_tokens for one in expected]
    assert text_counts(again).tolist() == [len(one.texts) for one in expected]
    assert occurring_ids(again) == sorted({index for text in id_lists(expected) for index in text})
    assert np.shares_memory(np.asarray(again[0].ids), again._ids)
    assert np.shares_memory(np.asarray(again[0].types), again._types)
    stored, listed = collate(list(again), 1), collate(list(expected), 1)
    assert stored.ids.equal(listed.ids)
    assert stored.types.equal(listed.types)
    assert stored.mask.equal(listed.mask)


def test_every_format_has_test_rows() -> None:
    assert {*FORMATS} == set(ROWS)


def test_languages_are_concatenated_with_their_ids(context: StageContext, tokenizer: Any) -> None:
    kind = "multiple_choice"
    found = asked(context, kind, tokenizer)
    form = FORMATS.get(kind)
    rows = [{**row, "id": f"{mark}:{row['id']}"} for mark in "ab" for row in ROWS[kind][1]]
    expected = form.features(rows, tokenizer, ROWS[kind][0], READING)
    joined = ConcatFeatures([("a:", found), ("b:", list(found))])
    assert list(joined) == expected
    assert joined[1:3] == expected[1:3]
    assert joined[-1] == expected[-1]
    assert lengths(joined).tolist() == lengths(expected).tolist()
    assert text_counts(joined).tolist() == [3] * 4
    assert occurring_ids(joined) == occurring_ids(expected)


def test_every_input_of_features_changes_their_folder(
    context: StageContext, tokenizer: Any
) -> None:
    rows = rows_of("retrieval", context.folder.parent)
    prepared(context, rows, "retrieval", (), READING, tokenizer)
    others = [
        (rows, "retrieval", (), TokenizationConfig(max_length=5)),
        (rows, "mining", (), READING),
        (Artifact("0" * 64, rows.path.parent, rows.path.name), "retrieval", (), READING),
    ]
    for given in others:
        with pytest.raises(AssertionError, match="tokenised again"):
            prepared(context, *given, NoTokenizer())
    encoder = context.inputs["encoder"].path
    context.inputs["encoder"] = Artifact("0" * 64, encoder.parent, encoder.name)  # type: ignore[index]
    with pytest.raises(AssertionError, match="tokenised again"):
        prepared(context, rows, "retrieval", (), READING, NoTokenizer())


@pytest.mark.parametrize("damage", ["cut", "gone", "other bytes", "manifest"])
def test_damaged_features_are_rebuilt(damage: str, context: StageContext, tokenizer: Any) -> None:
    asked(context, "tagging", tokenizer)
    expected = list(plain("tagging", tokenizer))
    assert context.features
    (folder,) = (context.features / "artifacts").iterdir()
    path = folder / ("manifest.json" if damage == "manifest" else "ids.npy")
    whole = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(whole[:-1] + b"?" if damage == "other bytes" else whole[:-4])
    stage_module._checked.clear()  # as in another process
    assert list(asked(context, "tagging", tokenizer)) == expected
    assert path.read_bytes()[-4:] == whole[-4:]
    assert len(list((context.features / "damaged").iterdir())) == 1


def test_a_full_disk_is_a_store_error_and_leaves_no_files(
    context: StageContext, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "_passes", Counter())  # other tests count on theirs
    monkeypatch.setenv("XSTILTS_FAULT", "store.before_manifest:full")
    with pytest.raises(StoreError, match="is full"):
        asked(context, "tagging", tokenizer)
    monkeypatch.delenv("XSTILTS_FAULT")
    assert context.features
    assert Store(context.features).keys() == []
    assert list((context.features / "staging").iterdir()) == []
    assert list(asked(context, "tagging", tokenizer)) == list(plain("tagging", tokenizer))


def test_files_of_a_killed_worker_are_cleaned_up(context: StageContext) -> None:
    assert context.features
    store = Store(context.features.parent).prepare()
    Store(context.features).prepare()
    (context.features / "staging" / f"{'0' * 64}.1").mkdir(parents=True)
    assert store.cleanup() == 1


def test_a_second_worker_waits_for_the_first(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from xstilts.core.locks import wait_lock\n"
        "with wait_lock(Path(sys.argv[1])): print(Path(sys.argv[2]).read_text())"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.lock"), str(tmp_path / "made")]
    with wait_lock(tmp_path / "a.lock"):
        other = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(timeout=1)
        (tmp_path / "made").write_text("once")
    assert other.communicate(timeout=60)[0].strip() == "once"


def test_features_are_kept_in_memory_without_a_folder(
    context: StageContext, tokenizer: Any
) -> None:
    context.features = None
    assert asked(context, "span", tokenizer) == plain("span", tokenizer)


@pytest.mark.parametrize("most", [1, 2, 100])
def test_equal_sentences_are_embedded_once(most: int) -> None:
    lines = [[0, 5, 2], [0, 6, 7, 2], [0, 5, 2], [0, 2], [0, 6, 7, 2], [0, 8, 2]]
    features = [Feature(str(n), ids, [0] * len(ids), 0) for n, ids in enumerate(lines)]
    got: list[list[int]] = [[] for _ in lines]
    embedded = []
    for places, same, chosen in embed_stage._sentences(features, most):
        assert len(chosen) <= most
        embedded += [one.ids for one in chosen]
        for place, which in zip(places.tolist(), same.tolist(), strict=True):
            got[place] = chosen[which].ids
    assert got == lines
    assert embedded == [[0, 6, 7, 2], [0, 5, 2], [0, 8, 2], [0, 2]]


def test_vectors_are_written_to_the_final_array(tmp_path: Path) -> None:
    made = embed_stage._empty(tmp_path / "mapped.npy", (3, 2))
    made[[2, 0]] = [[1, 2], [3, 4]]
    made.flush()  # type: ignore[attr-defined]
    np.save(tmp_path / "saved.npy", np.array([[3, 4], [0, 0], [1, 2]], dtype=np.float32))
    assert (tmp_path / "mapped.npy").read_bytes() == (tmp_path / "saved.npy").read_bytes()


def test_numbers_as_targets_are_stored_without_rounding(tmp_path: Path) -> None:
    made = [Feature(str(n), [0, n + 5, 2], [0, 0, 0], target) for n, target in enumerate((0.1, -3))]
    write_features(tmp_path, [made[:1], made[1:]])
    assert [feature.target for feature in StoredFeatures(tmp_path)] == [0.1, -3]
