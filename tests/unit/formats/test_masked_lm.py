"""Masked language modelling: head and loss of transformers, masks, share of the steps."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForMaskedLM,
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    XLMRobertaForMaskedLM,
    get_linear_schedule_with_warmup,
)

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.config.recipe import Recipe
from xstilts.core.artifact import Artifact
from xstilts.core.errors import EncoderError
from xstilts.core.hashing import seed_of
from xstilts.core.store import Store
from xstilts.formats import training_of
from xstilts.formats.base import Feature, HeadShape, TokenizationConfig
from xstilts.formats.masked_lm import MASKED_LM, Masking, masked_ids
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.encoder_import import import_encoder
from xstilts.planning.compile import compile_experiment
from xstilts.planning.cost import TOUCHED_ROWS
from xstilts.stages.train import load_masked_head, with_drawn_targets
from xstilts.testing.tiny import in_language, sentences, write_encoder
from xstilts.training.batching import collate
from xstilts.training.checkpoint import Checkpoints
from xstilts.training.loop import train
from xstilts.training.multitask_model import MultiTaskModel, initialised
from xstilts.training.predict import read_positions
from xstilts.training.run import Run
from xstilts.training.run_log import Trained
from xstilts.training.train_task import TrainTask

PAD, MASK, VOCABULARY = 1, 4, 160
TRAINING = training_of("masked_lm")
Runner = Callable[[LoadedExperiment, Path], Store]


def with_head(folder: Path, kind: str = "roberta") -> Path:
    """A tiny model with a masked language model's head, all its weights far from their start."""
    write_encoder(folder)
    if kind == "bert":
        sizes = {"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
        shape: Any = {"vocab_size": VOCABULARY, "hidden_size": 8, "pad_token_id": 1, **sizes}
        model: Any = BertForMaskedLM(BertConfig(**shape))
    else:
        model = XLMRobertaForMaskedLM.from_pretrained(folder)
    draw = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for value in model.parameters():
            value += torch.randn(value.shape, generator=draw) * 0.1
        model.get_input_embeddings().weight[PAD] = 0
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def hf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_head(tmp_path_factory.mktemp("hf"))


@pytest.fixture(scope="module")
def root(hf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("root")
    import_encoder(hf, folder)
    return folder


def lines(root: Path, count: int = 24) -> list[Feature]:
    rows = [
        {"id": str(number), "text": text}
        for number, (text, _, _) in enumerate(sentences("train", count))
    ]
    return MASKED_LM.features(rows, AutoTokenizer.from_pretrained(root), (), TokenizationConfig())


def text_task(root: Path, count: int = 24) -> TrainTask:
    found = lines(root, count + 8)
    train_set, dev = found[:count], found[count:]
    given = TrainTask("t", "masked_lm", (), "masked_accuracy", train_set, dev, ())
    masking = Masking(0.3, MASK, VOCABULARY)
    return with_drawn_targets(given, TRAINING.self_supervision, masking.drawn)


def made(root: Path, task: TrainTask) -> MultiTaskModel:
    """A model without dropout and with the encoder's own head, if there is one."""
    shape = {task.name: HeadShape("masked_lm", VOCABULARY, 0.0, "mean")}
    files = EncoderFiles(root)
    model = initialised(Encoder(files, torch.arange(VOCABULARY)), shape, 0)
    load_masked_head(model, [task], files)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model


def loss_of(model: MultiTaskModel, features: list[Feature]) -> torch.Tensor:
    batch = collate(features, PAD)
    places = read_positions(TRAINING, features, torch.device("cpu"))
    targets = TRAINING.targets(features, batch.ids.shape[1])
    logits = model("t", batch.ids, batch.mask, batch.types, places)
    return TRAINING.loss(logits, targets) / int((targets != -100).sum())


def plain_loss(model: Any, features: list[Feature]) -> torch.Tensor:
    batch = collate(features, PAD)
    labels = TRAINING.targets(features, batch.ids.shape[1])
    found: torch.Tensor = model(input_ids=batch.ids, attention_mask=batch.mask, labels=labels).loss
    return found


@pytest.mark.parametrize("kind", ["roberta", "bert", "old bert"])
def test_the_loss_equals_transformers(tmp_path: Path, kind: str) -> None:
    folder = with_head(tmp_path / "hf", kind.split()[-1])
    plain = AutoModelForMaskedLM.from_pretrained(folder).eval()
    if kind == "old bert":  # as the hub has mBERT
        path = folder / "model.safetensors"
        old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
        state = load_file(path)
        for new, former in old.items():
            state = {name.replace(new, former): value for name, value in state.items()}
        save_file(state, path, {"format": "pt"})
    (tmp_path / "root").mkdir()
    import_encoder(folder, tmp_path / "root")
    task = text_task(tmp_path / "root")
    features = list(task.dev)
    ours = loss_of(made(tmp_path / "root", task).eval(), features)
    theirs = plain_loss(plain, features).detach()
    assert float(ours.detach()) == pytest.approx(float(theirs), abs=1e-5)


def test_a_step_updates_tied_embeddings_as_a_plain_loop(
    hf: Path, root: Path, tmp_path: Path
) -> None:
    recipe = Recipe(
        learning_rate=5e-3, epochs=1, batch_size=8, num_evals=1, warmup_ratio=0, max_grad_norm=0.5,
        weight_decay=0.1,
    )  # fmt: skip
    task = text_task(root)
    assert task.augment
    run = Run(made(root, task), [task], recipe, 3, PAD)
    plain = XLMRobertaForMaskedLM.from_pretrained(hf).train()
    for module in plain.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    spared = [v for n, v in plain.named_parameters() if n.endswith("bias") or "norm" in n.lower()]
    known = {id(value) for value in spared}
    others = [value for value in plain.parameters() if id(value) not in known]
    groups = [{"params": others, "weight_decay": 0.1}, {"params": spared, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=5e-3, eps=1e-8)
    schedule = get_linear_schedule_with_warmup(optimizer, 0, len(run.plan))
    before = plain.get_input_embeddings().weight.detach().clone()
    for number, step in enumerate(run.plan):
        drawn = [
            task.augment(task.train[place], seed_of("redraw", 3, number, row))
            for row, place in enumerate(step.examples)
        ]
        loss = plain_loss(plain, drawn)
        assert run.step(number) == pytest.approx(float(loss.detach()), abs=1e-4)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), 0.5)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    weight = plain.get_input_embeddings().weight.detach()
    torch.testing.assert_close(run.model.encoder.embeddings.detach(), weight, rtol=1e-3, atol=1e-4)
    seen = {index for feature in task.train for index in feature.ids}
    unseen = torch.tensor(sorted(set(range(VOCABULARY)) - seen - {MASK, PAD}))
    shrunk = before[unseen] * (1 - 0.1 * 5e-3)
    assert (weight[unseen] - shrunk).abs().max() > 1e-3  # the output layer trains every row


def test_an_encoder_without_a_masked_lm_head_gets_a_new_one(tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "hf")
    (tmp_path / "root").mkdir()
    import_encoder(folder, tmp_path / "root")
    assert not (tmp_path / "root" / "masked_head.safetensors").exists()
    model = made(tmp_path / "root", text_task(tmp_path / "root"))
    head = dict(model.heads.named_parameters())
    assert not head["t.bias"].any()
    assert head["t.dense.weight"].detach().std() == pytest.approx(0.02, rel=0.2)
    task, files = text_task(tmp_path / "root"), EncoderFiles(tmp_path / "root")
    (note,) = load_masked_head(model, [task], files)
    assert "a new one is trained" in note
    assert load_masked_head(model, [], files) == []


def test_a_tokenizer_without_a_mask_token_is_an_error(root: Path) -> None:
    tokenizer = copy.deepcopy(AutoTokenizer.from_pretrained(root))
    TRAINING.self_supervision.drawer(0.15, tokenizer, VOCABULARY)
    tokenizer.mask_token = None
    with pytest.raises(EncoderError, match="tokenizer has no mask"):
        TRAINING.self_supervision.drawer(0.15, tokenizer, VOCABULARY)


# masks


def test_masked_tokens_are_80_percent_masks_10_percent_random_10_percent_kept() -> None:
    ids = [0, *range(10, 110), 2]
    feature = Feature("x", ids, [0] * len(ids), -100, tuple(range(1, 101)))
    masking = Masking(0.15, MASK, 100_000)
    kinds = Counter[str]()
    for seed in range(400):
        drawn = masking.drawn(feature, seed)
        assert isinstance(drawn.target, list)
        chosen = [place for place, index in enumerate(drawn.target) if index != -100]
        assert len(chosen) == 15
        assert [drawn.target[place] for place in chosen] == [ids[place] for place in chosen]
        assert masked_ids(drawn) == [ids[place] for place in chosen]
        assert all(drawn.ids[place] == ids[place] for place in range(102) if place not in chosen)
        assert not {0, 101}.intersection(chosen)
        for place in chosen:
            kept = drawn.ids[place] == ids[place]
            kinds["mask" if drawn.ids[place] == MASK else "kept" if kept else "random"] += 1
    shares = {kind: count / 6000 for kind, count in kinds.items()}
    assert shares == pytest.approx({"mask": 0.8, "kept": 0.1, "random": 0.1}, abs=0.02)


def test_at_least_one_token_is_masked_and_never_a_special_one(root: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(root)
    rows = [{"id": "1", "text": "cat"}, {"id": "2", "text": ""}, {"id": "3", "text": "dog"}]
    found = MASKED_LM.features(rows, tokenizer, (), TokenizationConfig())
    assert [feature.id for feature in found] == ["1", "3"]  # nothing to mask in a blank
    special = set(tokenizer.all_special_ids)
    for feature in found:
        for seed in range(50):
            drawn = masked_ids(Masking(0.01, MASK, VOCABULARY).drawn(feature, seed))
            assert len(drawn) == 1
            assert not special.intersection(drawn)


def test_masks_depend_only_on_seed_step_and_row(root: Path) -> None:
    feature = lines(root)[0]
    masking = Masking(0.3, MASK, VOCABULARY)
    places = [(seed, step, row) for seed in range(2) for step in range(3) for row in range(3)]
    drawn = [masking.drawn(feature, seed_of("redraw", *place)) for place in places]
    assert drawn == [masking.drawn(feature, seed_of("redraw", *place)) for place in places]
    assert len({tuple(one.ids) for one in drawn}) > len(places) / 2
    assert feature == lines(root)[0]


# training


def test_a_resumed_run_draws_the_same_masks(root: Path, tmp_path: Path) -> None:
    task = text_task(root)
    recipe = Recipe(
        learning_rate=1e-3, epochs=2, batch_size=8, num_evals=2, checkpoint_minutes=1e-9
    )

    def run(name: str, stop: int | None = None) -> Trained:
        def halt(news: dict[str, Any]) -> None:
            if stop is not None and news["step"] > stop:
                raise KeyboardInterrupt

        return train(made(root, task), [task], recipe, 0, PAD, Checkpoints(tmp_path / name), halt)

    whole = run("whole")
    with pytest.raises(KeyboardInterrupt):
        run("parts", 3)
    resumed = run("parts")
    assert resumed.notes == ("resumed from step 3",)
    assert resumed.log == whole.log
    assert all(torch.equal(resumed.state[name], value) for name, value in whole.state.items())


@pytest.fixture
def texts(toy_file: Path, tmp_path: Path) -> list[str]:
    """Overrides: a task `text` in both languages, and short trainings."""
    for language, code in (("en", "eng"), ("xx", "xxx")):
        lines = [in_language(text, language) for text, _, _ in sentences("train", 40)]
        (tmp_path / f"{code}.txt").write_text("\n".join(lines) + "\n")
    text = {
        "format": "masked_lm",
        "files": "{data}/{language}.txt",
        "codes": {"en": "eng", "xx": "xxx"},
        "splits": {"train": ["en", "xx"]},
    }
    short = "{epochs: 1, batch_size: 8, num_evals: 2, learning_rate: 5.0e-3, mlm_share: 0.25}"
    return [
        "name=text", "seeds=[0]", "targets=[toy-kind]", "languages=[xx]", f"data={tmp_path}",
        f"tasks.text={json.dumps(text)}", "limits={train: 24, dev: 9, test: 9}",
        f"recipes.intermediate={short}", f"recipes.target={short}",
    ]  # fmt: skip


def trainings(loaded: LoadedExperiment, store: Store) -> dict[str, Artifact]:
    stages = compile_experiment(loaded).plan.stages
    return {s.label: store.artifact(s.key) for s in stages if s.kind == "train"}


def test_text_trains_alone_in_mixtures_and_in_chains(
    toy_file: Path, texts: list[str], tmp_path: Path, run_here: Runner
) -> None:
    settings = "intermediate=[toy-same+text, text > toy-same]"
    loaded = xstilts.load(str(toy_file), [*texts, settings])
    store = run_here(loaded, tmp_path / "store")
    found = trainings(loaded, store)
    alone, mixed = (found[f"train {name} seed 0"] for name in ("text", "text+toy-same"))
    assert alone.facts["steps"] == 6  # 2 × 24 lines in steps of 8
    assert alone.facts["dev_mean"] == alone.facts["dev"]["text"]
    assert mixed.facts["steps"] == 3 + 1  # a quarter of all is text
    assert mixed.facts["dev_mean"] == mixed.facts["dev"]["toy-same"]
    assert set(mixed.facts["dev"]) == {"text", "toy-same"}
    encoder = next(s for s in compile_experiment(loaded).plan.stages if s.kind == "encoder")
    whole = EncoderFiles(store.artifact(encoder.key).path).full_embeddings()
    touched = {
        label: len(load_file(one / "rows.safetensors")["ids"]) for label, one in found.items()
    }
    assert set(touched.values()) == {len(whole)}  # phase 3 keeps what phase 2 has touched
    frame = xstilts.results(loaded, store)
    assert set(frame["intermediate"]) == {"text+toy-same", "text > toy-same"}
    assert frame["value"].notna().all()


def test_held_out_lines_are_not_trained_on(
    toy_file: Path, texts: list[str], tmp_path: Path
) -> None:
    loaded = xstilts.load(str(toy_file), [*texts, "intermediate=[text]"])
    stages = compile_experiment(loaded).plan.stages
    shares = {
        (s.params["language"], *s.params["share"])
        for s in stages
        if s.kind == "prepare" and s.params["task"] == "text"
    }
    assert shares == {(code, *part) for code in ("en", "xx") for part in ((0, 95), (95, 100))}


def test_text_cannot_be_a_target_and_needs_a_data_folder(toy_file: Path, texts: list[str]) -> None:
    with pytest.raises(Exception, match="can only be an intermediate task"):
        compile_experiment(xstilts.load(str(toy_file), [*texts, "targets=[text]"]))
    without = [one for one in texts if not one.startswith("data=")]
    with pytest.raises(Exception, match="in the folder of the experiment's data"):
        compile_experiment(xstilts.load(str(toy_file), [*without, "intermediate=[text]"]))


def test_the_estimate_includes_mlm_steps_and_the_embedding_matrix(
    toy_file: Path, texts: list[str]
) -> None:
    settings = "intermediate=[none, toy-same, toy-same+text, text > toy-same]"
    stages = compile_experiment(xstilts.load(str(toy_file), [*texts, settings])).plan.stages
    cost = {stage.label: stage.cost for stage in stages if stage.kind == "train"}
    plain, mixed = (cost[f"train {name} seed 0"] for name in ("toy-same", "text+toy-same"))
    assert 1.2 < (mixed.seconds - 1) / (plain.seconds - 1) < 1.8  # three steps and one of text
    (touched,), (whole,) = (
        {one.bytes for label, one in cost.items() if ("text" in label) == mlm}
        for mlm in (False, True)
    )
    assert whole - touched == 4 * (VOCABULARY - TOUCHED_ROWS) * 32  # all trainings after it too
