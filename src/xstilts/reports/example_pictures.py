"""Examples of targets with images: pictures, texts in two languages, predictions and gold answers.

The first test example of each gold answer is shown, so that the choice depends on no prediction.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from xstilts.analysis.gains import ENGLISH
from xstilts.core.errors import XstiltsError
from xstilts.core.store import Store
from xstilts.formats import FORMATS
from xstilts.formats.image_text.checks import DIGESTS, IMAGES, SOURCE
from xstilts.languages import language
from xstilts.planning.compile import CompiledPlan, ResultCell
from xstilts.stages.io.image_roles import IMAGE_CONTEXT
from xstilts.stages.io.located_task import located_task
from xstilts.stages.io.rows import PREDICTIONS, read_rows
from xstilts.stages.prepare import ROWS
from xstilts.tasks.image_source import ImageProblem, ImageSource
from xstilts.tasks.io.image_decoding import decode

EXAMPLES, LANGUAGES, SETTINGS, TARGETS = 3, 2, 2, 6
"""Largest numbers of examples and languages of a target, of settings, and of targets."""
SIZE = 192
"""Largest height and width of a picture, in pixels."""


@dataclass(frozen=True)
class Picture:
    """An image as a data URI; without it the reason why there is none."""

    alt: str
    uri: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Predicted:
    """What a setting predicts, and whether it is right."""

    setting: str
    answer: str
    right: bool


@dataclass(frozen=True)
class ExampleText:
    """The text of an example in a language, its gold answer and the predictions."""

    language: str
    code: str
    text: str
    gold: str
    predictions: tuple[Predicted, ...]


@dataclass(frozen=True)
class PictureExample:
    """An example with its pictures."""

    pictures: tuple[Picture, ...]
    texts: tuple[ExampleText, ...]


@dataclass(frozen=True)
class TargetPictures:
    """The examples of a target, of one seed."""

    target: str
    seed: int
    examples: tuple[PictureExample, ...]


def example_pictures(compiled: CompiledPlan, store: Store) -> list[TargetPictures]:
    """The examples of every target that sees images and has predictions; at most a few.

    Args:
        compiled: the plan of one encoder.
    """
    targets = dict.fromkeys(cell.target for cell in compiled.cells)
    pictures = (_target_pictures(compiled, store, target) for target in targets)
    return [of_target for of_target in pictures if of_target is not None][:TARGETS]


def _target_pictures(compiled: CompiledPlan, store: Store, target: str) -> TargetPictures | None:
    cells = [cell for cell in compiled.cells if cell.target == target]
    runs = [run for run in (_Run(compiled, store, cell) for cell in cells) if run.is_readable]
    shown = [run for run in runs if run.cell.seed == min(run.cell.seed for run in runs)]
    settings = list(dict.fromkeys(run.cell.intermediate for run in shown))
    settings.sort(key=lambda name: name != compiled.baseline)
    by_language: dict[str, list[_Run]] = {}
    for run in shown:
        if run.cell.intermediate in settings[:SETTINGS]:
            by_language.setdefault(run.cell.language, []).append(run)
    codes = sorted(by_language, key=lambda code: code == ENGLISH)[:LANGUAGES]
    if not codes:
        return None
    examples = _examples([by_language[code] for code in codes])
    return TargetPictures(target, shown[0].cell.seed, tuple(examples)) if examples else None


@dataclass
class _Run:
    """One run on a target in one language: its rows, predictions and images."""

    compiled: CompiledPlan
    store: Store
    cell: ResultCell

    @property
    def inputs(self) -> Mapping[str, str]:
        """Inputs of the stage that scores it."""
        return self.compiled.plan.by_key[self.cell.key].inputs

    @property
    def location(self) -> Mapping[str, Any] | None:
        """Where the images of its task are; None where it sees no images."""
        stage = self.compiled.plan.by_key.get(self.inputs.get("predictions", ""))
        locations: Mapping[str, Any] = stage.context.get(IMAGE_CONTEXT, {}) if stage else {}
        return next(iter(locations.values()), None)

    @property
    def is_readable(self) -> bool:
        """Whether it sees images and has been predicted."""
        keys = [self.inputs.get(role, "") for role in ("rows", "predictions")]
        return self.location is not None and all(map(self.store.has, keys))

    @cached_property
    def rows(self) -> dict[str, dict[str, Any]]:
        """Id → prepared row."""
        rows = read_rows(self.store.read(self.inputs["rows"], ROWS))
        return {str(row["id"]): row for row in rows if SOURCE in row}

    @cached_property
    def predictions(self) -> dict[str, Any]:
        """Id → prediction."""
        rows = read_rows(self.store.read(self.inputs["predictions"], PREDICTIONS))
        return {str(row["id"]): row["prediction"] for row in rows}

    @cached_property
    def gold_column(self) -> str:
        """The column of rows with the gold answer."""
        stage = self.compiled.plan.by_key[self.cell.key]
        gold = FORMATS.get(stage.params["format"]).gold
        return gold.column if gold else ""


def _examples(languages: Sequence[Sequence[_Run]]) -> list[PictureExample]:
    """The first example of each gold answer that all languages have, with the same pictures.

    Languages without a common one, such as those of MaRVL, each have their own.
    """
    first = languages[0][0]
    shared = [
        name
        for name, row in first.rows.items()
        if all(_digests(runs[0], name) == row[DIGESTS] for runs in languages)
    ]
    if not shared and len(languages) > 1:
        return [example for runs in languages for example in _examples([runs])]
    answers: dict[str, str] = {}
    for name in shared:
        answers.setdefault(_text(first.rows[name][first.gold_column]), name)
    return [
        PictureExample(
            tuple(_pictures(first, first.rows[name])),
            tuple(_example_text(runs, name) for runs in languages),
        )
        for name in list(answers.values())[:EXAMPLES]
    ]


def _digests(run: _Run, name: str) -> list[str] | None:
    """The digests of the pictures of an example; None if there is no such example."""
    row = run.rows.get(name)
    return None if row is None else list(row[DIGESTS])


def _example_text(runs: Sequence[_Run], name: str) -> ExampleText:
    row = runs[0].rows[name]
    gold = row[runs[0].gold_column]
    spoken = language(runs[0].cell.language)
    return ExampleText(
        spoken.name,
        spoken.code,
        str(row["text"]),
        _text(gold),
        tuple(
            Predicted(run.cell.intermediate, _text(answer), _first(answer) == _first(gold))
            for run in runs
            for answer in (run.predictions[name],)
        ),
    )


def _first(answer: Any) -> Any:
    """An answer; of the two of a retrieval, the image that is found for the caption."""
    return answer[0] if isinstance(answer, (list, tuple)) and answer else answer


def _text(answer: Any) -> str:
    return str(_first(answer))


def _pictures(run: _Run, row: Mapping[str, Any]) -> Iterator[Picture]:
    task, split = str(row[SOURCE]).split()
    assert run.location is not None
    for image, digest in zip(row[IMAGES], row[DIGESTS], strict=True):
        alt = f"{run.cell.target}: image {image}"
        try:
            spec = located_task(task, run.location)
            assert spec.images is not None
            yield Picture(alt, uri=_data_uri(spec.images(split), image, digest))
        except (ImageProblem, XstiltsError, OSError) as error:
            yield Picture(alt, problem=str(error).splitlines()[0])


def _data_uri(source: ImageSource, image: str, digest: str) -> str:
    """A small PNG of an image.

    Raises:
        ImageProblem: it is missing, or no longer the image that was prepared.
        MissingPackageError: Pillow is not installed.
    """
    data = source.read(image)
    if hashlib.sha256(data).hexdigest() != digest:
        raise ImageProblem("the image has changed since its rows were prepared")
    pixels = decode(data).pixels
    from PIL import Image

    picture = Image.fromarray(pixels)
    picture.thumbnail((SIZE, SIZE))
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
