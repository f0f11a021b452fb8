"""XTREME's table and the best settings as text, from small frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import xstilts
from xstilts.analysis.results import COLUMNS
from xstilts.analysis.run_states import RunState
from xstilts.analysis.selection import SelectedBy, SelectedSetting
from xstilts.planning.compile import compile_experiment
from xstilts.reports.benchmarks import benchmark_section
from xstilts.reports.build import section_text
from xstilts.reports.eval_splits import nonstandard_splits, nonstandard_splits_note
from xstilts.reports.latex_tables import section_table
from xstilts.reports.sections import Section, best_section
from xstilts.reports.tables import MIXED
from xstilts.tasks.benchmarks import XTREME
from xstilts.testing.planted import with_state

CLASSIFIED = ("xnli", "paws-x")


def results(
    setting: str, value: float, targets: Iterable[str], *, seed: int = 0, without: str = ""
) -> pd.DataFrame:
    """One value for all languages of some targets; `without` is a `target language` left out."""
    rows = [
        {
            **dict.fromkeys(COLUMNS, ""),
            "states": frozenset(),
            "encoder": "e",
            "intermediate": setting,
            "target": target,
            "language": code,
            "split": f"{target}'s",
            "seed": seed,
            "metric": XTREME.metrics[target],
            "value": value,
        }
        for target in targets
        for code in XTREME.languages[target]
        if f"{target} {code}" != without
    ]
    return pd.DataFrame(rows)


def chosen(**settings: tuple[str, str]) -> list[SelectedSetting]:
    """What is chosen for each target, and how."""
    return [
        SelectedSetting("e", target.replace("_", "-"), "m", setting, SelectedBy(how), 0.5, english)
        for target, (setting, how) in settings.items()
        for english in (True, False)
    ]


def table(frame: pd.DataFrame, best: Sequence[SelectedSetting], targets: Iterable[str]) -> Section:
    section = benchmark_section(XTREME, frame, best, tuple(targets))
    assert section
    return section


def test_a_complete_grid_has_groups_average_and_best_row() -> None:
    frame = pd.concat([results("none", 0.5, XTREME.tasks), results("a", 0.6, XTREME.tasks)])
    best = chosen(**{task.replace("-", "_"): ("a", "dev") for task in XTREME.tasks})
    section = table(frame, best, XTREME.tasks)
    found = section.table.set_index("intermediate")
    groups = ["classification", "tagging", "qa", "retrieval", "XTREME"]
    assert list(found.columns) == [*XTREME.tasks, *groups]
    assert found.index.tolist() == ["none", "a", "best per target"]
    assert set(found.loc["none"]) == {"50.0"}
    assert set(found.loc["best per target"]) == {"60.0"}
    assert len(section.notes) == 1


def test_settings_that_contain_the_training_data_of_the_target_are_marked() -> None:
    frame = pd.concat([results("none", 0.5, ["xnli"]), results("mnli", 0.6, ["xnli", "pan-x"])])
    own = (frame["intermediate"] == "mnli") & (frame["target"] == "xnli")
    for state in (RunState.COLLAPSED, RunState.SAME_DATA):
        frame = with_state(frame, state, own)
    section = table(frame, chosen(), ["xnli", "pan-x"])
    found = section.table.set_index("intermediate")
    assert found.loc["mnli", "xnli"].endswith("§")
    assert not any("§" in found.loc[place] for place in (("none", "xnli"), ("mnli", "pan-x")))
    assert any(note.startswith("§") for note in section.notes)


def test_the_best_row_uses_the_best_setting_of_each_target() -> None:
    frame = pd.concat([results("a", 0.4, CLASSIFIED), results("b", 0.8, CLASSIFIED)])
    best = chosen(xnli=("a", "dev"), paws_x=("b", "dev"))
    found = table(frame, best, CLASSIFIED).table.set_index("intermediate").loc["best per target"]
    assert found.to_dict() == {
        "xnli": "40.0",
        "paws-x": "80.0",
        "classification": "60.0",
        "XTREME": "–",
    }


def test_selection_on_test_is_marked_up_to_the_average() -> None:
    frame = results("a", 0.6, XTREME.tasks)
    choice = {task.replace("-", "_"): ("a", "dev") for task in XTREME.tasks}
    section = table(frame, chosen(**choice | {"bucc": ("a", "test")}), XTREME.tasks)
    row = section.table.set_index("intermediate").loc["best per target"]
    assert row[row == "60.0‡"].index.tolist() == ["bucc", "retrieval", "XTREME"]
    assert "‡" not in "".join(section.table.iloc[0])
    assert section.notes[-1].startswith("‡")


def test_a_missing_language_is_marked_and_leaves_no_average() -> None:
    frame = pd.concat(
        [
            results("none", 0.5, CLASSIFIED),
            results("a", 0.5, CLASSIFIED, without="xnli sw"),
        ]
    )
    section = table(frame, chosen(), CLASSIFIED)
    found = section.table.set_index("intermediate")
    assert found.loc["none"].tolist() == ["50.0", "50.0", "50.0", "–"]
    assert found.loc["a"].tolist() == ["50.0†", "50.0", "–", "–"]
    assert "missing: xnli (sw; in some rows)." in section.notes[1]
    assert "not in the experiment: udpos pan-x xquad mlqa tydiqa bucc tatoeba; " in section.notes[2]
    assert "incomplete: xnli." in section.notes[2]


def test_many_missing_languages_are_counted() -> None:
    frame = results("none", 0.5, ["udpos"])
    section = table(frame[frame["language"] == "en"], chosen(), ["udpos"])
    assert "missing: udpos (af ar bg de el es et eu and 24 more)." in section.notes[1]


def test_a_seed_without_a_score_leaves_no_group_average() -> None:
    frame = pd.concat(
        [
            results("a", 0.4, CLASSIFIED),
            results("a", 0.6, CLASSIFIED, seed=1),
            results("b", 0.4, CLASSIFIED),
            results("b", 0.6, ["xnli"], seed=1),
        ]
    )
    found = table(frame, chosen(), CLASSIFIED).table.set_index("intermediate")
    assert found.loc["a", ["xnli", "classification"]].tolist() == ["50.0", "50.0"]
    row = found.loc["b", ["xnli", "paws-x", "classification"]]
    assert row.tolist() == ["50.0", "40.0†", "–"]


@pytest.mark.parametrize("targets", [["toy"], ["toy", "xnli"]])
def test_no_xtreme_scores_give_no_table(targets: list[str]) -> None:
    frame = results("none", 0.5, ["xnli"]).assign(target="toy")
    assert benchmark_section(XTREME, frame, chosen(), targets) is None
    assert benchmark_section(XTREME, frame[:0], chosen(), targets) is None


def test_a_selection_names_its_split() -> None:
    best = chosen(xnli=("a", "dev"), tatoeba=("b", "bucc"), bucc=("b", "test"))
    best = [replace(one, gain=0.1 if one.english else 0.02) for one in best]
    section = best_section(best)
    assert section
    found = section.table.set_index("target")
    assert found["selected on"].tolist() == ["dev", "bucc's dev", "test"]
    assert found.loc["xnli", ["gain", "gain without English"]].tolist() == ["+10.0", "+2.0"]
    assert best_section([]) is None


def test_a_column_of_notes_is_left_out_unless_a_row_has_one() -> None:
    best = chosen(xnli=("a", "dev"), bucc=("b", "test"))
    for mixed, notes in (("", None), ("other devices", ["", MIXED])):
        last = [replace(one, mixed_runs=mixed) for one in best[2:]]
        section = best_section([*best[:2], *last])
        assert section
        assert section.table.to_dict("list").get("note") == notes


def test_notes_are_included_in_text() -> None:
    section = Section("x", "X", pd.DataFrame({"a_b": ["1"]}), ("dev[60%:] & more",))
    assert r"dev{[}60\%:] \& more" in section_table(section).text
    text = section_text(section)
    assert text == "## X\n\n| a_b |\n| --- |\n| 1 |\n\ndev[60%:] & more\n"


def test_nonstandard_test_splits_are_noted(toy_file: Path) -> None:
    loaded = xstilts.load(
        str(toy_file),
        [
            "splits={toy-kind: {train: 'train[:80%]', test: 'train[80%:]'}}",
            "task_limits={toy-search: {test: 7}}",
        ],
    )
    compiled = compile_experiment(loaded)
    assert nonstandard_splits(compiled) == {
        "toy-kind": "train[80%:]",
        "toy-search": "test, at most 7 examples per language",
    }
    assert nonstandard_splits_note(compiled).startswith(
        "Not evaluated on the full test split: toy-kind (train[80%:]); toy-search (test, at"
    )
    assert nonstandard_splits_note(compile_experiment(xstilts.load(str(toy_file)))) == ""
