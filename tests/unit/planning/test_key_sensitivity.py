"""A field of an experiment changes the keys of the kinds of stages that depend on it, no others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import ANY

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import xstilts
from xstilts.config.experiment import (
    EncoderConfig,
    Experiment,
    Limits,
    RetrievalConfig,
)
from xstilts.config.recipe import Recipe
from xstilts.core.errors import ConfigError
from xstilts.core.stage import Stage
from xstilts.planning.compile import compile_experiment
from xstilts.planning.measures import MEASURES, compile_measures

TEXT = """
name: keys
encoder: {name: FacebookAI/xlm-roberta-base, revision: null}
intermediate: [none, mnli]
targets: [xnli, pan-x, xquad, tatoeba, bucc]
languages: [en, de]
recipes: {intermediate: {epochs: 4}, target: {epochs: 3}}
"""
"""Planned without data and network."""
PREPARE, TRAIN, PREDICT, EMBED = ("prepare",), ("train",), ("predict",), ("embed",)
MEASURED = ("represent", "subwords", "fisher", "compare")
"""Kinds of measures that read the features of targets."""
VECTORS = ("embed", "search", "mine")
OF_INTERMEDIATE = ("train", "dynamics")


@dataclass(frozen=True)
class Change:
    """Another value of a field.

    Args:
        text: as `--set` takes it.
        kinds: of the stages whose parameters or inputs it changes.
        further: kinds of which it may add or remove stages.
        needs: other changes without which it has no effect.
    """

    text: str
    kinds: tuple[str, ...] = ()
    further: bool = False
    needs: tuple[str, ...] = ()

    @property
    def field(self) -> str:
        return self.text.partition("=")[0]


TRAINING = (
    *("learning_rate=2e-5", "head_learning_rate=0.02", "epochs=2", "max_steps=7", "batch_size=3"),
    *("gradient_accumulation_steps=2", "warmup_ratio=0.3", "warmup_steps=9", "weight_decay=0.3"),
    *("adam_beta2=0.9", "adam_epsilon=1e-7", "max_grad_norm=3", "dropout=0.3", "num_evals=7"),
    *("eval_steps=5", "checkpoint=last", "patience=7", "max_task_size=99", "nan_retry=none"),
    *("compile=true", "lora={r: 4}"),
)
"""Values of fields of single-task trainings."""
UNUSED = (
    *("temperature=3", "sampling=uniform", "mlm_share=0.4", "mask_prob=0.3"),
    *("retrieval_query_length=9", "contrastive_temperature=0.5", "contrastive_similarity=dot"),
    *("contrastive_symmetric=true", "checkpoint_minutes=1", "gradient_checkpointing=true"),
)
"""Values of fields of mixtures and other formats, and of fields that no result depends on."""
SPANS = ("doc_stride=33", "max_query_length=22")
ANSWERS = ("n_best=3", "max_answer_length=7", "null_score_diff_threshold=2.5")
SHOTS = "few_shot={examples: [5]}"
CHANGES = (
    *map(Change, ("name=other", "description=x", "keep_weights=none", "encoder.label=x")),
    *(Change(f"recipes.target.{text}", TRAIN) for text in TRAINING),
    *(Change(f"recipes.intermediate.{text}", OF_INTERMEDIATE) for text in TRAINING),
    *(Change(f"recipes.{of}.{text}") for of in ("target", "intermediate") for text in UNUSED),
    *(
        Change(f"recipes.target.{text}", ("train", "predict", "represent", "subwords", "fisher"))
        for text in SPANS
    ),
    *(Change(f"recipes.target.{text}", ("train", "predict")) for text in ANSWERS),
    *(Change(f"recipes.intermediate.{text}") for text in (*SPANS, *ANSWERS)),
    Change("recipes.target.max_length=99", (*TRAIN, *PREDICT, *MEASURED)),
    Change("recipes.intermediate.max_length=99", (*OF_INTERMEDIATE, "surprise", *MEASURED)),
    Change("recipes.target.precision=bf16", ("train", "predict")),
    Change("recipes.intermediate.precision=bf16", (*OF_INTERMEDIATE, "surprise")),
    Change("recipes.target.answer_text=xtreme", ("predict",)),
    Change("recipes.tasks={xnli: {epochs: 9}}", TRAIN),
    Change("limits.train=100", PREPARE),
    Change("limits.dev=10", PREPARE),
    Change("limits.test=10", PREPARE),
    Change("task_limits={mnli: {train: 9}}", PREPARE),
    Change("revisions={facebook/xnli: abc}", PREPARE),
    Change("splits={xnli: {test: dev}}", ("predict", "score"), further=True),
    Change("train_task={xnli: snli}", ("predict", "compare", "logme"), further=True),
    Change("retrieval.layer=5", (*VECTORS, "represent")),
    Change("retrieval.pooling=cls", VECTORS),
    Change("retrieval.prompt='q: '", EMBED),
    Change("retrieval.precision=bf16", EMBED),
    Change("retrieval.max_length=99", ("embed", "represent", "subwords")),
    Change("retrieval.neighbours=7", ("mine",)),
    Change("encoder.name=FacebookAI/xlm-roberta-large", ("encoder", *VECTORS, "represent")),
    Change("encoder.revision=abc", ("encoder",)),
    Change(
        "encoder.pooling=mean",
        ("train", "predict", "represent", "fisher", "surprise", "dynamics", "compare"),
    ),
    Change("encoder.recipe={learning_rate: 2e-5}", OF_INTERMEDIATE),
    Change("encoder.adapted_by=mnli", ("train", "embed", "represent", "dynamics"), further=True),
    Change("seeds=[0, 1]", further=True),
    Change("languages=[en, de, fr]", ("represent", "subwords"), further=True),
    Change("task_languages={xnli: [en]}", further=True),
    Change("intermediate=[none, mnli, squad-v1]", further=True),
    Change(SHOTS, further=True),
    Change("few_shot.split='dev[:50%]'", ("draw",), needs=(SHOTS,), further=True),
)
OTHERS = [
    change
    for change in CHANGES
    if change.field
    not in ("intermediate", "train_task", "splits", "encoder.name", "encoder.adapted_by")
]
"""Changes that have the effect next to others that they have alone, except for `MASKED`."""
MASKED: Mapping[str, str] = {
    "warmup_ratio": "warmup_steps",
    "num_evals": "eval_steps",
    "patience": "checkpoint",
}
"""Field → a field of the same recipe next to which it has no effect."""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "keys.yaml"
    path.write_text(TEXT)
    return path


def stages(file: Path, texts: Sequence[str]) -> tuple[Stage, ...]:
    """The stages of the experiment and of all measures, with some values changed."""
    loaded = xstilts.load(str(file), list(texts))
    own = compile_experiment(loaded).plan.stages
    return tuple(
        {one.key: one for one in (*own, *compile_measures(loaded, list(MEASURES))[0])}.values()
    )


Name = tuple[str, int]
"""A stage's label, and how many stages of that label come before it."""


@dataclass(frozen=True)
class Content:
    """What a stage is made of, apart from the keys of its inputs.

    Args:
        inputs: role → name of the input.
    """

    kind: str
    version: int
    params: Mapping[str, object]
    inputs: Mapping[str, Name]


def changed_kinds(
    before: Sequence[Stage], after: Sequence[Stage], *, merging: bool = False
) -> set[str]:
    """Kinds of stages of one label whose own parameters, or whose choice of inputs, differ.

    What follows from another key of an input does not count.

    Args:
        merging: a stage of one plan without its name in the other one is there a stage with two
            names, as the two have become equal. It is the same choice under the other name.
    """
    first, second = contents(before), contents(after)
    common = first.keys() & second.keys()
    if merging:
        second = {name: _renamed(first.get(name), one, common) for name, one in second.items()}
    return {first[name].kind for name in common if first[name] != second[name]}


def _renamed(old: Content | None, new: Content, common: Set[Name]) -> Content:
    """The content with the old names of inputs of which a plan has one of both names."""
    if old is None or old.inputs.keys() != new.inputs.keys():
        return new
    names = {
        role: name if {name, old.inputs[role]} <= common else old.inputs[role]
        for role, name in new.inputs.items()
    }
    return replace(new, inputs=names)


def contents(plan: Sequence[Stage]) -> dict[Name, Content]:
    """Name → what the stage is made of."""
    names, seen = dict[str, Name](), Counter[str]()
    for stage in plan:
        label = stage.kind if stage.kind == "encoder" else stage.label
        names[stage.key] = (label, seen[label])
        seen[label] += 1
    return {
        names[stage.key]: Content(
            stage.kind,
            stage.version,
            stage.params,
            {role: names[key] for role, key in stage.inputs.items()},
        )
        for stage in plan
    }


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.text)
def test_a_field_changes_stages_of_the_kinds_that_depend_on_it(file: Path, change: Change) -> None:
    before, after = stages(file, change.needs), stages(file, [*change.needs, change.text])
    assert changed_kinds(before, after) == set(change.kinds)
    keys = [{stage.key for stage in one} for one in (before, after)]
    assert (keys[0] == keys[1]) == (not change.kinds and not change.further)


def check_one_change(file: Path, others: Sequence[Change], change: Change) -> None:
    """A change changes no other kinds next to any other changes, and some key if it has any."""
    others = [one for one in others if one.text not in change.needs]
    texts = [*change.needs, *(text for one in others for text in (*one.needs, one.text))]
    if change.text in texts:
        return
    try:
        before, after = stages(file, texts), stages(file, [*texts, *change.needs, change.text])
    except ConfigError:
        return  # values that do not go together
    changed = changed_kinds(before, after, merging=not change.further)
    assert changed <= set(change.kinds), (texts, change.text)
    if not change.kinds and not change.further:
        assert [stage.key for stage in before] == [stage.key for stage in after], texts
    elif not is_masked(change, {one.field for one in others}):
        assert {one.key for one in before} != {one.key for one in after}, (texts, change.text)


def is_masked(change: Change, others: set[str]) -> bool:
    """Whether a change has no effect next to others."""
    recipe, _, name = change.field.rpartition(".")
    masks = {change.field, f"{recipe}.{MASKED.get(name)}"}
    return bool(masks & others) or (name == "learning_rate" and "encoder.recipe" in others)


ONE_TRAINING = tuple(
    change
    for change in OTHERS
    if change.text in ("recipes.target.epochs=2", "recipes.intermediate.epochs=2")
)
"""Next to these the training of mnli and that of xnli's baseline have one recipe: one stage."""
PARTING = next(one for one in OTHERS if one.text == "recipes.target.learning_rate=2e-5")
several_changes = st.lists(st.sampled_from(OTHERS), max_size=5, unique_by=lambda one: one.field)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(several_changes, st.sampled_from(OTHERS))
@example(ONE_TRAINING, PARTING)
@example((ONE_TRAINING[0],), ONE_TRAINING[1])
def test_changes_have_the_same_effect_next_to_others(
    file: Path, others: Sequence[Change], change: Change
) -> None:
    check_one_change(file, others, change)


@pytest.mark.faults
@settings(max_examples=1000, deadline=None)
@given(several_changes, st.sampled_from(OTHERS))
def test_a_thousand_changes_have_the_same_effect_next_to_others(
    file: Path, others: Sequence[Change], change: Change
) -> None:
    check_one_change(file, others, change)


@pytest.mark.faults
@pytest.mark.parametrize("change", OTHERS, ids=lambda change: change.text)
def test_changes_have_the_same_effect_where_both_phases_share_a_training(
    file: Path, change: Change
) -> None:
    check_one_change(file, ONE_TRAINING, change)


def test_trainings_of_both_phases_are_one_stage_while_they_have_one_recipe(file: Path) -> None:
    texts = [one.text for one in ONE_TRAINING]
    shared, parted = (contents(stages(file, more)) for more in (texts, [*texts, PARTING.text]))
    intermediate, target = ("train mnli seed 0", 0), ("train mnli (baseline) seed 0", 0)
    assert target not in shared
    assert parted[target].params == {**shared[intermediate].params, "recipe": ANY}
    assert parted[intermediate] == shared[intermediate]
    prediction = ("predict xnli (baseline) en seed 0", 0)
    assert shared[prediction].inputs["model"] == intermediate
    assert parted[prediction].inputs["model"] == target
    assert parted[prediction].params == shared[prediction].params


def test_every_field_of_an_experiment_is_tested() -> None:
    """Here, with images or translations in tests of their own, or it decides what there is."""
    tested = {change.field for change in CHANGES}
    elsewhere = {
        *("intermediate", "targets", "exclude", "eval_split", "translate_test", "search"),
        *("encoders", "data", "tasks", "vision", "translator", "baseline"),
    }
    parts = {"encoder": EncoderConfig, "limits": Limits, "retrieval": RetrievalConfig}
    for name in set(Experiment.model_fields) - elsewhere - parts.keys() - {"recipes"}:
        assert name in tested, name
    for part, model in parts.items():
        missing = {f"{part}.{name}" for name in model.model_fields} - tested
        assert missing <= {"retrieval.final_norm"}  # this encoder has no norm after its last block
    for phase in ("intermediate", "target"):
        missing = {f"recipes.{phase}.{name}" for name in Recipe.model_fields} - tested
        assert missing <= {"recipes.intermediate.answer_text"}  # refused


# tasks of the user's own


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("toy-kind.licence=x", set()),
        ("toy-kind.source=x", set()),
        ("toy-kind.columns=[id, text, label]", {"prepare"}),
        ("toy-kind.files=data/kind-{split}-{language}.other.tsv", {"prepare"}),
        ("toy-kind.rename={text: text, label: label}", {"prepare"}),
        ("toy-kind.label_map={beast: animal}", {"prepare"}),
        ("toy-kind.codes={xx: en}", {"prepare"}),
        ("toy-kind.labels=[animal, food, tool, plant]", {"prepare", "train", "predict"}),
        ("toy-tags.metrics=[tag_accuracy]", {"train", "score"}),
    ],
)
def test_a_field_of_an_own_task_changes_stages_of_that_task_alone(
    toy_file: Path, text: str, kinds: set[str]
) -> None:
    before, after = (
        compile_experiment(xstilts.load(str(toy_file), changes)).plan.stages
        for changes in ([], [f"tasks.{text}"])
    )
    assert changed_kinds(before, after) == kinds
    first, second = contents(before), contents(after)
    assert all(
        text.partition(".")[0] in str(label) for label in first if first[label] != second[label]
    )
