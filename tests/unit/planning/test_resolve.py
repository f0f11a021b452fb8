"""Training data and split slices of targets: shared trainings, errors, same-data marks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.config.split_slices import parse_split_slice
from xstilts.core.errors import ConfigError, DataError, UnknownNameError
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.worker import execute_stage
from xstilts.planning.compile import ResultCell, compile_experiment
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.stages.io.rows import read_rows
from xstilts.testing.tiny import write_encoder


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment of XTREME's tasks on a tiny encoder; without a folder the hub is planned."""
    folder = tmp_path_factory.mktemp("grid")
    write_encoder(folder / "encoder")
    path = folder / "grid.yaml"
    path.write_text(
        "name: grid\nencoder: ./encoder\nintermediate: [none]\ntargets: [xquad, mlqa]\n"
    )
    return path


def stages(loaded: LoadedExperiment, kind: str) -> list[Stage]:
    return [stage for stage in compile_experiment(loaded).plan.stages if stage.kind == kind]


def cells(loaded: LoadedExperiment) -> tuple[ResultCell, ...]:
    return compile_experiment(loaded).cells


# recipes


def test_a_target_can_remove_the_limit_on_steps(grid: Path) -> None:
    options = ["recipes.target.max_steps=7", "recipes.tasks={mlqa: {max_steps: null}}"]
    resolved = ResolvedExperiment(xstilts.load(str(grid), options))
    assert resolved.recipe("xquad").max_steps == 7
    assert resolved.recipe("mlqa").max_steps is None


# train_task


def test_targets_with_equal_training_data_and_recipe_share_a_training(grid: Path) -> None:
    loaded = xstilts.load(str(grid))
    (shared,) = stages(loaded, "train")
    assert shared.label == "train squad-v1 (baseline) seed 0"
    predictions = stages(loaded, "predict")
    assert len(predictions) == 12 + 7
    assert {stage.inputs["model"] for stage in predictions} == {shared.key}
    assert {cell.trained_by for cell in cells(loaded)} == {(shared.key,)}
    assert len(stages(xstilts.load(str(grid), ["recipes.tasks.mlqa.epochs=2"]), "train")) == 2
    same = xstilts.load(str(grid), ["recipes.tasks.mlqa.checkpoint_minutes=1"])
    assert stages(same, "train") == [shared]
    apart = stages(xstilts.load(str(grid), ["train_task.mlqa=squad-v2"]), "train")
    assert {stage.label for stage in apart} == {
        "train squad-v1 (baseline) seed 0",
        "train squad-v2 (baseline) seed 0",
    }


def test_a_model_trained_on_squad_v2_must_answer_on_targets_without_unanswerable_questions(
    grid: Path,
) -> None:
    loaded = xstilts.load(str(grid), ["train_task.xquad=squad-v2", "targets=[xquad]"])
    assert {tuple(stage.params["labels"]) for stage in stages(loaded, "predict")} == {()}


@pytest.mark.parametrize(
    ("target", "source", "message"),
    [
        ("xnli", "qqp", "classification (contradiction, entailment, neutral) against"),
        ("xnli", "squad-v1", "against span"),
        ("xquad", "mnli", "span against classification"),
        ("pan-x", "udpos", "tagging"),
    ],
)
def test_a_train_task_with_another_format_or_labels_is_rejected(
    grid: Path, target: str, source: str, message: str
) -> None:
    loaded = xstilts.load(str(grid), [f"targets=[{target}]", f"train_task.{target}={source}"])
    with pytest.raises(ConfigError, match="cannot be trained on") as caught:
        compile_experiment(loaded)
    assert message in str(caught.value)
    assert caught.value.where == "train_task"


def test_unknown_targets_and_tasks_in_train_task_are_named(grid: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown target 'xnli'"):
        compile_experiment(xstilts.load(str(grid), ["train_task.xnli=snli"]))
    with pytest.raises(UnknownNameError, match="did you mean 'squad-v1'"):
        compile_experiment(xstilts.load(str(grid), ["train_task.xquad=squad-1"]))


@pytest.mark.parametrize(
    ("setting", "target", "marked"),
    [
        ("mnli", "xnli", True),
        ("anli-plus", "xnli", True),
        ("qqp > mnli", "xnli", True),
        ("snli", "xnli", False),
        ("squad-v1", "xquad", True),
        ("squad-v2", "xquad", True),
        ("squad-v2", "tydiqa", False),
        ("squad-v1", "tatoeba", False),
    ],
)
def test_settings_that_contain_the_data_of_the_target_are_marked(
    grid: Path, setting: str, target: str, marked: bool
) -> None:
    loaded = xstilts.load(str(grid), [f"targets=[{target}]", f"intermediate=['{setting}']"])
    assert {cell.same_data for cell in cells(loaded)} == {marked}


def test_same_data_marks_follow_train_task(grid: Path) -> None:
    changes = ["targets=[xnli]", "train_task.xnli=snli", "intermediate=[mnli, snli, anli-plus]"]
    found = {cell.intermediate: cell.same_data for cell in cells(xstilts.load(str(grid), changes))}
    assert found == {"mnli": False, "snli": True, "anli-plus": True}


# apart


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["splits.paws-x={train: dev, dev: test, test: dev}", "targets=[paws-x]"],
         "dev and be evaluated"),
        (
            ["splits.paws-x={train: 'dev[:60%]', dev: test, test: 'dev[50%:]'}",
             "targets=[paws-x]"],
            "dev[:60%] and be evaluated on dev[50%:]",
        ),
        (["splits.xnli={train: dev}", "targets=[xnli]", "train_task.xnli=xnli", "eval_split=dev"],
         "on dev and be evaluated on dev"),
        (["splits.xnli={train: test}", "targets=[xnli]", "intermediate=[xnli]"],
         "on test and be evaluated on test"),
        (["splits.mnli={train: dev}", "targets=[xnli]"], "on dev and choose its best checkpoint"),
        (["splits.squad-v1={train: 'dev[:90%]', dev: 'dev[90%:]'}"],
         "dev[:90%], and xquad contains translations"),
        (["splits.squad-v2={train: 'dev[:90%]', dev: 'dev[90%:]'}", "intermediate=[squad-v2]"],
         "dev[:90%], and xquad contains translations"),
        (["splits.squad-retrieval={train: 'dev[:90%]', dev: 'dev[90%:]'}",
          "intermediate=[squad-retrieval]"],
         "dev[:90%], and xquad contains translations"),
    ],
)  # fmt: skip
def test_training_on_evaluated_examples_is_rejected(
    grid: Path, changes: list[str], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        compile_experiment(xstilts.load(str(grid), changes))
    assert message in str(caught.value)


def test_data_that_only_a_folder_has_are_asked_for(grid: Path, tmp_path: Path) -> None:
    changes = ["splits.squad-v1={train: 'dev[:90%]', dev: 'dev[90%:]'}"]
    with pytest.raises(ConfigError) as without:
        compile_experiment(xstilts.load(str(grid), changes))
    with pytest.raises(ConfigError) as given:
        compile_experiment(xstilts.load(str(grid), changes, data=tmp_path))
    assert [one.value.where for one in (without, given)] == ["data", "splits.squad-v1"]
    assert ["--data FOLDER" in (one.value.todo or "") for one in (without, given)] == [True, False]


def test_disjoint_split_slices_are_accepted(grid: Path) -> None:
    shares = "splits.paws-x={train: 'dev[:50%]', dev: 'dev[50%:60%]', test: 'dev[60%:]'}"
    loaded = xstilts.load(str(grid), [shares, "targets=[paws-x]"])
    found = {
        (*stage.params["share"], stage.params["language"]) for stage in stages(loaded, "prepare")
    }
    assert {(0, 50, "en"), (50, 60, "en"), (60, 100, "en"), (60, 100, "ko")} <= found
    assert {cell.split for cell in cells(loaded)} == {"dev[60%:]"}


def test_squad_dev_without_the_articles_of_xquad_is_accepted(grid: Path, tmp_path: Path) -> None:
    (tmp_path / "squad").mkdir()
    name = tmp_path / "squad" / "dev-v1.1.minus-xquad.json"
    name.write_text(json.dumps({"data": []}))
    shares = "splits.squad-v1={train: 'dev[:90%]', dev: 'dev[90%:]'}"
    changes = [shares, "targets=[xquad]", f"data={tmp_path}"]
    assert cells(xstilts.load(str(grid), changes))
    name.rename(tmp_path / "squad" / "dev-v1.1.json")
    with pytest.raises(ConfigError, match="minus-xquad"):
        compile_experiment(xstilts.load(str(grid), changes))


# languages and revisions


def test_task_languages_replace_the_languages_of_a_target(grid: Path) -> None:
    loaded = xstilts.load(str(grid), ["languages=[en, de, hi]", "task_languages.xquad=[ru, de]"])
    found = {(cell.target, cell.language) for cell in cells(loaded)}
    assert found == {
        ("xquad", "de"),
        ("xquad", "ru"),
        *(("mlqa", code) for code in ("en", "de", "hi")),
    }
    with pytest.raises(UnknownNameError, match="unknown language of xquad 'sw'"):
        compile_experiment(xstilts.load(str(grid), ["task_languages.xquad=[de, sw]"]))


def test_languages_are_those_of_the_evaluated_split(toy_file: Path) -> None:
    changes = [
        "targets=[toy-kind]", "intermediate=[none]", "seeds=[0]", "languages=[xx]",
        "task_languages.toy-kind=[xx]", "splits.toy-kind.test=held",
        "tasks.toy-kind.splits={train: [en], dev: [en], held: [en, xx]}",
    ]  # fmt: skip
    assert [cell.language for cell in cells(xstilts.load(str(toy_file), changes))] == ["xx"]


def test_a_revision_changes_only_the_keys_of_its_dataset(grid: Path) -> None:
    plain, pinned = (
        {stage.label: stage for stage in stages(xstilts.load(str(grid), changes), "prepare")}
        for changes in ([], ["revisions={google/xquad: abc}"])
    )
    changed = {label for label, stage in plain.items() if pinned[label].key != stage.key}
    assert changed == {label for label in plain if label.startswith("prepare xquad test")}
    assert pinned["prepare xquad test de"].context["revisions"] == {"google/xquad": "abc"}


def test_a_revision_of_an_unused_dataset_is_rejected(grid: Path) -> None:
    """Also of a dataset that another task reads: no key would hold it."""
    for name in ("google/xqad", "nyu-mll/glue"):
        with pytest.raises(
            UnknownNameError, match=f"dataset of these tasks on the hub '{name}'"
        ) as caught:
            compile_experiment(xstilts.load(str(grid), [f"revisions={{{name}: abc}}"]))
        assert "google/xquad" in str(caught.value)
    train = "revisions={rajpurkar/squad: abc}"  # where XQuAD and MLQA have their training data from
    assert cells(xstilts.load(str(grid), [train]))


# shares


def prepared(loaded: LoadedExperiment, store: Store) -> dict[str, list[str]]:
    return {
        stage.label: [row["text"] for row in read_rows(store.artifact(stage.key) / "rows.parquet")]
        for stage in stages(loaded, "prepare")
    }


@pytest.fixture
def halves(toy_file: Path, tmp_path: Path) -> list[str]:
    """Overrides: toy-kind's parallel test set is its train, dev and test; row n is `n en`."""
    for language in ("en", "xx"):
        rows = [f"{number} {language}\t{('animal', 'food')[number % 2]}" for number in range(200)]
        if language == "xx":
            rows[5] = " \tfood"  # a bad row is left out and moves no other one
        (tmp_path / f"kind-test-{language}.tsv").write_text("\n".join(rows) + "\n")
    return [
        "targets=[toy-kind]", "intermediate=[none]", "seeds=[0]",
        f"tasks.toy-kind.files={tmp_path}/kind-{{split}}-{{language}}.tsv",
        "tasks.toy-kind.splits={test: [en, xx]}",
        "splits.toy-kind={train: 'test[:40%]', dev: 'test[40%:60%]', test: 'test[60%:]'}",
        "recipes.target.epochs=1",
    ]  # fmt: skip


def only_prepared(loaded: LoadedExperiment, folder: Path) -> dict[str, list[str]]:
    store = Store(folder).prepare()
    for stage in stages(loaded, "prepare"):
        execute_stage(store, stage, lambda _: None)
    return prepared(loaded, store)


def test_a_split_slice_has_the_same_rows_in_all_languages(
    toy_file: Path, halves: list[str], tmp_path: Path
) -> None:
    found = only_prepared(xstilts.load(str(toy_file), halves), tmp_path / "store")
    numbers = {label: [int(text.split()[0]) for text in texts] for label, texts in found.items()}
    parts = [f"prepare toy-kind test[{share}] en" for share in (":40%", "40%:60%", "60%:")]
    assert sorted(number for part in parts for number in numbers[part]) == list(range(200))
    assert 60 < len(numbers[parts[0]]) < 100
    english, foreign = numbers[parts[2]], numbers["prepare toy-kind test[60%:] xx"]
    assert foreign == [number for number in english if number != 5]


def test_limits_take_a_sample_of_a_split_slice(
    toy_file: Path, halves: list[str], tmp_path: Path
) -> None:
    one, other = (
        only_prepared(xstilts.load(str(toy_file), [*halves, limit]), tmp_path / str(n))
        for n, limit in enumerate(("limits={}", "limits={train: 10, test: 7}"))
    )
    for label, texts in one.items():
        most = 10 if ":40%]" in label else 7 if "[60%:]" in label else None
        assert set(other[label]) <= set(texts)
        assert len(set(other[label])) == (most or len(texts))
        assert most is None or other[label] != texts[:most]


def test_an_empty_split_slice_is_an_error(
    toy_file: Path, halves: list[str], tmp_path: Path
) -> None:
    (tmp_path / "kind-test-en.tsv").write_text("one\tanimal\ntwo\tfood\n")
    with pytest.raises(DataError, match="no example is in this share"):
        only_prepared(xstilts.load(str(toy_file), halves), tmp_path / "store")


@pytest.mark.parametrize("wrong", ["dev[80%]", "dev[80%:20%]", "dev[:0%]", "dev[:101%]", "dev["])
def test_invalid_split_slices_are_rejected(toy_file: Path, wrong: str) -> None:
    with pytest.raises(ConfigError, match="is not a split or a slice of one"):
        parse_split_slice(wrong)
    with pytest.raises(ConfigError, match="is not a split or a slice of one"):
        xstilts.load(str(toy_file), [f"splits.toy-kind.dev='{wrong}'"])


def test_expected_rows_account_for_split_slices(grid: Path) -> None:
    names = ResolvedExperiment(xstilts.load(str(grid), ["splits.squad-v1={train: 'train[:50%]'}"]))
    assert names.expected_rows(names.task("squad-v1"), "train", "en") == 87_599 // 2
