"""XStoryCloze: which of two sentences ends a story of four? Story Cloze in eleven languages.

The release has two parts, `train` (360 stories) and `eval` (1,511), which is the test set here. It
was made for few-shot prompts; no source prescribes a training task for encoders. The default is
COPA, which also has two choices. There is no dev set.
"""

from __future__ import annotations

from xstilts.core.errors import DataError
from xstilts.formats.io.readers import FileRow, parse_rows
from xstilts.formats.io.tables import quoted_tsv_rows
from xstilts.formats.multiple_choice import ChoiceExample
from xstilts.tasks.builders import names, same_size, task
from xstilts.tasks.english.copa import PLACES
from xstilts.tasks.io.sources import Hub, Local

DATASET = "juletxara/xstory_cloze"
REVISION = "c4c2d88a1ec8b37fe22166d2a610f272726724b6"
LANGUAGES = names("en ar es eu hi id my ru sw te zh")
PARTS = {"train": "train", "test": "eval"}
NUMBERED = {"1": PLACES[0], "2": PLACES[1]}
COLUMNS = 8


def _example(row: FileRow) -> ChoiceExample:
    """A story: its id, four sentences, two endings, and the number of the right one.

    Columns are read by position, as their names differ between copies.
    """
    if len(row.cells) != COLUMNS:
        raise DataError("a header of 8 different columns is missing", where=row.where)
    if list(row.cells)[-1].strip() in NUMBERED:
        raise DataError("the first line is a story, not the columns", where=row.where)
    story, *sentences, first, second, right = (row.text(column) for column in row.cells)
    text = " ".join(sentence.strip() for sentence in sentences)
    if right.strip() not in NUMBERED:  # 0 would be taken for the first ending
        raise DataError("the right ending is neither 1 nor 2", where=row.where)
    return ChoiceExample(story, text, (first, second), NUMBERED[right.strip()], row.where)


PARSE = parse_rows(quoted_tsv_rows, _example)


def _file(split: str, language: str) -> str:
    return f"spring2016.val.{language}.tsv.split_20_80_{PARTS[split]}.tsv"


XSTORYCLOZE = task(
    name="xstorycloze",
    format="multiple_choice",
    sizes={"train": same_size(LANGUAGES, 360), "test": same_size(LANGUAGES, 1_511)},
    local=lambda split, language: (Local((f"xstorycloze/{_file(split, language)}",), PARSE),),
    hub=lambda split, language: Hub(DATASET, REVISION, (_file(split, language),), PARSE),
    dataset=DATASET,
    labels=PLACES,
    subwords=120,
    train_task="copa",
    summary="which of two sentences ends the story? eleven languages",
    licence="CC-BY-SA-4.0",
    citation="Lin et al. 2022, arXiv 2112.10668",
)
