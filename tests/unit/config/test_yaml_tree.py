"""YAML is read as it is meant, or refused with file and line."""

from __future__ import annotations

import random
from datetime import date

import pytest

from xstilts.config import yaml_tree
from xstilts.config.experiment import Experiment
from xstilts.config.load import presets
from xstilts.config.validation import validate
from xstilts.config.yaml_tree import MAX_DEPTH, LeadingZero, parse, parse_value
from xstilts.core.errors import ConfigError, XstiltsError

PARSER_WORDS = ("block end", "scalar", "token", "NoneType", "yaml.org", "constructor", "Traceback")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("Yes", "Yes"),
        ("off", "off"),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("8", 8),
        ("-3", -3),
        ("1_000", 1000),
        ("0x1F", 31),
        ("0b11", 3),
        ("010", LeadingZero("010")),
        ("08", LeadingZero("08")),
        ("1:30", "1:30"),
        ("1.0e-5", 1e-5),
        ("1e-5", "1e-5"),
        (".5", 0.5),
        (".inf", float("inf")),
        ("-.INF", float("-inf")),
        ("2024-01-02", date(2024, 1, 2)),
        ("2024-99-02", "2024-99-02"),
        ("'no'", "no"),
        ("!!str 5", "5"),
        ("[no, {no: off}]", ["no", {"no": "off"}]),
        ("{1: a, null: b, true: c}", {"1": "a", "null": "b", "true": "c"}),
    ],
)
def test_scalars_are_read_as_in_yaml_1_2(text: str, value: object) -> None:
    found = parse_value(text, "x")
    assert found == value
    assert type(found) is type(value)


def test_nan_is_read_as_a_number() -> None:
    found = parse_value(".nan", "x")
    assert isinstance(found, float)
    assert found != found


def test_merge_keys_give_values_and_lines() -> None:
    text = "a: &a {x: 1, y: {z: 2}}\nb: &b {y: 3}\nc:\n  <<: [*b, *a]\n  w: 4\n"
    tree, lines = parse(text, "f", "a file")
    assert tree["c"] == {"w": 4, "y": 3, "x": 1}
    assert lines["c", "w"] == "f:5"
    assert lines["c", "x"] == "f:1"
    assert lines["c", "y"] == "f:2"


def test_a_text_is_parsed_once_and_given_as_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: {b: [parsed once]}"
    first, lines = parse(text, "x.yaml", "an experiment")
    first["a"]["b"].append("changed")
    lines["a",] = "elsewhere"
    monkeypatch.setattr(yaml_tree, "_compose", None)
    assert parse(text, "x.yaml", "an experiment") == (
        {"a": {"b": ["parsed once"]}},
        {(): "x.yaml:1", ("a",): "x.yaml:1", ("a", "b"): "x.yaml:1", ("a", "b", 0): "x.yaml:1"},
    )


def test_aliases_give_independent_copies() -> None:
    tree, _ = parse("a: &a {x: [1]}\nb: *a\n", "f", "a file")
    tree["a"]["x"].append(2)
    assert tree["b"] == {"x": [1]}


BOMB = "a0: &a0 [x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\ns: &s [0, *s]\n", 2, "would contain itself"),
        ("s: &s {a: {b: *s}}\n", 1, "would contain itself"),
        ("s: &s\n  <<: *s\n", 2, "would contain itself"),
        (BOMB, 6, "values, after aliases"),
        ("a: " + "[" * 5000 + "]" * 5000, 1, f"more than {MAX_DEPTH} levels"),
        ("a: " + "{a: " * 500 + "}" * 500, 1, f"more than {MAX_DEPTH} levels"),
        ("a: *b\n", 1, "*b is used"),
        ("a:\n\t- 1\n", 2, "tab"),
        ("a: {b}/{c}.tsv\n", 1, "{data}/{split}.tsv"),
        ("a: 1\nb: [{b}/x]\n", 2, "{data}/{split}.tsv"),
        ("a: @b\n", 1, "quotes"),
        ("a: %b\n", 1, "quotes"),
        ("a: b: c\n", 1, "':'"),
        ("a: 'b\nc: d\n", 3, "a quote that is not closed"),
        ("a: [1, 2\nb: 3\n", 2, "not closed"),
        ("a: 1\n---\nb: 2\n", 2, "a second document"),
        ("a: 1\n b: 2\n", 2, ""),
        ("a: !thing x\n", 1, "the tag !thing"),
        ("a: !!python/name:os.system\n", 1, "the tag !!python/name:os.system"),
        ("a: !!int x\n", 1, "not a value of type int"),
        ("a: !!float x\n", 1, "not a value of type float"),
        ("a: !!bool x\n", 1, "not a value of type bool"),
        ("a: !!set {x}\n", 1, "the tag !!set"),
        ("a: " + "9" * 5000 + "\n", 1, "digits"),
        ("a: 0x" + "f" * 5000 + "\n", 1, "digits"),
        ('a: 1\nb: "\\U00110000"\n', 2, "an escape above"),
        ('a: 1\nb: "\\ud800"\n', 2, "not valid Unicode"),
        ("[1, 2]: x\n", 1, "cannot be a key"),
        ("? {a: b}\n: x\n", 1, "cannot be a key"),
        ("a: 1\n<<: 3\n", 2, "<< takes a mapping"),
        ("a: 1\na: 2\n", 2, "duplicate key 'a'"),
        ("no: 1\n'no': 2\n", 2, "duplicate key 'no'"),
        ("a: \x01\n", 1, "control character U+0001"),
        ("- 1\n", 1, "a file is a mapping"),
        ("", 1, "a file is a mapping"),
        ("just words", 1, "a file is a mapping"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_file_and_line(
    text: str, line: int, words: str
) -> None:
    with pytest.raises(ConfigError) as error:
        parse(text, "mine.yaml", "a file")
    message = str(error.value)
    assert message.startswith(f"mine.yaml:{line}:"), message
    assert words in message
    assert not [word for word in PARSER_WORDS if word in message]


def mutated(text: str, generator: random.Random) -> str:
    """The text with one to three characters, words or lines changed."""
    odd = "{}[]&*!|>'\"%@`:#,-?~\t\n \x00\u00a0é0.no<="
    for _ in range(generator.randint(1, 3)):
        at = generator.randrange(len(text) + 1)
        cut = generator.choice((0, 0, 1, 3, 20))
        new = generator.choice(
            (
                *generator.choices(odd, k=4),
                *(".inf", "010", "null", "true", "yes", "1e999", "<<: *a", "&a ", "*a", "!!x "),
                text[at : at + 40],
                "".join(generator.choices(odd, k=5)),
                "9" * 30,
            )
        )
        text = text[:at] + new + text[at + cut :]
    return text


def test_damaged_presets_load_or_are_refused() -> None:
    generator = random.Random(15)
    texts = [path.read_text(encoding="utf-8") for path in presets().values()]
    loaded = refused = 0
    for _ in range(60):
        try:
            tree, lines = parse(mutated(generator.choice(texts), generator), "x", "an experiment")
            tree.pop("extends", None)
            validate(Experiment, tree, lines)
            loaded += 1
        except XstiltsError:
            refused += 1
    assert loaded > 0
    assert refused > 0
