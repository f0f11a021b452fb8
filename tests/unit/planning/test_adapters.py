"""Plans of experiments with `lora`: cost, disk, and the package it needs."""

from __future__ import annotations

from pathlib import Path

import pytest

import xstilts
from xstilts.config.lora import LoraConfig
from xstilts.core.errors import ConfigError, MissingPackageError
from xstilts.core.stage import Cost
from xstilts.models import peft_package
from xstilts.models.encoder_defaults import KNOWN_ENCODERS, EncoderDefaults
from xstilts.planning.adapters import adapter_weights, lora_cost
from xstilts.planning.compile import compile_experiment
from xstilts.planning.compiled_experiment import CompiledExperiment
from xstilts.planning.cost import block_weights, train_cost
from xstilts.planning.memory import Hardware
from xstilts.planning.stage_memory import peak_memory

LARGE: EncoderDefaults = KNOWN_ENCODERS["xlm-roberta-large"]
BASE: EncoderDefaults = KNOWN_ENCODERS["FacebookAI/xlm-roberta-base"]
LORA = "recipes.target.lora={}"


def costs(toy_file: Path, *changes: str) -> dict[str, Cost]:
    loaded = xstilts.load(str(toy_file), ["seeds=[0]", "targets=[toy-kind]", *changes])
    return {stage.label: stage.cost for stage in compile_experiment(loaded).plan.stages}


@pytest.mark.parametrize(
    ("names", "weights"),
    [
        ("auto", 12 * 2 * 8 * (768 + 768)),  # as many as peft prints for query and value
        ("all-linear", 12 * 8 * (4 * (768 + 768) + 2 * (768 + 4 * 768))),
        (("query", "key", "value"), 12 * 3 * 8 * (768 + 768)),
    ],
)
def test_weights_of_adapters_are_counted(names: str, weights: int) -> None:
    config = LoraConfig.model_validate({"target_modules": names})
    assert adapter_weights(BASE, config) == weights


def test_adapters_are_estimated_smaller_and_faster_than_all_weights() -> None:
    full, lora = train_cost(BASE, 1e6, 1000), lora_cost(BASE, LoraConfig(), 1e6, 1000)
    assert lora.bytes < full.bytes / 50
    assert 0.4 < lora.operations / full.operations < 0.7
    masked = lora_cost(BASE, LoraConfig(), 1e6, 1000, 1e5).operations - lora.operations
    assert masked == pytest.approx(4 * 250_002 * 768 * 1e5)


def test_only_trainings_with_adapters_change_their_cost(toy_file: Path) -> None:
    plain, lora = costs(toy_file), costs(toy_file, LORA)
    changed = {label for label, cost in plain.items() if lora[label] != cost}
    assert changed == {label for label in plain if label.startswith("train toy-kind ")}
    assert all(lora[label].bytes < plain[label].bytes for label in changed)


def test_trainings_after_masked_lm_with_adapters_store_no_full_matrix(
    toy_file: Path, tmp_path: Path
) -> None:
    text = tmp_path / "text.tsv"
    text.write_text("the cat is here\n" * 50, encoding="utf-8")
    task = f"tasks.text={{format: masked_lm, files: {text}, splits: {{train: [en]}}}}"
    given = "intermediate=[text]", task
    full, adapted = (
        costs(toy_file, *given, *more)["train toy-kind after text seed 0"]
        for more in ((), ("recipes.intermediate.lora={}",))
    )
    assert full.bytes != adapted.bytes


def test_adapters_need_less_memory_and_masked_lm_loads_every_row(tmp_path: Path) -> None:
    (tmp_path / "text.tsv").write_text("one line\n" * 50, encoding="utf-8")
    path = tmp_path / "large.yaml"
    path.write_text(
        "name: large\nencoder: xlm-roberta-large\nintermediate: [text]\ntargets: [xnli]\n"
        "tasks: {text: {format: masked_lm, files: text.tsv, splits: {train: [en]}}}\n"
    )
    peaks = {}
    for lora in ("null", "{}"):
        recipes = [f"recipes.{phase}.lora={lora}" for phase in ("intermediate", "target")]
        loaded = xstilts.load(str(path), recipes)
        part = CompiledExperiment(loaded, compile_experiment(loaded))
        labels = {stage.key: stage.label for stage in part.compiled.plan.stages}
        sizes = peak_memory(part, Hardware())
        peaks[lora] = {labels[key]: size for key, size in sizes.items()}
    text, target = "train text seed 0", "train mnli after text seed 0"
    assert peaks["{}"][target] < peaks["null"][target] - 12 * block_weights(LARGE)
    matrix = 4 * LARGE.vocabulary * LARGE.width
    assert peaks["{}"][text] > peaks["{}"][target] + matrix / 2


def test_a_run_without_peft_stops_before_the_first_stage(
    toy_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peft_package, "find_spec", lambda _: None)
    loaded = xstilts.load(str(toy_file), ["targets=[toy-kind]", LORA])
    with pytest.raises(MissingPackageError, match=r"xstilts\[lora\]"):
        xstilts.run(loaded, tmp_path / "store")
    assert not (tmp_path / "store").exists()
    assert xstilts.plan(loaded, tmp_path / "store").todo


@pytest.mark.parametrize("section", ["intermediate", "target", "tasks.toy-kind"])
def test_the_plan_names_layers_that_an_encoder_like_bert_does_not_have(
    section: str, toy_file: Path
) -> None:
    where = f"recipes.{section}.lora"
    with pytest.raises(ConfigError, match="q_proj") as error:
        costs(toy_file, f"{where}={{target_modules: [query, q_proj]}}")
    assert f"{where}.target_modules" in str(error.value)
    assert "query, key, value, dense" in str(error.value)
    assert costs(toy_file, f"{where}={{target_modules: [layer.1.output.dense, key]}}")
