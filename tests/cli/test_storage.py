"""`aerostack storage`: files in and out, with a server and without one."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from aerostack_dev.cli.storage import _shown
from aerostack_dev.cli.storage.transfer import MEBIBYTE, MOST_PIECES, PIECE, piece_size
from aerostack_dev.errors import AerostackError

from .conftest import Cli, at_terminal, invoke


def test_a_file_goes_in_and_comes_out(cli: Cli, tmp_path: Path):
    source, back = tmp_path / "cat ü.txt", tmp_path / "back"
    source.write_bytes(bytes(range(256)))
    put = cli("storage", "put", "photos/cat", "--file", str(source))
    assert (put.code, put.out, put.err) == (0, "Stored 256 B under photos/cat in STORAGE.\n", "")
    assert cli("storage", "get", "photos/cat").raw == bytes(range(256))
    got = cli("storage", "get", "photos/cat", "--file", str(back))
    assert (got.raw, got.err) == (b"", f"Wrote 256 B to {back}.\n")
    assert back.read_bytes() == bytes(range(256))
    assert cli("storage", "delete", "photos/cat", "missing").out == "Deleted 2 keys from STORAGE.\n"
    for command in ("get", "head"):
        gone = cli("storage", command, "photos/cat")
        assert (gone.code, gone.raw) == (1, b"")
        assert gone.err == (
            "error: photos/cat: there is no object of this key\n"
            "hint: `aerostack storage list` lists the keys\n"
        )


def test_a_file_appears_whole_or_not_at_all(cli: Cli, tmp_path: Path):
    back = tmp_path / "back"
    back.write_text("old")
    assert cli("storage", "get", "missing", "--file", str(back)).code == 1
    assert back.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["back"]
    cli("storage", "put", "k", "--file", "-", stdin=b"new")
    done = cli("storage", "get", "k", "--file", str(tmp_path / "none" / "x"))
    assert done.code == 1 and "the file cannot be written: No such file" in done.err


def test_head_and_json(cli: Cli, tmp_path: Path):
    source = tmp_path / "page.html"
    source.write_text("hello")
    options = ("--cache-control", "max-age=60", "-m", "a=1", "--metadata", "b=x=y")
    put = cli("storage", "put", "page", "--file", str(source), *options, "--json").json
    assert put["etag"] == "5d41402abc4b2a76b9719d911017c592"
    assert put["httpMetadata"] == {"contentType": "text/html", "cacheControl": "max-age=60"}
    assert put["customMetadata"] == {"a": "1", "b": "x=y"}
    assert put["checksums"] == {"md5": put["etag"]}
    assert put["uploaded"].endswith("Z") and put["storageClass"] == "Standard"
    assert cli("storage", "head", "page", "--json").json == put
    shown = cli("storage", "head", "page").out
    assert "size            5\n" in shown and "contentType     text/html\n" in shown
    got = cli("storage", "get", "page", "--file", str(tmp_path / "back"), "--json").json
    assert got == put
    deleted = cli("storage", "delete", "page", "--json").json
    assert deleted == {"keys": ["page"], "binding": "STORAGE"}


def test_a_date_among_the_metadata():
    fields = {
        "key": "k", "size": 0, "etag": "e", "uploaded": 1, "version": "v", "checksums": {},
        "storageClass": "Standard", "customMetadata": {}, "httpMetadata": {"cacheExpiry": 1500},
    }  # fmt: skip
    assert _shown(fields)["httpMetadata"] == {"cacheExpiry": "1970-01-01T00:00:01.500Z"}


def test_list(cli: Cli):
    assert cli("storage", "list", "--prefix", "no/").out == "No objects in STORAGE.\n"
    for key in ("l/a", "l/b/1", "l/b/2", "l/c"):
        cli("storage", "put", key, "--file", "-", stdin=key.encode())
    found = cli("storage", "list", "--prefix", "l/", "--json").json
    assert [each["key"] for each in found] == ["l/a", "l/b/1", "l/b/2", "l/c"]
    assert set(found[0]) == {"key", "size", "etag", "uploaded"}
    grouped = cli("storage", "list", "--prefix", "l/", "--delimiter", "/", "--json").json
    assert [each.get("key") or each["prefix"] for each in grouped] == ["l/a", "l/b/", "l/c"]
    lines = cli("storage", "list", "--prefix", "l/", "--delimiter", "/").out.splitlines()
    assert lines[0].split() == ["KEY", "SIZE", "UPLOADED", "(UTC)", "ETAG"]
    assert lines[2] == "l/b/"
    limited = cli("storage", "list", "--prefix", "l/", "--limit", "2", "--json").json
    assert [each["key"] for each in limited] == ["l/a", "l/b/1"]


def test_a_large_file_goes_in_parts(cli: Cli, tmp_path: Path):
    source, back = tmp_path / "large", tmp_path / "back"
    source.write_bytes(os.urandom(PIECE + 5))
    put = cli("storage", "put", "large", "--file", str(source), "--json").json
    assert put["etag"].endswith("-2") and put["size"] == PIECE + 5
    assert cli("storage", "get", "large", "--file", str(back)).code == 0
    assert back.read_bytes() == source.read_bytes()
    exact = source.read_bytes()[:PIECE]
    put = cli("storage", "put", "large", "--file", "-", "--json", stdin=exact).json
    assert put["etag"].endswith("-1") and put["size"] == PIECE
    assert cli("storage", "get", "large").raw == exact


def test_raw_bytes_go_through_a_process_unharmed(project: Path):
    blob = bytes(range(256)) * 300
    command = [sys.executable, "-m", "aerostack_dev", "storage"]
    put = [*command, "put", "blob", "--file", "-"]
    subprocess.run(put, cwd=project, check=True, capture_output=True, input=blob)
    got = subprocess.run([*command, "get", "blob"], cwd=project, check=True, capture_output=True)
    assert got.stdout == blob


def test_a_progress_bar_at_a_terminal(here, tmp_path: Path):
    root = here()
    (root / "large").write_bytes(bytes(PIECE + 1))
    code, shown = at_terminal(("storage", "put", "large", "--file", "large"), root)
    assert code == 0 and "Storing" in shown and "100%" in shown
    code, shown = at_terminal(("storage", "get", "large", "--file", "back"), root)
    assert code == 0 and "Reading" in shown and "100%" in shown


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("put", "k"), 2, "option '--file'"),
        (("put", "k", "--file", "none"), 1, "error: none: the file cannot be read: No such file"),
        (("put", "k", "--file", "-", "-m", "a"), 2, "--metadata must be NAME=VALUE, not 'a'"),
        (("get", "k", "--json"), 2, "--json needs --file"),
        (("delete",), 2, "argument 'KEY...'"),
        (("list", "--limit", "0"), 2, "0 is not in the range"),
        (("get", "k" * 1025), 1, "The specified object name is not valid."),
        (("get", "k", "--bucket", "nope"), 1, 'No R2 bucket with binding "nope" was found'),
    ],
)
def test_bad_arguments(here, arguments: tuple[str, ...], code: int, text: str):
    here()
    done = invoke("storage", *arguments)
    assert done.code == code
    assert text in done.err
    assert "Traceback" not in done.err


def test_an_upload_that_fails_leaves_nothing(here, monkeypatch: pytest.MonkeyPatch):
    root = here()
    (root / "large").write_bytes(bytes(PIECE * 2))
    from aerostack_dev.bindings.storage.operations import Operations

    async def fails(*arguments: object) -> None:
        raise AerostackError("no more parts")

    with monkeypatch.context() as patched:
        patched.setattr(Operations, "completeMultipartUpload", marked(fails))
        assert invoke("storage", "put", "k", "--file", "large").err == "error: no more parts\n"
    assert invoke("storage", "head", "k").code == 1
    blobs = (root / ".aerostack/state/storage/blobs").rglob("*")
    assert not [path for path in blobs if path.is_file()]


def marked(function):
    function.__operation__ = function.__name__
    return function


def test_an_object_that_changes_while_it_is_read(here, monkeypatch: pytest.MonkeyPatch):
    here()
    invoke("storage", "put", "k", "--file", "-", stdin=b"one")
    from aerostack_dev.bindings.storage.operations import Operations

    head = Operations.head

    async def then_changed(self, key):
        found = await head(self, key)
        await self.put(key, b"two")
        return found

    monkeypatch.setattr(Operations, "head", marked(then_changed))
    done = invoke("storage", "get", "k")
    assert (done.code, done.raw) == (1, b"")
    assert done.err.startswith("error: k: the object was changed or deleted while it was read")


def test_pieces_of_files_of_any_size():
    assert piece_size(None) == piece_size(0) == piece_size(PIECE * MOST_PIECES) == PIECE
    larger = piece_size(PIECE * MOST_PIECES + 1)
    assert larger == PIECE + MEBIBYTE
    with pytest.raises(AerostackError, match="larger than"):
        piece_size(10**15)


def test_s3_shows_how_clients_reach_the_buckets(cli: Cli, project: Path):
    found = cli("storage", "s3", "--json").json
    assert set(found) == {"endpoint", "accessKeyId", "secretAccessKey", "region", "buckets"}
    assert (found["region"], found["buckets"]) == ("auto", ["storage"])
    assert cli("storage", "s3", "--json").json == found
    shown = cli("storage", "s3").out
    for text in (
        f"access key id      {found['accessKeyId']}",
        f"AWS_SECRET_ACCESS_KEY={found['secretAccessKey']}",
        "signature_v2 = False",
        "provider = Other",
        'boto3.client("s3", endpoint_url="http://127.0.0.1:',
        "aws s3 ls s3://storage/",
    ):
        assert text in shown
    kept = json.loads((project / ".aerostack/state/storage/s3.json").read_bytes())
    assert kept["access_key_id"] == found["accessKeyId"]


def test_s3_names_the_address_of_a_running_server(here, monkeypatch, tmp_path: Path):
    here({"aerostack.toml": '[[r2_buckets]]\nbinding = "B"\nbucket_name = "photos"\n'})
    url = "http://127.0.0.1:9123"
    live = SimpleNamespace(state=str(tmp_path / "state"), endpoints={"storage": url})
    monkeypatch.setattr(
        importlib.import_module("aerostack_dev.cli.storage.s3"), "running", lambda *_: live
    )
    found = invoke("storage", "s3", "--json").json
    assert found["endpoint"] == url
    assert found["buckets"] == ["photos", "storage"]
    assert (tmp_path / "state/storage/s3.json").exists()
    assert "host_base = 127.0.0.1:9123\n" in invoke("storage", "s3").out
    elsewhere = invoke("storage", "s3", "--persist-to", str(tmp_path / "other"), "--json").json
    assert elsewhere["accessKeyId"]
