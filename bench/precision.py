"""bf16 against fp32 in xstilts: fine-tuning on XNLI-dev-en, and predicting PAN-X dev.

Both sides have the same weights and data. `--size`: steps per turn.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from bench import evaluate, finetune
from bench.cli import Options, program, require_fast_bf16
from bench.machine import every_core, product_share
from bench.timing import PRODUCT_SHARE, Contestant, Measurement, Row, alternate, ratios
from xstilts.training.multitask_model import MultiTaskModel
from xstilts.training.precision import Precision

AT_LEAST, AIM = 1.6, 2.2
SAME_TAGS = 0.98
"""Share of words that have the same tag in both precisions, at least."""
STEPS = 4


class Predicting:
    """PAN-X dev, language by language, in one precision."""

    def __init__(self, setting: evaluate.Setting, precision: Precision) -> None:
        self.setting, self.precision, self.tags = setting, precision, list[Any]()
        self.model: MultiTaskModel = setting.new_model()
        if precision == "bf16":
            self.model.encoder.prepare_for_bf16()
        self.model.encoder.pack_weights()

    def __call__(self, number: int) -> Measurement:
        """All languages once."""
        started = time.perf_counter()
        self.tags = [
            tag
            for code in self.setting.features
            for tag in evaluate.tagged(self.setting, code, self.model, self.precision)
        ]
        return Measurement(time.perf_counter() - started, self.setting.subwords)


def measure(options: Options) -> list[Row]:
    """A row for training and one for predictions."""
    require_fast_bf16(options)
    return [_training(options), _predictions(options)]


def _training(options: Options) -> Row:
    setting, rounded = finetune.Setting(options), finetune.Setting(options, precision="bf16")
    steps = options.size or (1 if options.tiny else STEPS)
    sides = {"bf16": finetune.Ours(rounded, steps), "fp32": finetune.Ours(setting, steps)}
    return _row("fine-tune on XNLI dev en, bf16", sides, options, {"steps in a turn": steps})


def _predictions(options: Options) -> Row:
    setting = evaluate.Setting(options)
    rounded, plain = Predicting(setting, "bf16"), Predicting(setting, "fp32")
    sides = {"bf16": rounded, "fp32": plain}
    row = _row("evaluate PAN-X dev, bf16", sides, options, {})
    pairs = [
        (one, other)
        for ours, others in zip(rounded.tags, plain.tags, strict=True)
        for one, other in zip(ours, others, strict=True)
    ]
    same = sum(one == other for one, other in pairs) / len(pairs)
    assert options.tiny or same >= SAME_TAGS, f"{same:.3f} of the words have the same tag"
    row.notes["share of words with the same tag"] = round(same, 4)
    return row


def _row(title: str, sides: dict[str, Contestant], options: Options, notes: dict[str, Any]) -> Row:
    turns = alternate({name: every_core()(side) for name, side in sides.items()}, options.rounds)
    values = ratios(turns["fp32"], turns["bf16"])
    shares = {name: round(product_share(partial(side, 1)), 2) for name, side in sides.items()}
    notes |= {f"{PRODUCT_SHARE}, {name}": share for name, share in shares.items()}
    return Row(title, "xstilts in fp32", values, AT_LEAST, AIM, notes=notes)


if __name__ == "__main__":
    program("precision", measure, rounds=4, size="steps per turn of training")
