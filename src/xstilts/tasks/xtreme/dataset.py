"""The XTREME data set: its files on disk and on the Hub, and constants of several targets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from xstilts.formats.io.readers import FileRow, Parse, parquet_rows, parse_rows
from xstilts.formats.tagging import TaggedExample
from xstilts.tasks.builders import HUB_SPLITS
from xstilts.tasks.io.sources import PARQUET, Hub, Local

SOURCE = "XTREME's download folder"
CITATION = "Hu et al. 2020, arXiv 2003.11080"
DATASET = "google/xtreme"
REVISION = "ec5f1f46e9af79639a90684a7a70a956c4998f04"
FIXED_QA_METRICS = ("qa_mean_fixed", "exact_match_fixed", "token_f1_fixed")
QA_METRICS = ("qa_mean", "exact_match", "token_f1", *FIXED_QA_METRICS)

HubOf = Callable[[str, str], Hub]


def one_file(name: str, parse: Parse) -> tuple[Local]:
    """Return the only alternative: one file below the data folder."""
    return (Local((name,), parse),)


def hub_config(
    config: str, split: str, parse: Parse, *, dataset: str = DATASET, revision: str = REVISION
) -> Hub:
    """Return the Parquet file of a split in a configuration of a Hub data set."""
    name = f"{config}/{HUB_SPLITS[split]}-00000-of-00001.parquet"
    return Hub(dataset, revision, (name,), parse)


def tagging_hub(config_of: Callable[[str], str], column: str, tags: Iterable[str]) -> HubOf:
    """Return the files of a tagging target on the Hub.

    Args:
        config_of: language → configuration of google/xtreme.
        column: of the tags, which are indices of `tags`.
    """
    parse = parse_rows(parquet_rows({column: tuple(tags)}), partial(_tagged, column))
    return lambda split, language: hub_config(config_of(language), split, parse)


def added_hub(dataset: str, split: str, language: str, column: str, tags: Iterable[str]) -> Hub:
    """Return the file of a language that XTREME-R adds to a tagging target.

    Args:
        dataset: has a configuration per language; no commit of it is known, so that the branch
            with Parquet files is read.
        column: as for `tagging_hub`.
    """
    parse = parse_rows(parquet_rows({column: tuple(tags)}), partial(_tagged, column))
    return Hub(dataset, PARQUET, (f"{language}/{HUB_SPLITS[split]}/0000.parquet",), parse)


def _tagged(column: str, row: FileRow) -> TaggedExample:
    return TaggedExample(row.id, row.texts("tokens"), row.texts(column), row.where)
