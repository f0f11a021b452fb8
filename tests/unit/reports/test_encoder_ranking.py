"""The ranking of encoders as tables and sentences."""

from __future__ import annotations

from dataclasses import replace

import pytest

from xstilts.analysis.encoder_ranking import RankedEncoder
from xstilts.analysis.encoders_compared import EncodersCompared
from xstilts.analysis.mixed_runs import BEST
from xstilts.analysis.run_states import RunState
from xstilts.config.intermediate import NO_INTERMEDIATE
from xstilts.reports.encoder_ranking import (
    MEAN_RANK,
    ONE_SEED_RANKS,
    PARTIAL_RANKS,
    rank_text,
    ranking_lines,
    ranking_sections,
)

A = RankedEncoder(
    NO_INTERMEDIATE, "xnli", "accuracy", "org/a", NO_INTERMEDIATE, 0.7, 0.65, 0.75, 0.0,
    rank=1, mean_rank=1.25, targets=2, tested=True, languages=14, seeds=3, n=100,
)  # fmt: skip
B = replace(
    A, encoder="org/b", score=0.66, difference=-0.04, difference_low=-0.06, difference_high=-0.02,
    p=0.001, p_holm=0.002, rank=2, mean_rank=1.75,
)  # fmt: skip
TIED = [replace(one, target="pawsx", rank=1.5) for one in (A, replace(B, p=0.4, p_holm=0.8))]
ROWS = (A, B, *TIED)


def test_the_table_has_short_names_ranks_differences_and_mean_ranks() -> None:
    (section,) = ranking_sections(EncodersCompared(ROWS))
    table = section.table
    assert section.name == "encoders"
    assert list(table["encoder"]) == ["a", "b"] * 3
    assert list(table["rank"]) == ["1", "2", "1.5", "1.5", "1.25", "1.75"]
    assert list(table["difference"][:2]) == ["–", "-4.0"]
    assert table["95 %"][1] == "[-6.0, -2.0]"
    assert table["target"][4] == f"{MEAN_RANK} (2 targets)"
    assert "intermediate" not in table
    assert "note" not in table


def test_the_best_settings_are_named_and_failures_noted() -> None:
    failed = RankedEncoder(
        BEST, "xnli", "accuracy", "org/b", "mnli", states=frozenset({RunState.DIVERGED})
    )
    chosen = replace(A, ranking=BEST, intermediate="squad")
    _, section = ranking_sections(EncodersCompared((*ROWS, chosen, failed)))
    assert list(section.table["intermediate"]) == ["squad", "mnli"]
    assert list(section.table["note"]) == ["", "diverged"]
    assert list(section.table["rank"]) == ["1", "–"]


def test_targets_without_a_part_in_mean_ranks_are_named_with_encoder_and_state() -> None:
    none = float("nan")
    failed = replace(B, score=none, rank=none, states=frozenset({RunState.DIVERGED}))
    absent = replace(TIED[1], target="udpos", score=none, rank=none)
    alone = [replace(A, target="udpos", rank=none)]
    rows = (A, failed, *TIED, *alone, absent)
    named = "Not in the mean ranks: xnli (b diverged), udpos (b without a score)."
    assert named in ranking_sections(EncodersCompared(rows))[0].notes
    assert list(ranking_lines(rows))[-1] == named
    notes = ranking_sections(EncodersCompared(ROWS))[0].notes
    assert not any("Not in" in note for note in (*notes, *ranking_lines(ROWS)))


def test_every_setting_is_shown_on_request_or_without_a_baseline() -> None:
    after = [replace(one, ranking="mnli") for one in ROWS]
    assert len(ranking_sections(EncodersCompared((*ROWS, *after)))) == 1
    assert len(ranking_sections(EncodersCompared((*ROWS, *after)), every=True)) == 2
    (section,) = ranking_sections(EncodersCompared(tuple(after)))
    assert section.title.endswith("after mnli")


def test_ranks_of_one_seed_are_said_to_be() -> None:
    untested = [replace(one, tested=False, seeds=1, p_holm=float("nan")) for one in (A, B)]
    assert ONE_SEED_RANKS in ranking_sections(EncodersCompared(tuple(untested)))[0].notes
    assert ONE_SEED_RANKS not in ranking_sections(EncodersCompared(ROWS))[0].notes
    (line, *_) = ranking_lines(untested)
    assert "one seed" in line
    assert "significant" not in line


def test_partial_targets_are_named_with_the_encoders_whose_scores_are_missing() -> None:
    none = float("nan")
    missing = frozenset({RunState.PARTIAL})
    first = replace(A, partial=True, tested=False)
    second = replace(B, partial=True, tested=False, states=missing, p=none, p_holm=none)
    section = ranking_sections(EncodersCompared((first, second, *TIED)))[0]
    assert ONE_SEED_RANKS not in section.notes
    assert [note.split(".")[0] for note in section.notes if note.startswith(PARTIAL_RANKS)] == [
        "Partial, as scores are missing: xnli (b)"
    ]
    assert list(section.table["p (Holm)"][:2]) == ["–", "–"]
    assert list(section.table["note"][:2]) == ["", "partial"]
    line, *_, last = ranking_lines((first, second, *TIED))
    assert "so far (partial)" in line
    assert "significant" not in line
    assert last.startswith(PARTIAL_RANKS)


def test_sentences_name_the_best_encoder_only_if_the_second_differs() -> None:
    first, second, means = ranking_lines(ROWS)
    assert first.startswith("xnli: best encoder: a 70.0, b 66.0, difference -4.0 (-6.0 to -2.0)")
    assert second.startswith("pawsx: no significant difference between a and b")
    assert means == "mean rank over 2 targets: a 1.25, b 1.75."


@pytest.mark.parametrize(("rank", "text"), [(1.0, "1"), (1.5, "1.5"), (float("nan"), "–")])
def test_ranks_as_text(rank: float, text: str) -> None:
    assert rank_text(rank) == text
