"""Tokenizers that are there as a SentencePiece model alone have its pieces."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sentencepiece

from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.encoder_import import import_encoder
from xstilts.testing.encoder_families import write_family
from xstilts.testing.tiny import sentences

SPECIAL = {
    "xlm-roberta": {},
    "deberta-v2": {
        "pad_id": 0,
        "bos_id": 1,
        "eos_id": 2,
        "unk_id": 3,
        "pad_piece": "[PAD]",
        "bos_piece": "[CLS]",
        "eos_piece": "[SEP]",
        "unk_piece": "[UNK]",
    },
}
NAMES = {"xlm-roberta": "sentencepiece.bpe.model", "deberta-v2": "spm.model"}
CLASSES = {"xlm-roberta": "XLMRobertaTokenizer", "deberta-v2": "DebertaV2Tokenizer"}


@pytest.mark.parametrize("family", NAMES)
def test_a_sentencepiece_model_alone_is_a_tokenizer(family: str, tmp_path: Path) -> None:
    texts = [text for text, _, _ in sentences("train", 300)]
    (tmp_path / "texts.txt").write_text("\n".join(texts))
    sentencepiece.SentencePieceTrainer.train(
        input=str(tmp_path / "texts.txt"),
        model_prefix=str(tmp_path / "spm"),
        vocab_size=100,
        hard_vocab_limit=False,
        minloglevel=2,
        **SPECIAL[family],
    )
    padding = 1 if family == "xlm-roberta" else 0
    folder = write_family(tmp_path / "hf", family, pad_token_id=padding)
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": CLASSES[family]}))
    (tmp_path / "spm.model").rename(folder / NAMES[family])
    (tmp_path / "stored").mkdir()
    import_encoder(folder, tmp_path / "stored")
    tokenizer = EncoderFiles(tmp_path / "stored").tokenizer()
    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / NAMES[family]))
    text = "where is my bread now"
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert tokenizer.convert_ids_to_tokens(ids) == model.encode(text, out_type=str)
    assert tokenizer.is_fast
    assert (tmp_path / "stored" / "tokenizer.json").is_file()
