"""Exported folders opened by transformers alone give the logits of the trained model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.torch import save_file
from transformers import AutoTokenizer

from xstilts.export.agreement import compare_sentences, compare_task, example_batch
from xstilts.export.head_layers import NotRepresentable
from xstilts.export.hugging_face import encoder_model, save_model, task_model
from xstilts.export.sentence_layout import write_layout
from xstilts.export.task_head import AUTO_CLASSES, MASKED_LM, TaskHead
from xstilts.formats import training_of
from xstilts.formats.base import HeadShape
from xstilts.models.encoder_files import HEADS, EncoderFiles
from xstilts.models.encoder_import import import_encoder
from xstilts.testing.encoder_families import FAMILIES, write_family
from xstilts.testing.merged_adapters import adapter_states
from xstilts.testing.trained_weights import write_training

LABELS = ("one", "two", "three")
CLOSE = 1e-5


def trained(root: Path, folder: Path, kind: str, pooling: str = "cls") -> TaskHead:
    """A training of an encoder with a head."""
    width = EncoderFiles(root).config().hidden_size
    module = training_of(kind).head(width, HeadShape(kind, len(LABELS), 0.0, pooling))
    state = {f"my_task.{name}": value for name, value in module.state_dict().items()}
    write_training(root, folder, state)
    return TaskHead("my.task", kind, LABELS, pooling, folder)


def exported(root: Path, tmp_path: Path, kind: str, pooling: str = "cls") -> float:
    """Export a training and return the difference of its logits."""
    head = trained(root, tmp_path / "trained", kind, pooling)
    files = EncoderFiles(root, head.folder)
    auto_class, model = task_model(files, head)
    save_model(tmp_path / "out", files, model, 32)
    return compare_task(tmp_path / "out", auto_class, files, head, example_batch(files)).largest


@pytest.mark.parametrize("kind", sorted(AUTO_CLASSES.keys() - {MASKED_LM}))
def test_a_model_opened_by_its_auto_class_gives_the_same_logits(
    root: Path, tmp_path: Path, kind: str
) -> None:
    assert exported(root, tmp_path, kind) < CLOSE


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("families")


def family_root(families: Path, name: str) -> Path:
    folder = families / name
    if not folder.is_dir():
        folder.mkdir()
        import_encoder(write_family(families / f"{name}-hf", name), folder)
    return folder


TEXT_FAMILIES = [name for name, family in FAMILIES.items() if not family.images]
SENTENCE_TYPES = {
    *("xlm-roberta", "roberta", "camembert", "bert", "xlm-roberta-xl", "xmod", "deberta-v2"),
    *("rembert", "albert", "mpnet", "nomic_bert"),
}
"""Families whose class has a tanh layer over the first token."""
CHOICE_TYPES = SENTENCE_TYPES - {"nomic_bert"} | {"electra"}
NO_TOKEN_CLASS = {"gemma3"}


@pytest.mark.parametrize("name", TEXT_FAMILIES)
@pytest.mark.parametrize("kind", ["classification", "multiple_choice", "tagging", "span"])
def test_each_family_is_the_same_or_says_what_has_no_equal(
    families: Path, tmp_path: Path, name: str, kind: str
) -> None:
    root = family_root(families, name)
    fits = {
        "classification": name in SENTENCE_TYPES,
        "multiple_choice": name in CHOICE_TYPES,
        "tagging": name not in NO_TOKEN_CLASS,
        "span": name not in NO_TOKEN_CLASS,
    }[kind]
    if fits:
        assert exported(root, tmp_path, kind) < CLOSE
    else:
        with pytest.raises(NotRepresentable):
            exported(root, tmp_path, kind)


@pytest.mark.parametrize("pooling", ["mean", "last", "cls"])
@pytest.mark.parametrize("name", ["xlm-roberta", "modernbert", "mt5"])
def test_a_head_without_a_class_is_dense_layers_of_sentence_transformers(
    families: Path, tmp_path: Path, name: str, pooling: str
) -> None:
    root = family_root(families, name)
    head = trained(root, tmp_path / "trained", "classification", pooling)
    if name != "xlm-roberta" or pooling != "cls":
        with pytest.raises(NotRepresentable):
            task_model(EncoderFiles(root, head.folder), head)
    files = EncoderFiles(root, head.folder)
    save_model(tmp_path / "out", files, encoder_model(files), 32)
    write_layout(tmp_path / "out", files.config().hidden_size, pooling, head=head)
    batch = example_batch(files)
    assert compare_sentences(tmp_path / "out", files, pooling, batch, head).largest < CLOSE


def test_adapters_are_merged(root: Path, tmp_path: Path) -> None:
    states = adapter_states(root, tmp_path / "trained")
    assert (states.merged - states.untrained).abs().max() > 1e-3
    module = training_of("tagging").head(32, HeadShape("tagging", len(LABELS), 0.0, "cls"))
    heads = {f"tags.{name}": value for name, value in module.state_dict().items()}
    save_file(heads, tmp_path / "trained" / HEADS)
    head = TaskHead("tags", "tagging", LABELS, "cls", tmp_path / "trained")
    files = EncoderFiles(root, head.folder)
    auto_class, model = task_model(files, head)
    assert not any("lora" in name for name in model.state_dict())
    save_model(tmp_path / "out", files, model, None)
    difference = compare_task(tmp_path / "out", auto_class, files, head, example_batch(files))
    assert difference.largest < CLOSE


@pytest.mark.parametrize("lower", [True, False])
def test_case_is_read_as_by_the_tokenizer_of_the_encoder(tmp_path: Path, lower: bool) -> None:
    source = write_family(tmp_path / "hf", "bert")
    path = source / "tokenizer_config.json"
    own = json.loads(path.read_text(encoding="utf-8"))
    own |= {"tokenizer_class": "BertTokenizer", "do_lower_case": lower}
    path.write_text(json.dumps(own), encoding="utf-8")
    (tmp_path / "root").mkdir()
    import_encoder(source, tmp_path / "root")
    files = EncoderFiles(tmp_path / "root")
    save_model(tmp_path / "out", files, encoder_model(files), 32)
    opened = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert (opened.tokenize("CAT") == opened.tokenize("cat")) == lower
    assert opened.tokenize("The CAT") == files.tokenizer().tokenize("The CAT")


def test_segment_ids_that_were_trained_with_are_inputs_by_default(tmp_path: Path) -> None:
    source = write_family(tmp_path / "hf", "bert")
    tokenizer = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    for part in tokenizer["post_processor"]["pair"][4:]:
        next(iter(part.values()))["type_id"] = 1
    (source / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    (tmp_path / "root").mkdir()
    import_encoder(source, tmp_path / "root")
    head = trained(tmp_path / "root", tmp_path / "trained", "classification")
    files = EncoderFiles(tmp_path / "root", head.folder)
    _, model = task_model(files, head)
    save_model(tmp_path / "out", files, model, 32)
    inputs = AutoTokenizer.from_pretrained(tmp_path / "out")("the cat", "the dog")
    assert max(inputs["token_type_ids"]) == 1


def test_a_folder_with_other_weights_differs(root: Path, tmp_path: Path) -> None:
    head = trained(root, tmp_path / "trained", "classification")
    files = EncoderFiles(root, head.folder)
    auto_class, model = task_model(files, head)
    model.get_input_embeddings().weight.data *= 0.5
    save_model(tmp_path / "out", files, model, 32)
    difference = compare_task(tmp_path / "out", auto_class, files, head, example_batch(files))
    assert difference.largest > 1e-3
