"""Training with a vocabulary view equals full training, row by row."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from xstilts.config.recipe import Recipe
from xstilts.formats.base import Feature, HeadShape
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.vocab_view import TrainedRows, used_ids
from xstilts.training.checkpoint import Checkpoints
from xstilts.training.loop import train
from xstilts.training.multitask_model import MultiTaskModel, initialised
from xstilts.training.run_log import Trained
from xstilts.training.train_task import TrainTask

PAD = 1


def task(count: int = 24) -> TrainTask:
    draw = torch.Generator().manual_seed(5)
    features = []
    for number in range(count):
        ids = [0, *torch.randint(10, 30, (3 + number % 4,), generator=draw).tolist(), 2]
        features.append(Feature(str(number), ids, [0] * len(ids), number % 2))
    return TrainTask(
        "t", "classification", ("a", "b"), "accuracy", features, features, ["a", "b"] * (count // 2)
    )


def trained(
    root: Path, ids: torch.Tensor, recipe: Recipe, folder: Path
) -> tuple[MultiTaskModel, Trained]:
    shape = {"t": HeadShape("classification", 2, 0.0, "mean")}
    model = initialised(Encoder(EncoderFiles(root), ids), shape, 0)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model, train(model, [task()], recipe, 0, PAD, Checkpoints(folder), lambda _: None)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"weight_decay": 0.3, "warmup_ratio": 0.5},
        {"max_grad_norm": 0.05},
        {"gradient_accumulation_steps": 3},
        {"weight_decay": 0.0},
        {"head_learning_rate": 0.05, "weight_decay": 0.1},
        # 150 steps with all of it at once; small ones, as float errors grow with every step
        {
            "epochs": 50,
            "learning_rate": 1e-3,
            "max_grad_norm": 0.5,
            "warmup_ratio": 0.1,
            "weight_decay": 0.1,
            "gradient_accumulation_steps": 2,
        },
    ],
)
def test_unused_embedding_rows_end_as_in_full_training(
    root: Path, tmp_path: Path, changes: dict[str, float]
) -> None:
    settings = {"learning_rate": 1e-2, "epochs": 3, "batch_size": 8, "num_evals": 1}
    recipe = Recipe.model_validate(settings | changes)
    whole = EncoderFiles(root).full_embeddings()
    everything = torch.arange(len(whole))
    _, full = trained(root, everything, recipe, tmp_path / "full")
    ids = used_ids((feature.ids for feature in task().train), PAD)
    assert len(ids) < len(everything) / 2
    _, view = trained(root, ids, recipe, tmp_path / "view")

    name = "encoder.model.embeddings.word_embeddings.weight"
    rows = TrainedRows(torch.zeros(0, dtype=torch.long), torch.zeros(0, whole.shape[1]), 1.0)
    restored = rows.compose(ids, view.state[name], view.log.best_decay).apply(whole, everything)
    torch.testing.assert_close(restored, full.state[name], rtol=1e-5, atol=1e-7)
    for other in full.state.keys() - {name}:
        torch.testing.assert_close(view.state[other], full.state[other], rtol=1e-4, atol=1e-6)
    assert view.log.losses == pytest.approx(full.log.losses, abs=1e-5)
    assert not torch.equal(restored, whole)


def test_trained_rows_of_two_phases_compose() -> None:
    whole = torch.arange(12.0).reshape(6, 2)
    none = TrainedRows(torch.zeros(0, dtype=torch.long), torch.zeros(0, 2), 1.0)
    first = none.compose(torch.tensor([1, 2]), torch.tensor([[9.0, 9.0], [8.0, 8.0]]), 0.5)
    second = first.compose(torch.tensor([2, 4]), torch.tensor([[7.0, 7.0], [6.0, 6.0]]), 0.1)
    found = second.apply(whole, torch.arange(6))
    expected = whole * 0.05
    expected[1], expected[2], expected[4] = (
        torch.tensor([0.9, 0.9]),
        torch.tensor([7.0, 7.0]),
        torch.tensor([6.0, 6.0]),
    )
    torch.testing.assert_close(found, expected)


def test_the_vocabulary_view_keeps_the_pretrained_hidden_states(root: Path) -> None:
    from transformers import AutoModel

    plain = AutoModel.from_pretrained(root / "hf", add_pooling_layer=False).eval()
    ids = torch.tensor([[0, 14, 25, 2], [0, 11, 2, 1]])
    mask = (ids != PAD).long()
    view = Encoder(EncoderFiles(root), used_ids(ids.tolist(), PAD)).eval()
    with torch.no_grad():
        ours = view(ids, mask, torch.zeros_like(ids))
        theirs = plain(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        real = mask == 1
        torch.testing.assert_close(ours[real], theirs.last_hidden_state[real])
        for layer, hidden in enumerate(theirs.hidden_states):
            found = view.hidden_states(ids, mask, torch.zeros_like(ids))[layer]
            torch.testing.assert_close(found[real], hidden[real])


def test_unused_embedding_rows_stay_bit_identical_without_weight_decay(
    root: Path, tmp_path: Path
) -> None:
    recipe = Recipe(
        learning_rate=1e-2, epochs=2, batch_size=8, num_evals=1, weight_decay=0.0, max_grad_norm=0.5
    )
    whole = EncoderFiles(root).full_embeddings()
    everything = torch.arange(len(whole))
    _, full = trained(root, everything, recipe, tmp_path)
    ids = used_ids((feature.ids for feature in task().train), PAD)
    unused = torch.ones(len(whole), dtype=torch.bool)
    unused[ids] = False
    rows = TrainedRows(ids, whole[ids], full.log.best_decay).apply(whole, everything)
    name = "encoder.model.embeddings.word_embeddings.weight"
    assert torch.equal(rows[unused], full.state[name][unused])
