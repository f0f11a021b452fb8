"""The report as one self-contained HTML page without network access."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from xstilts.analysis.data_notes import plan_data_notes
from xstilts.analysis.encoder_ranking import RankedEncoder
from xstilts.analysis.encoders_compared import EncodersCompared
from xstilts.analysis.gains import Gains
from xstilts.analysis.language_intervals import LanguageInterval
from xstilts.analysis.precision_note import plan_precision_note
from xstilts.analysis.recipe_choices import recipe_search_results
from xstilts.analysis.selection import SelectedSetting, select_settings
from xstilts.config.experiment import Experiment
from xstilts.core.plan import StageStatus
from xstilts.core.private_text import absolute_paths, without_paths
from xstilts.core.store import Store
from xstilts.planning.compile import CompiledPlan
from xstilts.planning.compiled_experiment import encoders_of, plan_of_encoder
from xstilts.reports.answer_box import answer_lines
from xstilts.reports.benchmarks import benchmark_sections
from xstilts.reports.cost import DEFAULT_POWER, PowerAssumption, cost_section
from xstilts.reports.encoder_ranking import ranking_lines, ranking_sections
from xstilts.reports.eval_splits import nonstandard_splits_note
from xstilts.reports.example_pictures import TargetPictures, example_pictures
from xstilts.reports.forest_plot import ForestPlot, forest_plot
from xstilts.reports.heat_maps import HeatMap, heat_maps
from xstilts.reports.language_bars import LanguageBars, language_bars
from xstilts.reports.language_ranges import language_ranges, range_title
from xstilts.reports.learning_curves import LearningFigure, learning_figures
from xstilts.reports.page_script import page_script, script_source
from xstilts.reports.score_rows import score_rows
from xstilts.reports.sections import Section, best_section, data_section
from xstilts.reports.sources import sources_section
from xstilts.reports.stage_rows import listed_rows, made_with, stage_rows, totals
from xstilts.reports.study import answered, numbers_of, rounded
from xstilts.reports.study_figures import draw
from xstilts.reports.tables import (
    baseline_text,
    english_legend,
    evaluation_legend,
    gain_meaning,
    gain_note,
    points,
)
from xstilts.reports.target_answers import TargetAnswers, target_answers
from xstilts.reports.templating import template
from xstilts.reports.training_languages import training_languages
from xstilts.reports.training_logs import training_logs, trainings_of
from xstilts.reports.trials import trials_section
from xstilts.studies.render import slug
from xstilts.studies.serialize import StoredAnswer


@dataclass(frozen=True)
class ReportData:
    """All data of a report.

    Args:
        results: see `analysis.results.results_frame`.
        run_gains: see `analysis.gains`.
        gains: see `analysis.gain_table`.
        compared: the ranking of several encoders.
        encoder: the name of the encoder, if the data are of one of several.
        language_intervals: see `analysis.language_intervals`.
        power: for the estimate of energy.
        mixed: what compared runs were computed with, if it differs; see `analysis.mixed_runs`.
    """

    experiment: Experiment
    compiled: CompiledPlan
    statuses: Mapping[str, StageStatus]
    store: Store
    results: pd.DataFrame
    run_gains: Gains
    gains: pd.DataFrame
    compared: EncodersCompared | None = None
    encoder: str = ""
    language_intervals: Sequence[LanguageInterval] = ()
    power: PowerAssumption = DEFAULT_POWER
    mixed: Sequence[str] = ()

    @cached_property
    def by_encoder(self) -> tuple[ReportData, ...]:
        """The data of each encoder; of a single one, these data."""
        encoders = encoders_of(self.compiled)
        if len(encoders) < 2:
            return (self,)
        return tuple(
            replace(
                self,
                compiled=plan_of_encoder(self.compiled, encoder),
                results=self.results[self.results["encoder"] == encoder],
                run_gains=self.run_gains.of_encoder(encoder),
                gains=self.gains[self.gains["encoder"] == encoder],
                compared=None,
                encoder=encoder,
                language_intervals=[
                    one for one in self.language_intervals if one.encoder == encoder
                ],
            )
            for encoder in encoders
        )

    @property
    def several_encoders(self) -> bool:
        """Whether the experiment has several encoders."""
        return len(self.by_encoder) > 1

    @property
    def encoder_names(self) -> tuple[str, ...]:
        """The encoders as results name them."""
        return encoders_of(self.compiled)

    @property
    def prefix(self) -> str:
        """Beginning of the ids of one of several encoders."""
        return f"{slug(self.encoder)}-" if self.encoder else ""

    @property
    def nonstandard_splits(self) -> str:
        """Note on targets that are not evaluated on their full test split."""
        return nonstandard_splits_note(self.compiled)

    @property
    def precision(self) -> str:
        """Note on what is computed in bf16."""
        return plan_precision_note(self.compiled.plan.stages)

    @property
    def training_languages(self) -> tuple[str, ...]:
        """Names of the languages of all training data, see `reports.training_languages`."""
        return training_languages(self.compiled, trainings_of(self.compiled))

    @cached_property
    def selected(self) -> list[SelectedSetting]:
        """Each target's best setting."""
        return select_settings(self.compiled, self.store, self.results, self.run_gains)

    @property
    def sections(self) -> list[Section]:
        """The tables below the gains, see `closing_sections`."""
        data = data_section(plan_data_notes(self.compiled.plan.stages, self.store))
        trials = trials_section(recipe_search_results(self.compiled, self.store))
        parts = (section for part in self.by_encoder for section in part.encoder_sections)
        return [*parts, *(section for section in (trials, data) if section)]

    @property
    def closing_sections(self) -> list[Section]:
        """The tables at the end: cost, licences and citations."""
        cost = cost_section(self.compiled.plan.stages, self.store, self.power)
        sources = sources_section(self.experiment, self.compiled.plan.stages)
        return [section for section in (cost, sources) if section]

    @property
    def encoder_sections(self) -> list[Section]:
        """The tables below the gains, of one encoder."""
        benchmarks = benchmark_sections(
            self.results, self.selected, self.experiment.targets, self.compiled, self.encoder
        )
        best = best_section(self.selected, self.encoder)
        return [
            replace(section, name=self.prefix + section.name)
            for section in (*benchmarks, best)
            if section
        ]

    @property
    def rankings(self) -> list[Section]:
        """The tables of the encoders' ranks."""
        return ranking_sections(self.compared) if self.compared else []

    @property
    def studies(self) -> list[StoredAnswer]:
        """Stored answers of studies about the experiment."""
        return list(answered(self.store, self.experiment.name, self.results))


def page(data: ReportData, folder: Path) -> str:
    """The page as text.

    Args:
        folder: where the page will be saved; links to artifacts are relative to it.
    """
    html = template(
        "page.html.j2",
        points=points,
        gain=lambda value: points(value, signed=True),
        range_title=range_title,
        language_ranges=lambda heat_map: list(language_ranges(heat_map)),
        numbers=numbers_of,
        rounded=rounded,
        draw=draw,
        slug=slug,
        gain_note=gain_note,
    )
    parts, studies = list(map(_part, data.by_encoder)), data.studies
    sections, closing = data.sections, data.closing_sections
    stages = list(stage_rows(data.compiled.plan.stages, data.statuses, data.store))
    listed = {row.stage.key: row for row in listed_rows(stages)}
    scores = list(score_rows(((one.encoder, one.prefix, one.maps) for one in parts), listed))
    return html.render(
        experiment=data.experiment,
        script=page_script(),
        script_source=script_source(),
        contents=list(_contents(data.rankings, parts, sections, studies, closing)),
        baseline=baseline_text(data.experiment.baseline),
        encoders=data.encoder_names,
        training_languages=data.training_languages,
        parts=parts,
        has_scores=not data.results.empty,
        ranking_lines=list(ranking_lines(_first_ranking(data))),
        rankings=data.rankings,
        legend=gain_meaning(data.gains)
        + english_legend(data.gains)
        + evaluation_legend(data.gains["target"]),
        nonstandard_splits=data.nonstandard_splits,
        precision=data.precision,
        mixed=data.mixed,
        sections=sections,
        closing=closing,
        studies=studies,
        known={*listed, *(link.key for row in scores for link in row.links)},
        totals=totals(stages),
        stages=list(listed.values()),
        scores=scores,
        unlisted=len(stages) - len(listed),
        artifacts=_link_to_artifacts(data.store.root, folder),
        made_with=made_with(data.statuses, data.store),
        yaml=as_yaml(data.experiment),
    )


def _contents(
    rankings: Sequence[Section],
    parts: Sequence[PagePart],
    sections: Sequence[Section],
    studies: Sequence[StoredAnswer],
    closing: Sequence[Section],
) -> Iterator[tuple[str, str]]:
    """Id and title of each section, in the order of the page."""
    yield from ((section.name, section.title) for section in rankings)
    if any(part.targets for part in parts):
        yield "gains", "Gains"
    yield from ((section.name, section.title) for section in sections)
    yield "languages", "By language"
    if any(part.pictures for part in parts):
        yield "pictures", "Examples with images"
    if any(part.answers.calibrations for part in parts):
        yield "calibration", "Calibration"
    if any(part.answers.confusions for part in parts):
        yield "confusion", "Confusions"
    if any(part.answers.worst for part in parts):
        yield "worst", "Worst examples"
    for study in studies:
        yield f"study-{slug(study.answer.study)}", f"Study: {study.answer.study}"
    if any(part.figures for part in parts):
        yield "curves", "Learning curves"
    yield from (("plan", "Stages"), ("reproduce", "Reproduce"))
    yield from ((section.name, section.title) for section in closing)


def _link_to_artifacts(store: Path, folder: Path) -> str:
    """The folder of artifacts as the page links to it; empty if the store is not below the page.

    So a page that is shared names no folders of the machine, and is the same for any store's path.
    """
    if not store.resolve().is_relative_to(folder.resolve()):
        return ""
    return Path(os.path.relpath(store.resolve() / "artifacts", folder.resolve())).as_posix()


@dataclass(frozen=True)
class PagePart:
    """What the page shows of one encoder; names and ids are empty if it is the only one."""

    encoder: str
    prefix: str
    verdicts: list[str]
    targets: list[str]
    settings: list[str]
    gains: dict[tuple[str, str], pd.Series[Any]]
    others: list[Any]
    maps: list[HeatMap]
    figures: list[LearningFigure]
    forest: ForestPlot | None
    bars: list[LanguageBars]
    pictures: list[TargetPictures]
    answers: TargetAnswers


def _part(data: ReportData) -> PagePart:
    main = data.gains[data.gains["main"]]
    maps = list(
        heat_maps(data.results, data.run_gains, _main_metrics(data), data.language_intervals)
    )
    return PagePart(
        data.encoder,
        data.prefix,
        verdicts=answer_lines(main),
        targets=list(dict.fromkeys(main["target"])),
        settings=list(dict.fromkeys(main["intermediate"])),
        gains={(row["intermediate"], row["target"]): row for _, row in main.iterrows()},
        others=list(data.gains[~data.gains["main"] & data.gains["gain"].notna()].itertuples()),
        maps=maps,
        figures=list(_figures(data)),
        forest=forest_plot(main),
        bars=language_bars(maps),
        pictures=example_pictures(data.compiled, data.store),
        answers=target_answers(data.compiled, data.store, data.selected, data.experiment.name),
    )


def _first_ranking(data: ReportData) -> list[RankedEncoder]:
    """The rows of the baseline's ranking; without a baseline, of the first setting's."""
    rows = data.compared.rows if data.compared else ()
    return [row for row in rows if row.ranking == rows[0].ranking]


def as_yaml(experiment: Experiment) -> str:
    """The experiment with all overrides applied, without default values.

    Reports are shared: of absolute paths only the file's name is shown.
    """
    tree = experiment.model_dump(mode="json", exclude_defaults=True)
    tree = without_paths(tree, absolute_paths(tree))
    return yaml.safe_dump(
        tree, sort_keys=False, allow_unicode=True, width=88, default_flow_style=None
    )


def _main_metrics(data: ReportData) -> dict[str, str]:
    """Target → its main metric."""
    return {cell.target: cell.metrics[0] for cell in data.compiled.cells}


def _figures(data: ReportData) -> Iterator[LearningFigure]:
    """The figures of each training mixture: intermediate settings, then targets."""
    logs = training_logs(data.compiled, data.store)
    trained = (run.name for runs in logs.values() for run in runs)
    settings = list(dict.fromkeys((data.compiled.baseline, *trained)))
    for title, runs in logs.items():
        yield from learning_figures(title, runs, settings, data.compiled.baseline)
