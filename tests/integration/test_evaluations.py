"""Few-shot and translate-test evaluations beside zero-shot, on the toy tasks."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import xstilts
from xstilts.analysis.layer_sweeps import default_layers, pick_default_layer
from xstilts.config.load import LoadedExperiment
from xstilts.core.errors import ConfigError, DataError, UnknownNameError
from xstilts.core.plan import Plan
from xstilts.core.store import Store
from xstilts.executors.worker import execute_stage
from xstilts.formats import FORMATS
from xstilts.formats.input_hashes import row_hashes
from xstilts.planning.compile import compile_experiment
from xstilts.planning.target_name import TargetName
from xstilts.reports.training_languages import training_languages
from xstilts.stages.io.prepared_inputs import read_inputs
from xstilts.stages.io.rows import read_rows
from xstilts.stages.prepare import ROWS

SLICES = 'splits={toy-kind: {test: "test[50%:]"}, toy-tags: {test: "test[50%:]"}}'
SHOTS = 'few_shot={examples: [2, 6], split: "test[:50%]"}'
SMALL = ("name=shots", "seeds=[0]", "intermediate=[none]")
Run = Callable[[LoadedExperiment, Path], Store]


def few_shot(toy_file: Path, *overrides: str) -> LoadedExperiment:
    options = [*SMALL, "targets=[toy-kind, toy-tags]", SLICES, SHOTS, *overrides]
    return xstilts.load(str(toy_file), options)


def plan_of(loaded: LoadedExperiment) -> Plan:
    return compile_experiment(loaded).plan


def with_translations(toy_file: Path, folder: Path, known: int) -> list[str]:
    """Options of a table with the first `known` English sentences of the toy test set."""
    data = toy_file.parent / "data"
    texts = {
        language: [
            line.split("\t")[0]
            for line in (data / f"kind-test-{language}.tsv").read_text("utf-8").splitlines()
        ]
        for language in ("en", "xx")
    }
    pairs = list(dict(zip(texts["xx"], texts["en"], strict=True)).items())[:known]
    table = folder / "table.tsv"
    table.write_text("".join(f"{xx}\t{en}\n" for xx, en in pairs), encoding="utf-8")
    engine = f"translator={{engine: table, options: {{files: {table}}}}}"
    return [engine, "translate_test=all", "targets=[toy-kind]"]


def test_few_shot_models_continue_from_the_english_model_with_its_head(
    toy_file: Path, run_here: Run, tmp_path: Path
) -> None:
    still = "few_shot.recipe={learning_rate: 1.0e-30, weight_decay: 0}"
    loaded = few_shot(toy_file, still)
    run_here(loaded, tmp_path)
    scores = xstilts.results(loaded, tmp_path).query("language == 'xx'")
    by_target = scores.set_index(["target", "metric"])["value"]
    for task, metric in (("toy-kind", "accuracy"), ("toy-tags", "span_f1")):
        zero_shot = by_target[task, metric]
        assert by_target[f"{task} (2 shots)", metric] == zero_shot
        assert by_target[f"{task} (6 shots)", metric] == zero_shot


def test_few_shot_training_learns_its_examples(
    toy_file: Path, run_here: Run, tmp_path: Path
) -> None:
    loaded = few_shot(toy_file, "targets=[toy-kind]", "few_shot.examples=[12]", SLICES)
    store = run_here(loaded, tmp_path)
    (trained,) = (x for x in plan_of(loaded).stages if x.params.get("heads") == "base")
    losses = json.loads(store.read(trained.key, "log.json"))["losses"]
    assert len(losses) == 20  # two batches an epoch
    assert losses[-1] < losses[0]
    (drawn,) = (stage for stage in plan_of(loaded).stages if stage.kind == "draw")
    assert len(read_rows(store.read(drawn.key, ROWS))) == 12
    found = xstilts.results(loaded, tmp_path).query("metric == 'accuracy' and language == 'xx'")
    assert set(found["target"]) == {"toy-kind", "toy-kind (12 shots)"}
    assert found["n"].nunique() == 1


def test_small_draws_are_part_of_large_ones_and_seeds_draw_apart(
    toy_file: Path, run_here: Run, tmp_path: Path
) -> None:
    loaded = few_shot(toy_file, "seeds=[0, 1]", "targets=[toy-kind]")
    store = Store(tmp_path).prepare()
    for stage in plan_of(loaded).stages:
        if stage.kind == "prepare":
            execute_stage(store, stage, lambda _: None)
    drawn: dict[tuple[int, int], set[str]] = {}
    for stage in plan_of(loaded).stages:
        if stage.kind == "draw":
            execute_stage(store, stage, lambda _: None)
            rows = read_rows(store.read(stage.key, ROWS))
            ids = {row["id"] for row in rows}
            spec = FORMATS.get("classification")
            assert list(read_inputs(stage.key, store)) == list(row_hashes(spec, rows))
            drawn[stage.params["draw"], stage.params["examples"]] = ids
    assert drawn[0, 2] < drawn[0, 6]
    assert drawn[0, 6] != drawn[1, 6]
    evaluated = _ids(store, loaded, "test[50%:]")
    assert not evaluated & set().union(*drawn.values())


@pytest.mark.parametrize("header", ["", "text\tlabel\n"])
def test_parallel_files_without_ids_give_the_same_examples(
    toy_file: Path, tmp_path: Path, header: str
) -> None:
    data, mine = toy_file.parent / "data", tmp_path / "data"
    shutil.copytree(data, mine)
    text = (data / "kind-test-xx.tsv").read_text("utf-8")
    (mine / "kind-test-yy.tsv").write_text(header + text, "utf-8")
    splits = "tasks.toy-kind.splits={train: [en], dev: [en], test: [en, xx, yy]}"
    files = f'tasks.toy-kind.files="{mine}/kind-{{split}}-{{language}}.tsv"'
    loaded = few_shot(toy_file, "targets=[toy-kind]", SLICES, splits, files)
    store, drawn = Store(tmp_path / "store").prepare(), dict[str, list[str]]()
    for stage in plan_of(loaded).stages:
        if stage.kind in ("prepare", "draw"):
            execute_stage(store, stage, lambda _: None)
        if stage.kind == "draw" and stage.params["examples"] == 6:
            rows = read_rows(store.read(stage.key, ROWS))
            assert set(rows[0]) == {"id", "text", "label", "text_pair"}
            drawn[stage.label.split()[2]] = [row["text"] for row in rows]
    assert len(drawn["xx"]) == 6
    assert drawn["xx"] == drawn["yy"]


def _ids(store: Store, loaded: LoadedExperiment, share: str) -> set[str]:
    rows = (stage for stage in plan_of(loaded).stages if stage.label.endswith(f"{share} xx"))
    return {row["id"] for stage in rows for row in read_rows(store.read(stage.key, ROWS))}


def test_few_shot_training_reads_no_dev_set_and_no_test_set(toy_file: Path) -> None:
    plan = plan_of(few_shot(toy_file))
    trainings = [stage for stage in plan.stages if stage.params.get("heads") == "base"]
    assert len(trainings) == 4
    for stage in trainings:
        (role,) = set(stage.inputs) - {"encoder", "base"}
        assert role.startswith("train:")
        assert plan.by_key[stage.inputs[role]].kind == "draw"
        assert stage.params["recipe"]["keep"] == "last"
        assert stage.params["recipe"]["epochs"] == 10


def test_the_zero_shot_stages_are_those_of_an_experiment_without_few_shots(toy_file: Path) -> None:
    plain = xstilts.load(str(toy_file), [*SMALL, "targets=[toy-kind, toy-tags]", SLICES])
    assert {stage.key for stage in plan_of(plain).stages} < {
        stage.key for stage in plan_of(few_shot(toy_file)).stages
    }


def test_too_few_examples_fail_in_words(toy_file: Path, run_here: Run, tmp_path: Path) -> None:
    loaded = few_shot(toy_file, "targets=[toy-kind]", "few_shot.examples=[4000]")
    with pytest.raises(Exception, match="there are only"):
        run_here(loaded, tmp_path)


@pytest.mark.parametrize(
    ("option", "where", "words"),
    [
        ("few_shot={examples: [5]}", "few_shot.split", "no target has examples to draw"),
        ("few_shot={examples: [5], split: test}", "few_shot.split", "which is evaluated"),
        ("few_shot={examples: [5], targets: [toy-search]}", "few_shot.targets", "not trained"),
        ("few_shot={examples: [5], recipe: {patience: 2}}", "few_shot", "no dev set"),
        ("few_shot={examples: []}", "few_shot.examples", "at least"),
        ("few_shot={examples: [0, 5]}", "few_shot.examples", "zero-shot is always evaluated"),
        ("few_shot={examples: [5], targets: []}", "few_shot.targets", "at least"),
        ("few_shot={examples: [5], split: 'foo[:50%]'}", "few_shot.split", "split.*foo"),
        ("translate_test=[]", "translate_test", "at least|list"),
        ("few_shot={examples: [5, 5]}", "few_shot.examples", "twice"),
        ("few_shot={examples: [5], split: 'test[5'}", "few_shot.split", "not a split"),
        ("translate_test=all", "translate_test", "translator"),
    ],
)
def test_impossible_evaluations_are_refused_at_plan(
    toy_file: Path, option: str, where: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        plan_of(xstilts.load(str(toy_file), [*SMALL, option]))
    assert where in str(caught.value)


def test_unknown_targets_are_refused(toy_file: Path) -> None:
    option = "few_shot={examples: [5], targets: [toy-kinds]}"
    with pytest.raises(UnknownNameError, match="toy-kind"):
        plan_of(xstilts.load(str(toy_file), [*SMALL, option]))


# translate-test


def test_translated_test_sets_score_as_the_english_sets_that_they_translate_to(
    toy_file: Path, run_here: Run, tmp_path: Path
) -> None:
    options = with_translations(toy_file, tmp_path, known=1000)
    loaded = xstilts.load(str(toy_file), [*SMALL, *options])
    run_here(loaded, tmp_path / "store")
    found = xstilts.results(loaded, tmp_path / "store").query("metric == 'accuracy'")
    values = found.set_index(["target", "language"])["value"]
    assert values["toy-kind (translate-test)", "xx"] == values["toy-kind", "en"]
    assert values["toy-kind (translate-test)", "xx"] > values["toy-kind", "xx"]


def test_texts_without_a_translation_are_scored_and_counted(
    toy_file: Path, run_here: Run, tmp_path: Path
) -> None:
    options = with_translations(toy_file, tmp_path, known=10)
    loaded = xstilts.load(str(toy_file), [*SMALL, *options])
    run_here(loaded, tmp_path / "store")
    found = xstilts.results(loaded, tmp_path / "store").query("language == 'xx'")
    row = found[found["target"] == "toy-kind (translate-test)"].iloc[0]
    assert row["n"] == 30
    assert "text without a translation 20" in row["data_notes"]


def test_tagging_has_no_translated_test_set(toy_file: Path, tmp_path: Path) -> None:
    options = with_translations(toy_file, tmp_path, known=1000)
    wanted = [*SMALL, options[0], "targets=[toy-tags]", "translate_test=[toy-tags]"]
    with pytest.raises(ConfigError, match="toy-tags cannot be scored"):
        plan_of(xstilts.load(str(toy_file), wanted))


# names and studies


@pytest.mark.parametrize("detail", ["1 shot", "10 shots", "translate-test"])
def test_names_of_evaluations_are_parsed(detail: str) -> None:
    name = TargetName("toy-kind", evaluation=detail)
    assert TargetName.parse(str(name)) == name
    assert not name.is_zero_shot
    assert TargetName.parse("toy-kind").is_zero_shot


def test_studies_and_claims_read_zero_shot_rows_alone(toy_file: Path, tmp_path: Path) -> None:
    names = ["toy-kind (6 shots)", "toy-kind", "toy-kind (translate-test)"]
    assert default_layers(names) == {"toy-kind": "toy-kind"}
    loaded = few_shot(toy_file)
    compiled = compile_experiment(loaded)
    frame = xstilts.results(loaded, tmp_path / "none")
    _, cells, notes = pick_default_layer(frame, compiled.cells, loaded)
    assert {cell.target for cell in cells} == {"toy-kind", "toy-tags"}
    assert any("zero-shot" in note for note in notes)


def test_test_sets_are_translated_into_the_language_of_the_training_data(
    toy_file: Path, tmp_path: Path
) -> None:
    options = with_translations(toy_file, tmp_path, known=1)
    splits = "tasks.toy-kind.splits={train: [en, xx], dev: [en, xx], test: [en, xx]}"
    trained_on = "train_task={toy-kind: toy-kind@xx}"
    plan = plan_of(xstilts.load(str(toy_file), [*SMALL, *options, splits, trained_on]))
    (translation,) = (stage for stage in plan.stages if stage.kind == "translate")
    assert (translation.params["source"], translation.params["target"]) == ("en", "xx")


def test_a_test_set_without_any_translation_is_not_scored(
    toy_file: Path, run_here: Run, tmp_path: Path
) -> None:
    options = with_translations(toy_file, tmp_path, known=1)
    (tmp_path / "table.tsv").write_text("another text\tits translation\n", encoding="utf-8")
    with pytest.raises(DataError, match="no text has a translation"):
        run_here(xstilts.load(str(toy_file), [*SMALL, *options]), tmp_path / "store")


def test_the_languages_of_few_shots_are_not_named_as_training_data(toy_file: Path) -> None:
    compiled = compile_experiment(few_shot(toy_file))
    trained = {key for cell in compiled.cells for key in cell.trained_by}
    assert training_languages(compiled, trained) == ("English",)
