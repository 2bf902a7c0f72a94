"""Files as Markdown (storage-vectorize-ai.md §3.1, §3.4)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aerostack_dev.bindings.ai.html import to_markdown
from aerostack_dev.functions.forms import Blob

PAGE = b"<html><head><title>no</title></head><body><h1>Hello</h1><p>World</p></body></html>"


@pytest.mark.spec("storage 3.8.23")
async def test_a_bad_file_spoils_nothing(offline):
    good, bad = await offline.toMarkdown(
        [{"name": "a.html", "blob": PAGE}, {"name": "b.pdf", "blob": b"%PDF"}]
    )
    assert (good.name, good.mimeType, good.format) == ("a.html", "text/html", "markdown")
    assert good.data == "# Hello\n\nWorld"
    assert good.tokens > 0
    assert (bad.name, bad.mimeType, bad.format) == ("b.pdf", "application/pdf", "error")
    assert "cannot be converted locally" in bad.error
    assert "data" not in bad
    assert good.id != bad.id


async def test_one_file_gives_one_result(offline):
    blob = Blob("a,b\n1,2|3\n", "text/csv; charset=utf-8")
    result = await offline.to_markdown({"name": "x", "blob": blob})
    assert result.data == "| a | b |\n| --- | --- |\n| 1 | 2\\|3 |"
    result = await offline.toMarkdown({"name": "x.csv", "blob": "a;b;c\n1;2\n"})
    assert result.data == "| a | b | c |\n| --- | --- | --- |\n| 1 | 2 |  |"


@pytest.mark.parametrize(
    ("name", "content", "form", "data"),
    [
        ("a.xml", "<a>1</a>", "text", "<a>1</a>"),
        ("a.json", '{"a": 1}', "text", '{"a": 1}'),
        ("a.txt", "plain", "text", "plain"),
        ("a.md", "# hi", "markdown", "# hi"),
        ("a.csv", "", "markdown", ""),
        ("one.csv", "alone", "markdown", "| alone |\n| --- |"),
    ],
)
async def test_plain_formats(offline, name, content, form, data):
    result = await offline.toMarkdown({"name": name, "blob": content})
    assert (result.format, result.data) == (form, data)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ({"name": "a.txt", "blob": b"\xff"}, "a.txt is not UTF-8 text: byte 0"),
        ({"name": "a.txt", "blob": 5}, "its blob must be bytes"),
        ({"name": "a.csv", "blob": 'a,"b\n'}, "a.csv is not CSV"),
        ({"name": "a.thing", "blob": b""}, "a.thing of type unknown cannot be converted locally"),
    ],
)
async def test_files_that_cannot_be_converted(offline, file, said):
    result = await offline.toMarkdown(file)
    assert result.format == "error"
    assert said in result.error


async def test_the_operation_wants_a_list_of_files(open_ai):
    async with open_ai(provider="offline") as room:
        for files in ("a.html", ["a.html"]):
            with pytest.raises(TypeError, match="files to convert are a list"):
                await room.bindings.invoke("AI", "toMarkdown", [files])


async def test_without_files_it_is_a_service(offline):
    service = offline.toMarkdown()
    assert {"extension": ".html", "mimeType": "text/html"} in await service.supported()
    result = await service.transform([{"name": "a.html", "blob": PAGE}])
    assert result[0].data == "# Hello\n\nWorld"
    with pytest.raises(TypeError, match="a dict with `name` and `blob`"):
        await offline.toMarkdown("a.html")


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<p>a <b>b</b> <i>c</i>\n d</p>", "a **b** *c* d"),
        ("<p>one<p>two", "one\n\ntwo"),
        ("a<br>b<hr>c", "a\nb\n\n---\n\nc"),
        ("<h2>t</h2>x", "## t\n\nx"),
        ("<ul><li>a<li>b<ol><li>c<li>d</ol></ul>e", "- a\n- b\n  1. c\n  2. d\n\ne"),
        ('<ol start="3"><li>a</li></ol>', "3. a"),
        ("<li>alone", "- alone"),
        ('<a href="/x">l</a><img src="i.png" alt="I">', "[l](/x)![I](i.png)"),
        ("</a></ul></pre></tr></b>", "**"),
        ("<pre>a\n  <b>b</b></pre>", "```\na\n  b\n```"),
        ("<p>use <code>x = 1</code></p>", "use `x = 1`"),
        ("<blockquote><p>a</p><p>b</p></blockquote>c", "> a\n\n> b\n\nc"),
        ("<script>x()</script><style>p{}</style>t", "t"),
        (
            "<table><tr><th>A|<th>B</tr><tr><td>1<br>x<td></tr></table>"
            "<table><tr><td>z</table><tr></tr>",
            "| A\\| | B |\n| --- | --- |\n| 1 x |  |",
        ),
        ("<p>a &amp; b &lt;c&gt;</p>", "a & b <c>"),
    ],
)
def test_html(html, markdown):
    assert to_markdown(html).startswith(markdown)


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="<>/abpretdhliu1 \n\"='&;", max_size=80))
def test_any_html_is_read(html):
    assert "\n\n\n" not in to_markdown(html)
