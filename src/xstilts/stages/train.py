"""`train`: one phase of training: a mixture of tasks on top of an encoder."""

from __future__ import annotations

from typing import Any

import torch
from safetensors.torch import save_file

from xstilts.config.experiment import Recipe
from xstilts.core.errors import DataError
from xstilts.core.files import write_json
from xstilts.core.keys import seed_of
from xstilts.formats import TRAINED
from xstilts.formats.base import id_lists
from xstilts.models.encoder import Encoder
from xstilts.models.files import BODY, HEADS, ROWS, EncoderFiles, embedding_name
from xstilts.models.transfer import HeadShape, TransferModel, initialised
from xstilts.models.vocabulary import used_ids
from xstilts.stages.gold import gold_of
from xstilts.stages.kind import Work
from xstilts.stages.prepare import ROWS as EXAMPLES
from xstilts.stages.rows import read_rows
from xstilts.tasks.check import gold_is_blank
from xstilts.train.checkpoint import Checkpoints
from xstilts.train.loop import Trained, TrainTask, train

LOG = "log.json"


def run(work: Work) -> dict[str, Any]:
    """Write body, touched rows, heads and `log.json`; facts: dev scores, best step, events.

    A run that diverges publishes its log and no weights, so that it is not run again.
    """
    recipe = Recipe.model_validate({**work.params["recipe"], **work.stage.context})
    files = encoder_files(work)
    tokenizer = files.tokenizer()
    tasks = [_task(work, name, tokenizer, recipe) for name in work.params["tasks"]]
    ids = used_ids(
        id_lists(feature for task in tasks for feature in (*task.train, *task.dev)),
        tokenizer.pad_token_id,
    )
    model = initialised(
        Encoder(files, ids), head_shapes(work), seed_of("heads", work.params["seed"])
    )
    trained = train(
        model,
        tasks,
        recipe,
        work.params["seed"],
        tokenizer.pad_token_id,
        Checkpoints(work.checkpoints),
        work.tell,
    )
    work.notes += trained.notes
    write_json(work.folder / LOG, _curves(trained))
    if trained.diverged:
        return {"diverged": trained.diverged, "steps": trained.steps}
    _write_weights(work, files, model, trained)
    return _facts(trained)


def encoder_files(work: Work) -> EncoderFiles:
    """The encoder that the stage builds on: the pretrained one, or a trained one."""
    base = work.inputs.get("base")
    return EncoderFiles(work.inputs["encoder"].path, base.path if base else None)


def head_shapes(work: Work) -> dict[str, HeadShape]:
    """The shape of each task's head."""
    return {
        name: HeadShape(
            task["format"],
            len(task["labels"]),
            work.params["recipe"]["dropout"],
            work.params["pooling"],
        )
        for name, task in work.params["tasks"].items()
    }


def _task(work: Work, name: str, tokenizer: Any, recipe: Recipe) -> TrainTask:
    task = work.params["tasks"][name]
    labels = tuple(task["labels"])
    kind = TRAINED.get(task["format"])
    rows = {
        split: read_rows(work.inputs[f"{split}:{name}"] / EXAMPLES) for split in ("train", "dev")
    }
    gold = gold_of(task["format"], rows["dev"])
    if gold_is_blank(gold, task["format"]):
        raise DataError(
            f"the dev labels of {name} are blank or all the same: no checkpoint can be chosen",
            todo="get the labelled dev set",
        )
    features = {
        split: kind.features(found, tokenizer, labels, recipe.max_length)
        for split, found in rows.items()
    }
    return TrainTask(
        name=name,
        format=task["format"],
        labels=labels,
        metric=task["metric"],
        train=features["train"],
        dev=features["dev"],
        dev_gold=gold,
    )


def _write_weights(work: Work, files: EncoderFiles, model: TransferModel, trained: Trained) -> None:
    parts: dict[str, dict[str, torch.Tensor]] = {"encoder": {}, "heads": {}}
    for name, value in trained.state.items():
        part, _, rest = name.partition(".")
        parts[part][rest.removeprefix("model.")] = value.contiguous()
    weight = parts["encoder"].pop(embedding_name(model.encoder.model))
    rows = files.touched().then(model.encoder.ids.cpu(), weight, trained.log.best_decay)
    save_file(parts["encoder"], work.folder / BODY)
    save_file(parts["heads"], work.folder / HEADS)
    decay = torch.tensor([rows.decay], dtype=torch.float64)
    save_file({"ids": rows.ids, "weight": rows.weight, "decay": decay}, work.folder / ROWS)


def _curves(trained: Trained) -> dict[str, Any]:
    log = trained.log
    return {
        "losses": log.losses,
        "dev": [
            {"step": step, "scores": scores}
            for step, scores in zip(log.dev_steps, log.dev_scores, strict=True)
        ],
        "events": log.events,
    }


def _facts(trained: Trained) -> dict[str, Any]:
    log = trained.log
    return {
        "steps": trained.steps,
        "best_step": log.best_step,
        "dev": log.dev_scores[log.dev_steps.index(log.best_step)],
        "dev_mean": round(log.best_score, 6),
        "collapsed": log.collapsed,
        "events": log.events,
    }
