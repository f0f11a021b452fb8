"""A tiny vision tower and toy tasks with images: coloured squares, named in two toy languages."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xstilts.testing.tiny import LANGUAGES, in_language, write_experiment

COLOURS = {
    "cat": (220, 30, 30),
    "bread": (30, 200, 30),
    "saw": (40, 40, 230),
    "honey": (230, 210, 30),
}
"""What a square is called → its colour; the names are words of the tiny tokenizer."""
SPLITS = {"train": 48, "dev": 16, "test": 16}
SIDE, PATCH, WIDTH = 16, 8, 16
"""Pixels of a picture and of a patch of the tower, and the width of its states."""

TASKS = """\
  toy-colour: &nli
    format: image_inference
    files: "images/colour-{split}-{language}.jsonl"
    images: "images/{split}"
    splits: &both {train: [en], dev: [en], test: [en, xx]}
    labels: [no, yes]
  toy-colour-without-image:
    format: image_inference
    files: "images/colour-{split}-{language}.jsonl"
    images: "images/{split}"
    splits: *both
    labels: [no, yes]
    withhold_images: true
    control_of: toy-colour
  toy-two:
    format: image_statement
    files: "images/two-{split}-{language}.jsonl"
    images: "images/{split}"
    splits: *both
    labels: ["false", "true"]
  toy-question:
    format: image_question
    files: "images/question-{split}-{language}.jsonl"
    images: "images/{split}"
    splits: *both
    labels: [cat, bread, saw, honey]
  toy-caption:
    format: image_retrieval
    files: "images/caption-{split}-{language}.jsonl"
    images: "images/{split}"
    splits: *both
"""


def write_tower(folder: Path) -> Path:
    """Write a tiny ViT with random weights and its image processor: 4 states of width 16."""
    import torch
    from transformers import ViTConfig, ViTModel

    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=2 * WIDTH,
        image_size=SIDE,
        patch_size=PATCH,
    )
    ViTModel(config, add_pooling_layer=False).save_pretrained(folder)
    steps = {
        "image_processor_type": "ViTImageProcessor",
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "resample": 2,
        "rescale_factor": 1 / 255,
        "size": {"height": SIDE, "width": SIDE},
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(steps), encoding="utf-8")
    return folder


def write_image_experiment(folder: Path) -> Path:
    """Write the toy experiment of `tiny` with a tower and tasks with images; returns its file."""
    path = write_experiment(folder)
    write_tower(folder / "tower")
    for split, count in SPLITS.items():
        _write_split(folder / "images", split, count)
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{text}{TASKS}vision: ./tower\n", encoding="utf-8")
    return path


def _write_split(folder: Path, split: str, count: int) -> None:
    pictures = folder / split
    pictures.mkdir(parents=True)
    things = list(_things(split, count))
    for number, thing in enumerate(things):
        path = pictures / f"{split}-{number}.ppm"
        _write_picture(path, thing, random.Random(f"{split} {number}"))
    for language in LANGUAGES:
        if split != "test" and language != "en":
            continue
        for task, rows in _rows(split, things).items():
            path = folder / f"{task}-{split}-{language}.jsonl"
            translated = ({**row, "text": in_language(row["text"], language)} for row in rows)
            path.write_text("".join(json.dumps(row) + "\n" for row in translated), "utf-8")


def _things(split: str, count: int) -> Iterator[str]:
    names = list(COLOURS)
    generator = random.Random(f"things {split}")
    for number in range(count):
        yield names[number % len(names)] if number % 2 else generator.choice(names)


def _write_picture(path: Path, thing: str, generator: random.Random) -> None:
    """A square of one colour with some noise, so that no two pictures are equal."""
    colour = COLOURS[thing]
    pixels = bytes(
        min(255, max(0, value + generator.randint(-15, 15)))
        for _ in range(SIDE * SIDE)
        for value in colour
    )
    path.write_bytes(f"P6 {SIDE} {SIDE} 255\n".encode() + pixels)


def _rows(split: str, things: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Task → rows in English; every text occurs with every label."""
    names = list(COLOURS)
    tables: dict[str, list[dict[str, Any]]] = {}
    for number, thing in enumerate(things):
        other = (number + 1) % len(things)
        asked = thing if number % 2 else names[(names.index(thing) + 1) % len(names)]
        same = things[other] == thing
        rows: dict[str, dict[str, Any]] = {
            "colour": {
                "text": f"the {asked} is here",
                "image": f"{split}-{number}.ppm",
                "label": "yes" if asked == thing else "no",
            },
            "two": {
                "text": "give me one today please",
                "image": f"{split}-{number}.ppm",
                "image2": f"{split}-{other}.ppm",
                "label": same,
            },
            "question": {"text": "where is my", "image": f"{split}-{number}.ppm", "label": thing},
            "caption": {"text": f"I saw a {thing} {number}", "image": f"{split}-{number}.ppm"},
        }
        for task, row in rows.items():
            tables.setdefault(task, []).append({"id": f"{split}-{number}", **row})
    return tables
