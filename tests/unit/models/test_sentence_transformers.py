"""The pooling, prompt and further modules in the files of sentence-transformers."""

from __future__ import annotations

from typing import Any

import pytest

from xstilts.models.sentence_transformers import SentenceEncoder, sentence_encoder_of

MODULE = "sentence_transformers.models."


def modules(*kinds: str) -> list[dict[str, Any]]:
    return [
        {"idx": n, "path": f"{n}_{kind}" if n else "", "type": MODULE + kind}
        for n, kind in enumerate(("Transformer", *kinds))
    ]


def pooling(*modes: str) -> dict[str, Any]:
    every = ("cls_token", "mean_tokens", "max_tokens", "lasttoken")
    return {"word_embedding_dimension": 8, **{f"pooling_mode_{m}": m in modes for m in every}}


def read(**files: Any) -> SentenceEncoder | None:
    names = {
        "modules": "modules.json",
        "pooling": "1_Pooling/config.json",
        "prompts": "config_sentence_transformers.json",
        "transformer": "sentence_bert_config.json",
    }
    stored = {names[name]: value for name, value in files.items()}
    return sentence_encoder_of(stored.get)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (pooling("mean_tokens"), "mean"),
        (pooling("cls_token"), "cls"),
        (pooling("lasttoken"), "last"),
        (pooling("max_tokens"), "max"),
        (pooling("cls_token", "mean_tokens"), "cls+mean"),
        ({"pooling_mode_mean_sqrt_len_tokens": True}, "mean"),
        ({"pooling_mode": "lasttoken"}, "last"),
        ({"pooling_mode": "cls"}, "cls"),
        ({"pooling_mode": ["mean"]}, "mean"),
    ],
)
def test_the_pooling_is_that_of_the_pooling_module(config: dict[str, Any], expected: str) -> None:
    assert read(modules=modules("Pooling"), pooling=config) == SentenceEncoder(expected)
    assert read(pooling=config) == SentenceEncoder(expected)


def test_dense_modules_are_named_and_normalisation_is_not() -> None:
    listed = modules("Pooling", "Dense", "Normalize")
    found = read(modules=listed, pooling=pooling("cls_token"))
    assert found == SentenceEncoder("cls", not_applied=("Dense",))


PROMPTS = {"query": "query: ", "passage": "passage: "}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"prompts": PROMPTS}, "query: "),
        ({"prompts": {**PROMPTS, "BitextMining": "bitext: "}}, "bitext: "),
        ({"prompts": PROMPTS, "default_prompt_name": "passage"}, "passage: "),
        ({"prompts": {"document": "text: "}}, ""),
        ({"prompts": {"query": None}}, ""),
        ({}, ""),
        ([], ""),
    ],
)
def test_the_prompt_is_the_default_one_else_that_of_bitext_or_queries(
    config: Any, expected: str
) -> None:
    found = read(modules=modules("Pooling"), pooling=pooling("mean_tokens"), prompts=config)
    assert found is not None
    assert found.prompt == expected


@pytest.mark.parametrize(
    ("config", "expected"),
    [({"do_lower_case": True}, True), ({"do_lower_case": False}, False), ({}, False), ([], False)],
)
def test_texts_are_lower_cased_if_the_transformer_module_says_so(
    config: Any, expected: bool
) -> None:
    files = {"pooling": pooling("mean_tokens"), "transformer": config}
    found, without_modules = read(modules=modules("Pooling"), **files), read(**files)
    assert found is not None
    assert found.lower_case == expected
    assert without_modules == SentenceEncoder("mean")  # the file is not read then


@pytest.mark.parametrize("files", [{}, {"modules": [{"type": "Transformer"}]}, {"pooling": []}])
def test_other_folders_are_no_sentence_encoders(files: dict[str, Any]) -> None:
    assert read(**files) is None


def test_a_path_that_leaves_the_folder_is_not_followed() -> None:
    asked: list[str] = []
    listed = [{"type": MODULE + "Pooling", "path": "../../elsewhere"}]
    sentence_encoder_of(lambda path: asked.append(path) or (listed if len(asked) == 1 else None))
    assert not any(".." in path for path in asked)
