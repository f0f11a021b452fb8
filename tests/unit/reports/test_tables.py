"""What the legends of tables explain."""

from __future__ import annotations

from xstilts.reports.tables import evaluation_legend


def test_the_legend_explains_evaluations_beside_zero_shot() -> None:
    assert evaluation_legend(["xnli", "tatoeba (layer 8, mean)"]) == ""
    assert "zero-shot" in evaluation_legend(["xnli", "xnli (10 shots)"])
