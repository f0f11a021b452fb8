"""Export a trained model of a store as a plain Hugging Face folder, with a model card.

xstilts.export_model("quickstart", "my-model", target="home-slots-actions", setting="none", seed=0)
"""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from xstilts.api.inputs import AnyStore, check_output, existing_store
from xstilts.api.train_dropped import Showing, show_nothing, train_dropped
from xstilts.api.training_choice import Training, TrainingQuery, find_training
from xstilts.core.atomic_io import set_usual_permissions, write_text
from xstilts.core.errors import ConfigError, StoreError
from xstilts.core.output_folder import make_output_folder
from xstilts.core.stage import blocking_fact
from xstilts.core.store import Store, is_full
from xstilts.planning.compile import ResultCell

if TYPE_CHECKING:
    from xstilts.export.folder import WrittenModel
    from xstilts.export.task_head import TaskHead
    from xstilts.export.trained_model import TrainedModel


@dataclass(frozen=True)
class ExportedModel:
    """A model that was exported.

    Args:
        path: the folder; none if it was only uploaded.
        key, label: of the training.
        opens_with: names of the classes that open it, the fullest first.
        difference: the largest difference of outputs from the model in the store, in fp32.
        notes: what a user must know.
        url: of the repository; empty if it was not uploaded.
    """

    path: Path | None
    key: str
    label: str
    opens_with: tuple[str, ...]
    difference: float
    notes: tuple[str, ...] = ()
    url: str = ""


def export_model(
    stage: str | None = None,
    to: Path | str | None = None,
    store: AnyStore | None = None,
    *,
    target: str = "",
    setting: str = "",
    seed: int | None = None,
    encoder: str = "",
    task: str = "",
    with_head: bool = True,
    layer: int | None = None,
    train: bool = False,
    push: str = "",
    private: bool = False,
    licence: str = "",
    showing: Showing = show_nothing,
) -> ExportedModel:
    """Write a trained model that transformers or sentence-transformers open on their own.

    The folder has the weights with the whole vocabulary and merged adapters, the head of the task,
    the tokenizer, a model card made from the run, and the experiment. It is opened again and
    compared with the model in the store before it gets its name.

    Args:
        stage: an experiment of the store or its YAML file, or the key (or its first 6 digits), the
            label or a pattern of the label of a training; by default every experiment.
        to: a new or empty folder.
        store: its folder; by default $XSTILTS_STORE or ./xstilts-store.
        target, setting, seed, encoder: choose among the trainings of experiments.
        task: the head to export of a training on several tasks; also chooses among trainings.
        with_head: whether the head is exported; else the encoder as a sentence encoder.
        layer: the last block of an encoder without head; all by default.
        train: train again what was dropped to free disk; its result is the same.
        push: name of a repository on the Hugging Face hub to upload to.
        private: whether a new repository is private.
        licence: of the model, for its card.
        showing: takes the stages that are trained again, if there are any, and returns a context
            whose value takes their events.

    Raises:
        ConfigError: no training or several, or no place to write to.
        StoreError: its files were dropped, or the training diverged.
        EncoderError: a head that cannot be represented, or numbers that differ.
        HubError: the hub cannot be reached, or refuses.
    """
    if to is None and not push:
        raise ConfigError("nowhere to export to", todo="give a folder: --to DIR, or --push NAME")
    from xstilts.analysis.score_intervals import first_of_each_set
    from xstilts.export.folder import write_model
    from xstilts.export.vector_reading import (
        VectorReading,
        layer_note,
        own_results,
        text_note,
        vector_reading,
    )

    opened = existing_store(store)
    folder = Path(to).expanduser() if to is not None else None
    if folder:
        _check_target(folder, opened)
    if push:
        from xstilts.export.hub import check_repository

        check_repository(push)
    query = TrainingQuery(target, setting, seed, encoder)
    training = find_training(opened, stage, query, task)
    _check_finished(training, opened)
    train_dropped(training, opened, train=train, showing=showing)
    model = _trained_model(training, opened)
    head = _head(model, task) if with_head else None
    if head and layer is not None:
        raise ConfigError(
            "a head reads the last block",
            where="--layer",
            todo="export the encoder: --without-head",
        )
    reading = (
        VectorReading(head.pooling, max_length=model.max_length)
        if head
        else vector_reading(model, layer)
    )
    read = () if head else filter(None, (layer_note(model, reading), text_note(model, reading)))
    with _new_folder(folder) as new:
        written = write_model(new, model.files, head, reading)
        written = replace(written, notes=(*written.notes, *read))
        name = push or (folder.resolve().name if folder else "")
        own = first_of_each_set(own_results(model, head, reading, training.cells), opened)
        _describe(new, training, model, written, own, name, licence, layer)
        path = _publish(new, folder)
        url = _push(path or new, push, private=private, is_kept=path is not None) if push else ""
    return ExportedModel(
        path,
        training.stage.key,
        training.stage.label,
        written.opens_with,
        written.difference.largest,
        (*written.notes, *filter(None, [training.note])),
        url,
    )


def _check_target(folder: Path, store: Store) -> None:
    check_output(folder, None, store)
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if folder.exists():
        raise ConfigError(
            f"{folder} exists and is not empty",
            where="--to",
            todo="give a new folder, or remove it",
        )


def _check_finished(training: Training, store: Store) -> None:
    artifact = store.get_finished(training.stage.key)
    if artifact is None:
        raise StoreError(
            f"{training.stage.label} has not finished",
            todo="run its experiment first: xstilts run EXPERIMENT",
        )
    if blocking := blocking_fact(artifact.facts):
        raise StoreError(
            f"{training.stage.label} {blocking}: it has no weights", todo="export another seed"
        )


def _trained_model(training: Training, store: Store) -> TrainedModel:
    from xstilts.export.trained_model import TrainedModel

    config = training.records[-1].config if training.records else {}
    own = config.get("tasks") or {}
    names = dict.fromkeys(
        cell.encoder
        for record in reversed(training.records)
        for cell in record.cells
        if training.stage.key in cell.trained_by
    )
    return TrainedModel(store, training.stage, training.stages, own, tuple(names))


def _head(model: TrainedModel, task: str) -> TaskHead | None:
    """The head to export; none for a training of vectors.

    A masked LM head next to tasks is exported only by name.

    Raises:
        ConfigError: no head of that name, or several heads.
        EncoderError: a head of texts with images.
    """
    from xstilts.core.errors import UnknownNameError
    from xstilts.export.image_heads import image_head_error
    from xstilts.formats import training_of

    heads = {head.task: head for head in model.heads}
    formats = {name: params["format"] for name, params in model.stage.params["tasks"].items()}
    if task and task not in formats:
        raise UnknownNameError("task of the training", task, formats)
    chosen = [task] if task else list(formats)
    if images := [name for name in chosen if training_of(formats[name]).images]:
        raise image_head_error(model.files, images[0], formats[images[0]], list(heads))
    known = [heads[name] for name in chosen if name in heads]
    if not all(name in heads and heads[name].is_masked_lm for name in chosen):
        known = [head for head in known if not head.is_masked_lm]
    if len(known) > 1:
        raise ConfigError(
            f"the training has the heads {', '.join(heads)}",
            todo="choose one: --task NAME; or the encoder alone: --without-head",
        )
    return known[0] if known else None


def _describe(
    folder: Path,
    training: Training,
    model: TrainedModel,
    written: WrittenModel,
    cells: Sequence[ResultCell],
    name: str,
    licence: str,
    layer: int | None,
) -> None:
    """Write the card and the experiment.

    Args:
        cells: the results of the exported folder itself, of each test set the newest.
    """
    from xstilts.analysis.precision_note import score_precision_note
    from xstilts.analysis.score_intervals import score_intervals
    from xstilts.export.model_card import README, CardContent, card_text
    from xstilts.export.reproduction import EXPERIMENT, experiment_text

    record = training.records[-1] if training.records else None
    content = CardContent(
        name,
        model,
        written,
        score_intervals(cells, model.store),
        [
            model.use_of(key, cell.target, cell.split, cell.language)
            for cell in cells
            for role, key in sorted(training.stages[cell.key].inputs.items())
            if role in ("rows", "rows:here")
        ],
        record.experiment if record else "",
        _command(training, model, written, name, layer),
        licence,
        score_precision_note((cell.key for cell in cells), training.stages),
    )
    write_text(folder / README, card_text(content))
    if record:
        version = model.versions.get("xstilts", "")
        write_text(folder / EXPERIMENT, experiment_text(record.config, version))


def _command(
    training: Training, model: TrainedModel, written: WrittenModel, name: str, layer: int | None
) -> str:
    """The arguments that export the model again after its experiment was run."""
    own, record = training.cells[:1], training.records[-1] if training.records else None
    if record and own and own[0] in record.cells:
        (cell,) = own
        arguments = [record.experiment, "--target", cell.target, "--setting", cell.intermediate]
        arguments += ["--seed", str(cell.seed)]
        encoders = {one.encoder for one in record.cells}
        arguments += ["--encoder", cell.encoder] if len(encoders) > 1 else []
    else:
        arguments = [training.stage.label]
    arguments += ["--to", name.rpartition("/")[2], "--train"]
    if written.head is None:
        arguments += ["--without-head", *(["--layer", str(layer)] if layer else [])]
    elif len(model.stage.params["tasks"]) > 1:
        arguments += ["--task", written.head.task]
    return shlex.join(arguments)


@contextmanager
def _new_folder(folder: Path | None) -> Iterator[Path]:
    """An empty folder on the disk of the final one; it is removed after an error.

    Raises:
        StoreError: it cannot be written.
    """
    parent = folder.resolve().parent if folder else Path(tempfile.gettempdir())
    try:
        make_output_folder(parent)
        with tempfile.TemporaryDirectory(dir=parent, prefix=".xstilts-export-") as name:
            new = Path(name) / "model"
            new.mkdir()
            yield new
    except Exception as error:
        if not (is_full(error) or isinstance(error, OSError)):
            raise
        reason = "the disk is full" if is_full(error) else getattr(error, "strerror", None) or error
        raise StoreError(
            f"the model cannot be written: {reason}",
            where=str(parent),
            todo="free some space or fix its permissions, or give another folder: --to"
            if folder
            else "free some space there, or keep the folder elsewhere: --to",
        ) from error


def _publish(new: Path, folder: Path | None) -> Path | None:
    """Give the new folder its name."""
    if folder is None:
        return None
    for path in new.rglob("*"):
        if path.is_file():
            set_usual_permissions(path)
    if folder.is_dir():
        folder.rmdir()
    new.rename(folder)
    return folder


def _push(folder: Path, name: str, *, private: bool, is_kept: bool) -> str:
    from xstilts.export.hub import push_folder

    return push_folder(folder, name, private=private, is_kept=is_kept)
