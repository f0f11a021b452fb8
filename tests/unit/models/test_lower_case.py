"""Encoders whose texts sentence-transformers lower-cases before tokenization."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

import xstilts
from xstilts.core.store import Store
from xstilts.executors.worker import execute_stage
from xstilts.export.hugging_face import encoder_model, save_model
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.encoder_import import import_encoder
from xstilts.models.encoder_source import find_source
from xstilts.models.source_tokenizer import source_tokenizer
from xstilts.planning.compile import compile_experiment
from xstilts.planning.encoder_use import encoder_notes
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.testing.encoder_families import write_family

TEXTS = ("The CAT is Here", "GIVE me one ΟΔΟΣ and ΟΔΟΣ. ")
CLASSES: dict[str, dict[str, Any]] = {
    "bert": {"tokenizer_class": "BertTokenizer", "do_lower_case": False},
    "roberta": {"tokenizer_class": "RobertaTokenizer"},
    "xlm-roberta": {},
}


def update(path: Path, **changes: Any) -> None:
    known = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({**known, **changes}), "utf-8")


def write_sentence_encoder(folder: Path, family: str) -> Path:
    """A cased encoder with files of sentence-transformers."""
    write_family(folder, family)
    update(folder / "tokenizer_config.json", **CLASSES[family])
    update(folder / "1_Pooling" / "config.json", pooling_mode_mean_tokens=True)
    update(folder / "sentence_bert_config.json", max_seq_length=32, do_lower_case=True)
    modules = [("", "Transformer"), ("1_Pooling", "Pooling")]
    listed = [{"path": path, "type": f"models.{kind}"} for path, kind in modules]
    (folder / "modules.json").write_text(json.dumps(listed), "utf-8")
    return folder


def inputs(tokenizer: Any, *texts: str) -> dict[str, list[int]]:
    return dict(tokenizer(*texts, padding="max_length", truncation=True, max_length=24))


@pytest.mark.parametrize("family", CLASSES)
def test_stored_and_exported_tokenizers_read_lower_cased_texts(family: str, tmp_path: Path) -> None:
    source = write_sentence_encoder(tmp_path / "hf", family)
    (tmp_path / "root").mkdir()
    import_encoder(source, tmp_path / "root", lower_case=True)
    files = EncoderFiles(tmp_path / "root")
    save_model(tmp_path / "out", files, encoder_model(files), 32)
    cased = AutoTokenizer.from_pretrained(source)
    assert inputs(cased, TEXTS[0]) != inputs(cased, TEXTS[0].lower())
    found = source_tokenizer(find_source("hf", None, tmp_path))
    for tokenizer in (files.tokenizer(), found, AutoTokenizer.from_pretrained(tmp_path / "out")):
        for texts in ((TEXTS[0],), (TEXTS[1],), TEXTS):
            lower = [text.lower() for text in texts]
            assert inputs(tokenizer, *texts) == inputs(cased, *lower)
        assert tokenizer.special_tokens_map == cased.special_tokens_map


@pytest.mark.parametrize("lower_case", [True, False])
def test_an_experiment_reads_texts_as_the_files_say(
    toy_file: Path, tmp_path: Path, lower_case: bool
) -> None:
    source = write_sentence_encoder(tmp_path / "hf", "xlm-roberta")
    update(source / "sentence_bert_config.json", do_lower_case=lower_case)
    loaded = xstilts.load(str(toy_file), [f"encoder={source}"])
    notes = encoder_notes(ResolvedExperiment(loaded))
    assert any("lower-cased" in note for note in notes) == lower_case
    stages = compile_experiment(loaded).plan.stages
    encoder = next(stage for stage in stages if stage.kind == "encoder")
    assert ("lower_case" in encoder.params) == lower_case
    store = Store(tmp_path / "store").prepare()
    execute_stage(store, encoder, lambda _: None)
    tokenizer = EncoderFiles(store.artifact(encoder.key).path).tokenizer()
    assert (tokenizer.tokenize("The CAT") == tokenizer.tokenize("the cat")) == lower_case
