"""Tags of spans are converted to BIO with the spans of seqeval's strict mode."""

from __future__ import annotations

import random

import numpy as np
import pytest
from seqeval import metrics
from seqeval import scheme as schemes

from xstilts.formats.tag_schemes import (
    TagScheme,
    bio_labels,
    bio_of_bioes,
    bio_of_iob1,
    is_iob1,
    respelled_tags,
    scheme_of_labels,
)
from xstilts.metrics import METRICS
from xstilts.metrics.spans import spans


@pytest.mark.parametrize(
    ("labels", "scheme", "converted"),
    [
        ("O B-X I-X", TagScheme.BIO, "O B-X I-X"),
        ("O B-X", TagScheme.BIO, "O B-X"),
        ("O I-X I-Y", TagScheme.IOB1, "O B-X I-X B-Y I-Y"),
        ("O B-X I-X I-Y", TagScheme.IOB1, "O B-X I-X B-Y I-Y"),
        ("O B-X I-X E-X S-X", TagScheme.BIOES, "O B-X I-X"),
        ("O S-X B-X L-X U-Y", TagScheme.BIOES, "O B-X I-X B-Y"),
        ("NOUN VERB SYM", TagScheme.NONE, "NOUN VERB SYM"),
        ("O B I", TagScheme.NONE, "O B I"),
        ("O B-X NOUN", TagScheme.MIXED, "O B-X NOUN"),
    ],
)
def test_the_scheme_and_bio_labels_of_a_label_set(
    labels: str, scheme: TagScheme, converted: str
) -> None:
    assert scheme_of_labels(labels.split()) is scheme
    assert bio_labels(labels.split()) == tuple(converted.split())


@pytest.mark.parametrize(
    ("tags", "bio"),
    [
        ("S-X O B-X E-X", "B-X O B-X I-X"),
        ("B-X I-X E-X S-X", "B-X I-X I-X B-X"),
        ("U-X B-X I-X L-X", "B-X B-X I-X I-X"),
        ("B-X O E-X I-X", "O O O O"),
        ("B-X E-Y S-Y", "O O B-Y"),
        ("S-X E-X", "B-X O"),
        ("B-X B-X E-X", "O B-X I-X"),
        ("", ""),
    ],
)
def test_bioes_becomes_bio_and_incomplete_spans_o(tags: str, bio: str) -> None:
    assert bio_of_bioes(tags.split()) == tuple(bio.split())


@pytest.mark.parametrize(
    ("tags", "bio"),
    [
        ("I-X I-X O I-Y", "B-X I-X O B-Y"),
        ("I-X B-X I-X I-Y", "B-X B-X I-X B-Y"),
        ("O O", "O O"),
    ],
)
def test_iob1_becomes_bio(tags: str, bio: str) -> None:
    assert bio_of_iob1(tags.split()) == tuple(bio.split())
    assert spans(tags.split()) == spans(bio.split(), strict=True)


@pytest.mark.parametrize(
    ("labels", "spelled"),
    [
        ("O B_X I_X", "B-X I-X"),
        ("O X-B X-I Y-B Y-I", "B-X I-X B-Y I-Y"),
        ("o b-x i-x", "B-x I-x"),
        ("O B:X I:X B:Y", "B-X I-X B-Y"),
        ("B–X I–X NOUN", "B-X I-X"),
        ("O I_X I_Y", "I-X I-Y"),
        ("O X_S X_B X_E", "S-X B-X E-X"),
        ("NOUN VERB SYM PRON", ""),
        ("O B I", ""),
        ("O e-mail i-pod", ""),
        ("B_X NOUN", ""),
        ("S/NP S/PP L/R", ""),
        ("O", ""),
    ],
)
def test_other_spellings_of_tags_of_spans_are_recognised(labels: str, spelled: str) -> None:
    assert list(respelled_tags(labels.split()).values()) == spelled.split()


def test_iob1_is_recognised_by_how_spans_begin() -> None:
    assert is_iob1([["I-X", "I-X"], ["O", "I-X", "B-X"]])
    assert not is_iob1([["B-X", "I-X"], ["O", "I-X"]])
    assert not is_iob1([["O", "O"]])
    assert not is_iob1([["B-X", "I-X", "B-X"]])


def sentences(tags: list[str], count: int, seed: int) -> list[list[str]]:
    generator = random.Random(seed)
    return [generator.choices(tags, k=generator.randint(1, 8)) for _ in range(count)]


def score(metric: str, gold: list[list[str]], predicted: list[list[str]]) -> float:
    scored = METRICS.get(metric)
    return float(scored.value(scored.statistics(gold, predicted, "en").sum(0)))


def test_strict_span_f1_equals_seqeval_in_strict_mode() -> None:
    tags = ["O", "B-X", "I-X", "B-Y", "I-Y"]
    for seed in range(40):
        gold, predicted = sentences(tags, 12, seed), sentences(tags, 12, seed + 1000)
        predicted = [(b + a)[: len(a)] for a, b in zip(gold, predicted, strict=True)]
        wanted = metrics.f1_score(gold, predicted, mode="strict", scheme=schemes.IOB2)
        assert score("span_f1_strict", gold, predicted) == pytest.approx(wanted)


@pytest.mark.parametrize(("name", "tags"), [("IOBES", "BIES"), ("BILOU", "BILU")])
def test_converted_tags_score_as_seqeval_scores_the_original_ones(name: str, tags: str) -> None:
    scheme = getattr(schemes, name)
    labels = ["O", *(f"{prefix}-{kind}" for prefix in tags for kind in "XY")]
    for seed in range(40):
        gold, predicted = sentences(labels, 30, seed), sentences(labels, 30, seed + 1000)
        predicted = [(b + a)[: len(a)] for a, b in zip(gold, predicted, strict=True)]
        wanted = metrics.f1_score(gold, predicted, mode="strict", scheme=scheme)
        bio = [[list(bio_of_bioes(row)) for row in side] for side in (gold, predicted)]
        for metric in ("span_f1", "span_f1_strict"):
            assert np.nan_to_num(score(metric, *bio)) == pytest.approx(wanted)
