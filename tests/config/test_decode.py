"""Sections: shapes, complaints with a dotted path, the value and what is allowed."""

from __future__ import annotations

import enum
from typing import Annotated, Any

import msgspec
import pytest

from aerostack_dev.config.allowed import allowed
from aerostack_dev.config.document import Document, dotted, shown
from aerostack_dev.config.load import load
from aerostack_dev.config.locate import line_of, statements
from aerostack_dev.config.model import Section
from aerostack_dev.errors import ConfigError

from .conftest import Ai, Consumer, Database, Load, Producer, Tuning


def test_sections(project: Load) -> None:
    loaded = project(
        """
[[d1_databases]]
binding = "DB"
[[queues.consumers]]
queue = "a"
[[d1_databases]]
binding = "TWO"
database_name = "two"
[ai]
api_key = "k"
[ai.models]
"@cf/x" = "y"
"""
    )
    assert loaded.sections == {
        "d1_databases": (Database("DB"), Database("TWO", "two")),
        "queues.producers": (),
        "queues.consumers": (Consumer("a"),),
        "ai": (Ai(api_key="k", models={"@cf/x": "y"}),),
    }
    assert loaded.findings == ()


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("ai = true", (Ai(),)),
        ("ai = false", ()),
        ("[ai]", (Ai(),)),
        ("ai = {}", (Ai(),)),
        ("ai = []", ()),
    ],
)
def test_shorthand(project: Load, text: str, entries: tuple[Any, ...]) -> None:
    assert project(text).sections["ai"] == entries


def test_other_spellings_of_a_list(project: Load) -> None:
    loaded = project('d1_databases = [{binding = "A"}, {binding = "B"}]')
    assert [entry.binding for entry in loaded.sections["d1_databases"]] == ["A", "B"]
    loaded = project('[queues.producers]\nbinding = "Q"')
    assert loaded.sections["queues.producers"] == (Producer("Q"),)


def test_sections_may_be_inherited(project: Load) -> None:
    text = '[ai]\napi_key = "top"\n[env.a]\n[env.b.ai]\napi_key = "b"'
    sections = (Section("ai", Ai, many=False, inherited=True),)
    assert project(text, sections, environment="a").sections["ai"][0].api_key == "top"
    assert project(text, sections, environment="b").sections["ai"][0].api_key == "b"


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        (
            '[[queues.consumers]]\nqueue = "a"\nmax_batch_size = 1000',
            "queues.consumers[0].max_batch_size (line 3)",
            "`max_batch_size` cannot be 1000: it must be an integer from 1 to 100",
        ),
        (
            '[[queues.consumers]]\nqueue="a"\n[[queues.consumers]]\nqueue = "b"\nratio = 0.0',
            "queues.consumers[1].ratio (line 5)",
            "`ratio` cannot be 0.0: it must be a number above 0",
        ),
        (
            "[[d1_databases]]\nbinding = true",
            "d1_databases[0].binding (line 2)",
            "`binding` cannot be true: it must be a text",
        ),
        (
            "[[d1_databases]]\nbinding = 2026-01-01",
            "d1_databases[0].binding (line 2)",
            "`binding` cannot be 2026-01-01: it must be a text",
        ),
        (
            '[ai]\nmetric = "cosin"',
            "ai.metric (line 2)",
            '`metric` cannot be "cosin": it must be one of "cosine", "euclidean"',
        ),
        ("[ai]\napi_key = 5", "ai.api_key (line 2)", "`api_key` cannot be 5: it must be a text"),
        (
            '[ai.models]\n"@cf/a" = "b"\n"@cf/c" = 5',
            'ai.models."@cf/c" (line 3)',
            "`@cf/c` cannot be 5: it must be a text",
        ),
        (
            "[ai.models]\na = true\nb = 5",
            "ai.models.a (line 2)",
            "`a` cannot be true: it must be a text",
        ),
        (
            'ai = {models = {a = "x", b = 5, c = "y"}, api_key = 5}',
            "ai.models.b (line 1)",
            "`b` cannot be 5",
        ),
        ('[[d1_databases]]\nbinding = ""', "d1_databases[0] (line 1)", "needs a name"),
        (
            '[ai.tunings.x]\nlevel = 1\n[ai.tunings.y]\nlevel = "high"',
            "ai.tunings.y.level (line 4)",
            '`level` cannot be "high": it must be an integer',
        ),
        (
            "[ai]\nsteps = [{level = 1}, {level = []}]",
            "ai.steps[1].level (line 2)",
            "`level` cannot be a list: it must be an integer",
        ),
        (
            "[ai]\nsteps = [1]",
            "ai.steps[0] (line 2)",
            "`steps` cannot be 1: it must be a table",
        ),
        ("[ai]\nmodels = 1", "ai.models (line 2)", "it must be a table"),
        ("ai = 5", "ai (line 1)", "expected a table, not 5"),
        ("ai = [{}]", "ai (line 1)", r"expected one table: write \[ai\], not a list"),
        (
            "d1_databases = 5",
            "d1_databases (line 1)",
            r"write \[\[d1_databases\]\]",
        ),
        ("d1_databases = [5]", "d1_databases[0] (line 1)", "expected a table, not 5"),
        ("queues = 5", "queues (line 1)", "expected a table, not 5"),
        ("[dev]\nport = 65536", "dev.port (line 2)", "an integer from 0 to 65535"),
        ("[dev]\nport = -1", "dev.port (line 2)", "an integer from 0 to 65535"),
        ("[dev]\nport = true", "dev.port (line 2)", "`port` cannot be true"),
        ('[dev]\nhost = ""', "dev.host (line 2)", "a text that is not empty"),
        ('[dev]\nhost = "*"', "dev.host (line 2)", "cannot listen on"),
        ('[dev]\nip = "a b"', "dev.ip (line 2)", "cannot listen on"),
        ('[dev]\ncron_weekdays = "iso"', "dev.cron_weekdays (line 2)", '"cloudflare", "crontab"'),
        ("dev = 5", "dev (line 1)", "expected a table"),
        ("vars = 5", "vars (line 1)", "expected a table"),
        ("[triggers]\ncrons = 5", "triggers.crons (line 2)", "a list, each item a text"),
        ("[triggers]\ncrons = [5]", "triggers.crons[0] (line 2)", "cannot be 5"),
        ("[secrets]\nrequired = 5", "secrets.required (line 2)", "list of names"),
        ("env = [5]", "env[0] (line 1)", "cannot be 5"),
        ("name = 5", "name (line 1)", "`name` cannot be 5: it must be a text"),
    ],
)
def test_complaints(project: Load, text: str, where: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        project(text)
    assert error.value.where == f"aerostack.toml: {where}"


def test_complaints_in_an_environment(project: Load) -> None:
    with pytest.raises(ConfigError) as error:
        project("[env.a]\n[[env.a.d1_databases]]\nbinding = 5", environment="a")
    assert error.value.where == "aerostack.toml: env.a.d1_databases[0].binding (line 3)"


def test_a_missing_key(project: Load) -> None:
    with pytest.raises(ConfigError, match="the key `queue` is missing") as error:
        project('[[queues.consumers]]\nqueue = "a"\n[[queues.consumers]]\nratio = 1')
    assert error.value.where == "aerostack.toml: queues.consumers[1] (line 3)"
    assert error.value.hint == "it must be a text"


def test_a_secret_is_not_cited(project: Load) -> None:
    class Locked(msgspec.Struct):
        api_key: int = 0

    with pytest.raises(ConfigError) as error:
        project('[ai]\napi_key = "sk-1234567"', (Section("ai", Locked, many=False),))
    assert error.value.message == "`api_key` cannot be (hidden): it must be an integer"


def test_a_struct_that_complains_itself(project: Load) -> None:
    class Fussy(msgspec.Struct):
        text: str = ""

        def __post_init__(self) -> None:
            if self.text:
                raise ConfigError("said by the room", where=self.text.strip())
            raise ValueError("the text is not to my liking")

    sections = (Section("fussy", Fussy, many=False),)
    with pytest.raises(ConfigError, match="not to my liking") as error:
        project("[fussy]", sections)
    assert error.value.where == "aerostack.toml: fussy (line 1)"
    with pytest.raises(ConfigError, match="said by the room") as error:
        project('[fussy]\ntext = " "', sections)
    assert error.value.where == "aerostack.toml: fussy (line 1)"
    with pytest.raises(ConfigError, match="said by the room") as error:
        project('[fussy]\ntext = "its own place"', sections)
    assert error.value.where == "its own place"


def test_names_are_given_once(project: Load) -> None:
    with pytest.raises(ConfigError, match="the name X is given twice") as error:
        project('[[d1_databases]]\nbinding = "X"\n[[queues.producers]]\nbinding = "X"')
    assert error.value.where == "aerostack.toml: queues.producers[0] (line 3)"
    assert error.value.hint == "the other one is aerostack.toml: d1_databases[0] (line 1)"
    with pytest.raises(ConfigError, match="AI is given twice"):
        project("ai = true\n[vars]\nAI = 1")
    with pytest.raises(ConfigError, match="B is given twice"):
        project('[[hyperdrive]]\nbinding = "B"\n[ai]\nbinding = "B"')


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Annotated[str, msgspec.Meta(max_length=3)], "a text of 0 to 3 characters"),
        (Annotated[str, msgspec.Meta(pattern="^a")], "a text that matches ^a"),
        (Annotated[int, msgspec.Meta(ge=1)], "an integer at least 1"),
        (Annotated[int, msgspec.Meta(gt=1, lt=5)], "an integer above 1 and below 5"),
        (int | str | None, "an integer or a text"),
        (bool, "true or false"),
        (frozenset[str], "a list, each item a text"),
        (Annotated[int, msgspec.Meta(description="d")], "an integer"),
        (Any, "another value"),
    ],
)
def test_what_is_allowed_in_words(kind: Any, words: str) -> None:
    shape = msgspec.defstruct("Shape", [("x", kind)])
    assert allowed(shape, ("x",)) == words


class Colour(enum.Enum):
    RED = "red"


def test_what_is_allowed_deeper() -> None:
    described = Annotated[tuple[Tuning, ...], msgspec.Meta(description="d")]
    outer = msgspec.defstruct(
        "Outer", [("colour", Colour | None), ("inner", Tuning | None), ("many", described)]
    )
    assert allowed(outer, ("many", 0, "level")) == "an integer"
    assert allowed(outer, ("colour",)) == 'one of "red"'
    assert allowed(outer, ("inner", "level")) == "an integer"
    assert allowed(outer, ("inner", "level", "deeper")) == "another value"


def test_dotted_and_shown() -> None:
    assert dotted(("a", "b c", 0, "d-e")) == 'a."b c"[0].d-e'
    assert dotted((0, "")) == '[0].""'
    assert len(shown("x" * 500)) == 120
    assert shown({}) == "a table"


LINES = '''
# a comment
top = 1
multi = [
  "one",
  "two",
]
text = """
[not.a.header]
key = 5
"""
[a.b]
"c d" = 1
x.y = 2
[[list]]
v = 1
[list.sub]
w = 1
[[list]]
v = 2
inline = { deep = { er = 1, more = 2 } }
[[list.sub2]]
[[list.sub2]]
z = 1
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 3),
        (("multi",), 4),
        (("multi", 1), 6),
        (("multi", 7), None),
        (("text",), 8),
        (("not", "a", "header"), None),
        (("a", "b"), 12),
        (("a",), 12),
        (("a", "b", "c d"), 13),
        (("a", "b", "x", "y"), 14),
        (("a", "b", "x"), 14),
        (("list", 0, "v"), 16),
        (("list", 0, "sub", "w"), 18),
        (("list", 1), 19),
        (("list", 1, "v"), 20),
        (("list", 1, "inline", "deep", "more"), 21),
        (("list", 1, "sub2", 1, "z"), 24),
        (("list", 2), None),
        (("top", "x"), None),
    ],
)
def test_lines(path: tuple[str | int, ...], line: int | None) -> None:
    assert line_of(tuple(statements(LINES)), path) == line
    assert line_of(tuple(statements(LINES.replace("\n", "\r\n"))), path) == line


def test_the_search_for_a_line_ends(tmp_path) -> None:
    endless = 'x = """' + "\n" * 1000 + '"""\ny = 1\n'
    assert line_of(tuple(statements(endless)), ("y",)) is None
    document = Document(tmp_path / "aerostack.toml", endless, {})
    assert document.where(("y",)) == "aerostack.toml: y"


def test_a_path_or_a_folder(project: Load, tmp_path) -> None:
    by_folder = project("name = 'x'", ())
    assert load(tmp_path / "aerostack.toml", ()) == by_folder
