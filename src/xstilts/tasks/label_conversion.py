"""Labels of the user's files as the task uses them: mapped, and tags of spans in BIO."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from xstilts.core.errors import ConfigError
from xstilts.formats.base import BadRow, Example
from xstilts.formats.spec import FormatSpec, Labels
from xstilts.formats.tag_schemes import (
    OUTSIDE,
    TagScheme,
    bio_labels,
    bio_of_bioes,
    bio_of_iob1,
    is_iob1,
    scheme_of_labels,
    split_tag,
    standard_tags,
)
from xstilts.tasks.base import Conversion, Examples
from xstilts.tasks.label_spellings import flow_map

CONVERTED = "tags in {}, kept as BIO"
INCOMPLETE = "tag outside of a complete span, kept as O"


def converted_labels(name: str, labels: Labels) -> Labels:
    """The labels of a task of spans, in BIO.

    Raises:
        ConfigError: some labels have a prefix such as B- and some have none; or they mark spans
            in another spelling, such as B_PER or PER-B.
    """
    scheme = scheme_of_labels(labels)
    if scheme in (TagScheme.NONE, TagScheme.MIXED) and (spelled := standard_tags(labels)):
        raise ConfigError(
            f"task {name!r} has labels that mark spans, and are not spelled as in B-PER: "
            f"{', '.join(spelled)}",
            where=f"tasks.{name}.labels",
            todo=f"spell them so in `labels`, and add `label_map: {flow_map(spelled)}`; or choose "
            "`metrics: [tag_accuracy, pos_f1]`, to score single tags",
        )
    if scheme is TagScheme.MIXED:
        other = [label for label in labels if label != OUTSIDE and not split_tag(label)[0]]
        raise ConfigError(
            f"task {name!r} has labels with prefixes such as B-, and without: {', '.join(other)}",
            where=f"tasks.{name}.labels",
            todo="give all labels but O a prefix, or none, or choose `metrics: [tag_accuracy]`",
        )
    return bio_labels(labels) if scheme in (TagScheme.BIOES, TagScheme.IOB1) else labels


def convert_tags(rows: Examples, column: str, labels: Labels) -> tuple[Examples, list[Conversion]]:
    """Rows with tags in BIO, and those that were changed, by kind.

    Args:
        column: the field of the examples that has the tags.
        labels: as declared, before their conversion.
    """
    scheme, changes = scheme_of_labels(labels), list[Conversion]()
    if scheme not in (TagScheme.BIO, TagScheme.BIOES, TagScheme.IOB1):
        return rows, changes
    listed = list(rows)
    sentences = [getattr(row, column) for row in listed if not isinstance(row, BadRow)]
    if scheme is TagScheme.BIO and is_iob1(sentences):
        scheme = TagScheme.IOB1
    if scheme is TagScheme.BIO:
        return listed, changes
    convert = bio_of_bioes if scheme is TagScheme.BIOES else bio_of_iob1
    known = frozenset(labels)
    converted = list[Example | BadRow]()
    for row in listed:
        before: Any = () if isinstance(row, BadRow) else getattr(row, column)
        after = convert(before)
        if isinstance(row, BadRow) or after == before or not known.issuperset(before):
            converted.append(row)  # a label outside of the set is a problem of the row
            continue
        changes.append((CONVERTED.format(scheme), row))
        if after.count(OUTSIDE) > before.count(OUTSIDE):
            changes.append((INCOMPLETE, row))
        converted.append(replace(row, **{column: after}))
    return converted, changes


def map_labels(rows: Examples, spec: FormatSpec, mapping: Mapping[str, str]) -> Examples:
    """Rows whose labels are replaced; of tags such as B-DATE, the type may be named alone."""
    assert spec.gold is not None
    column, of_words = spec.gold.column, spec.class_of == "word"
    for row in rows:
        if isinstance(row, BadRow):
            yield row
            continue
        gold: Any = getattr(row, column)
        mapped = (
            tuple(_mapped_tag(tag, mapping) for tag in gold)
            if of_words
            else mapping.get(gold, gold)
        )
        yield replace(row, **{column: mapped})


def _mapped_tag(tag: str, mapping: Mapping[str, str]) -> str:
    if tag in mapping:
        return mapping[tag]
    prefix, tag_type = split_tag(tag)
    new = mapping.get(tag_type) if prefix else None
    if new is None:
        return tag
    return new if new == OUTSIDE or split_tag(new)[0] else f"{prefix}-{new}"
