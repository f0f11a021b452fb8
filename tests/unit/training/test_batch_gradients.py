"""Losses that compare a batch's examples: any slices and shards give the gradient of the batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from xstilts.config.recipe import Recipe
from xstilts.core.cpu import set_core_limit
from xstilts.formats import training_of
from xstilts.formats.base import Feature, HeadShape
from xstilts.formats.contrastive import ContrastiveSettings
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.fast_dropout import use_generator
from xstilts.training import data_parallel_cpu
from xstilts.training.batch_gradients import BatchGradients
from xstilts.training.batch_loss import BatchLoss
from xstilts.training.checkpoint import Checkpoints
from xstilts.training.loop import train
from xstilts.training.multitask_model import MultiTaskModel, initialised
from xstilts.training.out_of_memory import split
from xstilts.training.run_log import Trained
from xstilts.training.train_task import TrainTask

PAD, WIDTH, COUNT = 1, 32, 12
TEMPERATURE = 0.5
Grads = dict[str, Tensor | None]


def features(count: int = COUNT) -> list[Feature]:
    """Queries with passages of other lengths; the last passage is that of the first query."""
    draw = torch.Generator().manual_seed(5)

    def text(number: int, length: int) -> Feature:
        ids = [0, *torch.randint(10, 150, (length,), generator=draw).tolist(), 2]
        return Feature(str(number), ids, [0] * len(ids), 0)

    queries = [text(number, 1 + number % 4) for number in range(count)]
    passages = [text(number, 2 + 2 * (number % 5)) for number in range(count)]
    passages[-1] = passages[0]
    return [
        Feature(query.id, query.ids, query.types, 0, extra_texts=(passage,))
        for query, passage in zip(queries, passages, strict=True)
    ]


def model(root: Path, dropout: float, *, packed: bool = True, pooling: str = "mean") -> Any:
    shape = HeadShape("dual_encoder", 0, 0.1, pooling)
    made = initialised(Encoder(EncoderFiles(root), torch.arange(160)), {"t": shape}, 0)
    if not packed:
        made.encoder.uses_packing = False
        made.encoder.model.config._attn_implementation = "sdpa"
    for module in made.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = dropout
        if isinstance(module, torch.nn.Linear):  # so that the texts' vectors differ
            module.weight.data *= 10
    for block in made.encoder.model.encoder.layer:
        block.attention.self.dropout.p = dropout
    return made.train()


def batch_loss(made: MultiTaskModel) -> BatchLoss:
    settings = ContrastiveSettings(temperature=TEMPERATURE)
    return BatchLoss(made, "t", training_of("dual_encoder"), features(), PAD, "fp32", settings)


def plain_loss(vectors: Tensor) -> Tensor:
    """The mean over queries of -log softmax, an example at a time."""
    queries, passages = (vectors[:, side] / vectors[:, side].norm(dim=-1, keepdim=True)
                         for side in (0, 1))  # fmt: skip
    equal, losses = {0, COUNT - 1}, []
    for row in range(COUNT):
        others = [n for n in range(COUNT) if n != row and not {n, row} <= equal]
        cosines = passages[[row, *others]] @ queries[row] / TEMPERATURE
        losses.append(cosines.logsumexp(0) - cosines[0])
    return torch.stack(losses).mean()


def grads_of(made: MultiTaskModel) -> Grads:
    return {name: value.grad for name, value in made.named_parameters()}


def assert_close(ours: Grads, expected: Grads) -> None:
    largest = max(float(value.abs().max()) for value in expected.values() if value is not None)
    assert largest > 1e-2
    for name, value in expected.items():
        if value is not None:
            torch.testing.assert_close(ours[name], value, rtol=1e-4, atol=1e-5 * largest, msg=name)


def add(made: MultiTaskModel, slices: int, *, sharded: bool) -> float:
    parameters = list(made.parameters())
    return BatchGradients(batch_loss(made), parameters, sharded).add(slices)


@pytest.fixture
def _small_shards(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(data_parallel_cpu, "SHARD", 16)
    yield
    set_core_limit(1)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.usefixtures("_small_shards")
def test_slices_and_shards_give_the_gradients_of_the_undivided_batch(
    root: Path, packed: bool, pooling: str
) -> None:
    plain = model(root, 0.0, packed=packed, pooling=pooling)
    rows = list(range(COUNT))
    expected_loss = plain_loss(batch_loss(plain).vectors(rows))
    expected_loss.backward()  # type: ignore[no-untyped-call]
    cases = [(slices, False, 1) for slices in (1, 2, 5, COUNT)]
    cases += [(slices, True, cores) for slices in (1, 3) for cores in (1, 3)] if packed else []
    for slices, sharded, cores in cases:
        set_core_limit(cores)
        made = model(root, 0.0, packed=packed, pooling=pooling)
        loss = add(made, slices, sharded=sharded)
        assert loss == pytest.approx(float(expected_loss.detach()), rel=1e-5)
        assert_close(grads_of(made), grads_of(plain))


def plain_vectors(loss: BatchLoss, slices: int, *, sharded: bool) -> Tensor:
    """Vectors with their graph, with the dropout that slices and shards draw."""
    vectors: list[Any] = [None] * COUNT
    for rows in split(range(COUNT), slices):
        shards = [rows]
        if sharded:
            chosen = [loss.features[row] for row in rows]
            shards = [
                [rows[n] for n in shard] for shard in data_parallel_cpu.balanced_shards(chosen)
            ]
        if len(shards) == 1:
            found = [loss.vectors(rows)]
        else:
            seeds = torch.randint(2**62, (len(shards),)).tolist()
            found = []
            for seed, shard in zip(seeds, shards, strict=True):
                with use_generator(torch.Generator().manual_seed(seed)):
                    found.append(loss.vectors(shard))
        for shard, part in zip(shards, found, strict=True):
            for row, vector in zip(shard, part, strict=True):
                vectors[row] = vector
    return torch.stack(vectors)


@pytest.mark.parametrize(
    ("packed", "slices", "sharded"),
    [(True, 1, False), (True, 3, False), (True, 1, True), (True, 3, True), (False, 3, False)],
)
@pytest.mark.usefixtures("_small_shards")
def test_with_equal_dropout_draws_the_gradients_are_those_of_plain_autograd(
    root: Path, packed: bool, slices: int, sharded: bool
) -> None:
    plain, made = (model(root, 0.3, packed=packed) for _ in range(2))
    torch.manual_seed(9)
    expected_loss = plain_loss(plain_vectors(batch_loss(plain), slices, sharded=sharded))
    state = torch.get_rng_state()
    expected_loss.backward()  # type: ignore[no-untyped-call]
    torch.manual_seed(9)
    loss = add(made, slices, sharded=sharded)
    assert torch.get_rng_state().equal(state)
    assert loss == pytest.approx(float(expected_loss.detach()), rel=1e-5)
    assert_close(grads_of(made), grads_of(plain))
    torch.manual_seed(10)
    assert add(model(root, 0.3, packed=packed), slices, sharded=sharded) != loss


@pytest.mark.usefixtures("_small_shards")
def test_gradients_are_bit_identical_on_any_number_of_cores(root: Path) -> None:
    found = []
    for cores in (1, 3):
        set_core_limit(cores)
        made = model(root, 0.3)
        torch.manual_seed(9)
        found.append((add(made, 2, sharded=True), grads_of(made)))
    (loss, grads), (other_loss, other) = found
    assert loss == other_loss
    for name, value in grads.items():
        assert value is None or value.equal(other[name])


def trained(root: Path, folder: Path, stop: int | None = None, **changes: Any) -> Trained:
    settings = {"learning_rate": 1e-2, "epochs": 2, "batch_size": 6, "num_evals": 4,
                "checkpoint_minutes": 1e-9, "contrastive_temperature": TEMPERATURE}  # fmt: skip
    given = features()
    gold = [feature.id for feature in given]
    task = TrainTask("t", "dual_encoder", (), "map_at_20", given, given, gold)

    def halt(news: dict[str, Any]) -> None:
        if stop is not None and news["step"] == stop:
            raise KeyboardInterrupt

    recipe = Recipe.model_validate(settings | changes)
    return train(model(root, 0.2), [task], recipe, 0, PAD, Checkpoints(folder), halt)


def assert_same(one: Trained, other: Trained) -> None:
    assert one.log.losses == other.log.losses
    assert one.log.dev_scores == other.log.dev_scores
    assert all(one.state[name].equal(value) for name, value in other.state.items())


@pytest.mark.usefixtures("_small_shards")
def test_an_interrupted_training_resumes_to_the_same_bytes(root: Path, tmp_path: Path) -> None:
    changes = {"gradient_accumulation_steps": 2}
    expected = trained(root, tmp_path / "whole", **changes)
    with pytest.raises(KeyboardInterrupt):
        trained(root, tmp_path / "cut", stop=3, **changes)
    resumed = trained(root, tmp_path / "cut", **changes)
    assert any("resumed from step" in note for note in resumed.notes)
    assert_same(resumed, expected)


@pytest.mark.parametrize("seen_first", [0, 1])
def test_out_of_memory_in_either_pass_gives_twice_the_accumulation_to_the_bit(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seen_first: int
) -> None:
    """A slice of more than three examples does not fit, in the first or in the second pass."""
    expected = trained(root, tmp_path / "expected", gradient_accumulation_steps=4)
    vectors: Callable[[BatchLoss, Sequence[int]], Tensor] = BatchLoss.vectors
    calls = []

    def limited(loss: BatchLoss, rows: Sequence[int]) -> Tensor:
        calls.append(len(rows))
        found = vectors(loss, rows)
        if len(rows) > 2 and calls.count(len(rows)) > 2 * seen_first:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return found

    monkeypatch.setattr(BatchLoss, "vectors", limited)
    halved = trained(root, tmp_path / "halved", gradient_accumulation_steps=2)
    assert len(halved.log.halved_slices) == 1
    assert_same(halved, expected)
