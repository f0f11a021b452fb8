"""Python code that opens an exported model, for its card."""

from __future__ import annotations

from xstilts.export.folder import SENTENCE_TRANSFORMER, WrittenModel
from xstilts.export.task_head import SEQUENCE, TOKEN

SEQUENCE_CODE = """\
from transformers import pipeline

classify = pipeline("text-classification", model="{name}"{options})
classify({{"text": "the first text", "text_pair": "the second, if there is one"}})
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
        example = '["a text", "its pair"]' if pairs else '"a text"'
        labels = list(head.output_labels)
        return LOGIT_CODE.format(name=name, example=example, outputs=len(labels), labels=labels)
    assert head is not None
    if head.format == "span":
        return SPAN_CODE.format(name=name, auto_class=first)
    if first == TOKEN:
        return TOKEN_CODE.format(name=name)
    if first == SEQUENCE:
        options = ', function_to_apply="none"' if head.format == "regression" else ""
        return SEQUENCE_CODE.format(name=name, options=options)
    return CHOICE_CODE.format(name=name)
