"""A plan names what an encoder cannot do, and reads it as its own files say."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import transformers

import xstilts
from xstilts.core.errors import ConfigError, EncoderError
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.models import encoder_source, tokenizer_files
from xstilts.models.encoder_import import import_encoder
from xstilts.planning.compile import compile_experiment
from xstilts.planning.encoder_use import encoder_notes
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.testing.encoder_families import write_family

MASKED = 'tasks.own={format: masked_lm, files: "own.txt", splits: {train: [en]}}'
SEARCH = ["targets=[toy-search]", "intermediate=[none]", "seeds=[0]"]
Runner = Callable[[Any, Path], Store]


@pytest.fixture
def folder(toy_file: Path, tmp_path: Path) -> Path:
    copied = Path(shutil.copytree(toy_file.parent, tmp_path / "toy"))
    (copied / "own.txt").write_text("".join(f"one two three {n}\n" for n in range(40)))
    return copied


@pytest.fixture
def decoder(folder: Path) -> Path:
    shutil.rmtree(folder / "encoder")
    write_family(folder / "encoder", "qwen3", max_position_embeddings=514)
    return folder


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value))


def compiled(folder: Path, *changes: str) -> list[Stage]:
    loaded = xstilts.load(str(folder / "toy.yaml"), list(changes))
    return list(compile_experiment(loaded).plan.stages)


def embedded(folder: Path, *changes: str) -> Stage:
    return next(stage for stage in compiled(folder, *SEARCH, *changes) if stage.kind == "embed")


# what is refused


@pytest.mark.parametrize("intermediate", ["[none, own]", "[none, toy-same+own]"])
def test_masked_lm_without_a_mask_token_is_refused(
    folder: Path, tmp_path: Path, intermediate: str
) -> None:
    path = folder / "encoder" / "tokenizer_config.json"
    write_json(path, {**json.loads(path.read_text()), "mask_token": None})
    assert compiled(folder, MASKED, "intermediate=[none]")
    with pytest.raises(ConfigError, match="no mask token") as raised:
        compiled(folder, MASKED, f"intermediate={intermediate}")
    assert "intermediate" in str(raised.value.where)
    with pytest.raises(EncoderError, match="no mask token"):
        import_encoder(folder / "encoder", tmp_path, masked_lm=True)


def test_masked_lm_with_a_decoder_is_refused(decoder: Path) -> None:
    assert compiled(decoder, MASKED)
    with pytest.raises(ConfigError, match="is a decoder"):
        compiled(decoder, MASKED, "intermediate=[none, own]")


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ("encoder.pooling=cls", "encoder.pooling"),
        ("retrieval.pooling=cls", "retrieval.pooling"),
        ("retrieval.pooling=[mean, cls]", "retrieval.pooling"),
    ],
)
def test_a_decoder_is_not_read_at_its_first_token(decoder: Path, change: str, where: str) -> None:
    with pytest.raises(ConfigError, match="first token") as raised:
        compiled(decoder, *SEARCH, change)
    assert where in str(raised.value.where)


def test_a_pooling_that_is_not_supported_is_named(folder: Path) -> None:
    config = folder / "encoder" / "1_Pooling" / "config.json"
    write_json(config, {"pooling_mode_max_tokens": True})
    with pytest.raises(ConfigError, match="pooling max"):
        compiled(folder, *SEARCH)
    assert compiled(folder, *SEARCH, "encoder.pooling=mean", "retrieval.pooling=mean")


def test_a_sentencepiece_tokenizer_without_its_package_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "encoder" / "tokenizer.json").rename(folder / "encoder" / "spm.model")
    monkeypatch.setattr(tokenizer_files, "find_spec", lambda _: None)
    with pytest.raises(EncoderError, match="sentencepiece") as raised:
        compiled(folder)
    assert "pip install 'xstilts[sentencepiece]'" in str(raised.value)


def test_a_final_norm_that_does_not_exist_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="no norm after its last block"):
        compiled(folder, *SEARCH, "retrieval.final_norm=true")
    shutil.rmtree(folder / "encoder")
    write_family(folder / "encoder", "modernbert", max_position_embeddings=514)
    normed = embedded(folder, "retrieval.final_norm=true")
    assert normed.params["final_norm"]
    assert "final_norm" not in embedded(folder).params
    last = embedded(folder, "retrieval={final_norm: true, layer: 2}")
    assert last.key == embedded(folder, "retrieval.layer=2").key


def test_a_tokenizer_that_is_not_fast_is_refused(folder: Path) -> None:
    encoder = folder / "encoder"
    (encoder / "tokenizer.json").unlink()
    (encoder / "vocab.json").write_text("{}")
    write_json(encoder / "tokenizer_config.json", {"tokenizer_class": "XLMTokenizer"})
    with pytest.raises(EncoderError, match="XLMTokenizer is not a fast tokenizer"):
        compiled(folder)


# keys


@pytest.mark.parametrize(
    ("family", "config", "version"),
    [
        ("modernbert", {}, 2),
        ("electra", {}, 2),
        ("distilbert", {}, 2),
        ("bert", {}, None),
        ("bert", {"hidden_act": "relu"}, 2),
        ("bert", {"tie_word_embeddings": False}, 2),
        ("xlm-roberta", {"hidden_act": "relu"}, None),
        ("eurobert", {}, None),
    ],
)
def test_only_masked_heads_that_were_read_otherwise_change_the_key_of_the_encoder(
    folder: Path, family: str, config: dict[str, Any], version: int | None
) -> None:
    shutil.rmtree(folder / "encoder")
    write_family(folder / "encoder", family, max_position_embeddings=514, **config)
    plain, masked = (
        next(stage for stage in compiled(folder, MASKED, *change) if stage.kind == "encoder")
        for change in (["intermediate=[none]"], ["intermediate=[none, own]"])
    )
    assert "masked_head" not in plain.params
    assert masked.params.get("masked_head") == version
    assert (masked.key == plain.key) == (version is None)


# what is read


def test_defaults_of_a_plain_encoder_are_in_its_keys_as_before(folder: Path) -> None:
    stage = embedded(folder)
    assert stage.params["poolings"] == ["mean"]
    assert stage.params["layers"] == [1]
    assert "prompt" not in stage.params
    for change in ("retrieval.pooling=mean", "retrieval.pooling=auto", "retrieval.prompt=''"):
        assert embedded(folder, change).key == stage.key


def test_a_sentence_encoder_is_read_as_its_files_say_unless_set(folder: Path) -> None:
    write_json(folder / "encoder" / "1_Pooling" / "config.json", {"pooling_mode_cls_token": True})
    prompts = {"prompts": {"query": "query: "}}
    write_json(folder / "encoder" / "config_sentence_transformers.json", prompts)
    params = embedded(folder).params
    assert (params["layers"], params["poolings"], params["prompt"]) == ([2], ["cls"], "query: ")
    params = embedded(folder, "retrieval={layer: 1, pooling: mean, prompt: ''}").params
    assert (params["layers"], params["poolings"]) == ([1], ["mean"])
    assert "prompt" not in params


def test_a_prompt_changes_the_vectors_as_the_texts_would(
    folder: Path, tmp_path: Path, run_here: Runner
) -> None:
    texts = folder / "data"
    vectors = []
    for prompt, prefix in (("look ", ""), ("", "look "), ("", "")):
        for path in texts.glob("search-*.tsv"):
            lines = path.read_text().splitlines()
            plain = [line.removeprefix("look ") for line in lines]
            path.write_text("".join(f"{prefix}{line}\n" for line in plain))
        loaded = xstilts.load(
            str(folder / "toy.yaml"), [*SEARCH, f"retrieval.prompt={json.dumps(prompt)}"]
        )
        store = run_here(loaded, tmp_path / f"store{len(vectors)}")
        stages = [s for s in compile_experiment(loaded).plan.stages if s.kind == "embed"]
        files = [store.artifact(stage.key).path / "vectors-1-mean.npy" for stage in stages]
        vectors.append([path.read_bytes() for path in files])
    assert vectors[0] == vectors[1]
    assert vectors[0] != vectors[2]


def test_the_plan_says_what_is_read_and_why(folder: Path) -> None:
    write_json(folder / "encoder" / "1_Pooling" / "config.json", {"pooling_mode_cls_token": True})
    listed = [
        {"type": "models.Pooling", "path": "1_Pooling"},
        {"type": "models.Dense", "path": "2_Dense"},
    ]
    write_json(folder / "encoder" / "modules.json", listed)
    loaded = xstilts.load(str(folder / "toy.yaml"), SEARCH)
    heads, retrieval, dense = encoder_notes(ResolvedExperiment(loaded))
    assert heads.endswith("the first token (its sentence-transformers files)")
    assert "layer 2 of 2 (its sentence-transformers files)" in retrieval
    assert "Dense" in dense


@pytest.mark.parametrize(
    ("changes", "heads", "layer"),
    [
        ([], "the first token (as transformers' classifiers)", "1 of 2 (7/12 of the depth"),
        (["encoder.pooling=mean"], "the mean of all tokens (set in the experiment)", "1 of 2 (7"),
        (["retrieval.layer=2"], "the first token (as", "2 of 2 (set in the experiment)"),
    ],
)
def test_the_plan_gives_the_reason_of_each_choice(
    folder: Path, changes: list[str], heads: str, layer: str
) -> None:
    loaded = xstilts.load(str(folder / "toy.yaml"), [*SEARCH, *changes])
    of_heads, of_retrieval, *_ = encoder_notes(ResolvedExperiment(loaded))
    assert f"sentence heads read {heads}" in of_heads
    assert f"of layer {layer}" in of_retrieval


@pytest.mark.parametrize(
    ("include", "change", "differs"),
    [
        (False, [], True),
        (False, ["retrieval.prompt=''"], False),
        (False, ["retrieval.pooling=last"], False),
        (True, [], False),
    ],
)
def test_the_plan_says_that_a_mean_without_the_prompt_is_not_computed(
    folder: Path, include: bool, change: list[str], differs: bool
) -> None:
    config = {"pooling_mode_mean_tokens": True, "include_prompt": include}
    write_json(folder / "encoder" / "1_Pooling" / "config.json", config)
    prompts = {"prompts": {"query": "query: "}}
    write_json(folder / "encoder" / "config_sentence_transformers.json", prompts)
    loaded = xstilts.load(str(folder / "toy.yaml"), [*SEARCH, *change])
    notes = encoder_notes(ResolvedExperiment(loaded))
    assert any("include_prompt" in note for note in notes) == differs


@pytest.mark.parametrize("name", ["e5-small-packaged", "intfloat/multilingual-e5-small"])
def test_the_plan_names_the_prompt_that_e5_was_trained_with(folder: Path, name: str) -> None:
    hints = []
    for change in ([], ["retrieval.prompt='query: '"], ["retrieval.prompt=''"]):
        loaded = xstilts.load(str(folder / "toy.yaml"), [*SEARCH, f"encoder={name}", *change])
        notes = encoder_notes(ResolvedExperiment(loaded))
        hints.append(any('retrieval.prompt: "query: "' in note for note in notes))
    assert hints == [True, False, False]


@pytest.mark.parametrize(
    ("family", "head", "config", "new"),
    [
        ("eurobert", True, {}, True),
        ("modernbert", True, {}, False),
        ("modernbert", False, {}, True),
        ("bert", True, {}, False),
        ("bert", False, {}, True),
        ("bert", True, {"tie_word_embeddings": False}, True),
    ],
)
def test_the_plan_says_where_masked_lm_starts_from_a_new_head(
    folder: Path, family: str, head: bool, config: dict[str, Any], new: bool
) -> None:
    encoder = folder / "encoder"
    shutil.rmtree(encoder)
    write_family(encoder, family, **config)
    if head:
        written = transformers.AutoConfig.from_pretrained(encoder)
        transformers.AutoModelForMaskedLM.from_config(written).save_pretrained(encoder)
    assert new_head(folder) == new


def test_the_plan_finds_the_head_in_shards(folder: Path) -> None:
    encoder = folder / "encoder"
    config = transformers.AutoConfig.from_pretrained(encoder)
    (encoder / "model.safetensors").unlink()
    model = transformers.AutoModelForMaskedLM.from_config(config)
    model.save_pretrained(encoder, max_shard_size="10KB")
    assert (encoder / "model.safetensors.index.json").exists()
    assert not new_head(folder)


def test_the_packaged_encoder_has_no_head(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_source, "has_wheel", lambda: True)
    assert new_head(folder, "encoder=e5-small-packaged")


def new_head(folder: Path, *changes: str) -> bool:
    """Whether the plan says that a new masked LM head is trained."""
    masked = [MASKED, "intermediate=[none, own]", *changes]
    loaded = xstilts.load(str(folder / "toy.yaml"), masked)
    notes = encoder_notes(ResolvedExperiment(loaded))
    return any("new head" in note for note in notes)


@pytest.mark.parametrize(("family", "padded"), [("modernbert", True), ("bert", False)])
def test_the_plan_says_where_batches_are_padded(folder: Path, family: str, padded: bool) -> None:
    shutil.rmtree(folder / "encoder")
    write_family(folder / "encoder", family)
    loaded = xstilts.load(str(folder / "toy.yaml"), ["intermediate=[none]"])
    notes = encoder_notes(ResolvedExperiment(loaded))
    assert any("batches are padded" in note for note in notes) == padded


def test_a_decoder_runs_in_all_phases(decoder: Path, tmp_path: Path, run_here: Runner) -> None:
    fast = "{learning_rate: 1.0e-3, epochs: 1, batch_size: 8, num_evals: 1, max_length: 64}"
    changes = [
        *("intermediate=[none, toy-same]", "seeds=[0]", "limits={train: 16, dev: 8, test: 8}"),
        *(f"recipes.target={fast}", f"recipes.intermediate={fast}"),
    ]
    loaded = xstilts.load(str(decoder / "toy.yaml"), changes)
    plan = compile_experiment(loaded).plan
    trainings = [stage for stage in plan.stages if stage.kind == "train"]
    assert {stage.params["pooling"] for stage in trainings} == {"last"}
    store = run_here(loaded, tmp_path / "store")
    assert all(store.has(stage.key) for stage in plan.stages)
