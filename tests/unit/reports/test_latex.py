"""LaTeX: texts are escaped, tables have the shape that they declare, and all of it compiles."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

import xstilts
from xstilts.analysis.gain_table import Gain, gain_frame
from xstilts.config.load import LoadedExperiment
from xstilts.reports.latex import LatexTable, escaped, label_of, signed
from xstilts.reports.latex_tables import LANGUAGES, section_table, target_scores
from xstilts.reports.sections import Section

NASTY = 'a_b & 50% of $x #1 {c} ~ ^ \\input{x} <i> | "q" [d] * -- ` 中 é –'
ROW_END = r" \\"


def check_structure(text: str) -> int:
    """Check every table of a LaTeX file; returns their number."""
    assert text.isprintable() or "\n" in text
    bare = re.sub(r"\\[\\&%$#_{}]", "", text)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
    assert "#" not in bare
    tables = re.findall(r"\\begin\{(table\*?)\}(.*?)\\end\{\1\}", text, re.DOTALL)
    for _, body in tables:
        assert body.count(r"\caption{") == body.count(r"\label{tab:") == 1
        shape = re.search(r"\\begin\{tabular\}\{@\{\}([lcr]+)@\{\}\}\n(.*?)\\end", body, re.DOTALL)
        assert shape, body
        columns, lines = shape[1], shape[2].splitlines()
        assert [lines[0], lines[2], lines[-1]] == [r"\toprule", r"\midrule", r"\bottomrule"]
        for line in lines:
            if line.startswith(("\\toprule", "\\midrule", "\\bottomrule", "\\addlinespace")):
                continue
            assert line.endswith(ROW_END), line
            assert not line.startswith(("[", "*")), line
            cells = len(re.findall(r"(?<!\\)&", line)) + 1
            spanned = sum(int(n) - 1 for n in re.findall(r"\\multicolumn\{(\d+)\}", line))
            assert cells + spanned == len(columns), line
    assert len(tables) == text.count(r"\begin{tabular}")
    return len(tables)


def compile_latex(text: str, folder: Path) -> None:
    """Compile the tables in an article, where a compiler is installed."""
    compiler = shutil.which("pdflatex") or shutil.which("tectonic")
    if compiler is None:
        pytest.skip("neither pdflatex nor tectonic is installed")
    (folder / "tables.tex").write_text(text, encoding="utf-8")
    body = "\\usepackage{booktabs}\n\\begin{document}\n\\input{tables}\n\\end{document}\n"
    (folder / "all.tex").write_text(f"\\documentclass{{article}}\n{body}", encoding="utf-8")
    flags = ["-interaction=nonstopmode", "-halt-on-error"] if "pdflatex" in compiler else []
    done = subprocess.run(
        [compiler, *flags, "all.tex"], cwd=folder, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
    assert (folder / "all.pdf").stat().st_size > 1000


def report_of(experiment: LoadedExperiment, store: Path, folder: Path) -> str:
    return xstilts.report(experiment, folder / "x.tex", store, form="latex").read_text("utf-8")


def test_every_special_character_is_escaped() -> None:
    assert escaped("50% & a_b") == r"50\% \& a\_b"
    assert escaped(r"\input{x}") == r"\textbackslash{}input\{x\}"
    assert escaped("中") == r"\texttt{U+4E2D}"
    assert escaped("a--b\n c\x00") == "a-{}-b c"
    assert signed("[-1.0, +2.0]") == "{[}$-$1.0, $+$2.0]"
    assert signed("from 2026-03-01, 0.1-0.2") == "from 2026-03-01, 0.1-0.2"
    assert signed("mini-lm") == "mini-lm"


def test_labels_have_no_special_characters() -> None:
    assert label_of("my_exp", "", "gains", "1") == "my-exp-gains-1"


def nasty_table() -> LatexTable:
    return section_table(
        Section("x", NASTY, pd.DataFrame({NASTY: [NASTY], "b": ["* [x]"]}), (NASTY,))
    )


def test_a_table_of_special_characters_keeps_its_structure() -> None:
    assert check_structure(nasty_table().text) == 1


def test_a_table_of_special_characters_compiles(tmp_path: Path) -> None:
    compile_latex(nasty_table().text, tmp_path)


def test_a_report_has_scores_by_language_and_gains(
    small: LoadedExperiment, finished: Path, tmp_path: Path
) -> None:
    text = report_of(small, finished, tmp_path)
    assert check_structure(text) >= 2
    assert r"\label{tab:small-scores-1}" in text
    assert r"\label{tab:small-gains-1}" in text
    assert r"\usepackage{booktabs}" in text.splitlines()[0]
    scores = text[: text.index("gains-1")]
    languages = next(line for line in scores.splitlines() if line.startswith("intermediate &"))
    assert languages.split(" & ")[:3] == ["intermediate", "average", "en"]
    assert "one seed (0)" in scores
    assert "paired bootstrap" in scores


def test_numbers_are_aligned_to_the_right_and_captions_are_sentences() -> None:
    frame = pd.DataFrame(
        {"name": ["a1", "b"], "gain": ["+2.0", "-1.5"], "energy": ["0.1 Wh", "–"], "note": ["", ""]}
    )
    text = section_table(Section("x", "Cost", frame, ("Made (UTC).", "No full stop"))).text
    assert r"\begin{tabular}{@{}lrrl@{}}" in text
    assert r"\caption{Cost. Made (UTC). No full stop.}" in text
    assert "$+$2.0 & 0.1 Wh" in text


def test_captions_of_a_report_name_the_encoder_and_not_its_path(
    small: LoadedExperiment, finished: Path, tmp_path: Path
) -> None:
    text = report_of(small, finished, tmp_path)
    captions = [line for line in text.splitlines() if line.startswith(r"\caption")]
    assert any("small (encoder)" in line for line in captions)
    assert not any("./" in line or ".." in line for line in captions)
    shapes = dict(re.findall(r"\\caption\{(\w+).*\n.*\n\\begin\{tabular\}\{(.*)\}", text))
    assert shapes["Cost"] == "@{}lrrr@{}"
    assert shapes["Best"] == "@{}llllrrrrrl@{}"


def test_a_report_in_latex_compiles(
    small: LoadedExperiment, finished: Path, tmp_path: Path
) -> None:
    compile_latex(report_of(small, finished, tmp_path), tmp_path)


def results(scores: dict[str, dict[str, float]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"encoder": "e", "target": "t", "metric": "accuracy", "language": code,
             "intermediate": setting, "seed": 0, "value": value}
            for setting, of in scores.items()
            for code, value in of.items()
        ]
    )  # fmt: skip


def rows_of(scores: dict[str, dict[str, float]], **gain: float | bool) -> list[list[str]]:
    gains = gain_frame([Gain("e", "t", "accuracy", "b", main=True, **gain)])  # type: ignore[arg-type]
    (target,) = target_scores(results(scores), gains)
    return target.rows(target.languages)[1:]


def test_the_best_score_of_each_language_is_bold() -> None:
    none, other = rows_of({"none": {"en": 0.9, "de": 0.5}, "b": {"en": 0.8, "de": 0.7}})
    assert none == [r"\quad none", "50.0", r"\textbf{90.0}", "50.0"]
    assert other == [r"\quad b", r"\textbf{70.0}", "80.0", r"\textbf{70.0}"]


def test_scores_that_are_equal_as_printed_are_not_bold() -> None:
    none, other = rows_of({"none": {"de": 0.50001}, "b": {"de": 0.50002}})
    assert none[1:] == other[1:] == ["50.0", "50.0"]


def test_an_average_over_a_missing_score_is_missing() -> None:
    none, other = rows_of({"none": {"de": 0.5, "sw": 0.4}, "b": {"de": 0.9}})
    assert none[1] == "45.0"
    assert other[1:] == ["--", r"\textbf{90.0}", "--"]


def test_only_a_significant_average_is_marked() -> None:
    scores = {"none": {"de": 0.5}, "b": {"de": 0.7}}
    assert rows_of(scores, significant=True)[1][1] == r"\textbf{70.0}$^{*}$"
    assert rows_of(scores, significant=False)[1][1] == r"\textbf{70.0}"


def test_tables_of_many_languages_are_divided(
    small: LoadedExperiment, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = report_of(small, finished, tmp_path)
    monkeypatch.setattr("xstilts.reports.latex_tables.LANGUAGES", 1)
    divided = report_of(small, finished, tmp_path)
    assert LANGUAGES > 1
    assert check_structure(divided) > check_structure(whole)
    assert r"\label{tab:small-scores-2}" in divided
