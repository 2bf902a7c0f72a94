"""Tables, numbers and texts for a person."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aerostack_dev.cli import output
from aerostack_dev.cli.output import CONTROL, clean, counted, duration, size, styled, table, width

from .conftest import at_terminal, invoke


def test_columns_are_aligned_and_numbers_to_the_right():
    rows = [("a", 1, None), ("bbb", 100, "日本"), ("é", 2.5, "x")]
    assert list(table(("N", "COUNT", "WHAT"), rows)) == [
        "N    COUNT  WHAT",
        "a        1",
        "bbb    100  日本",
        "é      2.5  x",
    ]
    assert list(table(("A",), [])) == ["A"]
    assert list(table(("A",), [("x" * 80,)], widest=60))[1] == "x" * 59 + "…"


def test_wide_and_combining_characters():
    assert (width("abc"), width("日本"), width("e\u0301")) == (3, 4, 1)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.text(), st.integers(), st.text()), min_size=1, max_size=5))
def test_a_table_is_a_line_for_each_row_whatever_is_in_it(rows):
    lines = list(table(("A", "B", "C"), rows))
    assert len(lines) == len(rows) + 1
    assert not any(CONTROL.search(line) for line in lines)


@given(st.text())
def test_clean_text_moves_no_cursor(text: str):
    assert not CONTROL.search(clean(text))
    kept = clean(text, keep_lines=True)
    assert not CONTROL.search(kept.replace("\n", "").replace("\t", ""))


def test_numbers_in_words():
    assert [duration(each) for each in (0.0032, 0.041, 12.5)] == ["3.2 ms", "41 ms", "12.5 s"]
    assert [size(each) for each in (0, 1023, 2048, 3 << 20, 5 << 30)] == [
        "0 B", "1023 B", "2.0 KiB", "3.0 MiB", "5.0 GiB",
    ]  # fmt: skip
    assert [counted(1, "entry"), counted(2, "entry"), counted(0, "row")] == [
        "1 entry", "2 entries", "0 rows",
    ]  # fmt: skip


def test_no_colour_where_none_is_wanted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert styled("x", fg="red") == "\x1b[31mx\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert styled("x", fg="red") == "x"


def test_long_cells_are_cut_on_a_terminal_only(here, monkeypatch: pytest.MonkeyPatch):
    here()
    invoke("cache", "put", "k" * 100, "v")
    assert "k" * 100 in invoke("cache", "list").out
    monkeypatch.setattr(output, "terminal", lambda: True)
    assert "k" * 59 + "…" in invoke("cache", "list").out


def test_a_terminal_gets_tables_in_colour(here):
    root = here()
    code, shown = at_terminal(["db", "execute", "--command", "SELECT 1 AS one"], root)
    assert code == 0
    assert shown.startswith("\x1b[2mone\x1b[0m\n  1\n")
    code, shown = at_terminal(["db", "execute", "--command", "SELECT 1 AS one", "--json"], root)
    assert shown.startswith("[\n")


def test_a_person_is_asked_before_a_purge(here):
    root = here()
    invoke("queue", "send", "default", "1")
    code, shown = at_terminal(["queue", "purge", "default"], root, b"n\n")
    assert code == 130
    assert "Delete every message of default? [y/N]" in shown
    assert len(invoke("queue", "peek", "default", "--json").json) == 1
    code, shown = at_terminal(["queue", "purge", "default"], root, b"y\n")
    assert (code, "Deleted 1 message of default." in shown) == (0, True)
    assert at_terminal(["queue", "purge", "default", "--yes"], root)[0] == 0
