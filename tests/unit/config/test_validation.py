"""Invalid values of an experiment are refused in plain words, with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

import xstilts
from xstilts.config.load import LoadedExperiment, load
from xstilts.core.errors import ConfigError, XstiltsError
from xstilts.planning.compile import compile_experiment

EXPERIMENT = """\
name: mine
encoder: e5-small-packaged
intermediate: [none, reviews]
targets: [reviews]
seeds: [0]
recipes:
  target: {learning_rate: 1.0e-4}
tasks:
  reviews:
    format: classification
    files: "{split}-{language}.tsv"
    splits: {train: [en], dev: [en], test: [en, de]}
    columns: [text, label]
    labels: [good, bad]
"""
VALIDATOR_WORDS = ("Input should", "valid_", "[key]", "tuple[", "literal[", "NoneType", "pydantic")


def loaded(folder: Path, old: str = "", new: str = "", *overrides: str) -> LoadedExperiment:
    assert old in EXPERIMENT
    path = folder / "mine.yaml"
    path.write_text(EXPERIMENT.replace(old, new) if old else EXPERIMENT, encoding="utf-8")
    return load(str(path), overrides)


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("1.0e-4", ".inf", 7, "a finite number"),
        ("1.0e-4", "-.inf", 7, "a finite number"),
        ("1.0e-4", ".nan", 7, "a finite number"),
        ("1.0e-4", "'inf'", 7, "a finite number"),
        ("1.0e-4", "1e999", 7, "a finite number"),
        ("learning_rate: 1.0e-4", "max_grad_norm: .inf", 7, "a finite number"),
        ("learning_rate: 1.0e-4", "temperature: .inf", 7, "a finite number"),
        ("learning_rate: 1.0e-4", "epochs: 1.0e+300", 7, "at most 1000000"),
        ("learning_rate: 1.0e-4", f"batch_size: {2**70}", 7, "too large"),
        ("[0]", f"[{2**64}]", 5, "too large"),
        ("1.0e-4", "true", 7, "a number, not true"),
        ("1.0e-4", "fast", 7, 'a number, not "fast"'),
        ("learning_rate: 1.0e-4", "batch_size: true", 7, "a whole number, not true"),
        ("learning_rate: 1.0e-4", "batch_size: yes", 7, 'a whole number, not "yes"'),
        ("learning_rate: 1.0e-4", "batch_size: 010", 7, "octal"),
        ("learning_rate: 1.0e-4", "batch_size: 1:30", 7, 'a whole number, not "1:30"'),
        ("learning_rate: 1.0e-4", "batch_size: 0", 7, "greater than 0"),
        ("learning_rate: 1.0e-4", "batch_size: 8.5", 7, "a whole number"),
        ("learning_rate: 1.0e-4", "batch_size: none", 7, "a whole number"),
        ("learning_rate: 1.0e-4", "batch_size:", 7, "a whole number, not null"),
        ("learning_rate: 1.0e-4", "dropout: 1.5", 7, "at most 1"),
        ("learning_rate: 1.0e-4", "patience: nevr", 7, "a whole number"),
        ("learning_rate: 1.0e-4", "checkpoint: good", 7, "'best' or 'last'"),
        ("learning_rate: 1.0e-4", "compile: maybe", 7, "true or false"),
        ("[0]", "[true]", 5, "a whole number, not true"),
        ("[0]", "[0, 010]", 5, "octal"),
        ("[0]", "[0, 0]", 5, "named twice: 0"),
        ("[0]", "0", 5, "write [0]"),
        ("[0]", "[]", 5, "at least 1 entry"),
        ("name: mine", "name: Mine", 1, "lower case letters"),
        ("name: mine", "name: 2024-01-02", 1, "write '2024-01-02' in quotes"),
        ("name: mine", "name: 10", 1, "write '10' in quotes"),
        ("name: mine", "name: true", 1, "write 'true' in quotes"),
        ("name: mine", "name:", 1, "write 'null' in quotes"),
        ("name: mine", "nam: mine", 1, "did you mean 'name'"),
        ("name: mine", "Name: mine", 1, "did you mean 'name'"),
        ("encoder: e5-small-packaged", "encoder: [a, b]", 2, "a mapping"),
        ("targets: [reviews]", "targets: [Reviews]", 4, "did you mean 'reviews'"),
        ("targets: [reviews]", "targets: reviews", 4, "write [reviews]"),
        ("targets: [reviews]", "targets: [reviews]\nlanguages: [en, 3]", 5, "write '3' in quotes"),
        ("targets: [reviews]", "targets: [reviews]\nlanguages: [en, EN]", 5, "did you mean 'en'"),
        ("targets: [reviews]", "targets: [reviews]\nlanguages: {}", 5, "a list or 'all'"),
        ("[none, reviews]", "[none, reviews+]", 3, "not an intermediate setting"),
        ("[none, reviews]", "[none, 3]", 3, "write '3' in quotes"),
        ("[good, bad]", "[good, bad, good]", 14, "named twice: good"),
        ("[good, bad]", "[0, 1]", 14, "write '0' in quotes"),
        ("[good, bad]", "[good, '']", 14, "an empty name"),
        ("[text, label]", "[text, label, text]", 13, "named twice: text"),
        ("test: [en, de]", "test: [en, de, en]", 12, "named twice: en"),
        ('"{split}-{language}.tsv"', "{data}", 11, "in quotes"),
        ('"{split}-{language}.tsv"', '"{Split}-{lang}.tsv"', 11, "unknown placeholder {Split}"),
        ('"{split}-{language}.tsv"', '"{split}.tsv"', 11, "has no {language}"),
        ("    labels", "    rename: {a: text, b: text}\n    labels", 14, "named twice: text"),
        ("    labels", "    codes: {de: [x]}\n    labels", 14, "tasks.reviews.codes.de"),
        (
            "  reviews:\n    format",
            "  good reviews:\n    format",
            9,
            "cannot be the name of a task",
        ),
        ("  reviews:\n    format", "  none:\n    format", 9, "cannot be the name"),
        ("  reviews:\n    format", "  ../reviews:\n    format", 9, "cannot be the name"),
        ("  reviews:\n    format", "  a/reviews:\n    format", 9, "cannot be the name"),
        ("  reviews:\n    format", '  "\\e[2Jreviews":\n    format', 9, "cannot be the name"),
        ("seeds: [0]", "data: ~nobody-of-this-name/x", 5, "no user"),
        ("seeds: [0]", "data: /nope", 5, "there is no folder /nope"),
        ("encoder: e5-small-packaged", "encoder: ./nope", 2, "there is no folder"),
        ("encoder: e5-small-packaged", "encoder: {name: ./nope}", 2, "there is no folder"),
        ("seeds: [0]", "train_task: {reviews: 'a@'}", 5, "task@language"),
        ("seeds: [0]", "splits: {reviews: {dev: 'dev[9'}}", 5, "not a split"),
        (
            "seeds: [0]",
            "retrieval: {layer: high}",
            5,
            "a whole number or 'auto', 'last' or 'all' or a list",
        ),
    ],
)
def test_wrong_values_are_refused_with_file_line_and_what_is_expected(
    tmp_path: Path, old: str, new: str, line: int, words: str
) -> None:
    with pytest.raises(XstiltsError) as error:
        compile_experiment(loaded(tmp_path, old, new))
    message = str(error.value)
    assert message.startswith(f"{tmp_path / 'mine.yaml'}:{line}:"), message
    assert words in message
    assert not [word for word in VALIDATOR_WORDS if word in message]


@pytest.mark.parametrize("word", ["none", "never", "Never", "null", "~", ""])
def test_an_optional_number_is_left_empty_by_the_words_of_the_documentation(
    tmp_path: Path, word: str
) -> None:
    new = f"patience: {word}, max_task_size: {word}"
    recipe = loaded(tmp_path, "learning_rate: 1.0e-4", new).experiment.recipes.target
    assert (recipe.patience, recipe.max_task_size) == (None, None)


@pytest.mark.parametrize(
    ("old", "new", "values"),
    [
        ("1.0e-4", "1e-4", {"learning_rate": 1e-4}),
        ("learning_rate: 1.0e-4", "batch_size: '8'", {"batch_size": 8}),
        ("learning_rate: 1.0e-4", "batch_size: 8.0", {"batch_size": 8}),
        ("learning_rate: 1.0e-4", "batch_size: 1_0", {"batch_size": 10}),
        ("learning_rate: 1.0e-4", "compile: yes", {"compile": True}),
        ("learning_rate: 1.0e-4", "compile: no", {"compile": False}),
    ],
)
def test_values_with_one_meaning_are_accepted(
    tmp_path: Path, old: str, new: str, values: dict[str, object]
) -> None:
    recipe = loaded(tmp_path, old, new).experiment.recipes.target
    assert {name: getattr(recipe, name) for name in values} == values


def test_norwegian_needs_no_quotes(tmp_path: Path) -> None:
    found = loaded(tmp_path, "test: [en, de]", "test: [en, no]", "languages=[en, no]").experiment
    assert found.tasks["reviews"].splits["test"] == ("en", "no")
    assert found.languages == ("en", "no")
    codes = loaded(tmp_path, "    labels", "    codes: {no: nob_Latn}\n    labels").experiment
    assert codes.tasks["reviews"].codes == {"no": "nob_Latn"}


def test_a_label_with_a_leading_zero_keeps_it(tmp_path: Path) -> None:
    found = loaded(tmp_path, "[good, bad]", "[00, 01]").experiment
    assert found.tasks["reviews"].labels == ("00", "01")
    assert {type(label) for label in found.tasks["reviews"].labels} == {str}


def test_a_value_of_the_command_line_is_named_by_its_option(tmp_path: Path) -> None:
    for override, where in (
        ("data=/nope", "--data: there is no folder"),
        ("encoder.name=./nope", "--encoder: there is no folder"),
        ("seeds=[.inf]", "--set seeds.0: expected a finite number"),
        ("targets=[x]", "--set targets: unknown task"),
    ):
        with pytest.raises(XstiltsError) as error:
            compile_experiment(loaded(tmp_path, "", "", override))
        assert str(error.value).startswith(where)


def test_a_recipe_of_a_task_cannot_empty_a_number(tmp_path: Path) -> None:
    new = "recipes:\n  tasks: {reviews: {max_length: null}}\n"
    with pytest.raises(ConfigError, match=r"reviews\.max_length needs a value"):
        loaded(tmp_path, "recipes:\n", new)


def test_few_shot_training_cannot_empty_a_number(tmp_path: Path) -> None:
    new = "few_shot: {examples: [4], recipe: {max_length: null}}\nrecipes:\n"
    with pytest.raises(ConfigError, match=r"recipe\.max_length needs a value"):
        loaded(tmp_path, "recipes:\n", new)


def test_the_missing_data_folder_is_named_before_other_errors(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(EXPERIMENT.replace("e5-small-packaged", "./nope"), encoding="utf-8")
    with pytest.raises(ConfigError, match="--data: there is no folder"):
        xstilts.plan(xstilts.load(path, data="/nope"), tmp_path / "store")


@pytest.mark.parametrize(
    ("split", "name"),
    [("dev", "validation"), ("dev", "valid"), ("train", "training"), ("test", "tests")],
)
def test_a_split_by_another_name_is_pointed_out(tmp_path: Path, split: str, name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        xstilts.plan(loaded(tmp_path, f"{split}: [en", f"{name}: [en"), tmp_path / "store")
    assert f"split_names: {{{split}: {name}}}" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("seeds: [0]", "1: the keys 'name', 'encoder', 'intermediate' and 'targets' are missing"),
        (EXPERIMENT.replace("encoder: e5-small-packaged\n", ""), "1: the key 'encoder' is missing"),
        (
            EXPERIMENT.partition("  reviews:")[0] + "  reviews:\n    labels: [good]",
            "9: the keys 'tasks.reviews.format', 'tasks.reviews.files' and 'tasks.reviews.splits'",
        ),
        ("encoder: {name: 3}", "'name', 'intermediate' and 'targets' are missing"),
    ],
)
def test_all_missing_keys_are_named_in_one_error(tmp_path: Path, text: str, missing: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(str(path))
    assert missing in str(caught.value)
    assert str(caught.value).count(" missing") == 1


def test_a_typo_behind_an_anchor_is_named_once(tmp_path: Path) -> None:
    recipes = "recipes:\n  intermediate: &both {epoch: 2}\n  target: *both"
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, "recipes:\n  target: {learning_rate: 1.0e-4}", recipes)
    assert str(caught.value).count("mine.yaml:7") == 1
    assert str(caught.value).endswith("did you mean 'epochs'?")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("seeds=abc", '--set seeds: expected a list, not "abc"'),
        ("seeds=4", "--set seeds: expected a list, not 4\n  → write [4]"),
        ("seeds=[abc]", '--set seeds.0: expected a whole number, not "abc"'),
        ("targets=a", '--set targets: expected a list, not "a"\n  → write [a]'),
    ],
)
def test_the_key_of_an_override_is_named_once(tmp_path: Path, override: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, "", "", override)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("tested", "languages", "todo"),
    [
        ("en, de", "[en, german]", "did you mean 'de', the code of German?"),
        ("en, dee", "[en, de]", "known: dee, en; 'dee' is the code of no known language"),
        ("en, de", "[en, sw]", "known: de, en"),
        ("en, de", "[en, dee]", "did you mean 'de'?"),
        ("en, de", "[en, de-AT]", "did you mean 'de', the code of German?"),
        ("en, pt_BR", "[en, pt]", "did you mean 'pt_BR', which is Portuguese too?"),
    ],
)
def test_languages_are_known_by_name_and_correct_codes_are_not_blamed(
    tmp_path: Path, tested: str, languages: str, todo: str
) -> None:
    experiment = loaded(tmp_path, "en, de", tested, f"languages={languages}")
    with pytest.raises(ConfigError) as caught:
        compile_experiment(experiment)
    assert (caught.value.todo or "").startswith(todo)


def test_another_code_of_a_language_to_train_on_is_named(tmp_path: Path) -> None:
    experiment = loaded(tmp_path, "en, de", "en, de", "intermediate=[none, 'reviews@eng']")
    with pytest.raises(ConfigError, match="no eng train split") as caught:
        compile_experiment(experiment)
    assert caught.value.todo == "did you mean en, the code of English?"


def test_a_task_without_dev_set_is_told_how_to_hold_one_out(tmp_path: Path) -> None:
    for name in ("train-en", "test-en", "test-de"):
        (tmp_path / f"{name}.tsv").write_text("text\tgood\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="no en dev split") as caught:
        compile_experiment(loaded(tmp_path, "dev: [en], ", ""))
    advice = "splits: {reviews: {train: 'train[:90%]', dev: 'train[90%:]'}}"
    assert advice in (caught.value.todo or "")
    changed = advice.replace("splits: ", "splits=")
    assert compile_experiment(loaded(tmp_path, "dev: [en], ", "", changed)).plan.stages


def test_a_name_that_is_no_preset_may_be_that_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`status` shows names, `results` and `report` take files."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        load("zzzz")
    assert (caught.value.todo or "").startswith("give a YAML file or a preset (")
    loaded(tmp_path)
    for file in ("mine.yaml", "mine.yml"):
        next(tmp_path.glob("mine.y*ml")).rename(file)
        with pytest.raises(ConfigError) as caught:
            load("mine")
        assert caught.value.todo == f"did you mean the file {file}?"
