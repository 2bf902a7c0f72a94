"""`tsconfig.json` as TypeScript reads it: comments, inheritance, paths."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aerostack_dev.runtime.hosts.deno.tsconfig import parse, read_tsconfig

from ..python.driving import write


def read(root, files):
    write(root, files)
    return read_tsconfig(root, root / "src" / "index.ts")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1,}', {"a": 1}),
        ('{"a": [1, 2, ], // end\n}', {"a": [1, 2]}),
        ('/* { */ {"a//b": "/* x */, }"}', {"a//b": "/* x */, }"}),
        ('{"a": "\\"//", "b": 2 /* , */ , }', {"a": '"//', "b": 2}),
    ],
)
def test_json_with_comments(text, value):
    assert parse(text) == value


TRICKY = st.text('"\\/*,{}[] \na', max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(TRICKY, st.lists(TRICKY, max_size=3), max_size=3))
def test_plain_json_stays_what_it_is(value):
    assert parse(json.dumps(value, ensure_ascii=False, indent=1)) == value


def test_the_nearest_counts(tmp_path):
    files = {"tsconfig.json": '{"compilerOptions": {"baseUrl": "."}}'}
    assert read(tmp_path, files).base == tmp_path
    found = read(tmp_path, {"src/jsconfig.json": '{"compilerOptions": {"baseUrl": "./x"}}'})
    assert found.base == tmp_path / "src" / "x"
    # One that does not exist yet would count as well.
    assert found.files == [tmp_path / "src" / "tsconfig.json", tmp_path / "src" / "jsconfig.json"]
    outside = read_tsconfig(tmp_path / "src", tmp_path / "elsewhere" / "index.ts")
    assert outside.base is None


def test_paths_are_where_they_are_written(tmp_path):
    files = {
        "tsconfig.json": '{"extends": "./config/base", "compilerOptions": {"jsx": "react-jsx"}}',
        "config/base.json": """{"extends": "../tsconfig.json", "compilerOptions": {
            "jsx": "react", "jsxImportSource": "a",
            "paths": {"a/*": ["./a/*", "${configDir}/b/*"], "a/b/*": ["c"], "a/x": ["d"], "*": 5,
                      "**": ["e"]}}}""",
    }
    found = read(tmp_path, files)
    assert found.paths == [
        ("a/x", [str(tmp_path / "config" / "d")]),
        ("a/b/*", [str(tmp_path / "config" / "c")]),
        ("a/*", [str(tmp_path / "config" / "a" / "*"), str(tmp_path / "b" / "*")]),
    ]
    assert found.jsx == {"jsx": "react-jsx", "jsxImportSource": "a"}
    assert found.broken == []


def test_a_base_url_moves_inherited_paths(tmp_path):
    files = {
        "tsconfig.json": '{"extends": "./base.json", "compilerOptions": {"baseUrl": "./src"}}',
        "base.json": '{"compilerOptions": {"paths": {"@": ["x"]}}}',
    }
    assert read(tmp_path, files).paths == [("@", [str(tmp_path / "src" / "x")])]


def test_what_is_missing_or_broken(tmp_path):
    found = read(tmp_path, {"tsconfig.json": '{"extends": ["./gone", "nowhere"]}'})
    assert [why for _, why in found.broken] == [
        "it extends './gone', which is not there",
        "it extends 'nowhere', which is not there",
    ]
    assert read(tmp_path, {"tsconfig.json": "[]"}).broken == []
    for text in ('{"compilerOptions": 5, "extends": 5}', '{"extends": null}'):
        assert read(tmp_path, {"tsconfig.json": text}).paths == []
    (broken,) = read(tmp_path, {"tsconfig.json": "{"}).broken
    assert broken[0] == tmp_path / "tsconfig.json"
