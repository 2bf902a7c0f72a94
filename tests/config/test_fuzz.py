"""Whatever is written in the files, `load` gives a project or a `ConfigError`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from aerostack_dev.config import dotenv
from aerostack_dev.config.keys import IGNORED, OWN, SILENT, UNSUPPORTED
from aerostack_dev.config.load import load
from aerostack_dev.config.secrets import redactor
from aerostack_dev.errors import ConfigError

from .conftest import SECTIONS

QUICK = settings(max_examples=100, deadline=None)


def outcome(text: bytes, env: bytes = b"", environment: str | None = None) -> str:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "aerostack.toml").write_bytes(text)
        (root / ".env").write_bytes(env)
        try:
            project = load(root, SECTIONS, environment)
        except ConfigError as error:
            assert error.message
            return "error"
        redactor(project)("text")
        return "project"


KEYS = [
    *sorted(OWN | SILENT | IGNORED.keys() | UNSUPPORTED.keys()),
    *(section.path for section in SECTIONS),
    *("binding", "queue", "models", "steps", "level", "crons", "required", "path", "port"),
]
VALUES = st.sampled_from(
    ["1", "true", '"x"', "'y'", "[]", "{}", "[[]]", "[{}]", "2026-01-01", "nan", "1" + "0" * 30,
     '["0 * * * *"]', '{binding = "B"}', '[{binding = "B"}]', '[{level = "x"}]', '"a\\u0000"',
     '{a = {level = 1}}', '{a = 5}', '["$A"]', "10:00:00", "inf"]
)  # fmt: skip
LINES = st.one_of(
    st.tuples(st.sampled_from(KEYS), VALUES).map(" = ".join),
    st.sampled_from(KEYS).map("[{}]".format),
    st.sampled_from(KEYS).map("[[{}]]".format),
    st.sampled_from(KEYS).map("[env.x.{}]".format),
    st.sampled_from(KEYS).map("[[env.x.{}]]".format),
)


@QUICK
@given(st.binary(max_size=200), st.binary(max_size=100))
@example(b"", b"\x00=")
@example(b"env = []", b"")
def test_any_bytes(text: bytes, env: bytes) -> None:
    assert outcome(text, env)


@QUICK
@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text(text: str, env: str) -> None:
    assert outcome(text.encode("utf-8", "replace"), env.encode("utf-8", "replace"))


@QUICK
@given(st.lists(LINES, max_size=4, unique=True), st.sampled_from([None, "x"]))
def test_known_keys_with_any_value(lines: list[str], environment: str | None) -> None:
    assert outcome("\n".join(lines).encode(), environment=environment)


def test_every_key_with_every_odd_value() -> None:
    seen = {
        outcome(f"{key} = {value}".encode())
        for key in KEYS
        for value in ("1", "[]", "{}", "[{}]", "[1]", '{binding = "B"}', '{x = {y = "z"}}')
    }
    assert seen == {"error", "project"}


def test_deep_nesting() -> None:
    for depth in (50, 200, 390, 500, 3000):
        assert outcome(b"[vars]\nA = " + b"[" * depth + b"]" * depth)
        assert outcome(b".".join([b"a"] * depth) + b" = 1")
        assert outcome(b"ai = " + b"{models = " * depth + b"1" + b"}" * depth)
        assert outcome(b"[vars]\n" + b".".join([b"a"] * depth) + b" = 1")


NAMES = st.from_regex(r"[A-Za-z_][\w.-]{0,8}", fullmatch=True).filter(str.isascii)


@QUICK
@given(st.dictionaries(NAMES, st.text(st.characters(exclude_characters="'\r", codec="utf-8"))))
def test_quoted_values_come_back(values: dict[str, str]) -> None:
    text = "".join(
        f"{name}='{value}'\n" for name, value in values.items() if not value.endswith("\\")
    )
    read = {e.name: e.value for e in dotenv.parse(text) if isinstance(e, dotenv.Entry)}
    assert read == {name: value for name, value in values.items() if not value.endswith("\\")}


@QUICK
@given(st.text(max_size=300))
def test_parsing_goes_through_every_line_once(text: str) -> None:
    found = list(dotenv.parse(text))
    lines = [entry.line for entry in found]
    assert lines == sorted(set(lines))
    assert all(1 <= line <= text.count("\n") + text.count("\r") + 1 for line in lines)


@QUICK
@given(st.dictionaries(NAMES, st.text("$A{}:-\\bc", max_size=12), max_size=5))
def test_expansion_never_fails(values: dict[str, str]) -> None:
    expanded, _ = dotenv.expand(values, {})
    assert expanded.keys() == values.keys()
    for name, value in values.items():
        if "$" not in value:
            assert expanded[name] == value
