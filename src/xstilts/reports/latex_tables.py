"""The tables of a report as LaTeX: scores by target and language, gains, and the others.

Scores have a row per target and setting and a column per language. `latex_layout` divides tables
that are longer or wider than a page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Any

import pandas as pd

from xstilts.analysis.gains import ENGLISH, language_scores, main_metrics, mean_or_nan
from xstilts.analysis.run_states import RunState, has_state
from xstilts.reports.benchmarks import COLLAPSED, SEEN
from xstilts.reports.latex import (
    REQUIREMENTS,
    LatexTable,
    bold,
    escaped,
    label_of,
    sentences,
    signed,
)
from xstilts.reports.latex_layout import fitted
from xstilts.reports.tables import (
    NOTHING,
    TERMS,
    TOO_WIDE,
    baseline_text,
    english_legend,
    evaluation_legend,
    gain_note,
    interval,
    is_too_wide,
    points,
)

if TYPE_CHECKING:
    from xstilts.reports.html import ReportData
    from xstilts.reports.sections import Section

NUMBER = re.compile(r"[+-]?\d[\d,.]*( ?(%|k?Wh))?[†‡§¶]*")
MARK = r"$^{*}$"
TEST = (
    "paired bootstrap over test examples and seeds (at least 10{,}000 draws, two-sided), "
    "Holm-corrected over all settings and targets, $p < 0.05$"
)
MISSING = "--: no score."
MARKS = {
    SEEN: "The setting includes the target's own training data.",
    COLLAPSED: "A training gives one answer to all of English dev: the scores count neither as the "
    "best nor in gains.",
}
"""Marks of settings in the table of scores → what they mean."""


def latex_report(data: ReportData) -> str:
    """All tables of a report."""
    parts = [
        table
        for part in data.by_encoder
        for table in (*score_tables(part), *gain_tables(part, data.several_encoders))
    ]
    every = (*data.rankings, *data.sections, *data.closing_sections)
    sections = (
        table
        for section in every
        if not section.wraps
        for table in fitted(section_table(section, data.experiment.name))
    )
    return REQUIREMENTS + "\n" + "\n".join(table.text for table in (*parts, *sections))


def seeds_text(seeds: Sequence[int]) -> str:
    """`seeds 0, 1, 2`, or `one seed (0)`."""
    if len(seeds) == 1:
        return f"one seed ({seeds[0]})"
    return f"seeds {', '.join(map(str, seeds))}"


# scores


@dataclass(frozen=True)
class TargetRows:
    """The scores of a target in points: setting → language → mean over seeds.

    Args:
        settings: in the order of the experiment; each has all of the languages.
        marked: settings whose mean differs significantly from the baseline's.
        collapsed: settings with a collapsed run, which are never the best.
        seen: settings that contain the target's own training data.
    """

    target: str
    metric: str
    languages: Sequence[str]
    settings: Mapping[str, Mapping[str, float]]
    marked: frozenset[str]
    collapsed: frozenset[str] = frozenset()
    seen: frozenset[str] = frozenset()

    def mean(self, setting: str) -> float:
        """Over the languages other than English, if there are any; NaN where one is missing."""
        foreign = [code for code in self.languages if code != ENGLISH] or [ENGLISH]
        return mean_or_nan(pd.Series([self.settings[setting][code] for code in foreign]))

    def rows(self, columns: Sequence[str]) -> list[list[str]]:
        """A row with the target's name, and one for each setting."""
        means = {name: self.mean(name) for name in self.settings}
        rows = []
        for name, scores in self.settings.items():
            mean = self._cell(means, name) + (MARK if name in self.marked else "")
            cells = [self._in_language(name, code) if code in scores else "" for code in columns]
            rows.append([rf"\quad {escaped(name + self.marks(name))}", mean, *cells])
        return [_title(self.target, self.metric), *rows]

    def marks(self, setting: str) -> str:
        """What the caption explains of a setting."""
        return SEEN * (setting in self.seen) + COLLAPSED * (setting in self.collapsed)

    def _in_language(self, setting: str, code: str) -> str:
        return self._cell({name: of[code] for name, of in self.settings.items()}, setting)

    def _cell(self, values: Mapping[str, float], setting: str) -> str:
        if setting in self.collapsed:
            return signed(points(values[setting]))
        usable = {name: value for name, value in values.items() if name not in self.collapsed}
        return _best_in_bold(usable, setting)


def _title(target: str, metric: str) -> list[str]:
    """The row above the settings of a target."""
    return [rf"\textit{{{escaped(target)}}} ({escaped(metric)})"]


def _best_in_bold(values: Mapping[str, float], name: str) -> str:
    """A value in points, in bold if none is higher as printed and another is lower."""
    shown = points(values[name])
    cell = signed(shown)
    known = [float(points(value)) for value in values.values() if not isnan(value)]
    best = shown != NOTHING and float(shown) == max(known) > min(known)
    return bold(cell) if best else cell


def target_scores(results: pd.DataFrame, gains: pd.DataFrame) -> list[TargetRows]:
    """The scores of each target's main metric, of one encoder.

    Args:
        results: see `analysis.results.results_frame`.
        gains: see `analysis.gain_table`.
    """
    if results.empty:
        return []
    main = results[results["metric"] == main_metrics(results)]
    marked = gains[gains["main"] & gains["significant"]].groupby("target")["intermediate"]
    significant = {target: frozenset(names) for target, names in marked}
    found = []
    for target, rows in language_scores(main).groupby("target", sort=False):
        codes = sorted(dict.fromkeys(rows["language"]), key=lambda code: (code != ENGLISH, code))
        settings: dict[str, dict[str, float]] = {
            name: dict.fromkeys(codes, float("nan")) for name in dict.fromkeys(rows["intermediate"])
        }
        columns = (rows[name] for name in ("intermediate", "language", "value"))
        for setting, code, value in zip(*columns, strict=True):
            settings[setting][code] = value
        metric = str(rows["metric"].iloc[0])
        name = str(target)
        held = main[main["target"] == name]
        collapsed, seen = (
            frozenset(held.loc[has_state(held, state), "intermediate"])
            for state in (RunState.COLLAPSED, RunState.SAME_DATA)
        )
        better = significant.get(name, frozenset())
        found.append(TargetRows(name, metric, codes, settings, better, collapsed, seen))
    return found


def score_tables(data: ReportData) -> Iterator[LatexTable]:
    """Scores of targets and settings by language, in as many tables as needed."""
    targets = target_scores(data.results, data.gains)
    caption = (
        f"Scores of {_subject(data)} by target and language in points (0--100), means over "
        f"{seeds_text(data.experiment.seeds)}. Average: over the languages other than English. "
        "Best of each target and language in bold. "
        rf"{MARK}\,average differs significantly from that of "
        f"{escaped(baseline_text(data.experiment.baseline))}: {TEST}. {MISSING}"
        + sentences(_marks_legend(targets), evaluation_legend(data.results["target"]))
    )
    every = {code for target in targets for code in target.languages}
    codes = sorted(every, key=lambda code: (code != ENGLISH, code))
    yield from fitted(
        LatexTable(
            "lr" + "r" * len(codes),
            ["intermediate", "average", *map(escaped, codes)],
            [target.rows(codes) for target in targets],
            caption,
            label_of(data.experiment.name, data.encoder, "scores"),
            f"Scores of {_subject(data)}, continued.",
        ),
        kept=2,
        always_numbered=True,
    )


def _marks_legend(targets: Sequence[TargetRows]) -> str:
    """The meaning of the marks that settings have."""
    used = "".join(one.marks(name) for one in targets for name in one.settings)
    return " ".join(f"{mark} {text}" for mark, text in MARKS.items() if mark in used)


# gains


def gain_tables(data: ReportData, names_encoder: bool = False) -> Iterator[LatexTable]:
    """The gains of the main metrics with intervals, in as many tables as needed."""
    main = data.gains[data.gains["main"]]
    if main.empty:
        return
    has_notes = any(gain_note(row) for _, row in main.iterrows())
    notes = data.nonstandard_splits, data.precision, *data.mixed
    header = ["intermediate", "baseline", "score", "gain", r"95\,\%"]
    header += [r"$p$ (Holm)", "English", "seeds", *(["note"] if has_notes else [])]
    caption = (
        f"Gains of {_subject(data)} over {escaped(baseline_text(data.experiment.baseline))} in "
        "points (0--100), means over languages other than English and over "
        f"{seeds_text(data.experiment.seeds)}. Intervals: paired bootstrap over test examples and "
        f"seeds. Best score of each target in bold. {MARK}\\,significant: {TEST}."
        + _terms(main)
        + sentences(english_legend(main), evaluation_legend(main["target"]), *notes)
    )
    groups = [_gain_rows(rows, has_notes) for _, rows in main.groupby("target", sort=False)]
    yield from fitted(
        LatexTable(
            "lrrrcrrr" + "l" * has_notes,
            header,
            groups,
            caption,
            label_of(data.experiment.name, data.encoder * names_encoder, "gains"),
            f"Gains of {_subject(data)}, continued.",
        ),
        always_numbered=True,
    )


def _gain_rows(rows: pd.DataFrame, has_notes: bool) -> list[list[str]]:
    """The rows of a target, the best of its scores and its baseline in bold."""
    scores = {str(row["intermediate"]): row["score"] for _, row in rows.iterrows()}
    baseline = rows["baseline"].max()
    lines = [_title(rows["target"].iloc[0], rows["metric"].iloc[0])]
    for _, row in rows.iterrows():
        name = str(row["intermediate"])
        of_row = {"baseline": row["baseline"], **scores}
        base = _best_in_bold({**scores, "baseline": baseline}, "baseline")
        gain = signed(points(row["gain"], signed=True)) + (MARK if row["significant"] else "")
        lines.append(
            [
                rf"\quad {escaped(name)}",
                base if row["baseline"] == baseline else signed(points(row["baseline"])),
                _best_in_bold(of_row, name),
                bold(gain) if row["significant"] else gain,
                TOO_WIDE if is_too_wide(row) else signed(interval(row["low"], row["high"])) or "--",
                "--" if isnan(row["p_holm"]) else _p(row["p_holm"]),
                signed(points(row["english"], signed=True)),
                str(row["seeds"]),
                *([escaped(gain_note(row))] if has_notes else []),
            ]
        )
    return lines


def _p(value: float) -> str:
    return "$< 0.001$" if value < 0.001 else f"{value:.3f}"


def _terms(main: pd.DataFrame) -> str:
    """The meaning of the words that the table uses."""
    notes = " ".join(gain_note(row) for _, row in main.iterrows())
    wide = any(is_too_wide(row) for _, row in main.iterrows())
    used = [text for term, text in TERMS.items() if term in notes or (term == TOO_WIDE and wide)]
    if (main["seeds"] == 1).any():
        used.append(TERMS["one seed"])
    return "".join(f" {escaped(text)}." for text in used)


def _subject(data: ReportData) -> str:
    """The experiment and its encoder."""
    return escaped(f"{data.experiment.name} ({', '.join(data.encoder_names)})")


# other tables


def section_table(section: Section, experiment: str = "") -> LatexTable:
    """A table of texts; its notes are in the caption, and columns of numbers on the right.

    Args:
        experiment: for the label, so that a paper can have the tables of several.
    """
    table = section.table
    cells: list[list[str]] = [
        [_text(value) for value in row] for row in table.itertuples(index=False, name=None)
    ]
    return LatexTable(
        "".join("r" if _is_numeric(table.iloc[:, i]) else "l" for i in range(table.shape[1])),
        [escaped(str(name)) for name in table.columns],
        [cells],
        " ".join(map(escaped, map(_sentence, (section.title, *section.notes)))),
        label_of(experiment, section.name),
        escaped(f"{section.title}, continued."),
    )


def _is_numeric(column: pd.Series[Any]) -> bool:
    """Whether all texts of a column are numbers, also with a unit, or missing, and not all are."""
    texts = [str(value) for value in column if value not in (None, "", NOTHING)]
    return bool(texts) and all(map(NUMBER.fullmatch, texts))


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _text(value: Any) -> str:
    text = "" if value is None else str(value)
    return signed(text) if text.lstrip("[+-")[:1].isdigit() else escaped(text)
