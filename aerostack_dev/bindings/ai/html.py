"""HTML as Markdown: headings, lists, links, emphasis, code, quotes, tables, pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html.parser import HTMLParser

HEADINGS = {f"h{level}": level for level in range(1, 7)}
MARKS = {"strong": "**", "b": "**", "em": "*", "i": "*", "code": "`", "del": "~~", "s": "~~"}
_BLOCKS = (
    "address article aside body dd details div dl dt fieldset figcaption figure footer form "
    "header html main nav p section summary table tbody tfoot thead title"
)
BLOCKS = frozenset(_BLOCKS.split())
UNSEEN = frozenset(("script", "style", "noscript", "template", "svg", "head", "iframe"))
INDENT = "  "
_SPACES = re.compile(r"[ \t\r\n\f]+")
_BLANK_LINES = re.compile(r"\n{3,}")


def to_markdown(html: str) -> str:
    """The Markdown of a page; unclosed and unknown tags are taken as browsers do."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.markdown()


class _Reader(HTMLParser):
    """Writes Markdown while it reads; `_lists` and `_quotes` are what it stands in."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._written: list[str] = []
        self._unseen = 0
        self._preformatted = 0
        self._quotes = 0
        self._lists: list[int | None] = []
        self._links: list[str] = []
        self._cells: list[list[str]] = []
        self._rows = 0

    def markdown(self) -> str:
        text = "".join(self._written)
        lines = (line.rstrip() for line in text.split("\n"))
        return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in UNSEEN:
            self._unseen += 1
        elif tag in HEADINGS:
            self._break(2)
            self._write("#" * HEADINGS[tag] + " ")
        elif tag in MARKS and not self._preformatted:
            self._write(MARKS[tag])
        elif tag == "a":
            self._links.append(given.get("href", ""))
            self._write("[")
        elif tag == "img":
            self._write(f"![{given.get('alt', '')}]({given.get('src', '')})")
        elif tag == "br":
            self._break(1)
        elif tag == "hr":
            self._break(2)
            self._write("---")
            self._break(2)
        else:
            self._begin_block(tag, given)

    def _begin_block(self, tag: str, given: dict[str, str]) -> None:
        if tag in ("ul", "ol"):
            self._break(1 if self._lists else 2)
            start = given.get("start", "1")
            first = int(start) if start.isdigit() else 1
            self._lists.append(first if tag == "ol" else None)
        elif tag == "li":
            self._break(1)
            self._write(self._bullet())
        elif tag == "pre":
            self._break(2)
            self._preformatted += 1
            self._write("```\n")
        elif tag == "blockquote":
            self._quotes += 1
            self._break(2)
        elif tag == "table":
            self._rows = 0
            self._break(2)
        elif tag == "tr":
            self._break(1)
            self._cells.append([])
        elif tag in ("td", "th") and self._cells:
            self._cells[-1].append("")
        elif tag in BLOCKS:
            self._break(2)

    def handle_endtag(self, tag: str) -> None:
        if tag in UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag in MARKS and not self._preformatted:
            self._write(MARKS[tag])
        elif tag == "a" and self._links:
            self._write(f"]({self._links.pop()})")
        elif tag in ("ul", "ol") and self._lists:
            self._lists.pop()
            self._break(1 if self._lists else 2)
        elif tag == "pre" and self._preformatted:
            self._preformatted -= 1
            self._write("\n```")
            self._break(2)
        elif tag == "blockquote" and self._quotes:
            self._break(2)
            self._quotes -= 1
        elif tag == "tr" and self._cells:
            self._end_row(self._cells.pop())
        elif tag in HEADINGS or tag in BLOCKS:
            self._break(2)

    def handle_data(self, data: str) -> None:
        if self._unseen:
            return
        if self._preformatted:
            self._write(data)
            return
        text = _SPACES.sub(" ", data)
        if text.strip() or (self._tail() not in ("", "\n", " ") and text):
            self._write(text.lstrip() if self._tail() in ("", "\n", " ") else text)

    def _end_row(self, cells: Sequence[str]) -> None:
        if not cells:
            return
        self._rows += 1
        self._write(_row(cells))
        if self._rows == 1:
            self._write(f"\n{_row(['---'] * len(cells))}")
        self._break(1)

    def _bullet(self) -> str:
        depth = INDENT * max(0, len(self._lists) - 1)
        number = self._lists[-1] if self._lists else None
        if number is None:
            return f"{depth}- "
        self._lists[-1] = number + 1
        return f"{depth}{number}. "

    def _write(self, text: str) -> None:
        if self._unseen:
            return
        if self._cells and self._cells[-1]:
            self._cells[-1][-1] += text
        elif text:
            quoted = "> " * self._quotes
            self._written.append(quoted + text if self._tail() in ("", "\n") else text)

    def _break(self, lines: int) -> None:
        """End the line; with 2, leave a blank one. Inside a cell, a space does."""
        if self._cells:
            self._write(" ")
            return
        text = "".join(self._written[-3:])
        there = len(text) - len(text.rstrip("\n"))
        if self._written and not self._unseen:
            self._written.append("\n" * max(0, lines - there))

    def _tail(self) -> str:
        """The character before the next one."""
        if self._cells and self._cells[-1]:
            return self._cells[-1][-1][-1:] or "\n"
        return next((part[-1] for part in reversed(self._written) if part), "")


def _row(cells: Sequence[str]) -> str:
    inner = " | ".join(_SPACES.sub(" ", cell).strip().replace("|", "\\|") for cell in cells)
    return f"| {inner} |"
