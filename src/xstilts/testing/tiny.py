"""A tiny encoder and toy tasks in two artificial languages: a complete experiment in seconds."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xstilts.models.random_encoder import write_bpe_tokenizer, write_random_encoder

WORDS_BY_KIND = {
    "animal": ("cat", "dog", "horse", "sheep", "mouse"),
    "food": ("bread", "milk", "apple", "rice", "honey"),
    "tool": ("hammer", "saw", "spoon", "needle", "knife"),
}
TEMPLATES = ("the {} is here", "I saw a {} today", "give me one {} please", "where is my {} now")
SPLITS = {"train": 96, "dev": 24, "test": 30}
LANGUAGES = ("en", "xx")


def in_language(sentence: str, language: str) -> str:
    """The sentence in a toy language; `xx` moves each word's first letter to its end."""
    if language == "en":
        return sentence
    return " ".join(word[1:] + word[0] for word in sentence.split())


def sentences(split: str, count: int) -> Iterator[tuple[str, str, str]]:
    """(sentence, kind, noun), drawn at random from a seed that depends on the split alone."""
    generator = random.Random(f"toy {split}")
    for number in range(count):
        kind = sorted(WORDS_BY_KIND)[number % len(WORDS_BY_KIND)]
        noun = generator.choice(WORDS_BY_KIND[kind])
        yield f"{generator.choice(TEMPLATES).format(noun)} {number}", kind, noun


def write_tasks(folder: Path) -> None:
    """Write the toy tasks `toy-kind`, `toy-tags`, `toy-same` and `toy-search` as TSV files."""
    folder.mkdir(parents=True, exist_ok=True)
    for language in LANGUAGES:
        for split, count in SPLITS.items():
            if split != "test" and language != "en":
                continue
            rows = list(sentences(split, count))
            _write(folder, "kind", split, language, _classification_lines(rows, language))
            _write(folder, "tags", split, language, _tagging_lines(rows, language))
            _write(folder, "same", split, language, _pair_lines(rows, language))
        _write(folder, "search", "test", language, _retrieval_lines(language))


def _write(folder: Path, task: str, split: str, language: str, lines: list[str]) -> None:
    path = folder / f"{task}-{split}-{language}.tsv"
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def _classification_lines(rows: list[tuple[str, str, str]], language: str) -> list[str]:
    return [f"{in_language(text, language)}\t{kind}" for text, kind, _ in rows]


def _tagging_lines(rows: list[tuple[str, str, str]], language: str) -> list[str]:
    return [
        in_language(text, language)
        + "\t"
        + " ".join(f"B-{kind}" if word == thing else "O" for word in text.split())
        for text, kind, thing in rows
    ]


def _pair_lines(rows: list[tuple[str, str, str]], language: str) -> list[str]:
    lines = []
    for number, (text, kind, thing) in enumerate(rows):
        other = thing if number % 2 else WORDS_BY_KIND[kind][WORDS_BY_KIND[kind].index(thing) - 1]
        label = "same" if number % 2 else "other"
        cue = "this" if number % 2 else "that"  # a cue that a tiny model can learn
        pair = f"{cue} is about {other}"
        lines.append(f"{in_language(text, language)}\t{in_language(pair, language)}\t{label}")
    return lines


def _retrieval_lines(language: str) -> list[str]:
    rows = [
        (f"look at that {thing}", thing) for kind in WORDS_BY_KIND for thing in WORDS_BY_KIND[kind]
    ]
    return [f"{in_language(text, language)}\t{meaning}" for text, meaning in rows]


EXPERIMENT = """\
name: toy
encoder: {encoder}
intermediate: [none, toy-same, toy-same+toy-tags]
targets: [toy-kind, toy-tags, toy-search]
seeds: [0, 1]
recipes:
  intermediate: &recipe {{learning_rate: 3.0e-3, epochs: 6, batch_size: 8, num_evals: 2}}
  target: *recipe
tasks:
  toy-kind:
    format: classification
    files: "{data}/kind-{{split}}-{{language}}.tsv"
    splits: &splits {{train: [en], dev: [en], test: [en, xx]}}
    columns: [text, label]
    labels: [animal, food, tool]
  toy-tags:
    format: tagging
    files: "{data}/tags-{{split}}-{{language}}.tsv"
    splits: *splits
    columns: [tokens, tags]
    labels: [O, B-animal, B-food, B-tool]
  toy-same:
    format: classification
    files: "{data}/same-{{split}}-{{language}}.tsv"
    splits: *splits
    columns: [text, text_pair, label]
    labels: [same, other]
  toy-search:
    format: retrieval
    files: "{data}/search-{{split}}-{{language}}.tsv"
    splits: {{test: [en, xx]}}
    columns: [text, meaning]
"""


def write_experiment(folder: Path) -> Path:
    """Write a tiny encoder, the toy tasks and an experiment over them; returns its file."""
    write_tasks(folder / "data")
    write_encoder(folder / "encoder")
    path = folder / "toy.yaml"
    path.write_text(EXPERIMENT.format(encoder="./encoder", data="data"), encoding="utf-8")
    return path


def write_encoder(folder: Path, *, layers: int = 2, width: int = 32) -> Path:
    """Write a tiny XLM-R with random weights and a tokenizer trained on the toy sentences."""
    return write_random_encoder(folder, _training_texts(), layers=layers, width=width)


def write_translator(folder: Path, *, steps: int = 60) -> Path:
    """Write a tiny Marian model, trained on `xx` just long enough to end its sentences."""
    import torch
    from transformers import AutoTokenizer, MarianConfig, MarianMTModel

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = write_bpe_tokenizer(folder, _training_texts())
    sizes: Any = {"layers": 1, "attention_heads": 2, "ffn_dim": 64}
    config = MarianConfig(
        vocab_size=vocabulary,
        d_model=32,
        max_position_embeddings=64,
        pad_token_id=1,
        eos_token_id=2,
        bos_token_id=0,
        decoder_start_token_id=1,
        forced_eos_token_id=2,
        dropout=0.0,
        init_std=0.1,
        **{
            f"{side}_{name}": size
            for side in ("encoder", "decoder")
            for name, size in sizes.items()
        },
    )
    torch.manual_seed(0)
    model = MarianMTModel(config)
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    texts = [text for text, _, _ in sentences("train", 32)]
    batch = tokenizer(texts, padding=True, return_tensors="pt").data
    spoken = tokenizer(
        [in_language(text, "xx") for text in texts], padding=True, return_tensors="pt"
    )
    labels = spoken["input_ids"].masked_fill(spoken["attention_mask"] == 0, -100)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(steps):
        optimizer.zero_grad()
        model(**batch, labels=labels).loss.backward()
        optimizer.step()
    model.save_pretrained(folder)
    return folder


def _training_texts() -> list[str]:
    """The sentences in every language."""
    return [
        in_language(text, language)
        for language in LANGUAGES
        for text, _, _ in sentences("train", 96)
    ]
