"""Schemes of tags that mark spans, and their conversion to BIO (IOB2).

BIO: B- begins a span, I- continues it. IOB1: I- also begins a span; B- only separates a span from
an adjacent one of its type. BIOES and BILOU: E- or L- ends a span, S- or U- is a span of one word.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import pairwise

OUTSIDE = "O"
BEGIN, INSIDE, END, SINGLE = "B", "I", "EL", "SU"
PREFIXES = BEGIN + INSIDE + END + SINGLE
STANDARD = re.compile(r"(?P<prefix>[BIELSU])-(?P<type>.+)")
OTHER_SPELLINGS = (
    re.compile(r"(?P<prefix>[BIELSU])[_:./|=+~–—](?P<type>.+)"),
    re.compile(r"(?P<type>.+)[-_:./|=+~–—](?P<prefix>[BIELSU])"),
    re.compile(r"(?P<prefix>[bielsu])[-_:./|=+~–—](?P<type>.+)"),
)
"""Tags of spans that are not spelled B-X: B_X, X-B, b-x."""


class TagScheme(StrEnum):
    """How tags mark spans."""

    NONE = "none"
    """Tags without prefixes, such as parts of speech."""
    BIO = "BIO"
    IOB1 = "IOB1"
    BIOES = "BIOES"
    """Or BILOU."""
    MIXED = "mixed"
    """Some tags have a prefix and some have none."""


def split_tag(tag: str) -> tuple[str, str]:
    """The prefix and the type of a tag; no prefix if it marks no span."""
    if tag[1:2] == "-" and tag[0] in PREFIXES and len(tag) > 2:
        return tag[0], tag[2:]
    return "", tag


def scheme_of_labels(labels: Iterable[str]) -> TagScheme:
    """The scheme that a set of labels belongs to; IOB1 only if a type has no B- label."""
    tags = [split_tag(label) for label in labels if label != OUTSIDE]
    prefixes = {prefix for prefix, _ in tags}
    if prefixes <= {""}:
        return TagScheme.NONE
    if "" in prefixes:
        return TagScheme.MIXED
    if prefixes & set(END + SINGLE):
        return TagScheme.BIOES
    begun = {tag_type for prefix, tag_type in tags if prefix == BEGIN}
    return TagScheme.BIO if {tag_type for _, tag_type in tags} <= begun else TagScheme.IOB1


def respelled_tags(labels: Sequence[str]) -> dict[str, str]:
    """Label → the tag B-X that it stands for, if the labels mark spans in another spelling.

    They do if a type has tags for the first word of a span and for later ones; in upper case also
    if all labels but O have that spelling.
    """
    others = [label for label in labels if label.upper() != OUTSIDE]
    for spelling in OTHER_SPELLINGS:
        matches = {label: match for label in others if (match := spelling.fullmatch(label))}
        tags = {label: (match["prefix"].upper(), match["type"]) for label, match in matches.items()}
        begun = {tag_type for prefix, tag_type in tags.values() if prefix == BEGIN}
        continued = {tag_type for prefix, tag_type in tags.values() if prefix in INSIDE + END}
        in_upper_case = all(match["prefix"].isupper() for match in matches.values())
        only_these = len(others) == len(matches) > 0 and len(others) < len(labels)
        if begun & continued or (only_these and in_upper_case):
            return {label: f"{prefix}-{tag_type}" for label, (prefix, tag_type) in tags.items()}
    return {}


def standard_tags(labels: Sequence[str]) -> dict[str, str]:
    """Label → the tag B-X or O that it stands for, of all labels in another spelling.

    A type that has tags in several spellings has them in that of its tags B-X, or of the first.
    """
    found = dict[str, str]()
    others = [label for label in labels if not split_tag(label)[0]]
    while spelled := respelled_tags(others):
        found |= spelled
        others = [label for label in others if label not in spelled]
    standard = [label for label in labels if split_tag(label)[0]]
    if standard:  # a single tag of a type that others mark as spans needs no further evidence
        found |= {label: tag for label in others if (tag := declared_spelling(label, standard))}
    if found or standard:
        found |= {label: OUTSIDE for label in others if label == OUTSIDE.lower()}
    types = dict[str, str]()
    for tag in (*standard, *found.values()):
        prefix, tag_type = split_tag(tag)
        if prefix:
            types.setdefault(tag_type.casefold(), tag_type)
    return {label: _of_type(tag, types) for label, tag in found.items()}


def _of_type(tag: str, types: Mapping[str, str]) -> str:
    """A tag whose type is spelled as that of others."""
    prefix, tag_type = split_tag(tag)
    return f"{prefix}-{types[tag_type.casefold()]}" if prefix else tag


def declared_spelling(tag: str, labels: Collection[str]) -> str:
    """The label that a tag is another spelling of; blank if there is none, or several.

    `b-per`, `PER-B` and `B_PER` are B-PER, `o` is O; a single word `S-PER` is B-PER and the last
    word `E-PER` I-PER, where the labels have no tags of their own for these.
    """
    readings = [(prefix.upper(), tag_type) for prefix, tag_type in _readings(tag)]
    for candidates in (
        [tag, *("-".join(reading) for reading in readings)],
        [f"{BEGIN}-{tag_type}" for prefix, tag_type in readings if prefix in SINGLE]
        + [f"{INSIDE}-{tag_type}" for prefix, tag_type in readings if prefix in END],
    ):
        wanted = {candidate.strip().casefold() for candidate in candidates}
        found = [label for label in labels if label.casefold() in wanted]
        if found:
            return found[0] if len(found) == 1 else ""
    return ""


def _readings(tag: str) -> list[tuple[str, str]]:
    """Prefix and type of a tag in every spelling that it may have."""
    matches = (spelling.fullmatch(tag) for spelling in (STANDARD, *OTHER_SPELLINGS))
    return [(match["prefix"], match["type"]) for match in matches if match]


def spelling_of(tag: str) -> str:
    """How a tag is spelled, as that of a type X: B-X, b-X, B_X, X-B, S-X; blank for other tags."""
    for spelling in (STANDARD, *OTHER_SPELLINGS):
        if match := spelling.fullmatch(tag):
            prefix = match["prefix"]
            shown = prefix if prefix.upper() in END + SINGLE else "B" if prefix.isupper() else "b"
            before, after = tag[: match.start("type")], tag[match.end("type") :]
            return f"{before}X{after}".replace(prefix, shown, 1)
    return ""


def is_iob1(sentences: Iterable[Sequence[str]]) -> bool:
    """Whether spans begin with I-, and B- only follows a span of its own type."""
    begins_with_inside = False
    for tags in sentences:
        for before, tag in pairwise((OUTSIDE, *tags)):
            prefix, tag_type = split_tag(tag)
            follows = split_tag(before) in ((BEGIN, tag_type), (INSIDE, tag_type))
            if prefix == BEGIN and not follows:
                return False
            begins_with_inside |= prefix == INSIDE and not follows
    return begins_with_inside


def begins_mostly_inside(sentences: Iterable[Sequence[str]]) -> bool:
    """Whether more spans begin with I- than with B-, those after a span of their type apart."""
    inside = begun = 0
    for tags in sentences:
        for before, tag in pairwise((OUTSIDE, *tags)):
            prefix, tag_type = split_tag(tag)
            if split_tag(before) not in ((BEGIN, tag_type), (INSIDE, tag_type)):
                inside += prefix == INSIDE
                begun += prefix == BEGIN
    return inside > begun


def bio_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """The BIO labels of the types of a label set, in its order; others are kept."""
    converted = list[str]()
    for label in labels:
        prefix, tag_type = split_tag(label)
        if not prefix:
            converted.append(label)
        elif prefix in BEGIN + SINGLE:
            converted.append(f"B-{tag_type}")
        else:
            converted += [f"B-{tag_type}", f"I-{tag_type}"]
    return tuple(dict.fromkeys(converted))


def bio_of_iob1(tags: Sequence[str]) -> tuple[str, ...]:
    """IOB1 tags as BIO tags: the first tag of every span gets B-."""
    converted = list[str]()
    for before, tag in pairwise((OUTSIDE, *tags)):
        prefix, tag_type = split_tag(tag)
        starts = prefix == INSIDE and split_tag(before)[1] != tag_type
        converted.append(f"B-{tag_type}" if starts else tag)
    return tuple(converted)


def bio_of_bioes(tags: Sequence[str]) -> tuple[str, ...]:
    """BIOES or BILOU tags as BIO tags of the same spans; tags outside of complete spans become O.

    Complete spans are those of seqeval's strict mode: S-, or B- I- … E- of one type.
    """
    converted = [OUTSIDE if split_tag(tag)[0] else tag for tag in tags]
    start, open_type = -1, ""
    for position, tag in enumerate(tags):
        prefix, tag_type = split_tag(tag)
        if prefix and prefix in SINGLE:
            converted[position] = f"B-{tag_type}"
        elif prefix and prefix in END and start >= 0 and tag_type == open_type:
            inside = [f"I-{tag_type}"] * (position - start)
            converted[start : position + 1] = [f"B-{tag_type}", *inside]
        if prefix == BEGIN:
            start, open_type = position, tag_type
        elif not (prefix == INSIDE and tag_type == open_type):
            start, open_type = -1, ""
    return tuple(converted)
