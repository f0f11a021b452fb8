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
from xstilts.analysis.run_states import RunState
from xstilts.config.load import LoadedExperiment
from xstilts.reports.latex import REQUIREMENTS, LatexTable, escaped, label_of, sentences, signed
from xstilts.reports.latex_layout import ROWS, WIDTH, fitted, text_width
from xstilts.reports.latex_tables import TargetRows, section_table, target_scores
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


def compile_latex(text: str, folder: Path, *, scaled: bool = True) -> None:
    """Compile tables with pdflatex, if it is installed: no error and no line that is too wide.

    Args:
        scaled: in the plain class, with the packages that the file states; otherwise with the
            width of a page of ACL and without `adjustbox`, so that no table is scaled.
    """
    compiler = shutil.which("pdflatex")
    if compiler is None:
        pytest.skip("pdflatex is not installed")
    if not scaled:
        text = "".join(line for line in text.splitlines(True) if "{adjustbox}" not in line)
    (folder / "tables.tex").write_text(text, encoding="utf-8")
    packages = "booktabs,adjustbox" if scaled else "booktabs"
    width = "" if scaled else f"\\setlength{{\\textwidth}}{{{WIDTH}pt}}\n"
    (folder / "all.tex").write_text(
        f"\\documentclass{{article}}\n\\usepackage{{{packages}}}\n{width}"
        "\\begin{document}\n\\input{tables}\n\\end{document}\n",
        encoding="utf-8",
    )
    command = [compiler, "-draftmode", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    log = (folder / "all.log").read_text(encoding="latin-1")
    if "adjustbox.sty' not found" in log:
        pytest.skip("adjustbox is not installed")
    assert done.returncode == 0, log[-2000:]
    excess = re.findall(r"Overfull \\[hv]box \(([\d.]+)pt", log)
    assert max(map(float, excess), default=0.0) <= 1.0
    assert "Float too large" not in log


def report_of(experiment: LoadedExperiment, store: Path, folder: Path) -> str:
    return xstilts.report(experiment, folder / "x.tex", store, form="latex").read_text("utf-8")


def test_every_special_character_is_escaped() -> None:
    assert escaped("50% & a_b") == r"50\% \& a\_b"
    assert escaped(r"\input{x}") == r"\textbackslash{}input\{x\}"
    assert escaped("4†‡§") == r"4$^{\dagger}$$^{\ddagger}$$^{\mathsection}$"
    assert escaped("4¶") == r"4$^{\mathparagraph}$"
    assert escaped("中") == r"\texttt{U+4E2D}"
    assert escaped("a--b\n c\x00") == "a-{}-b c"
    assert signed("[-1.0, +2.0]") == "{[}$-$1.0, $+$2.0]"
    assert signed("from 2026-03-01, 0.1-0.2") == "from 2026-03-01, 0.1-0.2"
    assert signed("mini-lm") == "mini-lm"


def test_sentences_of_a_caption_have_a_space_between() -> None:
    assert "--: no score." + sentences("", " N shots: 50 %.", "§ Seen.") == (
        r"--: no score. N shots: 50 \%. $^{\mathsection}$ Seen."
    )


def test_labels_have_no_special_characters() -> None:
    assert label_of("my_exp", "", "gains", "1") == "my-exp-gains-1"


def nasty_table() -> LatexTable:
    return section_table(
        Section("x", NASTY, pd.DataFrame({NASTY: [NASTY], "b": ["* [x]"]}), (NASTY,))
    )


def test_a_table_of_special_characters_keeps_its_structure() -> None:
    assert check_structure(nasty_table().text) == 1


def wide_tables() -> list[LatexTable]:
    """Scores of 8 targets in 40 languages, a benchmark of 14 columns, and long texts."""
    codes = ["en", *(first + second for first in "dhmw" for second in "acehikmuwy")][:40]
    names = ["none", "mnli", "home-slots-questions-shuffled-labels"]
    scores = {
        name: {code: n / 7 + i / 99 for i, code in enumerate(codes)} for n, name in enumerate(names)
    }
    rows = [
        TargetRows(f"target-{n}", "f1", codes, scores, frozenset(names[1:])).rows(codes)
        for n in range(8)
    ]
    header = ["intermediate", "average", *codes]
    table = LatexTable("lr" + "r" * 40, header, rows, "Words. " * 90, "wide", "Continued.")
    columns = ["intermediate", *(f"question-answering {n}" for n in range(14))]
    marked = pd.DataFrame([[names[2], *["45.6†‡"] * 14]], columns=columns)
    texts = pd.DataFrame({f"text {n}": ["learning_rate of a_b-c " * 9] * 9 for n in range(6)})
    sections = [Section("marked", "Marks † ‡ §", marked, ()), Section("text", "Text", texts, ())]
    others = [part for one in sections for part in fitted(section_table(one))]
    return [*fitted(table, kept=2, always_numbered=True), *others]


def test_wide_tables_are_divided_and_wrap() -> None:
    tables = wide_tables()
    assert check_structure("".join(table.text for table in tables)) == len(tables)
    assert all(table.width is not None and table.width <= WIDTH + 0.1 for table in tables)
    scores = [table for table in tables if table.label.startswith("wide-")]
    assert [table.label for table in scores] == [f"wide-{n}" for n in range(1, 6)]
    assert [table.header[2] for table in scores] == ["en", "en", "hh", "hh", "mu"]
    assert {row[1] for table in scores for row in table.groups[0][1:2]} == {"20.2"}
    texts = [table for table in tables if table.label.startswith("text")]
    assert len(texts) > 1
    assert r"\parbox[t]" in texts[0].groups[0][0][0]


def test_long_tables_are_divided_by_groups_and_empty_columns_left_out() -> None:
    groups = [[["t"], *[["a", str(n), "" if n < 3 else "x"]] * 24] for n in range(4)]
    one, two, three, four = fitted(LatexTable("lrr", ["a", "b", "c"], groups, "", "x"))
    assert [len(table.header) for table in (one, two, three, four)] == [2, 2, 2, 3]
    whole = [["title"], *[["a", "b"]] * (2 * ROWS)]
    parts = list(fitted(LatexTable("lr", ["a", "b"], [whole], "", "x")))
    assert [len(table.groups[0]) for table in parts] == [ROWS, ROWS, 3]
    assert all(table.groups[0][0] == ["title"] for table in parts)


def test_small_tables_fit_one_column_of_a_page() -> None:
    (small,) = fitted(LatexTable("lr", ["a", "b"], [[["x", "1"]]], "", "x"))
    (wide,) = fitted(LatexTable("lr", ["a", "b"], [[["word " * 20, "1"]]], "", "x"))
    assert r"\begin{table}" in small.text
    assert r"\begin{table*}" in wide.text


def test_commands_of_latex_are_not_measured_as_text() -> None:
    assert text_width(r"\textbf{45.6}") == pytest.approx(text_width("45.6") * 1.1)
    assert text_width(r"a\_b") == text_width("a_b")
    assert text_width(r"4$^{\dagger}$") == text_width("4$^{*}$") < text_width("4") + 5


def test_tables_compile_unscaled_in_the_width_of_a_page_of_acl(tmp_path: Path) -> None:
    tables = "".join(table.text for table in (*wide_tables(), *fitted(nasty_table())))
    compile_latex(tables, tmp_path, scaled=False)


def test_a_report_has_scores_by_language_and_gains(
    small: LoadedExperiment, finished: Path, tmp_path: Path
) -> None:
    text = report_of(small, finished, tmp_path)
    assert check_structure(text) >= 2
    assert r"\label{tab:small-scores-1}" in text
    assert r"\label{tab:small-gains-1}" in text
    assert text.startswith(REQUIREMENTS)
    assert r"\usepackage{booktabs,adjustbox}" in text.splitlines()[0]
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
    found = re.findall(r"\\begin\{tabular\}\{(.*)\}(?s:.*?)\\caption\{(\w+)", text)
    shapes = {title: shape for shape, title in found}
    assert shapes["Cost"] == "@{}lrrr@{}"
    assert shapes["Best"] == "@{}llllrrrrr@{}"  # without an empty column
    assert r"\label{tab:small-cost}" in text


def test_a_report_in_latex_compiles(
    small: LoadedExperiment, finished: Path, tmp_path: Path
) -> None:
    compile_latex(report_of(small, finished, tmp_path), tmp_path)


def results(
    scores: dict[str, dict[str, float]], states: dict[str, set[RunState]] | None = None
) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"encoder": "e", "target": "t", "metric": "accuracy", "language": code,
             "intermediate": setting, "seed": 0, "value": value,
             "states": frozenset((states or {}).get(setting, ()))}
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


def test_a_collapsed_setting_is_marked_and_never_the_best() -> None:
    frame = results(
        {"none": {"de": 0.5}, "b": {"de": 0.7}, "c": {"de": 0.6}, "d": {"de": 0.4}},
        {"b": {RunState.COLLAPSED}, "c": {RunState.SAME_DATA}},
    )
    gains = gain_frame([Gain("e", "t", "accuracy", "c", main=True)])
    (target,) = target_scores(frame, gains)
    rows = target.rows(target.languages)[1:]
    assert [row[1:] for row in rows] == [
        ["50.0", "50.0"],
        ["70.0", "70.0"],
        [r"\textbf{60.0}", r"\textbf{60.0}"],
        ["40.0", "40.0"],
    ]
    assert [row[0] for row in rows] == [
        r"\quad none",
        r"\quad b$^{\mathparagraph}$",
        r"\quad c$^{\mathsection}$",
        r"\quad d",
    ]


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


def test_numbers_with_marks_are_aligned_to_the_right() -> None:
    frame = pd.DataFrame({"name": ["a"], "xnli": ["41.7†"], "XTREME": ["–"]})
    assert section_table(Section("x", "X", frame, ())).alignment == "lrl"
