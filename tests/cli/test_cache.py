"""`aerostack cache` (db-cache.md §2.9)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import aerostack

from .conftest import Cli, invoke


def test_a_value_goes_in_and_comes_out_as_it_is(process: Cli):
    put = process("cache", "put", "greeting", "hällo")
    assert (put.code, put.err) == (0, "")
    assert put.out == "Stored 6 B under greeting in CACHE.\n"
    assert process("cache", "get", "greeting").out == "hällo"
    assert process("cache", "delete", "greeting").code == 0
    gone = process("cache", "get", "greeting")
    assert (gone.code, gone.raw) == (1, b"")
    assert gone.err == (
        "error: greeting: Value not found\nhint: `aerostack cache list` lists the keys\n"
    )


def test_raw_bytes_go_through_a_process_unharmed(project: Path, tmp_path: Path):
    blob = bytes(range(256)) * 300
    (tmp_path / "blob").write_bytes(blob)
    command = [sys.executable, "-m", "aerostack_dev", "cache"]
    put = [*command, "put", "blob", "--path", str(tmp_path / "blob")]
    subprocess.run(put, cwd=project, check=True, capture_output=True)
    got = subprocess.run([*command, "get", "blob"], cwd=project, check=True, capture_output=True)
    assert got.stdout == blob


def test_get_as_json(cli: Cli):
    assert cli("cache", "put", "j", "1", "--metadata", '{"a": 1}', "--ttl", "600").code == 0
    got = cli("cache", "get", "j", "--json").json
    assert got.pop("expiration") > 1_700_000_000
    assert got == {"name": "j", "value": "1", "metadata": {"a": 1}}
    assert cli("cache", "put", "j", "--path", "-", stdin=b"\xff").code == 0
    assert cli("cache", "get", "j", "--json").json == {"name": "j", "value": {"$bytes": "/w=="}}


def test_put_and_delete_as_json(cli: Cli):
    put = cli("cache", "put", "k", "", "--json")
    assert put.json == {"name": "k", "binding": "CACHE", "size": 0}
    assert cli("cache", "get", "k").raw == b""
    assert cli("cache", "delete", "k", "--json").json == {"name": "k", "binding": "CACHE"}
    assert cli("cache", "delete", "k").code == 0


def test_list(cli: Cli):
    cli("cache", "put", "list:a", "1", "--metadata", '{"n": "ä"}')
    cli("cache", "put", "list:b", "1", "--expiration", "2147483647")
    assert cli("cache", "list", "--prefix", "list:", "--json").json == [
        {"name": "list:a", "metadata": {"n": "ä"}},
        {"name": "list:b", "expiration": 2147483647},
    ]
    assert cli("cache", "list", "--prefix", "list:").out.splitlines() == [
        "KEY     EXPIRES (UTC)        METADATA",
        'list:a                       {"n": "ä"}',
        "list:b  2038-01-19 03:14:07",
    ]
    assert len(cli("cache", "list", "--prefix", "list:", "--limit", "1", "--json").json) == 1
    assert cli("cache", "list", "--prefix", "nothing").out == "No keys in CACHE.\n"
    assert cli("cache", "list", "--prefix", "nothing", "--json").json == []


def test_list_goes_over_every_page(cli: Cli):
    entries = [{"key": f"page:{n:04}", "value": ""} for n in range(1003)]
    written = cli("cache", "import", "-", stdin=json.dumps(entries).encode())
    assert written.out == "Stored 1003 entries in CACHE.\n"
    names = [each["name"] for each in cli("cache", "list", "--prefix", "page:", "--json").json]
    assert names == [each["key"] for each in entries]
    limited = cli("cache", "list", "--prefix", "page:", "--limit", "1001", "--json").json
    assert len(limited) == 1001


def test_import(cli: Cli, tmp_path: Path):
    file = tmp_path / "entries.json"
    file.write_text(
        '[{"key": "i:a", "value": "aGk=", "base64": true, "colour": 1},'
        ' {"key": "i:b", "value": "x", "metadata": {"m": 1}, "expiration_ttl": 60}]'
    )
    done = cli("cache", "import", str(file), "--json")
    assert done.json == {"binding": "CACHE", "written": 2}
    assert done.err == f"warning: {file}: item 0 has properties that mean nothing: colour\n"
    assert cli("cache", "get", "i:a").out == "hi"
    listed = cli("cache", "list", "--prefix", "i:b", "--json").json
    assert listed[0]["metadata"] == {"m": 1} and "expiration" in listed[0]


def test_an_import_with_a_bad_item_writes_nothing(cli: Cli):
    done = cli("cache", "import", "-", stdin=b'[{"key": "bad:1", "value": "1"}, {"key": 2}]')
    assert done.code == 1
    assert "nothing was written" in done.err and "item 1" in done.err
    refused = b'[{"key": "bad:1", "value": "1"}, {"key": "..", "value": ""}]'
    done = cli("cache", "import", "-", stdin=refused)
    assert done.code == 1
    assert done.err == "error: item 1, key '..': \"..\" is not allowed as a key name.\n"
    assert cli("cache", "list", "--prefix", "bad:", "--json").json == []


def test_the_platform_refuses_in_its_own_words(cli: Cli):
    short = cli("cache", "put", "k", "v", "--ttl", "5")
    assert short.code == 1
    assert short.err == (
        "error: KV PUT failed: 400 Invalid expiration_ttl of 5. Expiration TTL must be at least"
        " 60.\n"
    )
    assert cli("cache", "get", "").err == "error: Key name cannot be empty.\n"


def test_an_unknown_binding_is_an_error_with_the_known_ones(cli: Cli):
    done = cli("cache", "get", "k", "--binding", "NOPE")
    assert done.code == 1
    assert done.err == (
        'error: No KV namespace with binding "NOPE" was found in the "kv_namespaces" section of '
        "aerostack.toml\nhint: there are: CACHE\n"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ((), 2, "Missing required option: exactly one of <value> and --path must be provided"),
        (("v", "--path", "f"), 2, "Conflicting options: <value> and --path cannot be used"),
        (("--path", "missing"), 1, "error: missing: the file cannot be read: No such file"),
        (("v", "--metadata", "{"), 1, "--metadata must be valid JSON. Received: {"),
        (("v", "--metadata", "[1]"), 1, "--metadata must be a JSON object. Received: [1]"),
        (("v", "--metadata", "[" * 100_000), 1, "--metadata must be valid JSON."),
        (("v", "--ttl", "soon"), 2, "'soon' is not a valid integer"),
    ],
)
def test_bad_arguments_of_put(here, arguments: tuple[str, ...], code: int, text: str):
    here()
    done = invoke("cache", "put", "k", *arguments)
    assert done.code == code
    assert text in done.err
    assert "Traceback" not in done.err


def test_an_argument_that_is_no_utf8(cli: Cli):
    assert cli("cache", "put", "raw", "\udcff").code == 0
    assert cli("cache", "get", "raw").raw == b"\xff"


def test_a_key_that_is_no_utf8(project: Path):
    done = aerostack("cache", "get", "\udcff", cwd=project)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_one_of_several_caches(here):
    here(
        {
            "aerostack.toml": '[[kv_namespaces]]\nbinding = "A"\n[[kv_namespaces]]\nbinding = "B"\n'
            'id = "b-id"\n'
        }
    )
    which = invoke("cache", "put", "k", "v")
    assert which.code == 1
    assert which.err == (
        "error: which key-value cache? There are several, and none is called CACHE\n"
        "hint: there are: A, B (b-id)\n"
    )
    assert invoke("cache", "put", "k", "v", "--binding", "b-id").out.endswith("in B.\n")
    assert invoke("cache", "get", "k", "-b", "B").out == "v"
    assert invoke("cache", "get", "k", "-b", "A").code == 1
