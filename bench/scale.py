"""Write `docs/scale.md`: simulated schedules of a large study, and measured commands on its store.

`python -m bench.scale [--stages N …]`: sizes of the measured stores, by default 1,000 and 50,000.
Takes several minutes, 1 GB of memory and 500,000 small files in the folder for temporary files.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xstilts.core.plan import Plan

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "scale.md"
PRESET = "phang-2020"
GPUS = (1, 8, 64)
NODES = (10_000, 100_000)
PARTS = (
    "intermediate=[none,anli-plus,mnli,qqp,squad-v1,squad-v2,hellaswag,cosmosqa,commonsenseqa]",
    "targets=[xnli,paws-x,udpos,pan-x,xquad,mlqa,tydiqa,tatoeba]",
)
"""What of the preset needs no data folder."""
SMALL = ("intermediate=[none,mnli]", PARTS[1])
PER_SEED, SMALL_PER_SEED = 3430, 790
FIRST = "run, first"
"""The run that computes the gains, which later ones read."""
VERBS = ("--help", "status", "plan", "results", FIRST, "run")
KEPT = ("all", "encoders", "none")
HEAD = """\
# Scale

Written by `make bench-scale` (`python -m bench.scale`). What is **simulated** is the real scheduler
and run loop over workers that run nothing and let virtual time pass; what is **measured** is the
time and memory of this package's own work. Nothing on this page was measured on a GPU.
"""


@dataclass(frozen=True)
class Measured:
    """A command's own process: seconds until it ended, seconds of the processor, MB at its peak."""

    verb: str
    wall: float
    processor: float
    megabytes: float


def main() -> None:
    """Simulate, measure and write the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale")
    parser.add_argument("--stages", type=int, nargs="*", default=[1_000, 50_000])
    parser.add_argument("--nodes", type=int, help=argparse.SUPPRESS)
    if sys.argv[1:2] == ["--command"]:
        run_command(sys.argv[2:])
        return
    given = parser.parse_args()
    if given.nodes:
        _random(given.nodes)
        return
    lines = [HEAD, *_schedule(), *_disk(), *_operations(), *_decisions(), *_commands(given.stages)]
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"written: {PAGE.relative_to(ROOT)}")


def _schedule() -> Iterator[str]:
    from bench.simulation import gpu_seconds, simulate
    from xstilts.planning.cost import TFLOPS

    plan = _plan()
    yield f"\n## {PRESET} on several GPUs (simulated)\n"
    yield (
        f"{len(plan.stages):,} stages with XLM-R Large. Seconds of a stage on a GPU are an\n"
        "assumption, not a measurement: its fixed seconds + its floating-point operations /\n"
        f"({TFLOPS:g} × 10^12 per second), with operations from the encoder's shape and expected\n"
        "sub-words (`planning/cost.py`). Reading models, the network and the start of processes\n"
        "are left out. One stage runs on one GPU. No order is faster than the longest chain of\n"
        "stages, or than all stages divided by the GPUs.\n"
    )
    yield _head("GPUs", "hours", "least possible", "longest chain", "GPU-hours", "utilisation",
                "models loaded")  # fmt: skip
    for gpus in GPUS:
        one = simulate(plan, gpus, gpu_seconds)
        hours = (one.makespan, one.bound, one.critical, one.total)
        texts = " | ".join(f"{seconds / 3600:.2f}" for seconds in hours)
        yield f"| {gpus} | {texts} | {one.utilisation:.1%} | {one.loads:,} |"
    one = simulate(plan, 1, gpu_seconds)
    yield (
        f"\nMore than {one.total / one.critical:.0f} GPUs cannot help, unless\n"
        "`--devices-per-stage` divides the trainings of the longest chain.\n"
    )


def _head(*columns: str) -> str:
    return f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|"


def _plan() -> Plan:
    import xstilts
    from xstilts.planning.compile import compile_experiment

    return compile_experiment(xstilts.load(PRESET)).plan


def _disk() -> Iterator[str]:
    import xstilts
    from bench.simulation import gpu_seconds
    from xstilts.core.plan import Plan
    from xstilts.planning.compile import compile_experiment
    from xstilts.planning.disk import disk_use
    from xstilts.planning.retention import droppable_stages

    compiled = compile_experiment(xstilts.load(PRESET))
    stages = compiled.plan.stages
    seconds = {stage.key: gpu_seconds(stage) for stage in stages}
    yield f"\n## Disk of {PRESET} (estimated, `planning/disk.py`)\n"
    yield _head("`keep_weights`", "GPUs", "GB at the peak", "GB in the end")
    for kept in KEPT:
        plan = Plan(stages, droppable=droppable_stages(compiled, kept))  # type: ignore[arg-type]
        for gpus in GPUS:
            use = disk_use(plan, stages, gpus, seconds)
            yield f"| {kept} | {gpus} | {use.peak / 1e9:,.0f} | {use.final / 1e9:,.0f} |"


def _operations() -> Iterator[str]:
    """Calls by which one stage of two files is leased, staged and published, and by the driver."""
    from xstilts.core.stage import Stage
    from xstilts.core.store import Store

    events = Counter[str]()
    names = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.listdir", "os.chmod",
             "os.scandir", "os.utime", "os.link")  # fmt: skip

    def hook(event: str, _: Any) -> None:
        if event in names:
            events[event] += 1

    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder).prepare()
        stage = Stage("toy", 1, {})
        sys.addaudithook(hook)
        events.clear()
        with store.leases.hold(stage.key) as lease, store.staging(stage.key) as staged:
            for name in "ab":
                (staged / name).write_text("x")
            store.publish(stage, staged, {}, {}, lease)  # type: ignore[arg-type]
        worker = dict(events)
        events.clear()
        for event in ("started", "done"):
            store.journal.write(event, key=stage.key)
        driver = dict(events)
    yield "\n## Operations on the store per stage (counted)\n"
    yield (
        "A stage that writes two files, without what it reads; `stat` and `fsync` are not\n"
        "counted. On a network file system these are what its server sees.\n"
    )
    yield _head("by", "operations", "kinds")
    for by, counts in (("worker", worker), ("driver", driver)):
        kinds = ", ".join(f"{name.removeprefix('os.')} {n}" for name, n in sorted(counts.items()))
        yield f"| {by} | {sum(counts.values())} | {kinds} |"
    total = (sum(worker.values()) + sum(driver.values())) * len(_plan().stages)
    yield f"\nAll stages of {PRESET}: about {total:,}.\n"


def _decisions() -> Iterator[str]:
    yield "\n## The scheduler over random plans (measured, simulated workers)\n"
    yield (
        "Up to three inputs per stage among the 1,000 before it; 64 workers. The time per stage\n"
        "is that of the processor for its decision, its events and its two journal entries.\n"
    )
    yield _head("stages", "seconds to make keys and plan", "milliseconds per stage",
                "MB at the peak", "hours / least possible")  # fmt: skip
    for nodes in NODES:
        command = [sys.executable, "-m", "bench.scale", "--nodes", str(nodes)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        yield done.stdout.strip()


def _random(nodes: int) -> None:
    """Print the row of a random plan; in a process of its own, for its memory."""
    from bench.simulation import random_plan, simulate

    started = time.process_time()
    plan = random_plan(nodes)
    planned = time.process_time() - started
    one = simulate(plan, 64, lambda stage: stage.cost.seconds)
    peak = peak_megabytes()
    each, ratio = 1000 * one.real / nodes, one.makespan / one.bound
    print(f"| {nodes:,} | {planned:.1f} | {each:.2f} | {peak:,.0f} | {ratio:.3f} |")


MEMORY_BAR = 300
"""MB at the peak of a `run` of a finished store of 50,000 stages."""


def _commands(sizes: Sequence[int]) -> Iterator[str]:
    import xstilts
    from bench.machine import machine
    from bench.synthetic_store import write_store

    yield "\n## Commands on a store in which everything is done (measured)\n"
    yield (
        "Manifests, record and journal of real stages, with tiny files and four test examples\n"
        f"per score: a part of {PRESET} with many seeds. Each command in a process of its own.\n"
        "The first `run` reads the examples of all scores and draws the bootstrap of the gains,\n"
        "which it saves; later ones read the saved table, and verify all scores. Bars: at 1,000\n"
        "stages `plan` 2 s, `run` 3 s, `status` 1 s, `--help` 0.4 s; at 50,000 `run` 10 s and\n"
        f"{MEMORY_BAR} MB. The first `run` of a finished store, which is once after a change of\n"
        "its results or of xstilts, has no bar of its own.\n"
    )
    yield _head("stages", "command", "seconds", "of the processor", "MB at the peak")
    for size in sizes:
        parts, per_seed = (SMALL, SMALL_PER_SEED) if size < 3 * PER_SEED else (PARTS, PER_SEED)
        given = [*parts, f"seeds={list(range(max(1, round(size / per_seed))))}"]
        with tempfile.TemporaryDirectory() as folder:
            compiled = write_store(Path(folder), xstilts.load(PRESET, given))
            for one in (_measured(verb, folder, given) for verb in VERBS):
                figures = f"{one.wall:.1f} | {one.processor:.1f} | {one.megabytes:,.0f}"
                name, _, which = one.verb.partition(",")
                yield f"| {len(compiled.plan.stages):,} | `{name}`{which} | {figures} |"
    if one.megabytes > MEMORY_BAR:
        yield f"\nMissed: {one.megabytes:,.0f} MB of the last `run`; the bar is {MEMORY_BAR}."
    specs = machine()
    yield f"\nOn {', '.join(f'{name}: {value}' for name, value in specs.items())}.\n"


def _measured(verb: str, store: str, overrides: Sequence[str]) -> Measured:
    command = [sys.executable, "-m", "bench.scale", "--command", verb.partition(",")[0]]
    if verb not in ("--help", "status"):
        command += [PRESET, *(word for text in overrides for word in ("--set", text))]
    if verb != "--help":
        command += ["--store", store]
    started = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    wall = time.perf_counter() - started
    processor, megabytes = map(float, done.stdout.rsplit("\n", 2)[-2].split())
    return Measured(verb, wall, processor, megabytes)


def run_command(words: Sequence[str]) -> None:
    """Run a command of `xstilts` here; then print seconds of the processor and MB at the peak."""
    from xstilts.cli.app import main as command_line

    sys.argv = ["xstilts", *words]
    try:
        command_line()
    except SystemExit as end:
        if end.code:
            raise
    print(f"\n{time.process_time():.2f} {peak_megabytes():.0f}")


def peak_megabytes() -> float:
    """Memory of this process at its peak; not of the one that has started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
