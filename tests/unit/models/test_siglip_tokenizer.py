"""SigLIP's tokenizer as a fast one: the sub-words of transformers' own."""

from __future__ import annotations

import json
import random
import string
from pathlib import Path

import pytest
import sentencepiece
from transformers import SiglipTokenizer

from xstilts.core.errors import EncoderError
from xstilts.models import tokenizer_files
from xstilts.models.encoder_import import load_tokenizer
from xstilts.models.siglip_tokenizer import MODEL, siglip_tokenizer
from xstilts.models.tokenizer_files import CONFIG, FAST, check_sentencepiece
from xstilts.testing.tiny import sentences

FOREIGN = ("ein Hund läuft über die Straße", "кот сидит на окне", "η γάτα είναι εδώ Καλός")
TEXTS = (
    *("A cat.", "  the   Data!! (2 files) ", "Hello, world's end", "", "!!!"),
    *("ΚΑΛΟΣ Καλός Σ ΣΑΣ", "ﬁne ｆｕｌｌ １２", "кот\nсидит\tна", "x▁y", "İstanbul"),
)
ALPHABET = string.printable + "äßСкотηέ日本▁ﬁ"


def write_model(folder: Path, kind: str = "unigram") -> None:
    """A SentencePiece model with the ids of SigLIP's."""
    texts = [text for text, _, _ in sentences("train", 300)]
    (folder / "texts.txt").write_text("\n".join([*texts, *FOREIGN]), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "texts.txt"),
        model_prefix=str(folder / Path(MODEL).stem),
        vocab_size=160,
        model_type=kind,
        hard_vocab_limit=False,
        minloglevel=2,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
    )


def test_all_texts_have_the_subwords_of_transformers_siglip_tokenizer(tmp_path: Path) -> None:
    write_model(tmp_path)
    slow, fast = SiglipTokenizer(str(tmp_path / MODEL)), siglip_tokenizer(tmp_path)
    draw = random.Random(0)
    texts = ["".join(draw.choices(ALPHABET, k=draw.randrange(40))) for _ in range(500)]
    for text in (*TEXTS, *texts):
        assert fast(text)["input_ids"] == slow(text)["input_ids"], text
    pair = "A cat!", "the dog"
    assert fast(*pair)["input_ids"] == slow(*pair)["input_ids"]
    assert fast.pad_token_id == slow.pad_token_id == 1


def test_a_folder_with_siglips_tokenizer_has_a_fast_one(tmp_path: Path) -> None:
    write_model(tmp_path)
    (tmp_path / CONFIG).write_text(json.dumps({"tokenizer_class": "SiglipTokenizer"}))
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer.is_fast
    encoded = tokenizer("The Milk, please!")
    tokens = encoded.tokens()
    assert "".join(tokens) == "▁the▁milk▁please</s>"
    (of_milk,) = [index for index, token in enumerate(tokens) if token.startswith("▁m")]
    assert encoded.char_to_token("The Milk".index("M")) == of_milk


def test_a_model_of_another_type_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path, "bpe")
    with pytest.raises(EncoderError, match="unigram"):
        siglip_tokenizer(tmp_path)


def test_siglips_tokenizer_needs_the_extra_even_with_a_tokenizer_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / MODEL).write_bytes(b"")
    (tmp_path / FAST).write_text("{}")
    monkeypatch.setattr(tokenizer_files, "find_spec", lambda _: None)
    check_sentencepiece(tmp_path)
    (tmp_path / CONFIG).write_text(json.dumps({"tokenizer_class": "SiglipTokenizer"}))
    with pytest.raises(EncoderError, match="sentencepiece"):
        check_sentencepiece(tmp_path)
