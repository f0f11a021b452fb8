"""Memory of gradients and optimizer state at XLM-R Large's shape, against transformers' Trainer.

Each side takes one optimizer step in its own process; gradients and optimizer state are then
summed. The embedding rows are those that occur in XNLI-dev-en; the step itself has few pairs. What
several cores need more than one is the difference of the peaks of two processes, activations
included. Needs 12 GB of memory and writes random weights of 4.5 GB under `build/`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch.optim.optimizer import register_optimizer_step_post_hook

from bench.baselines import sentence_model
from bench.cli import NotAvailable, Options, program
from bench.encoders import encoder, large
from bench.finetune import TASK, Ours, Setting, Theirs
from bench.mlm import memory
from bench.process import Answer, Process, peak_bytes, serve
from bench.timing import Row
from xstilts.core.cpu import set_core_limit
from xstilts.training import data_parallel_cpu

PAIRS = 4
SIDES = {"ours": 1, "shared": 2}
"""Side of xstilts → cores that share a step."""
NEEDED = 14e9


class _Held:
    """Bytes that optimizers hold after their step, before gradients are dropped."""

    def __init__(self) -> None:
        self._gradients, self._states = dict[int, int](), dict[int, int]()
        """Address of a parameter → bytes; our side has an optimizer for each of several parts."""

    def look(self, optimizer: Any, *_: Any) -> None:
        """Note the bytes of the gradients and the state of an optimizer's parameters."""
        for value in (value for group in optimizer.param_groups for value in group["params"]):
            if value.grad is not None:
                self._gradients[id(value)] = _bytes(value.grad)
        for value, state in optimizer.state.items():
            tensors = (one for one in state.values() if hasattr(one, "element_size"))
            self._states[id(value)] = sum(map(_bytes, tensors))

    @property
    def gradients(self) -> int:
        """Bytes of all gradients."""
        return sum(self._gradients.values())

    @property
    def state(self) -> int:
        """Bytes of all moments."""
        return sum(self._states.values())


def _bytes(tensor: Any) -> int:
    return int(tensor.numel() * tensor.element_size())


def run(side: str, options: Options) -> Iterator[Answer]:
    """One answer: what a side's optimizer holds."""
    held = _Held()
    register_optimizer_step_post_hook(held.look)
    setting = Setting(options, encoder(options) if options.tiny else large())
    model = setting.model()
    rows = len(model.encoder.ids)
    setting.features = sorted(setting.features, key=lambda one: len(one.ids))[:PAIRS]
    if side != "theirs":
        data_parallel_cpu.SHARD = 1  # as many shards as pairs
        set_core_limit(SIDES[side])
        Ours(setting, 0, model)(0)
    else:
        rival = sentence_model(setting.weights, model.heads[TASK])
        del model
        Theirs(setting, 0, rival, "sequential", True)(0)
    if not held.state:
        raise RuntimeError("no torch optimizer has taken a step: there is nothing to add up")
    yield {
        "gradients": held.gradients, "state": held.state, "peak": peak_bytes(), "rows": rows
    }  # fmt: skip


def measure(options: Options) -> list[Row]:
    """Two rows: ours as a share of the rival's, on one core and on several."""
    if not options.tiny and memory() < NEEDED:
        raise NotAvailable(f"it needs {NEEDED / 1e9:.0f} GB of memory")
    if not options.tiny:
        large()  # writing the weights would be in the peak of the first process
    measured = {}
    for side in ("ours", "shared", "theirs"):
        with Process("memory", side, options) as process:
            measured[side] = process.ask()
    ours, theirs = (
        measured[side]["gradients"] + measured[side]["state"] for side in ("ours", "theirs")
    )
    more = max(0, measured["shared"]["peak"] - measured["ours"]["peak"])
    notes = {
        "GB": round(ours / 1e9, 2),
        "GB more if several cores share a step": round(more / 1e9, 2),
        "rival's": round(theirs / 1e9, 2),
        "embedding rows in view": measured["ours"]["rows"],
        "GB of the process at its peak": round(measured["ours"]["peak"] / 1e9, 2),
        "the rival's peak": round(measured["theirs"]["peak"] / 1e9, 2),
    }
    return [
        _row("one core", ours / theirs, (0.6, 0.55), notes),
        _row(f"{SIDES['shared']} cores", (ours + more) / theirs, (0.65, 0.55), notes),
    ]


def _row(cores: str, value: float, targets: tuple[float, float], notes: dict[str, Any]) -> Row:
    name = f"optimizer and gradient memory, XLM-R Large's shape, XNLI-dev-en, {cores}"
    return Row(name, "Trainer", [value], *targets, share=True, small_is_good=True, notes=notes)


def _flag(name: str) -> str:
    return sys.argv[sys.argv.index(name) + 1]


if __name__ == "__main__":
    if "--side" in sys.argv:
        given = Options(Path(_flag("--data")), rounds=0, tiny="--tiny" in sys.argv)
        serve(lambda: run(_flag("--side"), given))
    else:
        program("memory", measure, rounds=1)
