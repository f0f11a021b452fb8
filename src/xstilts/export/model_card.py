"""The model card of an exported model: README.md with the hub's metadata, made from the run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from xstilts.analysis.score_intervals import ScoreInterval
from xstilts.config.recipe import OLD_RECIPE_KEYS, Recipe
from xstilts.core.stage import Stage
from xstilts.export.folder import SENTENCE_TRANSFORMER, WrittenModel
from xstilts.export.reproduction import EXPERIMENT
from xstilts.export.task_head import AUTO_CLASSES
from xstilts.export.trained_model import DataUse, TrainedModel
from xstilts.export.usage import plain_code, usage_code
from xstilts.formats.text_features import joins_pairs
from xstilts.formats.word_subwords import reads_spaces
from xstilts.languages.metadata import language
from xstilts.reports.encoder_citations import encoder_citation
from xstilts.reports.markdown import escaped_cell
from xstilts.reports.tables import NOTHING, points

README = "README.md"
ENGLISH = "en"
NOT_NAMED = "not named"
ALWAYS = ("learning_rate", "batch_size", "epochs", "max_length", "dropout", "warmup_ratio")
"""Fields of a recipe that a card always shows."""


@dataclass(frozen=True)
class CardContent:
    """What a card is made from.

    Args:
        name: of the repository or the folder.
        model: as trained.
        written: as exported.
        scores: one of each target, language, split and metric.
        tests: the test sets.
        experiment: its name; empty if no record of the store has the training.
        command: arguments of the export, for the section on reproduction.
        licence: of the model; empty if none was given.
        precision: what of the scores was computed in bf16; empty if nothing was.
    """

    name: str
    model: TrainedModel
    written: WrittenModel
    scores: Sequence[ScoreInterval]
    tests: Sequence[DataUse]
    experiment: str
    command: str
    licence: str = ""
    precision: str = ""

    @property
    def trained_on(self) -> list[DataUse]:
        """The data of all trainings."""
        return [use for stage in self.model.chain for use in self.model.data_of(stage)]

    @property
    def languages(self) -> list[str]:
        """Codes of the languages that it was trained or tested in; English first."""
        codes = [use.language for use in self.trained_on] + [one.language for one in self.scores]
        return sorted(dict.fromkeys(codes), key=lambda code: (code != ENGLISH, code))


def card_text(content: CardContent) -> str:
    """The card as Markdown, with its metadata."""
    sections = (
        _summary(content),
        _use(content),
        _scores(content),
        _data(content),
        _recipes(content),
        _reproduction(content),
        _details(content),
    )
    return f"---\n{_metadata(content)}---\n\n" + "\n\n".join(filter(None, sections)) + "\n"


def _metadata(content: CardContent) -> str:
    model, written = content.model, content.written
    hubs = dict.fromkeys(use.hub for use in (*content.trained_on, *content.tests) if use.hub)
    results = list(_results(content))
    data = ModelCardData(
        language=list(dict.fromkeys(code.partition("-")[0] for code in content.languages)) or None,
        license=content.licence or None,
        library_name=written.opened_by,
        pipeline_tag=written.pipeline,
        base_model=model.hub_encoder or None,
        datasets=list(hubs) or None,
        metrics=list(dict.fromkeys(one.metric for one in content.scores)) or None,
        tags=["xstilts", "cross-lingual"],
        model_name=content.name.rpartition("/")[2] if results else None,
        eval_results=results or None,
    )
    return data.to_yaml() + "\n"


def _results(content: CardContent) -> Iterator[EvalResult]:
    """The scores for the hub, which reads no NaN: undefined ones are left out."""
    hubs = {use.task: use.hub for use in content.tests}
    for one in content.scores:
        if math.isnan(one.value):
            continue
        yield EvalResult(
            task_type=content.written.pipeline,
            dataset_type=hubs.get(one.target) or one.target,
            dataset_name=f"{one.target} ({one.language})",
            dataset_config=one.language,
            dataset_split=one.split,
            metric_type=one.metric,
            metric_name=one.metric,
            metric_value=round(one.value, 4),
        )


def _summary(content: CardContent) -> str:
    model = content.model
    steps = [_tasks_of(stage) for stage in model.chain]
    then = ", then on ".join(steps)
    seed = model.stage.params.get("seed")
    of = f" of the experiment `{content.experiment}`" if content.experiment else ""
    return (
        f"# {content.name.rpartition('/')[2]}\n\n"
        f"`{model.shown_encoder}`, trained on {then} (seed {seed}){of}. "
        f"Made by xstilts {model.versions.get('xstilts', '')}: cross-lingual transfer with "
        "intermediate training."
    )


def _tasks_of(stage: Stage) -> str:
    return " + ".join(f"`{name}`" for name in stage.params["tasks"])


def _use(content: CardContent) -> str:
    head = content.written.head
    pairs = head is not None and content.model.reads_pairs(head.task)
    code = usage_code(content.written, content.name, pairs=pairs)
    opened = " or ".join(f"`{name}`" for name in content.written.opens_with)
    text = f"## Use\n\nOpens with {opened}.\n\n```python\n{code}```"
    if plain := plain_code(content.written, content.name, pairs=pairs):
        text += f"\n\nWith transformers alone:\n\n```python\n{plain}```"
    if head is not None and content.written.opens_with[0] == SENTENCE_TRANSFORMER:
        name = AUTO_CLASSES[head.format].name
        text += (
            f"\n\n**Not with `{name}`:** it loads this folder with a random head, as it does not "
            "read the trained one, which is in `2_Dense` and `3_Dense`."
        )
    return text


def _scores(content: CardContent) -> str:
    if not content.scores:
        return "## Scores\n\nThe store has no test scores of this training."
    trained = {use.language for use in content.trained_on if use.role == "train"}
    several = len({one.split for one in content.scores}) > 1
    rows = [
        (
            one.target,
            f"{language(one.language).name} ({one.language})",
            *((one.split,) if several else ()),
            one.metric,
            points(one.value),
            _interval(one),
            f"{one.n:,}",
            "yes" if one.language not in trained else "no",
        )
        for one in content.scores
    ]
    split = ("split",) if several else ()
    head = ("task", "language", *split, "metric", "score", "95 %", "examples", "zero-shot")
    table = _table(head, rows)
    zero = "zero-shot: the language is in none of the training data."
    return (
        f"## Scores\n\n{table}\n\nPoints (0–100) of this one model; intervals by the bootstrap "
        f"over test examples, other seeds not included. {zero}"
    )


def _interval(one: ScoreInterval) -> str:
    if math.isnan(one.low):
        return NOTHING
    return f"{points(one.low)} – {points(one.high)}"


def _data(content: CardContent) -> str:
    uses = _merged([*content.trained_on, *content.tests])
    rows = [
        (
            use.task,
            use.role,
            codes,
            "?" if use.rows is None else f"{use.rows:,}",
            use.licence or NOT_NAMED,
            "; ".join(filter(None, (use.source, use.citation))),
        )
        for use, codes in uses
    ]
    table = _table(("task", "part", "languages", "rows", "licence", "source"), rows)
    return (
        f"## Data\n\n{table}\n\n{_encoder(content.model)}\n\nWhether the licences of data "
        "and encoder allow a use of this model is for you to judge."
    )


def _encoder(model: TrainedModel) -> str:
    """The pretrained encoder with its licence, as the report has it."""
    found = encoder_citation(model.source, model.shown_encoder)
    facts = (f"licence: {found.licence}", found.source, found.citation)
    return f"Encoder: `{found.name}` ({'; '.join(filter(None, facts))})."


def _merged(uses: Iterable[DataUse]) -> Iterator[tuple[DataUse, str]]:
    """One use for all languages of a task and part, with their codes; rows are added up.

    Rows that are read several times, as by two trainings, count once: the largest number of them.
    """
    groups: dict[tuple[str, str], list[DataUse]] = {}
    for use in uses:
        groups.setdefault((use.task, use.role), []).append(use)
    for group in groups.values():
        rows: dict[tuple[str, str], int] = {}
        for use in group:
            part = use.language, use.split
            rows[part] = max(rows.get(part, 0), use.rows or 0)
        known = None if any(use.rows is None for use in group) else sum(rows.values())
        codes = dict.fromkeys(use.language for use in group)
        first = group[0]
        merged = DataUse(
            first.task,
            first.role,
            first.language,
            first.split,
            known,
            first.licence,
            first.source,
            first.citation,
            first.hub,
        )
        yield merged, ", ".join(codes)


def _recipes(content: CardContent) -> str:
    chain = content.model.chain
    every = dict.fromkeys(name for stage in chain for name in stage.params["recipe"])
    shown = [label for label in _shown_fields(chain) if label in _labelled(every)]
    names = [_labelled(every)[label] for label in shown]
    rows = [
        (label, *(_value(stage.params["recipe"].get(name)) for stage in chain))
        for label, name in zip(shown, names, strict=True)
    ]
    table = _table(("", *map(_tasks_of, chain)), rows)
    return f"## Recipe\n\n{table}\n\nOther values are the defaults of xstilts."


def _labelled(names: Iterable[str]) -> dict[str, str]:
    """Current name of a field of a recipe → its name in stages."""
    return {OLD_RECIPE_KEYS.get(name, name): name for name in names}


def _shown_fields(chain: Sequence[Stage]) -> list[str]:
    """The fields of a recipe that are always shown, and those that differ from their default."""
    changed = {
        label
        for stage in chain
        for label, name in _labelled(stage.params["recipe"]).items()
        if label in Recipe.model_fields
        and stage.params["recipe"][name] != Recipe.model_fields[label].default
    }
    return [label for label in Recipe.model_fields if label in changed or label in ALWAYS]


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_value(part)}" for key, part in value.items())
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else str(value)


def _reproduction(content: CardContent) -> str:
    version = content.model.versions.get("xstilts", "")
    if not content.experiment:
        return ""
    return (
        f"## Reproduce\n\nThe experiment is in `{EXPERIMENT}`. Install xstilts {version} first: "
        "`pip install .` in a clone of its repository at that version.\n\n```sh\n"
        f"xstilts run {EXPERIMENT}\n"
        f"xstilts export {content.command}\n```"
    )


def _details(content: CardContent) -> str:
    model, written = content.model, content.written
    versions = ", ".join(
        f"{name} {model.versions[name]}"
        for name in ("torch", "transformers", "tokenizers")
        if name in model.versions
    )
    lines = [
        f"stage `{model.stage.key}` ({model.stage.label})",
        f"trained with {versions}" if versions else "",
        f"texts are cut at {written.max_length} sub-words" if written.max_length else "",
        f"largest difference of outputs from the model in the store, in fp32: "
        f"{written.difference.largest:.1e}",
        f"the scores are of {content.precision}: in fp32 some predictions can differ"
        if content.precision
        else "",
        *written.notes,
        *_reading_notes(content),
    ]
    return "## Details\n\n" + "\n".join(f"- {line}" for line in lines if line)


def _reading_notes(content: CardContent) -> Iterator[str]:
    head, recipe = content.written.head, content.model.recipe
    if head and head.format == "span":
        yield (
            f"longer texts were read in windows whose starts are {recipe.get('stride')} sub-words "
            f"apart, and questions cut at {recipe.get('question_length')}"
        )
    tokenizer = content.model.files.tokenizer()
    if head and head.format == "tagging":
        given = "joined with spaces" if reads_spaces(tokenizer) else "`is_split_into_words=True`"
        yield f"sentences were read as words: {given}; a word has the tag of its first sub-word"
    if joins_pairs(tokenizer):
        yield "the second text of a pair was read after a line break, which the tokenizer omits"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [list(head), ["---"] * len(head), *map(list, rows)]
    return "\n".join("| " + " | ".join(map(escaped_cell, line)) + " |" for line in lines)
