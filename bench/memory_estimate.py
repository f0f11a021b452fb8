"""Peak memory of stages as measured, against the estimate of `xstilts plan`.

Each training, prediction or embedding runs in its own process, with an encoder of random weights.
The examples are random sub-words with lengths like those of a task; both sides know only their
mean. `--size`: cores of a training step (default: 2). Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cli import BUILD, Options
from bench.process import Answer, Process, peak_bytes, serve

VIEW = 6000
"""Rows of the embedding matrix in view, as in XNLI-dev-en."""
STEPS, EXAMPLES = 3, 96


@dataclass(frozen=True)
class Case:
    """What one process does.

    Args:
        kind: of stage.
        layers, width: of the encoder.
        batch: examples per step.
        tokens: mean length of an example.
        checkpointing: whether gradient checkpointing is on.
    """

    kind: str
    layers: int
    width: int
    batch: int = 32
    tokens: int = 50
    checkpointing: bool = False


CASES = (
    Case("train", 12, 384),
    Case("train", 12, 768),
    Case("train", 12, 768, batch=8, tokens=300),
    Case("train", 12, 384, batch=8, tokens=200, checkpointing=True),
    Case("train", 24, 1024),
    Case("predict", 12, 384),
    Case("predict", 24, 1024),
    Case("embed", 12, 768),
)
TINY = (Case("train", 2, 64, batch=8), Case("predict", 2, 64), Case("embed", 2, 64))


def cases(options: Options) -> tuple[Case, ...]:
    """The cases to run."""
    return TINY if options.tiny else CASES


def run(number: int, options: Options) -> Iterator[Answer]:
    """One answer: the peak memory of a case."""
    case = cases(options)[number]
    do_stage(case, cores=options.size or 2)
    yield {"peak": peak_bytes()}


def do_stage(case: Case, cores: int) -> None:
    """Train, predict or embed as a stage does."""
    import torch

    import xstilts.executors.worker
    from xstilts.config.recipe import Recipe
    from xstilts.core.cpu import set_core_limit
    from xstilts.formats.base import Feature, HeadShape, TokenizationConfig
    from xstilts.models.encoder import Encoder
    from xstilts.training.checkpoint import Checkpoints
    from xstilts.training.loop import train
    from xstilts.training.multitask_model import initialised
    from xstilts.training.predict import embed, predict
    from xstilts.training.train_task import TrainTask

    assert xstilts.executors.worker  # everything that a worker imports
    torch.set_num_threads(1)
    set_core_limit(cores)
    draw = random.Random(0)
    features = []
    for index in range(EXAMPLES):
        length = max(3, round(draw.gauss(case.tokens, case.tokens / 3)))
        inner = [draw.randrange(5, VIEW) for _ in range(length - 2)]
        features.append(Feature(str(index), [0, *inner, 2], [0] * length, index % 2))
    files = encoder_files(case)
    model = initialised(
        Encoder(files, torch.arange(VIEW)), {"t": HeadShape("classification", 2, 0.1, "cls")}, 0
    )
    labels, reading = ("a", "b"), TokenizationConfig()
    if case.kind == "predict":
        predict(model, "t", "classification", features, labels, 1, reading)
    elif case.kind == "embed":
        embed(model.encoder.eval(), features, 1, [(case.layers // 2, "mean")])
    else:
        gold = ["ab"[index % 2] for index in range(EXAMPLES)]
        task = TrainTask(
            "t", "classification", labels, "accuracy", features, features[:8], gold[:8]
        )
        recipe = Recipe(
            epochs=1, max_steps=STEPS, batch_size=case.batch, num_evals=2, checkpoint_minutes=1e-9,
            gradient_checkpointing=case.checkpointing,
        )  # fmt: skip
        with tempfile.TemporaryDirectory(dir=BUILD) as folder:
            train(model, [task], recipe, 0, 1, Checkpoints(Path(folder)), lambda _: None)


def encoder_files(case: Case) -> Any:
    """The files of an encoder of random weights, written once."""
    from xstilts.models.encoder_files import EncoderFiles

    return EncoderFiles(BUILD / "encoders" / f"random-{case.layers}-{case.width}" / "xstilts")


def write_encoder(case: Case) -> None:
    """Write the encoder of a case, unless it exists; the peak of that is not a stage's."""
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaModel

    from xstilts.models.encoder_import import import_encoder
    from xstilts.testing.tiny import write_encoder as write_tiny

    home = BUILD / "encoders" / f"random-{case.layers}-{case.width}"
    if home.exists():
        return
    staged = home.with_name(f".{home.name}")
    shutil.rmtree(staged, ignore_errors=True)
    write_tiny(staged / "hf")  # for its tokenizer
    config = XLMRobertaConfig(
        vocab_size=VIEW, hidden_size=case.width, num_hidden_layers=case.layers,
        num_attention_heads=max(2, case.width // 64), intermediate_size=4 * case.width,
        max_position_embeddings=514, type_vocab_size=1, pad_token_id=1, bos_token_id=0,
        eos_token_id=2,
    )  # fmt: skip
    torch.manual_seed(0)
    XLMRobertaModel(config, add_pooling_layer=False).save_pretrained(staged / "hf")
    (staged / "xstilts").mkdir()
    import_encoder(staged / "hf", staged / "xstilts")
    staged.rename(home)


def estimate(case: Case, cores: int) -> int:
    """The estimate in bytes."""
    from xstilts.models.encoder_defaults import EncoderDefaults
    from xstilts.planning.memory import Hardware, Workload, evaluation_memory, training_memory

    encoder = EncoderDefaults(case.layers, case.width, VIEW, "cls", 1)
    if case.kind != "train":
        work = Workload(case.tokens, case.tokens, VIEW)
        return evaluation_memory(encoder, work, Hardware(cores=cores))
    work = Workload(case.batch * case.tokens, case.tokens, VIEW, checkpointing=case.checkpointing)
    return training_memory(encoder, work, Hardware(cores=cores))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory_estimate")
    parser.add_argument("--size", type=int, default=2, help="cores of a stage")
    parser.add_argument("--tiny", action="store_true", help="toy sizes, to see that it runs")
    given = parser.parse_args()
    options = Options(Path(), rounds=1, size=given.size, tiny=given.tiny)
    BUILD.mkdir(parents=True, exist_ok=True)
    print("| stage | encoder | batch | measured | estimate | ratio |")
    print("| --- | --- | --- | --- | --- | --- |")
    for number, case in enumerate(cases(options)):
        write_encoder(case)
        with Process("memory_estimate", str(number), options) as process:
            peak = process.ask()["peak"]
        expected = estimate(case, given.size)
        more = ", gradient_checkpointing" if case.checkpointing else ""
        batch = f"{case.batch} × {case.tokens}{more}" if case.kind == "train" else ""
        sizes = f"{peak / 1e9:.2f} GB | {expected / 1e9:.2f} GB | {expected / peak:.2f}"
        print(f"| {case.kind} | {case.layers} × {case.width} | {batch} | {sizes} |", flush=True)


if __name__ == "__main__":
    if "--side" in sys.argv:
        number = int(sys.argv[sys.argv.index("--side") + 1])
        size = int(sys.argv[sys.argv.index("--size") + 1])
        given = Options(Path(), rounds=0, size=size, tiny="--tiny" in sys.argv)
        serve(lambda: run(number, given))
    else:
        main()
