"""Trainings divided over processes, which are threads here: the result of one process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
import torch
from torch import Tensor

from xstilts.config.recipe import Recipe
from xstilts.core.notices import notices_to
from xstilts.core.out_of_memory import OutOfMemory
from xstilts.core.stopping import Stopped, request_stop, withdraw_requests
from xstilts.formats import training_of
from xstilts.formats.base import Feature, HeadShape
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.training.batch_gradients import BatchGradients
from xstilts.training.batch_loss import BatchLoss
from xstilts.training.checkpoint import Checkpoints
from xstilts.training.divided_batch import (
    DifferentWeights,
    check_equal_weights,
    rows_of_ranks,
    sum_gradients,
)
from xstilts.training.loop import train
from xstilts.training.multitask_model import MultiTaskModel, initialised
from xstilts.training.predict import predict
from xstilts.training.process_group import SINGLE, ProcessGroup
from xstilts.training.run_log import Trained
from xstilts.training.train_task import TrainTask

Result = TypeVar("Result")
PAD = 1
KINDS = ("classification", "tagging", "span", "multiple_choice", "masked_lm", "dual_encoder")


class Exchange:
    """Where the threads leave what they send."""

    def __init__(self, size: int) -> None:
        self.barrier = threading.Barrier(size, timeout=60)
        self.values: list[Any] = [None] * size


@dataclass(frozen=True)
class ThreadGroup:
    """A process group of threads."""

    rank: int
    size: int
    exchange: Exchange

    def gather(self, value: Any) -> list[Any]:
        self.exchange.values[self.rank] = value
        self.exchange.barrier.wait()
        gathered = list(self.exchange.values)
        self.exchange.barrier.wait()
        return gathered

    def add(self, values: Tensor) -> None:
        gathered = self.gather(values.detach().clone())
        with torch.no_grad():
            values.copy_(sum(gathered[1:], gathered[0]))


def in_threads(size: int, work: Callable[[ProcessGroup], Result]) -> list[Result]:
    """The result of every thread of a group, or the first error that is no consequence."""
    exchange = Exchange(size)

    def of_rank(rank: int) -> Result:
        try:
            return work(ThreadGroup(rank, size, exchange))
        except BaseException:
            exchange.barrier.abort()
            raise

    with ThreadPoolExecutor(size) as pool:
        futures = [pool.submit(of_rank, rank) for rank in range(size)]
    errors = [error for future in futures if (error := future.exception())]
    for error in errors:
        if not isinstance(error, threading.BrokenBarrierError):
            raise error
    return [future.result() for future in futures]


def features(kind: str, count: int) -> list[Feature]:
    """Examples of a format, of 3 to 9 sub-words."""
    draw = torch.Generator().manual_seed(5)

    def text(number: int) -> Feature:
        ids = [0, *torch.randint(10, 30, (1 + number % 7,), generator=draw).tolist(), 2]
        words = tuple(range(1, len(ids) - 1))
        target: dict[str, Any] = {
            "tagging": [-100, *(n % 2 for n in words), -100],
            "span": [1, len(ids) - 2],
            "masked_lm": [-100, ids[1], *[-100] * len(ids[2:])],
        }
        return Feature(str(number), ids, [0] * len(ids), target.get(kind, number % 2), words)

    texts = [text(number) for number in range(2 * count)]
    if kind in ("multiple_choice", "dual_encoder"):
        pairs = zip(texts[:count], texts[count:], strict=True)
        target = {"target": 0} if kind == "dual_encoder" else {}
        return [replace(first, extra_texts=(second,), **target) for first, second in pairs]
    return texts[:count]


def model(root: Path, kind: str = "classification") -> MultiTaskModel:
    """A model without dropout."""
    shape = HeadShape(kind, 160 if kind == "masked_lm" else 2, 0.0, "mean")
    made = initialised(Encoder(EncoderFiles(root), torch.arange(160)), {"t": shape}, 0)
    for module in made.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    for block in made.encoder.model.encoder.layer:
        block.attention.self.dropout.p = 0.0
    return made


def gradients(
    root: Path, kind: str, count: int, group: ProcessGroup, slices: int = 1
) -> tuple[float, dict[str, Tensor | None]]:
    """The loss and the gradients."""
    made = model(root, kind).train()
    training = training_of(kind)
    loss = BatchLoss(made, "t", training, features(kind, count), PAD, "fp32", training.contrastive)
    parameters = list(made.parameters())
    part = BatchGradients(loss, parameters, made.encoder.thread_safe, group).add(slices)
    total = sum_gradients(group, parameters, part)
    return total, {name: value.grad for name, value in made.named_parameters()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("size", "count", "slices"), [(2, 9, 1), (3, 8, 2), (4, 3, 1)])
def test_the_gradients_of_all_processes_add_up_to_those_of_one(
    root: Path, kind: str, size: int, count: int, slices: int
) -> None:
    expected_loss, expected = gradients(root, kind, count, SINGLE)
    results = in_threads(size, lambda group: gradients(root, kind, count, group, slices))
    largest = max(float(grad.abs().max()) for grad in expected.values() if grad is not None)
    assert largest > 1e-4
    for loss, grads in results:
        assert loss == pytest.approx(expected_loss, rel=1e-5)
        for name, grad in expected.items():
            assert (grads[name] is None) == (grad is None), name
            if grad is not None:
                torch.testing.assert_close(
                    grads[name], grad, rtol=1e-4, atol=1e-5 * largest, msg=name
                )
                assert torch.equal(grads[name], results[0][1][name]), name  # type: ignore[arg-type]


@pytest.mark.parametrize(("count", "size"), [(1, 4), (7, 2), (12, 3), (12, 1)])
def test_every_example_is_in_one_process_and_sub_words_are_balanced(count: int, size: int) -> None:
    made = features("classification", count)
    parts = rows_of_ranks(made, size)
    assert len(parts) == size
    assert sorted(row for rows in parts for row in rows) == list(range(count))
    assert all(rows == sorted(rows) for rows in parts)
    tokens = [sum(len(made[row].ids) for row in rows) for rows in parts]
    if count >= 3 * size:
        assert max(tokens) - min(tokens) <= 9


def task(kind: str = "classification", count: int = 24) -> TrainTask:
    made = features(kind, count)
    gold = ["ab"[number % 2] for number in range(count)]
    return TrainTask("t", kind, ("a", "b"), "accuracy", made, made, gold)


def with_drawn_masks(given: TrainTask) -> TrainTask:
    """Masked language modelling of the first or second sub-word, drawn at every step."""

    def draw(feature: Feature, seed: int) -> Feature:
        target = [-100] * len(feature.ids)
        target[1 + seed % min(2, len(feature.ids) - 2)] = 5
        return replace(feature, target=target)

    return replace(given, dev=(), dev_gold=(), augment=draw)


def trained(root: Path, folder: Path, group: ProcessGroup = SINGLE, **changes: Any) -> Trained:
    settings = {"learning_rate": 1e-3, "epochs": 2, "batch_size": 6, "num_evals": 2}
    recipe = Recipe.model_validate(settings | {"checkpoint_minutes": 1e-9} | changes)
    return train(
        model(root), [task()], recipe, 0, PAD, Checkpoints(folder), lambda _: None, None, group
    )


def assert_same_training(one: Trained, other: Trained) -> None:
    assert one.log.losses == pytest.approx(other.log.losses, rel=1e-4)
    assert one.log.dev_scores == other.log.dev_scores
    assert one.log.best_step == other.log.best_step
    for name, value in other.state.items():
        torch.testing.assert_close(one.state[name], value, rtol=1e-3, atol=1e-5, msg=name)


def test_a_divided_training_is_that_of_one_process(root: Path, tmp_path: Path) -> None:
    single = trained(root, tmp_path / "one")
    first, second = in_threads(2, lambda group: trained(root, tmp_path / "two", group))
    assert_same_training(first, single)
    assert first.log == second.log
    assert all(torch.equal(value, second.state[name]) for name, value in first.state.items())


def test_masks_are_drawn_as_in_one_process(root: Path, tmp_path: Path) -> None:
    recipe = Recipe(learning_rate=1e-3, batch_size=6, epochs=1, num_evals=1, checkpoint="last")

    def losses(group: ProcessGroup) -> list[float]:
        given = (model(root, "masked_lm"), [with_drawn_masks(task("masked_lm"))], recipe, 0, PAD)
        return train(*given, Checkpoints(tmp_path), lambda _: None, None, group).log.losses

    single = losses(SINGLE)
    for divided in in_threads(3, losses):
        assert divided == pytest.approx(single, rel=1e-4)


@pytest.mark.parametrize("count", [0, 1, 2, 31, 32, 33])
def test_shared_predictions_are_those_of_one_process(root: Path, count: int) -> None:
    made = features("classification", count)
    given = ("t", "classification", made, ("a", "b"), PAD, task().reading, 16)
    expected = predict(model(root), *given)
    assert len(expected) == count
    for shared in in_threads(3, lambda group: predict(model(root), *given, group=group)):
        assert shared == expected


@pytest.fixture
def _no_requests() -> Iterator[None]:
    yield
    withdraw_requests()


@pytest.mark.usefixtures("_no_requests")
@pytest.mark.parametrize("sizes", [(2, 2), (2, 1), (1, 3)])
def test_a_stopped_training_continues_with_any_number_of_processes(
    root: Path, tmp_path: Path, sizes: tuple[int, int]
) -> None:
    """All processes stop after the same step, of which process 0 has saved the state."""
    before, after = sizes
    ended: list[int] = []

    def until_stopped(group: ProcessGroup) -> None:
        def progress(news: dict[str, Any]) -> None:
            if news["step"] == 3 and group.rank == 0:
                request_stop()
            if group.rank == group.size - 1 and "loss" in news:
                ended.append(news["step"])

        recipe = Recipe.model_validate(
            {"learning_rate": 1e-3, "epochs": 2, "batch_size": 6, "num_evals": 2}
        )
        given = (model(root), [task()], recipe, 0, PAD, Checkpoints(tmp_path / "parts"), progress)
        with pytest.raises(Stopped):
            train(*given, None, group)

    run(before, until_stopped)
    assert ended[-1] == 3
    withdraw_requests()
    resumed = run(after, lambda group: trained(root, tmp_path / "parts", group))[0]
    assert "resumed from step 3" in resumed.notes
    assert_same_training(resumed, trained(root, tmp_path / "one"))


def run(size: int, work: Callable[[ProcessGroup], Result]) -> list[Result]:
    """The results of threads, or of this thread alone."""
    return in_threads(size, work) if size > 1 else [work(SINGLE)]


def test_all_processes_halve_their_slices_if_memory_ends_in_one(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    single = trained(root, tmp_path / "one")
    of_rows, thread = BatchLoss.of_rows, threading.local()

    def limited(batch: BatchLoss, rows: Any) -> Tensor:
        if thread.rank == 1 and len(rows) > 2:
            raise MemoryError("out of memory")
        return of_rows(batch, rows)

    def divided(group: ProcessGroup) -> Trained:
        thread.rank = group.rank
        return trained(root, tmp_path / "two", group)

    monkeypatch.setattr(BatchLoss, "of_rows", limited)
    with notices_to(lambda _: None):
        first, second = in_threads(2, divided)
    assert first.log.halved_slices == second.log.halved_slices
    assert len(first.log.halved_slices) == 1
    assert_same_training(first, single)


def test_memory_for_no_example_in_one_process_ends_all(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread, ended = threading.local(), list[int]()
    of_rows = BatchLoss.of_rows

    def limited(batch: BatchLoss, rows: Any) -> Tensor:
        if thread.rank == 1:
            raise MemoryError("out of memory")
        return of_rows(batch, rows)

    def divided(group: ProcessGroup) -> None:
        thread.rank = group.rank
        with pytest.raises(OutOfMemory):
            trained(root, tmp_path, group)
        ended.append(group.rank)

    monkeypatch.setattr(BatchLoss, "of_rows", limited)
    in_threads(2, divided)
    assert sorted(ended) == [0, 1]


def test_a_loss_that_is_not_finite_in_one_process_ends_all_at_one_step(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_rows, thread = BatchLoss.of_rows, threading.local()

    def broken(batch: BatchLoss, rows: Any) -> Tensor:
        thread.calls += 1
        value = of_rows(batch, rows)
        return value * torch.nan if thread.rank == 1 and thread.calls == 3 else value

    def divided(group: ProcessGroup) -> Trained:
        thread.rank, thread.calls = group.rank, 0
        return trained(root, tmp_path, group)

    monkeypatch.setattr(BatchLoss, "of_rows", broken)
    first, second = in_threads(2, divided)
    assert first.diverged
    assert first.diverged == second.diverged
    assert first.steps == second.steps == 2


def test_other_weights_in_one_process_are_named_in_all(root: Path) -> None:
    def check(group: ProcessGroup) -> str:
        made = model(root)
        name, value = next(iter(made.named_parameters()))
        with torch.no_grad():
            value[0] += 1e-6 * group.rank
        with pytest.raises(DifferentWeights, match=name):
            check_equal_weights(group, made, 4)
        return name

    in_threads(3, check)
    in_threads(3, lambda group: check_equal_weights(group, model(root), 4))


def test_the_recipe_slices_the_batch_of_all_processes(root: Path, tmp_path: Path) -> None:
    """Four slices of a batch over two processes are two in each."""
    seen: list[int] = []
    add = BatchGradients.add

    def counted(self: BatchGradients, slices: int) -> float:
        seen.append(slices)
        return add(self, slices)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BatchGradients, "add", counted)
        in_threads(
            2,
            lambda group: trained(
                root, tmp_path, group, gradient_accumulation_steps=3, max_steps=1
            ),
        )
    assert set(seen) == {2}
