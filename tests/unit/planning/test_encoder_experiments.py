"""Several encoders: one plan whose stages are those of the experiments with one of them."""

import shutil
from pathlib import Path

import pytest

import xstilts
from xstilts.core.errors import ConfigError, XstiltsError
from xstilts.planning.compile import CompiledPlan, compile_experiment
from xstilts.planning.compiled_experiment import CompiledExperiment
from xstilts.planning.encoder_experiments import encoder_experiments, short_names
from xstilts.planning.encoder_limits import check_lengths
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.testing.tiny import write_encoder

SMALL = ("seeds=[0]", "intermediate=[none, toy-same]", "retrieval.layer=all")


@pytest.fixture(scope="module")
def folder(toy_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy experiment with two further encoders: ./deep and ./other/encoder."""
    made = tmp_path_factory.mktemp("encoders") / "toy"
    shutil.copytree(toy_file.parent, made)
    write_encoder(made / "deep", layers=3)
    write_encoder(made / "other" / "encoder", width=64)
    return made


def compiled(folder: Path, *overrides: str) -> CompiledPlan:
    return compile_experiment(xstilts.load(folder / "toy.yaml", [*SMALL, *overrides]))


def test_stages_have_the_keys_of_experiments_with_one_encoder(folder: Path) -> None:
    several = compiled(folder, "encoders=[./encoder, ./deep]")
    first, second = (compiled(folder, f"encoder=./{name}") for name in ("encoder", "deep"))
    assert several.plan.by_key.keys() == first.plan.by_key.keys() | second.plan.by_key.keys()
    assert several.cells == (*first.cells, *second.cells)
    assert [one.kind for one in several.plan.stages].count("prepare") == [
        one.kind for one in first.plan.stages
    ].count("prepare")


def test_a_list_of_one_encoder_is_that_encoder(folder: Path) -> None:
    listed, single = compiled(folder, "encoders=[./deep]"), compiled(folder, "encoder=./deep")
    assert listed == single
    assert [s.label for s in listed.plan.stages] == [s.label for s in single.plan.stages]


def test_labels_of_stages_name_the_encoder_and_those_of_data_do_not(folder: Path) -> None:
    stages = compiled(folder, "encoders=[./encoder, ./deep]").plan.stages
    labels = [stage.label for stage in stages]
    assert len(set(labels)) == len(labels)
    assert {stage.label.endswith((" [encoder]", " [deep]")) for stage in stages} == {True, False}
    for stage in stages:
        assert ("[" in stage.label) == (stage.kind not in ("prepare", "encoder")), stage.label


def test_values_of_an_encoder_replace_those_of_every_recipe(folder: Path) -> None:
    own = "encoders=[./encoder, {name: ./deep, recipe: {learning_rate: 0.5, epochs: 2}}]"
    rest = "recipes.tasks={toy-kind: {epochs: 9, batch_size: 4}}"
    loaded = xstilts.load(folder / "toy.yaml", [own, rest])
    plain, changed = map(ResolvedExperiment, encoder_experiments(loaded))
    assert plain.recipe("toy-kind").epochs == 9
    for recipe in map(changed.recipe, (None, "toy-kind", "toy-tags")):
        assert (recipe.learning_rate, recipe.epochs) == (0.5, 2)
    assert changed.recipe("toy-kind").batch_size == 4
    several, direct = (
        compiled(folder, *changes)
        for changes in (
            [own],
            ["encoder=./deep", *(f"recipes.{phase}.{value}" for phase in ("intermediate", "target")
                                 for value in ("learning_rate=0.5", "epochs=2"))],
        )
    )  # fmt: skip
    assert direct.plan.by_key.keys() < several.plan.by_key.keys()


def test_values_of_an_encoder_replace_those_of_its_adaptation(folder: Path) -> None:
    encoder = "encoder={name: ./encoder, adapted_by: toy-same, recipe: {epochs: 2}}"
    (single,) = encoder_experiments(
        xstilts.load(
            folder / "toy.yaml", [encoder, "recipes.adaptation={epochs: 9, batch_size: 4}"]
        )
    )
    recipe = ResolvedExperiment(single).adaptation_recipe
    assert (recipe.epochs, recipe.batch_size) == (2, 4)


def test_an_encoder_is_compared_with_itself_adapted(folder: Path) -> None:
    encoders = "encoders=[./encoder, {name: ./encoder, adapted_by: toy-same}]"
    cells = compiled(folder, encoders).cells
    assert {cell.encoder for cell in cells} == {"encoder", "encoder > toy-same"}


def test_an_unknown_task_of_an_adaptation_names_its_entry(folder: Path) -> None:
    encoders = "encoders=[./encoder, {name: ./deep, adapted_by: toy-nope}]"
    with pytest.raises(XstiltsError, match=r"encoders\.1\.adapted_by.*toy-nope"):
        compiled(folder, encoders)


def test_values_of_an_encoder_for_a_target_replace_its_other_values(folder: Path) -> None:
    own = (
        "encoders=[./encoder, "
        "{name: ./deep, recipe: {epochs: 2, tasks: {toy-kind: {epochs: 3, batch_size: 2}}}}]"
    )
    rest = "recipes.tasks={toy-kind: {epochs: 9, warmup_ratio: 0.5}}"
    loaded = xstilts.load(folder / "toy.yaml", [own, rest])
    plain, changed = map(ResolvedExperiment, encoder_experiments(loaded))
    assert plain.recipe("toy-kind").epochs == 9
    kind = changed.recipe("toy-kind")
    assert (kind.epochs, kind.batch_size, kind.warmup_ratio) == (3, 2, 0.5)
    assert {changed.recipe(name).epochs for name in (None, "toy-tags")} == {2}


def test_an_encoder_has_values_for_targets_of_the_experiment_alone(folder: Path) -> None:
    path = folder / "wrong.yaml"
    recipe = "recipe: {tasks: {toy-knd: {epochs: 3}}}"
    path.write_text(f"extends: toy.yaml\nencoders: [{{name: ./deep, {recipe}}}]\n")
    with pytest.raises(XstiltsError, match=r"wrong\.yaml:2.*toy-knd") as raised:
        xstilts.load(path)
    assert "toy-kind" in str(raised.value)


def test_encoders_whose_folders_end_alike_have_different_names(folder: Path) -> None:
    cells = compiled(folder, "encoders=[./encoder, ./other/encoder]").cells
    assert {cell.encoder for cell in cells} == {"toy/encoder", "other/encoder"}
    labelled = "encoders=[{name: ./encoder, label: A}, ./other/encoder]"
    assert {cell.encoder for cell in compiled(folder, labelled).cells} == {"A", "encoder"}


@pytest.mark.parametrize(
    ("encoders", "part"),
    [
        ("[./encoder, ./nope]", "no folder"),
        ("[./encoder, ../toy/encoder]", "are the same encoder"),
        ("[./encoder, {name: ./encoder, pooling: mean}]", "two encoders are called encoder"),
    ],
)  # fmt: skip
def test_bad_lists_name_the_entry_in_the_file(folder: Path, encoders: str, part: str) -> None:
    path = folder / "bad.yaml"
    path.write_text(f"extends: toy.yaml\nencoders: {encoders}\n", encoding="utf-8")
    with pytest.raises(XstiltsError) as raised:
        compile_experiment(xstilts.load(path))
    assert part in str(raised.value)
    assert "bad.yaml:2: encoders." in str(raised.value)


def test_a_layer_that_one_encoder_lacks_is_refused_by_name(folder: Path) -> None:
    loaded = xstilts.load(
        folder / "toy.yaml", [*SMALL, "retrieval.layer=3", "encoders=[./encoder, ./deep]"]
    )
    part = CompiledExperiment(loaded, compile_experiment(loaded))
    with pytest.raises(ConfigError, match="retrieval.layer: there is no layer 3: .* encoder has 2"):
        check_lengths([part], None)
    deep = xstilts.load(folder / "toy.yaml", [*SMALL, "retrieval.layer=3"], encoder="./deep")
    check_lengths([CompiledExperiment(deep, compile_experiment(deep))], None)


def test_each_encoder_is_swept_over_its_own_layers(folder: Path) -> None:
    cells = compiled(folder, "encoders=[./encoder, ./deep]").cells
    swept = {(cell.encoder, cell.target) for cell in cells if cell.target.startswith("toy-search")}
    assert [encoder for encoder, _ in swept].count("encoder") == 3
    assert [encoder for encoder, _ in swept].count("deep") == 4


def test_what_needs_one_encoder_refuses_several(folder: Path) -> None:
    loaded = xstilts.load(folder / "toy.yaml", ["encoders=[./encoder, ./deep]"])
    with pytest.raises(ConfigError, match="one encoder is needed here, and the experiment has 2"):
        ResolvedExperiment(loaded).source  # noqa: B018


def test_short_names_are_the_last_parts_where_these_are_unique() -> None:
    names = ["a/model", "b/model", "FacebookAI/xlm-roberta-base", "mine"]
    assert list(short_names(names).values()) == ["a/model", "b/model", "xlm-roberta-base", "mine"]
