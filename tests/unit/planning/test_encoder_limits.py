"""Plans hold `max_length` against the encoder's positions, and read its sizes from any config."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.core.errors import ConfigError
from xstilts.core.store import Store
from xstilts.models import encoder_source
from xstilts.models.encoder_config import EncoderShape, shape_of
from xstilts.models.encoder_source import find_source


@pytest.fixture
def folder(toy_file: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(toy_file.parent, tmp_path / "toy"))


def change_json(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("target", "length", "where"),
    [
        ("toy-kind", "recipes.target.max_length", r".*/toy\.yaml:\d+: recipes\.max_length"),
        ("toy-search", "retrieval.max_length", r"retrieval\.max_length"),
    ],
)
def test_a_max_length_above_the_positions_is_refused_by_the_plan_and_before_the_run(
    toy_file: Path, tmp_path: Path, target: str, length: str, where: str
) -> None:
    changes = [f"targets=[{target}]", "intermediate=[none]", "seeds=[0]"]
    fits = xstilts.load(str(toy_file), [*changes, f"{length}=512"])
    too_long = xstilts.load(str(toy_file), [*changes, f"{length}=513"])
    store = tmp_path / "store"
    assert xstilts.plan(fits, store)
    for verb in (xstilts.plan, xstilts.run):
        with pytest.raises(ConfigError, match="has 512 positions") as raised:
            verb(too_long, store)
        assert re.fullmatch(where, str(raised.value.where))
        assert "513" in raised.value.what
    assert Store(store).keys() == []


def test_the_usual_length_of_queries_is_held_against_the_positions(
    toy_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        encoder_source, "shape_of", lambda _: EncoderShape(2, 32, 160, positions=77)
    )
    changes = ["targets=[toy-kind]", "intermediate=[none, squad-retrieval]", "seeds=[0]"]
    changes += ["recipes.target.max_length=64", "recipes.intermediate.max_length=64"]
    with pytest.raises(ConfigError, match="retrieval_query_length is 96"):
        xstilts.plan(xstilts.load(str(toy_file), changes), tmp_path / "store")
    short = [*changes, "recipes.intermediate.retrieval_query_length=77"]
    assert xstilts.plan(xstilts.load(str(toy_file), short), tmp_path / "store").todo


def test_finished_stages_with_a_larger_max_length_are_read_and_not_refused(
    copied: Path, small: LoadedExperiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = EncoderShape(2, 32, 160, positions=9)
    monkeypatch.setattr(encoder_source, "shape_of", lambda _: short)
    assert xstilts.plan(small, copied).todo == []
    assert len(xstilts.results(small, copied))
    assert xstilts.run(small, copied, workers=1).exit_code == 0


@pytest.mark.parametrize(
    ("config", "shape"),
    [
        ({"n_layers": 6, "dim": 768, "vocab_size": 9, "model_type": "distilbert"}, (6, 768, 9)),
        ({"num_layers": 8, "d_model": 512, "vocab_size": 9, "model_type": "mt5"}, (8, 512, 9)),
        ({"n_layers": 16, "emb_dim": 1280, "n_words": 9, "model_type": "xlm"}, (16, 1280, 9)),
        ({"n_layer": 4, "n_embd": 64, "vocab_size": 9}, (4, 64, 9)),
        (
            {"text_config": {"num_hidden_layers": 3, "hidden_size": 8, "vocab_size": 9}},
            (3, 8, 9),
        ),
    ],
)
def test_sizes_are_read_from_whatever_the_config_calls_them(
    config: dict[str, Any], shape: tuple[int, int, int]
) -> None:
    found = shape_of(config)
    assert found is not None
    assert found[:3] == shape


@pytest.mark.parametrize(
    ("config", "positions"),
    [
        ({"model_type": "bert", "max_position_embeddings": 512}, 512),
        ({"model_type": "xlm-roberta", "max_position_embeddings": 514, "pad_token_id": 1}, 512),
        ({"model_type": "roberta", "max_position_embeddings": 514}, 512),
        ({"model_type": "mpnet", "max_position_embeddings": 514, "pad_token_id": 0}, 513),
        ({"model_type": "mt5", "n_positions": 512}, None),
        (
            {
                "model_type": "deberta-v2",
                "max_position_embeddings": 512,
                "position_biased_input": False,
            },
            None,
        ),
    ],
)
def test_positions_leave_out_those_before_the_first_token(
    config: dict[str, Any], positions: int | None
) -> None:
    sizes = {"num_hidden_layers": 1, "hidden_size": 2, "vocab_size": 3}
    shape = shape_of({**sizes, **config})
    assert shape is not None
    assert shape.positions == positions


def test_a_folder_with_the_name_of_a_known_encoder_has_its_own_sizes(folder: Path) -> None:
    (folder / "encoder").rename(folder / "xlm-roberta-base")
    defaults = find_source("xlm-roberta-base", None, folder).defaults
    assert (defaults.layers, defaults.width, defaults.retrieval_layer) == (2, 32, 1)
