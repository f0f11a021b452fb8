"""`FileTask`: a task that an experiment defines by its files."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from xstilts.config.base import ConfigModel, PathText, refusal, refuse_repeats


class FileTask(ConfigModel):
    """A user-defined task, read from the user's files or from a dataset on the hub.

    `files` is a path with `{split}` and `{language}` in it, relative to the experiment's file,
    or to the experiment's data folder if it begins with `{data}/`. `columns` names the columns of
    TSV and CSV files; without it their first line does, if it has those of the format. JSONL and
    Parquet files use the same names, or those that `rename` maps to them. Token–tag files
    (`.conll`, `.bio`, `.iob2`) have a word and its tag in each line. Text for masked language
    modelling has one example per line, or a column `text`. Columns `image` and `image2` name
    files in the folder or ZIP file `images`.
    """

    format: str = Field(
        description="the kind of task; other packages may add formats",
        examples=[
            *("classification", "masked_lm", "multiple_choice"),
            *("regression", "retrieval", "span", "tagging"),
            *("image_inference", "image_question", "image_retrieval", "image_statement"),
        ],
    )
    files: PathText = Field(
        description="path with {split} and {language}, e.g. data/{split}-{language}.tsv"
    )
    splits: dict[str, tuple[str, ...]] = Field(description="train, dev, test → languages")
    hub: Annotated[str, Field(pattern=r"^$|^[^@\s]+@[^@\s]+$")] = Field(
        "", description="dataset@revision on the hub; `files` is then a path in it"
    )
    rename: dict[str, str] = Field(
        default_factory=dict, description="column in JSONL or Parquet → expected column name"
    )
    codes: dict[str, str] = Field(
        default_factory=dict, description="language → its code in file names"
    )
    split_names: dict[Literal["train", "dev", "test"], str] = Field(
        default_factory=dict,
        exclude_if=lambda names: not names,
        description="split → its name in file names, e.g. dev: validation",
    )
    columns: tuple[str, ...] = Field((), description="TSV: names of the columns, in order")
    header: bool | None = Field(
        None,
        exclude_if=lambda header: header is None,
        description="TSV and CSV: whether the first line names the columns; not set: if it does",
    )
    labels: tuple[str, ...] = Field((), description="label set of classification, tagging, choices")
    label_map: dict[str, str] = Field(
        default_factory=dict,
        exclude_if=lambda mapping: not mapping,  # digests of records without it stay as they are
        description="label in the files → one of `labels`; of tags such as B-DATE, the type alone",
    )
    bounds: tuple[float, float] | None = Field(
        None,
        exclude_if=lambda bounds: bounds is None,
        description="regression: the least and the largest score that a row may have",
    )
    images: PathText | None = Field(
        None,
        exclude_if=lambda images: images is None,
        description="folder or ZIP file with the images of a task with images, relative as `files` "
        "is; {split} may be in it",
    )
    withhold_images: bool = Field(
        False,
        exclude_if=lambda withheld: not withheld,
        description="use the rows without their images, as a control of the task with images",
    )
    control_of: str = Field(
        "",
        exclude_if=lambda name: not name,
        description="the task with the same rows that this one is the control of, in studies",
    )
    metrics: tuple[str, ...] = Field(
        (), description="the main metric first; empty: those that fit format and labels"
    )
    licence: str = Field("", description="licence of the data, for reports")
    source: str = Field("", description="where the data come from, for reports")

    @field_validator("labels", "columns", "metrics")
    @classmethod
    def _names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        refuse_repeats(value)
        if not all(map(str.strip, value)):
            raise refusal("an empty name")
        return value

    @field_validator("bounds")
    @classmethod
    def _ordered(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value and value[0] >= value[1]:
            raise refusal("the first bound is not below the second", "give [least, largest]")
        return value

    @field_validator("splits")
    @classmethod
    def _split_languages(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for languages in value.values():
            refuse_repeats(languages)
        return value

    @field_validator("rename")
    @classmethod
    def _renamed_columns(cls, value: dict[str, str]) -> dict[str, str]:
        refuse_repeats(value.values())
        return value

    @field_validator("files")
    @classmethod
    def _placeholders(cls, value: str) -> str:
        known = ("{split}", "{language}")
        for name in re.findall(r"\{\w*\}", value.removeprefix("{data}/")):
            if name not in known:
                raise refusal(
                    f"unknown placeholder {name}",
                    f"known: {', '.join(known)}, and {{data}}/ at the beginning",
                )
        return value

    @field_validator("images")
    @classmethod
    def _image_placeholders(cls, value: str | None) -> str | None:
        for name in re.findall(r"\{\w*\}", (value or "").removeprefix("{data}/")):
            if name != "{split}":
                raise refusal(
                    f"unknown placeholder {name}",
                    "known: {split}, and {data}/ at the beginning",
                )
        return value

    @model_validator(mode="after")
    def _one_file_per_language(self) -> FileTask:
        several = [split for split, languages in self.splits.items() if len(languages) > 1]
        if several and "{language}" not in self.files:
            raise refusal(
                f"`files` has no {{language}}, so all languages of {several[0]} would be one file",
                "add {language} to the path",
                "files",
            )
        return self
