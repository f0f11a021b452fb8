"""Growth of a process's memory in an evaluation of many rows (R13).

    python -m xstilts.testing.evaluation_memory FOLDER FORMAT ROWS STEP

Prints by how many MB the peak of a step exceeds the memory after the same step on 2,000 rows. Pages
of memory-mapped files do not count: the system can drop them. Steps are run in order, each by a
process of its own: `make`, `features`, `predict`, `score`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pyarrow as pa
import torch

from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.worker import single_thread_env
from xstilts.formats.base import HeadShape, TokenizationConfig
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.encoder_import import import_encoder
from xstilts.stages import predict, score
from xstilts.stages.base import StageContext
from xstilts.stages.io.rows import write_rows
from xstilts.stages.io.tokenized import prepared
from xstilts.stages.io.trained_weights import write_weights
from xstilts.testing.tiny import write_encoder
from xstilts.training.model_state import trained_state
from xstilts.training.multitask_model import initialised
from xstilts.training.run_log import Log, Trained

FEW = 2_000
VOCABULARY = 160
LABELS = ("O", "B-PER", "B-LOC", "I-PER", "I-LOC")
METRICS = {"classification": "accuracy", "tagging": "span_f1"}
INTERVAL = 0.002


def growth(step: Callable[[], object]) -> float:
    """By how many MB the process's private memory exceeds its present size at its peak."""
    before, peak, ended = private_memory(), 0.0, Event()

    def watch() -> None:
        nonlocal peak
        while not ended.wait(INTERVAL):
            peak = max(peak, private_memory())

    thread = Thread(target=watch)
    thread.start()
    try:
        step()
    finally:
        ended.set()
        thread.join()
    return max(peak, private_memory()) - before


def private_memory() -> float:
    """The memory of this process in MB, without pages of files."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (line,) = (line for line in lines if line.startswith("RssAnon:"))
    return int(line.split()[1]) / 1024


class Evaluation:
    """Predictions and scores of many rows by a tiny model.

    Args:
        folder: of the store.
        format: `classification` or `tagging`.
        rows: number of rows of the larger file.
    """

    def __init__(self, folder: Path, format: str, rows: int) -> None:
        self.folder, self.format, self.rows = folder, format, rows
        self.store = Store(folder / "store").prepare()

    def make(self) -> None:
        """Write the encoder, the trained model and both files of rows."""
        encoder = self._publish(Stage("encoder", 1, {}), _write_encoder)
        files = EncoderFiles(self.store.artifact(encoder).path)
        self._publish(self._model(), lambda folder: self._write_model(folder, files))
        for count in (FEW, self.rows):
            write = partial(self._write_rows, count)
            self._publish(self._prepare(count), write)

    def features(self, count: int) -> None:
        """Tokenize the rows."""
        stage, reading = self._predict(count), TokenizationConfig()
        context = self._context(stage, self.folder)
        files = EncoderFiles(context.inputs["encoder"].path)
        prepared(context, context.inputs["rows"], self.format, LABELS, reading, files.tokenizer())

    def predict(self, count: int) -> None:
        """Predict the rows."""
        stage = self._predict(count)
        self._publish(stage, lambda folder: predict.run(self._context(stage, folder)))

    def score(self, count: int) -> None:
        """Score the predictions."""
        inputs = {"rows": self._prepare(count).key, "predictions": self._predict(count).key}
        params = {"format": self.format, "metrics": {METRICS[self.format]: 1}}
        stage = Stage("score", 1, params, inputs)
        self._publish(stage, lambda folder: score.run(self._context(stage, folder)))

    def _write_rows(self, count: int, folder: Path) -> None:
        write_rows(folder / "rows.parquet", [self._row(number) for number in range(count)])

    def _row(self, number: int) -> dict[str, Any]:
        if self.format == "classification":
            text = {"text": f"text {number}", "text_pair": None}
            return {"id": str(number), **text, "label": LABELS[number % 3]}
        words = 1 + number % 29
        tags = [LABELS[(number + word) % 3] for word in range(words)]
        return {"id": str(number), "tokens": ["the"] * words, "tags": tags}

    def _prepare(self, count: int) -> Stage:
        return Stage("prepare", 1, {"rows": count})

    def _model(self) -> Stage:
        return Stage("train", 1, {"format": self.format})

    def _predict(self, count: int) -> Stage:
        reading = TokenizationConfig().key_params()
        params = {"format": self.format, "labels": list(LABELS), "reading": reading}
        inputs = {
            "encoder": Stage("encoder", 1, {}).key,
            "model": self._model().key,
            "rows": self._prepare(count).key,
        }
        return Stage("predict", 1, {**params, "task": "task", "pooling": "mean"}, inputs)

    def _context(self, stage: Stage, folder: Path) -> StageContext:
        inputs = {role: self.store.artifact(key) for role, key in stage.inputs.items()}
        shared = self.folder / "features"
        return StageContext(stage, inputs, folder, folder, lambda _: None, features=shared)

    def _publish(self, stage: Stage, write: Callable[[Path], object]) -> str:
        with self.store.staging(stage.key) as folder:
            write(folder)
            self.store.publish(stage, folder, {}, {})
        return stage.key

    def _write_model(self, folder: Path, files: EncoderFiles) -> None:
        encoder = Encoder(files, torch.arange(VOCABULARY))
        shape = HeadShape(self.format, len(LABELS), 0.0, "mean")
        model = initialised(encoder, {"task": shape}, 0)
        write_weights(folder, files, model, Trained(trained_state(model), Log(), 0, ()))


def _write_encoder(folder: Path) -> None:
    import_encoder(write_encoder(folder / "source"), folder)


def main(folder: str, format: str, rows: str, step: str) -> None:
    """Make everything, or print the growth of a step."""
    single_thread_env()
    pa.set_memory_pool(pa.system_memory_pool())  # as in workers, which import pyarrow later
    torch.set_num_threads(1)
    evaluation = Evaluation(Path(folder), format, int(rows))
    if step == "make":
        evaluation.make()
        return
    run = {
        "features": evaluation.features,
        "predict": evaluation.predict,
        "score": evaluation.score,
    }
    run[step](FEW)
    print(f"{growth(lambda: run[step](int(rows))):.1f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
