"""From an experiment to its plan: the three phases as stages, shared wherever they agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any

from xstilts.config.experiment import Experiment, Recipe
from xstilts.config.load import Loaded
from xstilts.config.setting import BASELINE, Part, Setting, mixture_name, parse_setting
from xstilts.core.errors import ConfigError
from xstilts.core.plan import Plan
from xstilts.core.stage import Cost, Stage
from xstilts.formats import EMBEDDED
from xstilts.formats import VERSIONS as FORMAT_VERSIONS
from xstilts.metrics import METRICS
from xstilts.models.source import Source
from xstilts.stages import VERSIONS
from xstilts.stages.check import check
from xstilts.stages.cost import (
    TOUCHED_ROWS,
    encoder_cost,
    forward_cost,
    prepare_cost,
    score_cost,
    train_cost,
    translate_cost,
)
from xstilts.stages.names import Names
from xstilts.tasks.base import TaskSpec
from xstilts.train.mixture import turns
from xstilts.translate import identity

SEARCH = {"retrieval": "search", "mining": "mine"}
"""How each format that is not trained gets from vectors to predictions."""
TEXT = "masked_lm"


@dataclass(frozen=True)
class Cell:
    """One place in the results: which score stage fills it, and which trainings lead to it."""

    encoder: str
    intermediate: str
    target: str
    language: str
    split: str
    seed: int
    metrics: tuple[str, ...]
    key: str
    trained_by: tuple[str, ...]
    same_data: bool


@dataclass(frozen=True)
class Compiled:
    """A plan and the cells that its score stages fill."""

    plan: Plan
    cells: tuple[Cell, ...]


def compile_experiment(loaded: Loaded) -> Compiled:
    """The plan of an experiment, made without torch, weights or data.

    Raises:
        ConfigError: names that do not exist or do not fit together.
    """
    return _Compiler(Names(loaded)).compile()


@dataclass
class _Compiler:
    names: Names
    stages: dict[str, Stage] = field(default_factory=dict)
    cells: list[Cell] = field(default_factory=list)
    prepared: dict[tuple[str, str, str], str] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)
    """Trainings that change every row of the embedding matrix."""

    @property
    def experiment(self) -> Experiment:
        return self.names.experiment

    @property
    def source(self) -> Source:
        return self.names.source

    def compile(self) -> Compiled:
        settings = [parse_setting(text) for text in self.experiment.intermediate]
        check(self.names, settings)
        for target in self.experiment.targets:
            task = self.names.task(target)
            for setting in settings:
                if setting.chain == ((Part(target),),) and self.names.training(task).task == target:
                    continue  # a task after itself is just more epochs of it
                for seed in self.experiment.seeds:
                    self._cells_of(setting, task, seed)
        if not self.cells:
            raise ConfigError(
                "nothing is left to run: every target is its own and only intermediate task, or "
                "a retrieval target with no language but English",
                where="targets",
                todo=f"add {BASELINE} or another task to `intermediate`, or more languages",
            )
        return Compiled(Plan.of(self.stages.values()), tuple(self.cells))

    # stages

    def add(
        self,
        kind: str,
        params: Mapping[str, Any],
        inputs: Mapping[str, str],
        label: str,
        cost: Cost,
        **rest: Any,
    ) -> str:
        """Add a stage, if it is new, and return its key."""
        stage = Stage(kind, VERSIONS[kind], params, inputs, label, cost, **rest)
        return self.stages.setdefault(stage.key, stage).key

    @cached_property
    def encoder(self) -> str:
        folder = self.source.folder
        return self.add(
            "encoder",
            {"source": self.source.params},
            {},
            f"encoder {self.source.name}",
            encoder_cost(self.source.habits),
            context={"folder": str(folder)} if folder else {},
        )

    def rows(self, task: TaskSpec, part: str, language: str) -> str:
        """The examples that play a part, in one language."""
        place = task.name, part, language
        if place not in self.prepared:  # every setting and seed asks for the same ones
            self.prepared[place] = self._prepare(task, part, language)
        return self.prepared[place]

    def _prepare(self, task: TaskSpec, part: str, language: str) -> str:
        share = self.names.share(task, part)
        params = {
            "task": task.name,
            "version": task.version,
            "split": share.split,
            "language": language,
            "limit": self.names.limit(task.name, part),
            "data": task.fingerprint(share.split, language),
        }
        if not share.is_whole:
            params["share"] = [share.low, share.high]
        data = self.names.data
        context: dict[str, Any] = {"data": str(data)} if data else {}
        if task.pinned and self.experiment.revisions:
            context["revisions"] = dict(self.experiment.revisions)
        if own := self.experiment.tasks.get(task.name):
            context["folder"] = str(self.names.loaded.folder)
            context["file_task"] = own.model_dump(mode="json")
        return self.add(
            "prepare",
            params,
            {},
            f"prepare {task.name} {share.name} {language}",
            prepare_cost(self.names.count(task, part, language)),
            affinity=f"prepare {language}",
            context=context,
        )

    def _training_rows(self, task: TaskSpec, role: str, language: str) -> str:
        """The task's own data in a language, else its English data translated into it."""
        choice, names = self.experiment.translator, self.names
        if choice is None or language in task.splits.get(names.share(task, role).split, ()):
            return self.rows(task, role, language)
        source, folder = task.train_language, names.loaded.folder
        params = {
            "translator": identity(choice, source, language, folder, task.name),
            "source": source,
            "target": language,
            "format": task.format,
        }
        context = {
            "translator": choice.model_dump(mode="json"),
            "folder": str(folder),
            "task": task.name,
        }
        return self.add(
            "translate",
            params,
            {"rows": self.rows(task, role, source)},
            f"translate {task.name} {names.share(task, role).name} {language}",
            translate_cost(names.count(task, role, source)),
            context=context,
        )

    def train(
        self, parts: Sequence[Part], base: str | None, recipe: Recipe, seed: int, label: str
    ) -> str:
        inputs = {"encoder": self.encoder}
        if base:
            inputs["base"] = base
        tasks = {part: self.names.task(part.task) for part in parts}
        for part, task in tasks.items():
            for language in _languages(part, task):
                for role in ("train", "dev"):
                    rows = self._training_rows(task, role, language)
                    inputs[f"{role}:{task.name}:{language}"] = rows
        params = {
            "tasks": {task.name: _trained(part, task) for part, task in tasks.items()},
            "recipe": recipe.identity(),
            "pooling": self.names.pooling,
            "seed": seed,
        }
        context = recipe.outside()
        whole = base in self.whole or any(task.format == TEXT for task in tasks.values())
        cost = self._train_cost(tasks, recipe, whole=whole)
        key = self.add("train", params, inputs, label, cost, context=context)
        self.whole |= {key} if whole else set()
        return key

    def _train_cost(self, tasks: Mapping[Part, TaskSpec], recipe: Recipe, *, whole: bool) -> Cost:
        sizes = {task.name: self._count(task, part, "train") for part, task in tasks.items()}
        on_dev = {task.name: self._count(task, part, "dev") for part, task in tasks.items()}
        texts = {task.name for task in tasks.values() if task.format == TEXT}
        steps = turns(sizes, on_top=texts, **recipe.mixing())
        seen = {
            task.name: task.subwords
            * (
                steps[task.name] * min(sizes[task.name], recipe.batch_size)
                + recipe.evaluations * on_dev[task.name] / 3  # forward alone
            )
            for task in tasks.values()
        }
        masked = recipe.masked * sum(seen[name] for name in texts)
        rows = self.source.habits.vocabulary if whole else TOUCHED_ROWS
        return train_cost(self.source.habits, sum(seen.values()), sum(steps.values()), masked, rows)

    def _count(self, task: TaskSpec, part: Part, role: str) -> int:
        """Rows to expect in all languages that a task is trained in."""
        return sum(self.names.count(task, role, code) for code in _languages(part, task))

    def intermediate(self, setting: Setting, seed: int) -> tuple[str, ...]:
        """Keys of the setting's training stages, in order; none for the baseline."""
        keys: list[str] = []
        for depth, mixture in enumerate(setting.chain, start=1):
            name = " > ".join(mixture_name(mixture) for mixture in setting.chain[:depth])
            base = keys[-1] if keys else None
            recipe = self.names.recipe(None)
            keys.append(self.train(mixture, base, recipe, seed, f"train {name} seed {seed}"))
        return tuple(keys)

    # results

    def _cells_of(self, setting: Setting, task: TaskSpec, seed: int) -> None:
        trained = self.intermediate(setting, seed)
        if task.format in EMBEDDED:
            scored = self._searched(setting, task, trained, seed)
        else:
            base = trained[-1] if trained else None
            part = self.names.training(task)
            label = f"train {_after(part.name, setting)} seed {seed}"
            recipe = self.names.recipe(task.name)
            trained = (*trained, self.train([part], base, recipe, seed, label))
            scored = self._predicted(setting, task, trained[-1], seed)
        for target, language, key in scored:
            self.cells.append(
                Cell(
                    encoder=self.source.name,
                    intermediate=setting.name,
                    target=target,
                    language=language,
                    split=self.names.share(task, self.experiment.evaluate).name,
                    seed=seed,
                    metrics=task.metrics,
                    key=key,
                    trained_by=trained,
                    same_data=self._same_data(task, setting),
                )
            )

    def _same_data(self, target: TaskSpec, setting: Setting) -> bool:
        """Whether the setting trains on the target's own training data."""
        if target.format in EMBEDDED:
            return False
        own = self.names.task(self.names.training(target).task)
        seen = {name for part in setting.tasks for name in (part, *self.names.task(part).holds)}
        return bool(seen & {target.name, own.name, *own.holds})

    def _score_params(self, task: TaskSpec, language: str) -> dict[str, Any]:
        versions = {name: METRICS.get(name).version for name in task.metrics}
        known = _language(language, task.metrics)
        return {"format": task.format, "metrics": versions, **known}

    def _predicted(
        self, setting: Setting, task: TaskSpec, model: str, seed: int
    ) -> Iterator[tuple[str, str, str]]:
        what, part = _after(task.name, setting), self.experiment.evaluate
        trained = self.names.task(self.names.training(task).task)
        recipe = self.names.recipe(task.name)
        params = {
            "task": trained.name,
            **_format(task),
            "labels": list(task.labels if task.format == "span" else trained.labels),
            "pooling": self.names.pooling,
            "reading": recipe.reading(task.format),
        }
        for language in self.names.languages(task):
            rows = self.rows(task, part, language)
            count = self.names.count(task, part, language)
            tokens = count * task.subwords
            predictions = self.add(
                "predict",
                params,
                {"encoder": self.encoder, "model": model, "rows": rows},
                f"predict {what} {language} seed {seed}",
                forward_cost(self.source.habits, tokens, 20 * count),
                affinity=model,
            )
            score = self.add(
                "score",
                self._score_params(task, language),
                {"rows": rows, "predictions": predictions},
                f"score {what} {language} seed {seed}",
                score_cost(count),
            )
            yield task.name, language, score

    def _searched(
        self, setting: Setting, task: TaskSpec, trained: tuple[str, ...], seed: int
    ) -> Iterator[tuple[str, str, str]]:
        """Cells of a target that is searched by vectors, one for each layer and pooling."""
        ways = list(product(self.names.layers(), self.names.poolings()))
        for way in ways:
            name = task.name if len(ways) == 1 else f"{task.name} (layer {way[0]}, {way[1]})"
            what = _after(name, setting) + (f" seed {seed}" if trained else "")
            for language in self.names.languages(task):
                if language != task.english_side:
                    search = _Search(task, language, trained, way, f"{what} {language}")
                    yield name, language, self._search_score(search)

    def _search_score(self, search: _Search) -> str:
        task, part = search.task, self.experiment.evaluate
        tuning: dict[str, str] = {}
        if task.format == "mining" and self._can_tune(search):
            found = self._found(search, "dev", {})
            tuning = {f"tuning:{name}": key for name, key in found.items()}
        inputs = self._found(search, part, tuning)
        cost = score_cost(2 * self.names.count(task, part, search.language))
        label = f"score {search.what}"
        params = self._score_params(task, search.language)
        return self.add("score", params, inputs, label, cost)

    def _can_tune(self, search: _Search) -> bool:
        """Whether there is a dev set apart from what is evaluated."""
        task, part = search.task, self.experiment.evaluate
        dev, evaluated = self.names.share(task, "dev"), self.names.share(task, part)
        return search.language in task.splits.get(dev.split, ()) and not dev.overlaps(evaluated)

    def _found(self, search: _Search, part: str, tuning: dict[str, str]) -> dict[str, str]:
        """The inputs of a score: both sides' rows, and what was found with their vectors."""
        task, language = search.task, search.language
        rows, vectors = {}, {}
        for side, code in (("here", language), ("english", search.english)):
            rows[f"rows:{side}"] = self.rows(task, part, code)
            vectors[f"vectors:{side}"] = self._vectors(search, part, code)
        kind = SEARCH[task.format]
        params: dict[str, Any] = {"layer": search.way[0], "pooling": search.way[1]}
        if kind == "mine":
            params["neighbours"] = self.experiment.retrieval.neighbours
        count = self.names.count(task, part, language)
        label = f"{kind} {search.what}{' dev' if part != self.experiment.evaluate else ''}"
        cost = Cost(0.1, 20 * count)
        inputs = {**rows, **vectors, **tuning}
        return {**rows, **tuning, "predictions": self.add(kind, params, inputs, label, cost)}

    def _vectors(self, search: _Search, part: str, code: str) -> str:
        """One pass of the encoder over a side; the vectors of every layer and pooling."""
        task, habits, trained = search.task, self.source.habits, search.trained
        inputs = {"encoder": self.encoder, "rows": self.rows(task, part, code)}
        if trained:
            inputs["base"] = trained[-1]
        params = {
            "format": task.format,
            "layers": list(self.names.layers()),
            "poolings": list(self.names.poolings()),
            "max_length": self.experiment.retrieval.max_length,
        }
        count = self.names.count(task, part, code)
        size = 4 * habits.width * count * len(self.names.layers()) * len(self.names.poolings())
        cost = forward_cost(habits, count * task.subwords, size)
        affinity = trained[-1] if trained else self.encoder
        label = f"embed {search.what} {code}"
        return self.add("embed", params, inputs, label, cost, affinity=affinity)


@dataclass(frozen=True)
class _Search:
    """One language of a target that is searched by vectors."""

    task: TaskSpec
    language: str
    trained: tuple[str, ...]
    way: tuple[int, str]
    what: str

    @property
    def english(self) -> str:
        return self.task.english_side.format(language=self.language)


def _languages(part: Part, task: TaskSpec) -> tuple[str, ...]:
    """The languages that a task is trained in."""
    return part.languages or task.train_languages


def _trained(part: Part, task: TaskSpec) -> dict[str, Any]:
    """What the training stage must know of a task; a metric knows one language of dev."""
    (language, *others) = part.languages or (task.train_language,)
    if others:
        language = task.train_language
    return {
        **_format(task),
        "labels": list(task.labels),
        "metric": task.metrics[0],
        "metric_version": METRICS.get(task.metrics[0]).version,
        **_language(language, task.metrics[:1]),
    }


def _format(task: TaskSpec) -> dict[str, Any]:
    """The format as a parameter, with its version where that is not the first."""
    version = FORMAT_VERSIONS.get(task.format)
    return {"format": task.format, **({"format_version": version} if version else {})}


def _language(language: str, metrics: tuple[str, ...]) -> dict[str, str]:
    """The language as a parameter, for stages whose metrics depend on it."""
    needed = any(METRICS.get(name).by_language for name in metrics)
    return {"language": language} if needed else {}


def _after(target: str, setting: Setting) -> str:
    return f"{target} after {setting.name}" if setting.chain else f"{target} (baseline)"
