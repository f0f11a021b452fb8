"""Training data in other languages: original or translated, or an error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import xstilts
from xstilts.api.missing_data import missing_data
from xstilts.config.load import LoadedExperiment
from xstilts.core.errors import ConfigError, MissingDataError
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.formats.base import TokenizationConfig
from xstilts.planning.compile import compile_experiment
from xstilts.stages import train
from xstilts.stages.base import StageContext
from xstilts.stages.io.rows import read_rows
from xstilts.testing.tiny import in_language, sentences

Runner = Callable[[LoadedExperiment, Path], Store]
BASE = ["seeds=[0]", "targets=[toy-kind]", "languages=[xx]", "limits={train: 12, dev: 9, test: 9}"]
SHORT = ["recipes.intermediate.epochs=1", "recipes.target.epochs=1"]


@pytest.fixture
def in_both(toy_file: Path, tmp_path: Path) -> list[str]:
    """Overrides: toy-tags has train and dev in xx as well, with equal ids."""
    for split in ("train", "dev", "test"):
        for language in ("en", "xx"):
            rows = [
                f"{split}-{number}\t{in_language(text, language)}\t"
                + " ".join(f"B-{kind}" if word == thing else "O" for word in text.split())
                for number, (text, kind, thing) in enumerate(sentences(split, 24))
            ]
            (tmp_path / f"tags-{split}-{language}.tsv").write_text("\n".join(rows) + "\n")
    return [
        f"tasks.toy-tags.files={tmp_path}/tags-{{split}}-{{language}}.tsv",
        "tasks.toy-tags.columns=[id, tokens, tags]",
        "tasks.toy-tags.splits={train: [en, xx], dev: [en, xx], test: [en, xx]}",
    ]


def stages(loaded: LoadedExperiment, kind: str) -> dict[str, Stage]:
    found = compile_experiment(loaded).plan.stages
    return {stage.label: stage for stage in found if stage.kind == kind}


def test_a_task_is_trained_in_its_named_languages(toy_file: Path, in_both: list[str]) -> None:
    settings = "intermediate=[toy-tags, toy-tags@xx, 'toy-tags@en,xx']"
    loaded = xstilts.load(str(toy_file), [*BASE, *in_both, settings])
    trained = stages(loaded, "train")
    plan = compile_experiment(loaded).plan
    inputs = {
        label: {plan.by_key[key].label for role, key in stage.inputs.items() if ":" in role}
        for label, stage in trained.items()
    }
    for name, codes in (("toy-tags", "en"), ("toy-tags@xx", "xx"), ("toy-tags@en,xx", "en xx")):
        assert inputs[f"train {name} seed 0"] == {
            f"prepare toy-tags {split} {code}"
            for split in ("train", "dev")
            for code in codes.split()
        }


def test_several_languages_are_one_training_set_in_any_order(
    toy_file: Path, in_both: list[str], tmp_path: Path, run_here: Runner
) -> None:
    orders = [
        xstilts.load(str(toy_file), [*BASE, *SHORT, *in_both, f"intermediate=['toy-tags@{codes}']"])
        for codes in ("en,xx", "xx,en")
    ]
    one, other = (stages(loaded, "train").values() for loaded in orders)
    assert [stage.key for stage in one] == [stage.key for stage in other]
    store = run_here(orders[0], tmp_path / "store")
    seen = []
    for stage in (next(iter(one)), next(iter(other))):
        inputs = {role: store.artifact(key) for role, key in stage.inputs.items()}
        work = StageContext(stage, inputs, tmp_path, tmp_path, lambda _: None)
        tokenizer = train.encoder_files(work).tokenizer()
        found = train.task_features(work, "train", "toy-tags", tokenizer, TokenizationConfig())
        seen.append([(one.id, tokenizer.decode(one.ids[1:-1]).split()) for one in found])
    assert seen[0] == seen[1]
    assert len({name for name, _ in seen[0]}) == 24  # twelve of each language
    words = dict(seen[0])
    assert words["xx:train-0"] == in_language(" ".join(words["en:train-0"]), "xx").split()
    assert store.artifact(next(iter(one)).key).facts["steps"] == 3


def test_missing_training_languages_are_named(toy_file: Path) -> None:
    with pytest.raises(ConfigError, match="toy-same has no xx train split") as caught:
        compile_experiment(xstilts.load(str(toy_file), [*BASE, "intermediate=[toy-same@xx]"]))
    assert "`translator` can make it" in str(caught.value)
    lost = "tasks.toy-same.splits={train: [xx], dev: [en], test: [en, xx]}"
    with pytest.raises(ConfigError, match="toy-same has no en train split") as caught:
        compile_experiment(xstilts.load(str(toy_file), [*BASE, lost, "intermediate=[toy-same]"]))
    assert "translator" not in str(caught.value)


def test_a_target_can_be_trained_in_another_language(toy_file: Path, in_both: list[str]) -> None:
    changes = ["targets=[toy-tags]", "intermediate=[none]", "train_task={toy-tags: toy-tags@xx}"]
    (trained,) = stages(xstilts.load(str(toy_file), [*BASE, *in_both, *changes]), "train").values()
    assert {role for role in trained.inputs if ":" in role} == {
        "train:toy-tags:xx",
        "dev:toy-tags:xx",
    }


# translated


@pytest.fixture
def table(tmp_path: Path) -> list[str]:
    """Overrides: a translator that knows the first sentence of each pair of toy-same."""
    texts = [
        f"{cue} is about {thing}"
        for cue in ("this", "that")
        for _, _, thing in sentences("train", 96)
    ]
    texts += [text for split in ("train", "dev") for text, _, _ in sentences(split, 96)]
    lines = sorted({f"{text}\t{in_language(text, 'xx')}" for text in texts})
    (tmp_path / "toy-same.xx.tsv").write_text("\n".join(lines) + "\n")
    return [
        f"translator={{engine: table, options: {{files: '{tmp_path}/{{task}}.{{language}}.tsv'}}}}"
    ]


def test_english_data_are_translated_for_a_language_without_data(
    toy_file: Path, table: list[str], tmp_path: Path, run_here: Runner
) -> None:
    loaded = xstilts.load(
        str(toy_file), [*BASE, *SHORT, *table, "intermediate=[toy-same, 'toy-same@en,xx']"]
    )
    made = stages(loaded, "translate")
    assert set(made) == {"translate toy-same train xx", "translate toy-same dev xx"}
    both = stages(loaded, "train")["train toy-same@en,xx seed 0"]
    assert both.inputs["train:toy-same:xx"] == made["translate toy-same train xx"].key
    assert (
        both.inputs["train:toy-same:en"]
        == stages(loaded, "prepare")["prepare toy-same train en"].key
    )
    store = run_here(loaded, tmp_path / "store")
    english, foreign = (
        read_rows(store.artifact(both.inputs[f"train:toy-same:{code}"]) / "rows.parquet")
        for code in ("en", "xx")
    )
    assert len(english) == len(foreign) == 12
    for row, translation in zip(english, foreign, strict=True):
        assert translation == row | {
            name: in_language(row[name], "xx") for name in ("text", "text_pair")
        }
    assert store.artifact(both.key).facts["steps"] == 3
    plain = stages(loaded, "train")["train toy-same seed 0"]
    assert store.artifact(plain.key).facts["steps"] == 2


def test_missing_translations_are_in_the_plan_and_refused_by_a_run(
    toy_file: Path, table: list[str], tmp_path: Path
) -> None:
    settings = "intermediate=[toy-same, 'toy-same@en,xx', 'toy-same@es']"
    loaded = xstilts.load(str(toy_file), [*BASE, *SHORT, *table, settings])
    store, xx, es = (tmp_path / name for name in ("store", "toy-same.xx.tsv", "toy-same.es.tsv"))
    assert [one.file for one in xstilts.plan(loaded, store).missing_translations] == [es]
    xx.unlink()
    summary = xstilts.plan(loaded, store)
    assert [one.file for one in summary.missing_translations] == [xx, es]
    lines = zip((xx, es), missing_data(summary), strict=True)
    assert all(str(path) in line for path, line in lines)
    with pytest.raises(MissingDataError) as caught:
        xstilts.run(loaded, store)
    for part in ("--set", str(xx), "1 more file", "xx translations of toy-same"):
        assert part in str(caught.value)
    assert not store.exists()


def test_original_data_take_precedence_over_translations(
    toy_file: Path, table: list[str], in_both: list[str]
) -> None:
    own = "tasks.toy-tags.splits={train: [en, xx], dev: [en, xx], test: [en, xx]}"
    loaded = xstilts.load(
        str(toy_file), [*BASE, *table, *in_both, own, "intermediate=[toy-tags@xx]"]
    )
    assert stages(loaded, "translate") == {}


def test_translating_tags_is_rejected_before_anything_runs(
    toy_file: Path, table: list[str]
) -> None:
    with pytest.raises(ConfigError, match="tagging data cannot be translated"):
        compile_experiment(
            xstilts.load(str(toy_file), [*BASE, *table, "intermediate=[toy-tags@xx]"])
        )
