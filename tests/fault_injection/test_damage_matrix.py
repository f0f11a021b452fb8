"""The damage matrix: no damaged file of a store changes a number without a word."""

from __future__ import annotations

import json
import random
from collections.abc import Collection
from itertools import cycle
from pathlib import Path

import pytest

from xstilts.core import leases
from xstilts.core.artifact import MANIFEST
from xstilts.testing.damage_matrix import (
    Copy,
    DamageVerdict,
    Matrix,
    MatrixCell,
    Outcome,
    Trial,
    judge,
    judged,
    kinds_of,
    run_words,
    trials,
)
from xstilts.testing.damages import DAMAGES
from xstilts.testing.full_store import FullStore, commands, make_full_store

QUICK = ("status", "results", "all results", "plan", "status", "all results")
OFTEN = ("plan", "status", "results", "all results", "trials", "claims", "report csv", "recommend")
FEW_RUNS = 4
SELDOM = ("report md", "report html", "study")
SHOWN_PARTS = ("artifacts", "experiments", "studies", "journal.jsonl")
"""What reports and studies read more of than tables do."""


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> FullStore:
    return make_full_store(tmp_path_factory.mktemp("full"))


@pytest.fixture(autouse=True)
def _quick_runs(in_process: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stages run in this process, and nobody waits for a lease that cannot be read."""
    monkeypatch.setattr(leases, "EXPIRY", 0.1)


class Bench:
    """A copy of the interrupted store, and what each command prints without damage."""

    def __init__(self, full: FullStore, folder: Path, names: Collection[str]) -> None:
        self.full, self.out = full, folder / "out"
        self.copy = Copy.of(full.interrupted, folder / "store")
        listed = commands(full, self.copy.path, self.out)
        self.commands = {name: words for name, words in listed if name in names}
        self.before: dict[str, Outcome] = {}
        for name, words in self.commands.items():
            self.before[name] = run_words(words, self.out, self.copy.path)
            self.copy.restore()
            assert self.before[name].exit_code == 0, self.before[name]

    def trials(self, each: int = 1) -> list[Trial]:
        return list(trials(kinds_of(self.full.interrupted, self._kind_of_stage), each))

    def judge(self, chosen: Collection[tuple[Trial, str]]) -> Matrix:
        matrix = Matrix()
        for trial, name in chosen:
            words = [(name, self.commands[name])]
            for cell in judged(self.copy, trial, words, self.before, self.out):
                matrix.add(cell)
        return matrix

    def _kind_of_stage(self, key: str) -> str:
        for root in (self.full.finished, self.full.finished / "features"):
            manifest = root / "artifacts" / key / MANIFEST
            if manifest.exists():
                kind: str = json.loads(manifest.read_text())["stage"]["kind"]
                return kind
        return ""


def is_expected(trial: Trial) -> bool:
    """Whether the damage is what a person does: an experiment without its record is not listed."""
    return trial.kind.startswith("experiments") and trial.damage == "missing"


def faults(matrix: Matrix) -> list[str]:
    return [
        f"{cell.command}: {cell.file} {cell.damage}: {cell.verdict} {cell.detail[-300:]}"
        for cell in matrix.faults
    ]


def contents(store: Path) -> dict[str, bytes]:
    """The files of all artifacts but manifests, which have times."""
    files = (path for path in (store / "artifacts").rglob("*") if path.is_file())
    return {
        str(path.relative_to(store)): path.read_bytes()
        for path in files
        if path.name not in (MANIFEST, "dropped.json")
    }


def differing(full: FullStore, store: Path) -> list[str]:
    """The files of the finished store's artifacts that a store lacks or has with other bytes.

    Files that were dropped there may be here: what needs them makes them again.
    """
    wanted, present = contents(full.finished), contents(store)
    return sorted(name for name in wanted if wanted[name] != present.get(name))


def check_runs(bench: Bench, chosen: Collection[Trial]) -> Matrix:
    """Damage a file and run: what the run detects it makes again, with equal bytes."""
    matrix, store = Matrix(), bench.copy.path
    for trial in chosen:
        if trial.apply(store):
            outcome = run_words(bench.commands["run"], bench.out, store)
            verdict, said = judge(bench.before["run"], outcome, trial.file)
            wrong = differing(bench.full, store) if outcome.exit_code == 0 else []
            if (verdict is DamageVerdict.DETECTED and wrong) or set(wrong) - {str(trial.file)}:
                verdict, said = DamageVerdict.SILENT, f"other bytes: {wrong}"
            matrix.add(MatrixCell(trial.kind, trial.file, trial.damage, "run", verdict, said))
        bench.copy.restore()
    return matrix


def test_no_command_hides_damage(full: FullStore, tmp_path: Path) -> None:
    bench = Bench(full, tmp_path, QUICK)
    every = [trial for trial in bench.trials() if not is_expected(trial)]
    random.Random(0).shuffle(every)
    chosen, kinds, damages = list[Trial](), dict[str, int](), dict[str, int]()
    for trial in every:
        if kinds.get(trial.kind, 0) < 2:
            chosen.append(trial)
            kinds[trial.kind] = kinds.get(trial.kind, 0) + 1
            damages[trial.damage] = damages.get(trial.damage, 0) + 1
    assert len(damages) == len(DAMAGES)
    matrix = bench.judge(list(zip(chosen, cycle(QUICK), strict=False)))
    assert faults(matrix) == []


@pytest.mark.faults
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", [*OFTEN, *SELDOM])
def test_no_command_hides_any_damage(full: FullStore, tmp_path: Path, name: str) -> None:
    bench = Bench(full, tmp_path, [name])
    every = [trial for trial in bench.trials() if not is_expected(trial)]
    if name in SELDOM:
        every = [trial for trial in every if trial.kind.startswith(SHOWN_PARTS)]
    matrix = bench.judge([(trial, name) for trial in every])
    print(matrix.table(0))
    print(matrix.table(1))
    assert faults(matrix) == []


def test_a_run_makes_damaged_files_again(full: FullStore, tmp_path: Path) -> None:
    bench = Bench(full, tmp_path, ["run"])
    chosen = random.Random(1).sample(bench.trials(), FEW_RUNS)
    assert faults(check_runs(bench, chosen)) == []


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_a_run_makes_any_damaged_file_again(full: FullStore, tmp_path: Path) -> None:
    bench = Bench(full, tmp_path, ["run"])
    matrix = check_runs(bench, bench.trials())
    print(matrix.table(0))
    assert faults(matrix) == []
