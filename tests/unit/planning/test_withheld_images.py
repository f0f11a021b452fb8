"""Controls from which images are withheld are checked before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

import xstilts
from xstilts.core.errors import ConfigError, XstiltsError
from xstilts.planning.compile import compile_experiment

TASK = """tasks.{name}={{format: {format}, files: "{name}-{{split}}.jsonl", images: pictures,
    splits: {{train: [en], dev: [en], test: [en]}}, labels: [a, b], {more}}}"""


def compile_tasks(toy_file: Path, *changes: str) -> None:
    common = ["targets=[mine]", "intermediate=[none]", "seeds=[0]"]
    compile_experiment(xstilts.load(str(toy_file), [*common, *changes]))


def own(name: str, format: str = "image_inference", more: str = "") -> str:
    text = TASK.format(name=name, format=format, more=more).replace("\n", "")
    return text.replace("labels: [a, b],", "") if format == "image_retrieval" else text


def test_a_control_is_not_trained_with_images(toy_file: Path) -> None:
    control = own("blind", more="withhold_images: true")
    with pytest.raises(ConfigError, match="withholds the images"):
        compile_tasks(toy_file, own("mine"), control, "trained_on={mine: blind}")


@pytest.mark.parametrize(
    ("control", "problem"),
    [
        (own("blind", more="control_of: mine"), "reads images itself"),
        (own("blind", more="withhold_images: true, control_of: mine2"), "mine2"),
        (own("blind", more="withhold_images: true, control_of: toy-kind"), "reads no images"),
        (own("blind", more="withhold_images: true, control_of: blind"), "reads no images"),
        (
            own("blind", more="withhold_images: true, control_of: mine").replace("b]", "c]"),
            "other labels",
        ),
    ],
)
def test_a_control_reads_no_images_of_a_task_that_does(
    toy_file: Path, control: str, problem: str
) -> None:
    with pytest.raises(XstiltsError, match=problem) as raised:
        compile_tasks(toy_file, own("mine"), control, "targets=[mine, blind]")
    assert "tasks.blind.control_of" in str(raised.value)


def test_nothing_is_left_of_retrieval_without_images(toy_file: Path) -> None:
    with pytest.raises(ConfigError, match="what it searches for"):
        compile_tasks(toy_file, own("mine", "image_retrieval", "withhold_images: true"))


def test_texts_alone_have_no_images_to_withhold(toy_file: Path) -> None:
    with pytest.raises(ConfigError, match="has none"):
        compile_tasks(
            toy_file,
            own("mine", "classification", "withhold_images: true").replace("images: pictures,", ""),
        )


@pytest.mark.parametrize(
    ("format", "old", "new"),
    [
        ("image_inference", "images: pictures,", ""),
        ("classification", "", ""),
    ],
)
def test_images_are_named_if_the_format_reads_them_and_only_then(
    toy_file: Path, format: str, old: str, new: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        compile_tasks(toy_file, own("mine", format).replace(old, new))
    assert "tasks.mine.images" in str(raised.value.where)
