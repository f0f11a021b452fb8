"""`demo`: its folder, its data, and that its answer is the one that the data are made for."""

from __future__ import annotations

from pathlib import Path

import pytest

import xstilts
from xstilts.api.demo import Demo, demo_text, prepare_demo
from xstilts.api.demo_data import ADJECTIVES, KINDS, SHARES, SIZES, in_language, write_demo_data
from xstilts.core.errors import ConfigError
from xstilts.executors import local
from xstilts.testing.in_process_pool import InProcessPool


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return prepare_demo(tmp_path_factory.mktemp("demo"))


def test_the_demo_is_planned_with_all_its_data(prepared: Demo) -> None:
    summary = xstilts.plan(str(prepared.experiment), prepared.store)
    assert {stage.kind for stage in summary.todo} >= {"encoder", "train", "predict", "score"}
    assert [source for source in summary.supplies if not source.origin] == []


def test_the_demo_writes_a_report_with_a_gain(
    prepared: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One seed and less training than in the demo, in this process."""
    monkeypatch.setattr(local, "WorkerPool", InProcessPool)
    small = Demo(tmp_path / "small")
    small.folder.mkdir()
    for name in ("data", "encoder"):
        (small.folder / name).symlink_to(prepared.folder / name)
    text = demo_text().replace("seeds: [0, 1, 2]", "seeds: [0]")
    text = text.replace("  - demo-tags-shuffled-labels ", "  # ").replace("  - demo-request\n", "")
    small.experiment.write_text(text, encoding="utf-8")
    assert xstilts.demo(small.folder) == small.report
    assert "demo-tags" in small.report.read_text(encoding="utf-8")
    assert small.experiment.read_text(encoding="utf-8") == text
    (gain,) = xstilts.gains(str(small.experiment), small.store)["gain"]
    assert gain > 0.1


def test_a_folder_with_other_files_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("my own")
    with pytest.raises(ConfigError, match="new, empty"):
        prepare_demo(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="new, empty"):
        prepare_demo(tmp_path / "file")


def test_without_a_folder_each_demo_has_a_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    first, second = prepare_demo(), prepare_demo()
    assert first.folder != second.folder
    assert first.folder.parent == second.folder.parent == tmp_path


def test_an_edited_experiment_is_kept_and_known_as_edited(prepared: Demo, tmp_path: Path) -> None:
    assert prepared.is_unchanged
    edited = prepared.experiment.read_text(encoding="utf-8") + "# mine\n"
    (tmp_path / "demo.yaml").write_text(edited, encoding="utf-8")
    assert not prepare_demo(tmp_path).is_unchanged
    assert (tmp_path / "demo.yaml").read_text(encoding="utf-8") == edited


def test_languages_differ_from_english_by_their_shares() -> None:
    nouns = " ".join(KINDS.values())
    for language, share in SHARES.items():
        pairs = zip(nouns.split(), in_language(nouns, language).split(), strict=True)
        assert sum(a != b for a, b in pairs) == round(share * len(nouns.split()))


def test_invented_words_are_distinct_and_not_english() -> None:
    words = [*" ".join(KINDS.values()).split(), *ADJECTIVES]
    translated = in_language(" ".join(words), "qac").split()
    assert len(set(translated)) == len(words)


def test_no_test_sentence_is_trained_on(tmp_path: Path) -> None:
    write_demo_data(tmp_path)

    def texts(name: str) -> set[str]:
        lines = (tmp_path / name).read_text(encoding="utf-8").splitlines()
        return {line.split("\t")[0] for line in lines}

    test = texts("topic-test-en.tsv")
    assert len(test) == SIZES["test"]
    assert not test & (texts("tags-train-en.tsv") | texts("tags-dev-en.tsv"))
