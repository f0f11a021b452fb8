"""Loading experiments from YAML, and the errors for common mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

import xstilts
from xstilts.config.intermediate import TaskRef, parse_setting
from xstilts.config.load import load, presets
from xstilts.config.split_slices import SplitSlice, parse_split_slice
from xstilts.core.errors import ConfigError, XstiltsError
from xstilts.planning.compile import compile_experiment
from xstilts.planning.resolve import ResolvedExperiment

GOOD = """\
name: mine
encoder: e5-small-packaged
intermediate: [none, home-nli]
targets: [home-intents]
recipes:
  target:
    learning_rate: 1.0e-4
"""


def write(folder: Path, text: str) -> str:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def complaint(folder: Path, text: str, overrides: tuple[str, ...] = ()) -> str:
    with pytest.raises(XstiltsError) as caught:
        xstilts.plan(xstilts.load(write(folder, text), overrides), folder / "store")
    return str(caught.value)


def test_presets_load_and_are_named_after_their_file() -> None:
    for name in presets():
        assert load(name).experiment.name == name


def test_overrides_are_yaml(tmp_path: Path) -> None:
    loaded = load(
        write(tmp_path, GOOD), ["seeds=[3, 4]", "recipes.target.epochs=1", "encoder.name=x/y"]
    )
    assert loaded.experiment.seeds == (3, 4)
    assert loaded.experiment.recipes.target.epochs == 1
    assert loaded.experiment.recipes.target.learning_rate == 1e-4
    assert loaded.experiment.encoder.name == "x/y"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "recipes:",
            "translator: {engin: apertium}\nrecipes:",
            ["mine.yaml:5", "translator.engin", "did you mean 'engine'"],
        ),
        (
            "learning_rate: 1.0e-4",
            "learning_rat: 1",
            ["mine.yaml:7", "learning_rat", "did you mean 'learning_rate'"],
        ),
        ("learning_rate: 1.0e-4", "learning_rate: fast", ["mine.yaml:7", "number", '"fast"']),
        ("learning_rate: 1.0e-4", "learning_rate: -1", ["mine.yaml:7", "greater than 0"]),
        ("home-nli]", "home-nil]", ["unknown task 'home-nil'", "did you mean 'home-nli'"]),
        ("[home-intents]", "[home-intent]", ["unknown task", "did you mean 'home-intents'"]),
        (
            "e5-small-packaged",
            "e5-small-packagd",
            ["unknown encoder", "did you mean 'e5-small-packaged'"],
        ),
        (
            "targets: [home-intents]",
            "targets: [home-nli, home-nli]",
            ["mine.yaml:4", "named twice: home-nli"],
        ),
        ("[none, home-nli]", "[home-retrieval]", ["retrieval task, which is not trained"]),
        ("[none, home-nli]", "[home-nli+]", ["is not an intermediate setting"]),
        ("targets: [home-intents]", "targets:", ["mine.yaml:4", "targets"]),
        ("name: mine", "nam: mine", ["mine.yaml:1", "unknown key 'nam'", "did you mean 'name'"]),
        ("name: mine", "name: [", ["mine.yaml:", "not YAML"]),
    ],
)
def test_errors_name_the_line(tmp_path: Path, old: str, new: str, expected: list[str]) -> None:
    message = complaint(tmp_path, GOOD.replace(old, new))
    for part in expected:
        assert part in message


def test_an_experiment_whose_only_setting_equals_the_target_is_rejected(tmp_path: Path) -> None:
    text = GOOD.replace("[none, home-nli]", "[home-intents]")
    assert "no result to compute" in complaint(tmp_path, text)


def test_unknown_languages_are_rejected(tmp_path: Path) -> None:
    assert "unknown language" in complaint(tmp_path, GOOD, ("languages=[en, qq]",))


def test_an_override_changes_one_of_two_aliases(tmp_path: Path) -> None:
    text = GOOD.replace("  target:\n", "  intermediate: &r\n") + "  target: *r\n"
    loaded = load(write(tmp_path, text), ["recipes.target.epochs=9"])
    assert loaded.experiment.recipes.target.epochs == 9
    assert loaded.experiment.recipes.intermediate.epochs == 3


def test_errors_in_overrides_name_the_override(tmp_path: Path) -> None:
    assert "--set recipes.target.epochs" in complaint(tmp_path, GOOD, ("recipes.target.epochs=no",))
    with pytest.raises(ConfigError, match=r"write --set a\.b=value"):
        load(write(tmp_path, GOOD), ["epochs"])


def test_the_order_within_a_mixture_does_not_matter(tmp_path: Path) -> None:
    text = GOOD.replace("[none, home-nli]", "[home-slots+home-nli, home-nli + home-slots]")
    assert "named twice: home-nli+home-slots" in complaint(tmp_path, text)


def test_duplicate_keys_and_non_utf8_files_are_rejected(tmp_path: Path) -> None:
    assert "mine.yaml:7: duplicate key 'name'" in complaint(
        tmp_path, GOOD.replace("    learning_rate: 1.0e-4\n", "name: other\n")
    )
    (tmp_path / "mine.yaml").write_bytes(b"name: \xff")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(str(tmp_path / "mine.yaml"))


def test_recipe_overrides_of_a_task_are_validated_and_applied(tmp_path: Path) -> None:
    own = GOOD + "  tasks:\n    home-intents:\n      {}\n"
    assert "mine.yaml:10" in complaint(tmp_path, own.format("epochs: -1"))
    assert "unknown key" in complaint(tmp_path, own.format("learning_rte: 1"))
    other = GOOD + "  tasks:\n    home-nli: {epochs: 1}\n"
    assert "unknown target 'home-nli'" in complaint(tmp_path, other)
    loaded = load(write(tmp_path, own.format("epochs: 9")))
    stages = compile_experiment(loaded).plan.stages
    found = {
        s.params["recipe"]["epochs"] for s in stages if s.label.startswith("train home-intents")
    }
    assert found == {9}


def test_metrics_must_fit_the_format_of_their_task(tmp_path: Path) -> None:
    mine = (
        "tasks:\n  mine:\n    format: classification\n    files: '{split}-{language}.tsv'\n"
        "    splits: {train: [en], dev: [en], test: [en]}\n    columns: [text, label]\n"
        "    labels: [a, b]\n    metrics: [span_f1]\n"
    )
    text = GOOD.replace("targets: [home-intents]", "targets: [mine]") + mine
    assert "span_f1 does not fit the format classification" in complaint(tmp_path, text)
    assert "did you mean 'accuracy'" in complaint(tmp_path, text.replace("span_f1", "acuracy"))
    no_english = text.replace("classification", "retrieval").replace("[span_f1]", "[mrr]")
    no_english = no_english.replace("[text, label]", "[text, meaning]").replace(
        "test: [en]", "test: [de]"
    )
    assert "no en test split" in complaint(tmp_path, no_english)
    no_train = text.replace("train: [en], ", "").replace("[span_f1]", "[accuracy]")
    assert "has no en train split" in complaint(tmp_path, no_train)


def test_retrieval_without_a_second_language_is_rejected(tmp_path: Path) -> None:
    text = GOOD.replace("[home-intents]", "[home-retrieval]") + "languages: [en]\n"
    assert "no result to compute" in complaint(tmp_path, text)


def test_unknown_presets_and_missing_files_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'quickstart'"):
        load("quickstat")
    with pytest.raises(ConfigError, match="no experiment file"):
        load(str(tmp_path / "absent.yaml"))


def test_intermediate_settings_parse_to_tasks_mixtures_and_chains() -> None:
    assert parse_setting("none").chain == ()
    assert parse_setting("b+a").chain == ((TaskRef("a"), TaskRef("b")),)
    assert parse_setting("a>c + b").chain == ((TaskRef("a"),), (TaskRef("b"), TaskRef("c")))
    assert parse_setting(" a >b+ c").name == "a > b+c"
    assert parse_setting("a@de, fr+b").chain == ((TaskRef("a", ("de", "fr")), TaskRef("b")),)
    assert parse_setting("a@de, fr+b").name == "a@de,fr+b"
    for wrong in ("", "a+a", "none+a", "a > ", "+", "a@", "a@de,de", "a@de,", "@de", "a@de+a@fr"):
        with pytest.raises(ConfigError):
            parse_setting(wrong)


def test_split_slices_parse_or_are_rejected() -> None:
    assert parse_split_slice("dev") == SplitSlice("dev", 0, 100)
    assert parse_split_slice(" dev[:80%]").name == "dev[:80%]"
    assert parse_split_slice("dev[80%:]") == SplitSlice("dev", 80, 100)
    for wrong in ("dev[", "dev[80:]", "dev[80%:20%]", "dev[:101%]", "dev[5%]", ""):
        with pytest.raises(ConfigError):
            parse_split_slice(wrong)


def test_split_slices_partition_examples_by_id() -> None:
    names = [f"row-{number}" for number in range(1000)]
    first, rest = SplitSlice("dev", 0, 30), SplitSlice("dev", 30, 100)
    assert [first.contains(name) for name in names] == [not rest.contains(name) for name in names]
    assert 250 < sum(map(first.contains, names)) < 350
    assert not first.overlaps(rest)
    assert first.overlaps(SplitSlice("dev", 29, 31))
    assert not first.overlaps(SplitSlice("test", 0, 100))


def test_an_experiment_inherits_from_the_one_it_extends(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    mine = tmp_path / "more.yaml"
    mine.write_text("extends: mine.yaml\nname: more\nrecipes: {target: {epochs: 1}}\nseeds: [7]\n")
    found = load(str(mine)).experiment
    assert (found.name, found.seeds, found.targets) == ("more", (7,), ("home-intents",))
    assert (found.recipes.target.epochs, found.recipes.target.learning_rate) == (1, 1e-4)
    mine.write_text("extends: more.yaml\nname: more\n")
    with pytest.raises(ConfigError, match=r"more.yaml:1: more.yaml extends itself"):
        load(str(mine))
    mine.write_text("extends: quickstat\nname: more\n")
    with pytest.raises(XstiltsError, match="did you mean 'quickstart'"):
        load(str(mine))
    mine.write_text("extends: mine.yaml\nname: more\nrecipe: {}\n")
    with pytest.raises(ConfigError, match="more.yaml:3: unknown key 'recipe'"):
        load(str(mine))


def test_a_limit_of_a_task_overrides_the_common_one_even_with_all(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, GOOD), ["limits.dev=7", "task_limits.home-nli={dev: all}"])
    names = ResolvedExperiment(loaded)
    assert (names.limit("home-nli", "dev"), names.limit("home-intents", "dev")) == (None, 7)
    assert names.limit("home-nli", "train") is None


def test_the_paper_presets_have_the_grid_of_the_paper() -> None:
    for name in ("phang-2020", "phang-2020-base"):
        found = load(name).experiment
        assert (len(found.intermediate), len(found.targets), len(found.seeds)) == (10, 9, 3)
        assert set(found.recipes.tasks) <= set(found.targets)


def test_the_presets_of_other_protocols_train_with_their_recipes() -> None:
    scripts, mmbert, euroeval = (
        ResolvedExperiment(load(name))
        for name in ("xtreme-scripts", "nlu-evals", "euroeval-recipe")
    )
    pairs, spans = scripts.recipe("xnli"), scripts.recipe("tydiqa")
    assert (pairs.learning_rate, pairs.epochs, pairs.max_length) == (3e-5, 5, 128)
    assert (pairs.eval_steps, pairs.warmup_ratio, pairs.checkpoint) == (100, 0, "best")
    assert (spans.warmup_steps, spans.eval_steps, spans.checkpoint) == (500, None, "last")
    assert (spans.weight_decay, spans.answer_text) == (1e-4, "xtreme")
    assert scripts.layers() == (14, 20)
    assert {mmbert.recipe(name).checkpoint for name in mmbert.experiment.targets} == {"last"}
    assert (mmbert.recipe("xnli").warmup_ratio, mmbert.recipe("paws-x").epochs) == (0.06, 2)
    assert (mmbert.layers(), mmbert.poolings()) == ((12,), ("cls",))
    large = load("nlu-evals", ["encoder=FacebookAI/xlm-roberta-large"])
    assert ResolvedExperiment(large).layers() == (24,)
    small = euroeval.recipe("pan-x")
    assert (small.max_steps, small.eval_steps, small.patience) == (10_000, 30, 2)
    assert euroeval.limit("pan-x", "train") == 1024
    assert len(euroeval.experiment.seeds) == 10
