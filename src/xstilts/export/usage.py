"""Python code that opens an exported model, for its card."""

from __future__ import annotations

from xstilts.export.folder import SENTENCE_TRANSFORMER, WrittenModel
from xstilts.export.task_head import SEQUENCE, TOKEN, TaskHead
from xstilts.models.encoder_config import FIRST, LAST, MEAN

SEQUENCE_CODE = """\
from transformers import pipeline

classify = pipeline("text-classification", model="{name}"{options})
classify({example})
"""
TOKEN_CODE = """\
from transformers import pipeline

# the tag of a word is that of its first sub-word
tag = pipeline("token-classification", model="{name}", aggregation_strategy="first")
tag("a sentence")
"""
SPAN_CODE = """\
import torch
from transformers import {auto_class}, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("{name}")
model = {auto_class}.from_pretrained("{name}").eval()
inputs = tokenizer("a question", "a text", truncation="only_second", return_tensors="pt")
with torch.no_grad():
    output = model(**inputs)  # logits of the start and the end of the answer
"""
MASKED_CODE = """\
from transformers import pipeline

fill = pipeline("fill-mask", model="{name}")
fill(f"a text with a {{fill.tokenizer.mask_token}}")
"""
CHOICE_CODE = """\
import torch
from transformers import AutoModelForMultipleChoice, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("{name}")
model = AutoModelForMultipleChoice.from_pretrained("{name}").eval()
choices = ["a continuation", "another one"]
inputs = tokenizer(["a text"] * len(choices), choices, padding=True, return_tensors="pt")
with torch.no_grad():
    logits = model(**{{key: value[None] for key, value in inputs.items()}}).logits
choices[logits.argmax()]
"""
VECTOR_CODE = """\
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("{name}")
vectors = model.encode(["a sentence", "another one"])
model.similarity(vectors[:1], vectors[1:])
"""
LOGIT_CODE = """\
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("{name}")
logits = model.encode([{example}])  # [texts, {outputs}]
labels = {labels}
"""
PLAIN_LOGIT_CODE = """\
import torch
from safetensors.torch import load_file
from transformers import {encoder}, AutoTokenizer

folder = "{name}"  # a local copy
tokenizer = AutoTokenizer.from_pretrained(folder)
model = {encoder}.from_pretrained(folder).eval()
dense = load_file(f"{{folder}}/2_Dense/model.safetensors")
out = load_file(f"{{folder}}/3_Dense/model.safetensors")
inputs = tokenizer([{example}], padding=True, truncation=True, return_tensors="pt")
with torch.no_grad():
    states = model(**inputs).last_hidden_state
mask = inputs["attention_mask"]
{pooling}
hidden = torch.tanh(vectors @ dense["linear.weight"].T + dense["linear.bias"])
logits = hidden @ out["linear.weight"].T + out["linear.bias"]
"""
POOLING_CODE = {
    FIRST: "vectors = states[:, 0]",
    MEAN: "vectors = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)",
    LAST: "vectors = states[torch.arange(len(states)), mask.sum(1) - 1]",
}
"""Pooling → code, for texts that are padded on the right."""
ONE_TEXT, A_PAIR = '"a text"', '["a text", "its pair"]'
TWO_CHOICES = '["a text", "a continuation"], ["a text", "another one"]'
"""Texts that a head of dense layers reads."""


def usage_code(written: WrittenModel, name: str, *, pairs: bool) -> str:
    """The code that opens a model and applies it.

    Args:
        name: of the repository or the folder.
        pairs: whether it reads pairs of texts.
    """
    first, head = written.opens_with[0], written.head
    if first == SENTENCE_TRANSFORMER:
        if head is None:
            return VECTOR_CODE.format(name=name)
        labels = list(head.output_labels)
        return LOGIT_CODE.format(
            name=name, example=_texts(head, pairs), outputs=len(labels), labels=labels
        )
    assert head is not None
    if head.format == "span":
        return SPAN_CODE.format(name=name, auto_class=first)
    if head.is_masked_lm:
        return MASKED_CODE.format(name=name)
    if first == TOKEN:
        return TOKEN_CODE.format(name=name)
    if first == SEQUENCE:
        options = ', function_to_apply="none"' if head.format == "regression" else ""
        example = '{"text": "a text", "text_pair": "its pair"}' if pairs else '"a text"'
        return SEQUENCE_CODE.format(name=name, options=options, example=example)
    return CHOICE_CODE.format(name=name)


def plain_code(written: WrittenModel, name: str, *, pairs: bool) -> str:
    """The same with transformers alone, for a head that is dense layers; empty for others."""
    head = written.head
    if head is None or written.opens_with[0] != SENTENCE_TRANSFORMER:
        return ""
    return PLAIN_LOGIT_CODE.format(
        name=name,
        encoder=written.opens_with[1],
        example=_texts(head, pairs),
        pooling=POOLING_CODE[head.pooling],
    )


def _texts(head: TaskHead, pairs: bool) -> str:
    if head.format == "multiple_choice":
        return TWO_CHOICES
    return A_PAIR if pairs else ONE_TEXT
