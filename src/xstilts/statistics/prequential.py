"""How many bits a task's labels take when a model learns them on the way.

Online code (Blier & Ollivier 2018; Voita & Titov 2020 for probes): the first block of examples is
sent with a uniform code; each later one is coded by a model trained on all before it. An easy
task has a short code: accuracy after training, and how soon it is reached, both shorten it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, log, log2

from xstilts.core.errors import DataError


@dataclass(frozen=True)
class CodeLength:
    """The length of a task's labels.

    Args:
        bits: of all labels.
        per_example: bits for one label.
        compression: how many times shorter than the uniform code; 1 where nothing was learnt.
    """

    bits: float
    per_example: float
    compression: float


def code_length(sizes: Sequence[int], losses: Sequence[float], labels: int) -> CodeLength:
    """The prequential code length from the losses of models trained on ever more data.

    Args:
        sizes: examples of each block, the first included.
        losses: mean loss in nats of each block but the first, by the model trained on the
            blocks before it; one fewer than sizes.
        labels: how many labels the task has, or choices a question.

    Raises:
        ValueError: the numbers do not fit together.
        DataError: a loss is not finite or negative.
    """
    if len(losses) != len(sizes) - 1 or min(sizes) < 1 or labels < 2:
        raise ValueError(f"{len(sizes)} blocks need {len(sizes) - 1} losses, examples and labels")
    for block, loss in enumerate(losses, start=2):
        if not isfinite(loss) or loss < 0:
            raise DataError(
                f"the loss of block {block} is {loss}",
                todo="the training before it has diverged: lower its learning rate",
            )
    uniform = log2(labels)
    later = sum(size * loss / log(2) for size, loss in zip(sizes[1:], losses, strict=True))
    bits, examples = sizes[0] * uniform + later, sum(sizes)
    return CodeLength(bits, bits / examples, examples * uniform / bits)
