"""Reading treebanks in CoNLL-U."""

from __future__ import annotations

from pathlib import Path

from xstilts.config.experiment import FileTask
from xstilts.formats.tagging import TaggedExample
from xstilts.tasks.user_tasks import file_task
from xstilts.tasks.validate import validated

REST = "\t_" * 6
GOOD = f"""# sent_id = one
1-2\tzum\t_\t_{REST}
1\tzu\tzu\tADP{REST}
2\tdem\tder\tDET{REST}
2.1\tleer\t_\tX{REST}
3\tHaus\tHaus\tNOUN{REST}

1\tJa\tja\tINTJ{REST}
"""


def read(folder: Path, text: str) -> tuple[list[object], dict[str, int], list[str]]:
    (folder / "train-de.conllu").write_text(text, encoding="utf-8")
    given = FileTask(
        format="tagging",
        files="{split}-{language}.conllu",
        splits={"train": ("de",)},
        labels=("ADP", "DET", "NOUN", "INTJ", "X"),
        metrics=("tag_accuracy",),
    )
    task = file_task("trees", given, folder)
    kept, complaints = validated(task.read("train", "de"), task, "train", "de")
    return list(kept), dict(complaints.counts), complaints.first


def test_multiword_ranges_and_empty_nodes_are_skipped(tmp_path: Path) -> None:
    kept, _, _ = read(tmp_path, GOOD)
    assert [(one.id, one.tokens, one.tags) for one in kept if isinstance(one, TaggedExample)] == [
        ("one", ("zu", "dem", "Haus"), ("ADP", "DET", "NOUN")),
        ("train-1", ("Ja",), ("INTJ",)),
    ]


def test_a_malformed_line_invalidates_only_its_sentence(tmp_path: Path) -> None:
    many = "".join(f"1\tw{number}\t_\tX{REST}\n\n" for number in range(30))
    kept, counts, first = read(tmp_path, f"{many}1\tbroken\n")
    assert len(kept) == 30
    assert counts == {"wrong number of columns": 1}
    assert first[0].startswith(f"{tmp_path}/train-de.conllu:61: ")
