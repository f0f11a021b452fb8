"""`python -m xstilts.tasks.home` recounts the examples and writes sizes.tsv."""

from __future__ import annotations

from pathlib import Path

from xstilts.tasks import TASKS
from xstilts.tasks.home.sizes import TABLE, table_lines

HOME = (
    "home-intents", "home-nli", "home-retrieval", "home-slots", "home-slots-actions",
    "home-slots-questions", "home-text",
)  # fmt: skip

if __name__ == "__main__":
    lines = table_lines([TASKS.get(name) for name in HOME])
    Path(__file__).with_name(TABLE).write_text("".join(f"{line}\n" for line in lines))
