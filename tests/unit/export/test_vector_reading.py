"""Which results are those of an exported encoder, and what is said of the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from xstilts.core.stage import Stage
from xstilts.export.trained_model import TrainedModel
from xstilts.export.vector_reading import VectorReading, own_results, text_note
from xstilts.planning.compile import ResultCell

TRAIN = Stage("train", 1, {}, {}, label="train")


@dataclass(frozen=True)
class Evaluated:
    """As much of a training of an encoder with two blocks as the functions read."""

    stage: Stage = TRAIN
    stages: dict[str, Stage] = field(default_factory=dict)

    @property
    def files(self) -> Any:
        return SimpleNamespace(config=lambda: SimpleNamespace(num_hidden_layers=2))

    def task_of(self, key: str) -> str:
        return key

    def search(self, task: str, *lengths: int, prompt: str = "", layer: int = 2) -> ResultCell:
        """The score of a search among texts that are cut at these lengths, of each kind."""
        params = {"poolings": ["mean"], "layers": [layer], "prompt": prompt}
        inputs = {"base": TRAIN.key, "rows": task}
        embedded = [
            self._add("embed", params | {"max_length": length}, inputs) for length in lengths
        ]
        found = self._add("search", {"layer": layer, "pooling": "mean"}, dict(enumerate(embedded)))
        score = self._add("score", {}, {"predictions": found})
        run = "e", "none", task, "de", "test", 0
        return ResultCell(*run, ("accuracy",), score, (TRAIN.key,), same_data=False)

    def _add(self, kind: str, params: dict[str, Any], inputs: dict[Any, str]) -> str:
        stage = Stage(kind, 1, params, {str(role): key for role, key in inputs.items()}, label=kind)
        self.stages[stage.key] = stage
        return stage.key

    @property
    def model(self) -> TrainedModel:
        return cast("TrainedModel", self)


def test_only_results_of_texts_cut_at_the_length_of_the_folder_are_its_own() -> None:
    """Queries may be shorter than candidates."""
    made = Evaluated()
    long, pooled = made.search("long", 256), made.search("pool", 64, 256)
    others = [
        *(made.search("short", 64), made.search("longer", 512)),
        *(made.search("prompt", 256, prompt="query: "), made.search("block", 256, layer=1)),
    ]
    cells = [long, *others, pooled]
    assert own_results(made.model, None, VectorReading("mean", "", 256), cells) == [long, pooled]
    assert own_results(made.model, None, VectorReading("mean"), cells) == []


@pytest.mark.parametrize(
    ("length", "own"), [(256, "256 sub-words"), (None, "the length of the tokenizer")]
)
def test_other_lengths_are_named_with_their_targets(length: int | None, own: str) -> None:
    made = Evaluated()
    for task, other in (("tatoeba", 64), ("bucc", 64), ("mewsli-x", 32)):
        made.search(task, other)
    assert text_note(made.model, VectorReading("mean", "", length)) == (
        "texts were cut at 32 sub-words in mewsli-x, at 64 sub-words in bucc, tatoeba; "
        f"this folder cuts them at {own}"
    )


def test_a_folder_that_reads_as_its_targets_has_no_note() -> None:
    made = Evaluated()
    made.search("tatoeba", 64)
    assert text_note(made.model, VectorReading("mean", "", 64)) == ""
    other = text_note(made.model, VectorReading("cls", "query: ", 64))
    assert other == (
        "vectors of tatoeba were read with the pooling mean (this folder: cls) and the prompt '' "
        "(this folder: 'query: ')"
    )
