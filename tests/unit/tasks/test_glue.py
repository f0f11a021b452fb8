"""GLUE's small tasks and SICK's relatedness from local files in their official forms."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from xstilts.tasks import TASKS
from xstilts.tasks.suites import members
from xstilts.tasks.validate import validated
from xstilts.testing.task_files import write

GLUE_STSB = "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2"


def read(name: str, split: str, folder: Path) -> list[Any]:
    located = TASKS.get(name).with_data_dir
    assert located is not None
    task = located(folder)
    return validated(task.read(split, "en"), task, split, "en")[0]


def test_rte_is_read_from_glues_files(tmp_path: Path) -> None:
    header = "index\tsentence1\tsentence2"
    write(tmp_path, "RTE/dev.tsv", f'{header}\tlabel\n0\tA "cat" ran.\tIt ran.\tentailment\n')
    write(tmp_path, "RTE/test.tsv", f"{header}\n0\tA cat ran.\tIt sat.\n")
    (labelled,) = read("glue-rte", "dev", tmp_path)
    assert (labelled.text, labelled.text_pair, labelled.label) == (
        *('A "cat" ran.', "It ran."),
        "entailment",
    )
    (hidden,) = read("glue-rte", "test", tmp_path)
    assert hidden.label == ""


def test_stsb_is_read_from_glues_files(tmp_path: Path) -> None:
    cells = "0\tnews\tMSR\t2012\t7\tnone\tnone\tA cat.\tThe cat."
    write(tmp_path, "STS-B/train.tsv", f"{GLUE_STSB}\tscore\n{cells}\t4.750\n")
    write(tmp_path, "STS-B/test.tsv", f"{GLUE_STSB}\n{cells}\n")
    (scored,) = read("stsb", "train", tmp_path)
    assert (scored.text, scored.text_pair, scored.score) == ("A cat.", "The cat.", 4.75)
    (hidden,) = read("stsb", "test", tmp_path)
    assert math.isnan(hidden.score)


def test_stsb_is_read_from_the_benchmarks_own_files_with_test_scores(tmp_path: Path) -> None:
    rows = [
        "main-captions\tMSRvid\t2012test\t0024\t2.500\tA girl runs.\tA girl sits.",
        "main-news\tMSRpar\t2012test\t0025\t0.000\tOne.\tTwo.\tsource\tsource",
    ]
    write(tmp_path, "stsbenchmark/sts-test.csv", "\n".join(rows) + "\n")
    write(tmp_path, "STS-B/test.tsv", f"{GLUE_STSB}\n")
    assert sorted(row.score for row in read("stsb", "test", tmp_path)) == [0.0, 2.5]


def test_one_file_of_sick_gives_labels_and_relatedness(tmp_path: Path) -> None:
    header = "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment"
    write(tmp_path, "sick/SICK_trial.txt", f"{header}\n4\tA boy.\tA girl.\t3.6\tNEUTRAL\n")
    (related,) = read("sick-relatedness", "dev", tmp_path)
    assert (related.id, related.score) == ("4", 3.6)
    (labelled,) = read("sick", "dev", tmp_path)
    assert (labelled.id, labelled.label) == ("4", "neutral")


@pytest.mark.parametrize("task", ["glue-rte", "mrpc", "stsb", "copa"])
def test_the_targets_of_the_suite_have_train_and_dev_on_the_hub(task: str) -> None:
    assert members(["glue-stilts"])[task].splits == ("train", "dev")
    spec = TASKS.get(task)
    origins = [spec.origin(split, "en") for split in ("train", "dev")]
    assert all(origin and len(origin[0].revision) == 40 for origin in origins)
