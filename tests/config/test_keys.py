"""Keys that nobody knows, that change nothing, that we lack; what the official CLI misreads."""

from __future__ import annotations

import pytest

from aerostack_dev.config.keys import ELSEWHERE, IGNORED, OWN, SILENT, UNSUPPORTED
from aerostack_dev.config.suggest import meant, nearest
from aerostack_dev.errors import ConfigError

from .conftest import SECTIONS, Load


@pytest.mark.parametrize(
    ("text", "where", "hint"),
    [
        ('nmae = "x"', "nmae (line 1)", "did you mean `name`?"),
        ('compatibilityDate = "x"', "compatibilityDate (line 1)", "`compatibility_date`"),
        ("crons = []", "crons (line 1)", "it belongs in [triggers]"),
        ("port = 1", "port (line 1)", "it belongs in [dev]"),
        ("[d1_database]", "d1_database (line 1)", "`d1_databases`"),
        ("[queues]\n[[queues.producer]]", "queues.producer (line 2)", "`producers`"),
        ("[queues.else]", "queues.else (line 1)", "there are: consumers, producers"),
        (
            '[[queues.consumers]]\nqueue = "a"\nmaxBatchSize = 5',
            "queues.consumers[0].maxBatchSize (line 3)",
            "did you mean `max_batch_size`?",
        ),
        ("[ai]\nmetrik = 1", "ai.metrik (line 2)", "did you mean `metric`?"),
        ("[ai.tunings.x]\nlevle = 1", "ai.tunings.x.levle (line 2)", "did you mean `level`?"),
        (
            "[ai]\nsteps = [{level = 1, levle = 2}]",
            "ai.steps[0].levle (line 2)",
            "did you mean `level`?",
        ),
        ("[dev]\nprot = 1", "dev.prot (line 2)", "did you mean `port`?"),
        ("[triggers]\ncron = []", "triggers.cron (line 2)", "did you mean `crons`?"),
        ("zzzzzzzz = 1", "zzzzzzzz (line 1)", ""),
    ],
)
def test_unknown_keys(project: Load, text: str, where: str, hint: str) -> None:
    (finding,) = project(text).findings
    assert finding.code == "unknown-key"
    assert finding.where == f"aerostack.toml: {where}"
    assert hint in finding.hint
    assert bool(hint) == bool(finding.hint)


def test_unknown_keys_of_an_environment(project: Load) -> None:
    text = "[env.a]\nnmae = 1\n[env.a.dev]\nport = 1\n[env.b]\nnmae = 1"
    first, second = project(text, environment="a").findings
    assert first.where == "aerostack.toml: env.a.nmae (line 2)"
    assert second.where == "aerostack.toml: env.a.dev (line 3)"
    assert "top of the file" in second.hint


@pytest.mark.parametrize("key", sorted(SILENT))
def test_keys_that_change_nothing(project: Load, key: str) -> None:
    assert project(f'"{key}" = 5').findings == ()
    assert project(f'[env.a]\n"{key}" = 5', environment="a").findings == ()


def test_keys_of_the_official_cli(project: Load) -> None:
    text = """
name = "x"
project_slug = "x"
slug = "x"
project_id = "x"
description = "x"
category = "x"
tags = ["x"]
scopes = ["x"]
api_key = "x"
[commands]
build = "make"
dev = "make dev"
"""
    assert project(text).findings == ()


@pytest.mark.parametrize("key", sorted(IGNORED))
def test_keys_whose_effect_is_missed(project: Load, key: str) -> None:
    (finding,) = project(f"[{key}]").findings
    assert (finding.code, finding.where) == ("ignored-key", f"aerostack.toml: {key} (line 1)")
    assert IGNORED[key] in finding.message


def test_the_lists_do_not_overlap() -> None:
    tables = {path.partition(".")[0] for path in UNSUPPORTED}
    lists = [OWN, SILENT, frozenset(IGNORED), frozenset(tables), frozenset(ELSEWHERE)]
    assert len(frozenset().union(*lists)) == sum(map(len, lists))


@pytest.mark.parametrize("table", sorted(UNSUPPORTED))
def test_bindings_of_kinds_that_do_not_exist_here(project: Load, table: str) -> None:
    key = UNSUPPORTED[table]
    body = f'[[{table}]]\n{key} = "THING"' if key else f'[{table}]\nTHING = "x"'
    loaded = project(body)
    kind = table.partition(".")[0]
    assert loaded.unsupported == {"THING": kind}
    (finding,) = [one for one in loaded.findings if one.code == "unsupported-binding"]
    assert "env.THING" in finding.message
    assert kind in finding.message
    assert "(line " in finding.where


def test_unsupported_tables_of_other_shapes(project: Load) -> None:
    assert project('[browser]\nbinding = "B"').unsupported == {"B": "browser"}
    text = '[[hyperdrive]]\nbinding = "H"\n[env.a]\n[[env.a.hyperdrive]]\nbinding = "I"'
    assert project(text, environment="a").unsupported == {"I": "hyperdrive"}
    for text in (
        "browser = 5",
        "hyperdrive = [5]",
        "[[hyperdrive]]",
        "[[hyperdrive]]\nbinding = 5",
        "unsafe = []",
        "wasm_modules = [5]",
        "[unsafe]\nmetadata = {}",
    ):
        assert project(text).unsupported == {}


def test_a_room_may_take_over_a_kind(project: Load) -> None:
    from aerostack_dev.config.model import Section

    from .conftest import Database

    loaded = project('[[hyperdrive]]\nbinding = "H"', (Section("hyperdrive", Database),))
    assert loaded.unsupported == {}
    assert loaded.findings == ()


def test_remote_bindings(project: Load) -> None:
    loaded = project('[[d1_databases]]\nbinding = "DB"\nremote = true')
    assert [finding.code for finding in loaded.findings] == ["local-only"]
    loaded = project('[[queues.producers]]\nbinding = "Q"\nremote = true')
    assert [finding.code for finding in loaded.findings] == ["local-only"]
    assert loaded.sections["queues.producers"][0].remote is True
    assert project('[[d1_databases]]\nbinding = "DB"\nremote = false').findings == ()


def test_keys_below_vars_that_are_meant_for_the_top(project: Load) -> None:
    loaded = project('[vars]\nA = "b"\ncompatibility_date = "2026-01-01"')
    finding, other = loaded.findings
    assert (finding.code, other.code) == ("misplaced-key", "official-cli")
    assert finding.where == "aerostack.toml: vars.compatibility_date (line 3)"
    assert loaded.compatibility_date is None


def test_dev(project: Load) -> None:
    loaded = project(
        '[dev]\nhost = "0.0.0.0"\nport = 0\nallowed_hosts = ["My.Test", "a:80", "[::1]:9", "[::2]"]'
    )
    assert (loaded.dev.host, loaded.dev.port) == ("0.0.0.0", 0)
    assert loaded.dev.allowed_hosts == ("my.test", "a:80", "[::1]:9", "[::2]")


def test_dev_in_wrangler_s_words(project: Load) -> None:
    loaded = project('[dev]\nip = "::1"\nlocal_protocol = "https"\ninspector_port = 9229')
    assert loaded.dev.host == "::1"
    assert [finding.code for finding in loaded.findings] == ["ignored-key"]
    assert project('[dev]\nip = "::1"\nhost = "localhost"').dev.host == "localhost"


@pytest.mark.parametrize(
    "name",
    ["*", "*.test", "", "http://a", "a/b", "a b", ".a", "a.", "a:", "a:65536", "a:x", "[::1", "[x]",
     "é.test", "a\\n", "a:٣", "-a"],
)  # fmt: skip
def test_hosts_that_cannot_be_allowed(project: Load, name: str) -> None:
    with pytest.raises(ConfigError, match="is no host name") as error:
        project(f'[dev]\nallowed_hosts = ["ok", "{name}"]')
    assert error.value.where.startswith("aerostack.toml: dev.allowed_hosts[1]")


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ("  name = \"a\"", "name (line 1)", "does not start its line"),
        ("[vars]\n\tA = 1", "vars.A (line 2)", "does not start its line"),
        ("name = 'a'", "name (line 1)", "single quotes"),
        ("compatibility_flags = [\n  'a']", "compatibility_flags (line 1)", "single quotes"),
        ("[[d1_databases]]\nbinding = 'DB'", "d1_databases[0].binding (line 2)", "single quotes"),
        ('d1_databases = [{binding = "A"}]', "d1_databases (line 1)", "only seen as"),
        ('[d1_databases]\nbinding = "A"', "d1_databases (line 1)", "only seen as"),
        ('[queues]\nproducers = [{binding = "A"}]', "queues.producers (line 2)", "only seen as"),
        ('[[d1_databases]]\nbinding = "A"\n[[d1_databases]]\nbinding = "B"',
         "d1_databases[1] (line 3)", "every second one is lost"),
        ('[vars]\nname = "a"', "vars.name (line 2)", "taken for the one at the top"),
    ],
)  # fmt: skip
def test_what_the_official_cli_misreads(project: Load, text: str, where: str, says: str) -> None:
    (finding,) = project(text).findings
    assert (finding.code, finding.where) == ("official-cli", f"aerostack.toml: {where}")
    assert says in finding.message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# it's a comment\n",
        'name = "it\'s"\n',
        'name = "a"\n[vars]\nname = "b"\n',
        'T = """\n  name = 5\n\'\'\n"""\n',
        '[[d1_databases]]\nbinding = "A"\n[ai]\n[[d1_databases]]\nbinding = "B"\n',
        '[[queues.consumers]]\nqueue = "A"\n[[queues.consumers]]\nqueue = "B"\n',
        '[dev]\n  host = "localhost"\n',
        "[dev]\nhost = 'localhost'\n",
        "[triggers]\ncrons = [\n  '0 * * * *',\n]\n",
        '  [triggers]\n[vars]\nA = """\nname = 5"""\n',
    ],
)
def test_what_the_official_cli_reads_right(project: Load, text: str) -> None:
    assert [one for one in project(text).findings if one.code == "official-cli"] == []


def test_a_wrangler_file_is_none_of_its_business(tmp_path, write) -> None:
    from aerostack_dev.config.load import load

    write("wrangler.toml", "name = 'a'")
    assert load(tmp_path, SECTIONS).findings == ()


def test_suggestions() -> None:
    assert nearest("maxRetries", ["max_retries", "max_batch_size"]) == "max_retries"
    assert nearest("zzz", ["max_retries"]) is None
    assert nearest("ai", ["main"]) is None
    assert meant("zzz", ["b", "a"]) == "there are: a, b"
    assert meant("zzz", [f"key{n}" for n in range(9)]) == ""
    assert meant("zzz", []) == ""
