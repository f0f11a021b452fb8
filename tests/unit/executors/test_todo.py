"""Decisions are those of the plain rule over all stages, and read few of them."""

from __future__ import annotations

import random

import pytest

from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.executors import todo as module
from xstilts.executors.schedule import choose_stage
from xstilts.executors.todo import TodoStages


class PlainRule:
    """The same stages, in a list that every decision reads."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.finished = plan, set[str]()
        self.order: list[str] = []
        self.not_before: dict[str, float] = {}

    def choose(self, loaded: str, elsewhere: set[str], now: float) -> Stage | None:
        stages = [self.plan.by_key[key] for key in self.order]
        ready = [
            stage
            for stage in stages
            if self.finished.issuperset(stage.inputs.values())
            and self.not_before.get(stage.key, 0.0) <= now
        ]
        return choose_stage(ready, loaded, elsewhere)


def random_plan(source: random.Random, size: int) -> Plan:
    """A plan with few affinities; some stages have none."""
    stages: list[Stage] = []
    for number in range(size):
        used = source.sample(stages, min(len(stages), source.choice((0, 1, 1, 2, 3))))
        inputs = {f"input {index}": stage.key for index, stage in enumerate(used)}
        affinity = source.choice(("", "a", "b", "c", "d"))
        stages.append(Stage("toy", 1, {"number": number}, inputs, affinity=affinity))
    return Plan.of(stages)


@pytest.mark.parametrize("seed", range(40))
def test_choices_are_those_of_the_plain_rule(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    source, now = random.Random(seed), [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    plan = random_plan(source, 60)
    plain, todo = PlainRule(plan), TodoStages(plan)
    keys = [stage.key for stage in plan.stages]
    plain.order = list(keys)
    todo.reset(keys, ())
    running: list[Stage] = []
    for _ in range(400):
        loaded = source.choice(("", "a", "b", "c"))
        elsewhere = set(source.sample(("a", "b", "c", "d"), source.randrange(4)))
        expected = plain.choose(loaded, elsewhere, now[0])
        assert todo.choose(loaded, elsewhere) == expected
        if expected and source.random() < 0.7:
            running.append(expected)
            plain.order.remove(expected.key)
            todo.remove(expected.key)
        now[0] += source.random()
        if running:
            stage = running.pop(source.randrange(len(running)))
            _end(source, stage.key, plain, todo, now[0])
        if source.random() < 0.02:  # an artifact was found damaged
            lost = source.choice(keys)
            plain.finished.discard(lost)
            active = {stage.key for stage in running}
            plain.order = [k for k in keys if k not in plain.finished and k not in active]
            todo.reset(list(plain.order), plain.finished)
        assert {*todo} == {*plain.order}
        assert len(todo) == len(plain.order)


def _end(source: random.Random, key: str, plain: PlainRule, todo: TodoStages, now: float) -> None:
    end = source.choice(("done", "done", "done", "lost", "stopped", "busy", "failed"))
    if end == "done":
        plain.finished.add(key)
        todo.finish(key)
    elif end == "lost":
        plain.order.insert(0, key)
        todo.put_first(key)
    elif end == "stopped":
        plain.order.append(key)
        todo.put_last(key)
    elif end == "busy":
        plain.order.append(key)
        plain.not_before[key] = now + 0.5
        todo.put_last(key, now + 0.5)


def test_ready_stages_are_in_their_order() -> None:
    plan = random_plan(random.Random(0), 30)
    todo = TodoStages(plan)
    todo.reset([stage.key for stage in plan.stages], ())
    assert todo.ready() == [stage for stage in plan.stages if not stage.inputs]


@pytest.mark.parametrize("affinities", [1, 300])
def test_a_decision_reads_few_stages(affinities: int, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = [0]
    plain = TodoStages._is_current

    def counted(todo: TodoStages, entry: tuple[int, str]) -> bool:
        looks[0] += 1
        return plain(todo, entry)

    monkeypatch.setattr(TodoStages, "_is_current", counted)
    stages = [Stage("toy", 1, {"n": n}, affinity=str(n % affinities)) for n in range(3000)]
    todo = TodoStages(Plan.of(stages))
    todo.reset([stage.key for stage in stages], ())
    busy = {str(number) for number in range(8)}
    while stage := todo.choose("9", busy):
        todo.remove(stage.key)
        todo.finish(stage.key)
    assert not len(todo)
    assert looks[0] < 40 * len(stages)
