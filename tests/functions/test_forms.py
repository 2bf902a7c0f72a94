from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aerostack_dev.functions import Blob, File, FormData, Request


def post(body, content_type):
    return Request("http://x/", method="POST", body=body, headers={"content-type": content_type})


async def in_pieces(data, size):
    for at in range(0, len(data), size):
        yield data[at : at + size]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8),
            st.one_of(st.text(st.characters(exclude_categories=["Cs"])), st.binary()),
        ),
        max_size=6,
    ),
    st.integers(1, 50),
)
async def test_what_is_written_can_be_read_in_any_pieces(fields, size):
    fields = [
        (name.replace('"', "_").replace("\\", "_").replace("%", "_"), value)
        for name, value in fields
    ]
    form = FormData(fields)
    body, content_type = form._encode()
    read = await post(in_pieces(body, size), content_type).form_data()
    assert [name for name, _ in read.items()] == [name for name, _ in fields]
    for (_, sent), (_, got) in zip(fields, read.items(), strict=True):
        assert sent == (await got.bytes() if isinstance(got, File) else got)


async def test_multipart_as_a_browser_sends_it():
    body = (
        b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\nh\xc3\xa4\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="\xc3\xa4.png"\r\n'
        b"Content-Type: image/png\r\n\r\n\x89PNG\r\n\x00\r\n--b--\r\n"
    )
    form = await post(body, 'multipart/form-data; boundary="b"').formData()
    assert form["title"] == form.get("title") == "hä"
    file = form["file"]
    assert isinstance(file, File)
    assert (file.name, file.type, file.contentType, file.size) == (
        "ä.png",
        "image/png",
        "image/png",
        7,
    )
    assert await file.bytes() == b"\x89PNG\r\n\x00"


async def test_urlencoded():
    form = await post("a=1&b=&a=%C3%A4+x", "application/x-www-form-urlencoded").form_data()
    assert form.getAll("a") == ["1", "ä x"]
    assert form.get("b") == ""


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        ("x", "text/plain", "FormData can only parse the following MIME types"),
        ("x", "", "FormData can only parse"),
        ("x", "multipart/form-data", "no boundary"),
        ("x", "multipart/form-data; boundary=b", "malformed or cut short"),
        (
            '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx',
            "multipart/form-data; boundary=b",
            "malformed or cut short",
        ),
        ("--b\r\nX: y\r\n\r\nx\r\n--b--\r\n", "multipart/form-data; boundary=b", "has no name"),
    ],
)
async def test_what_is_no_form_says_so(body, content_type, message):
    with pytest.raises(TypeError, match=message):
        await post(body, content_type).form_data()


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
async def test_any_bytes_are_a_form_or_a_type_error(noise):
    try:
        form = await post(b"--b\r\n" + noise, "multipart/form-data; boundary=b").form_data()
    except TypeError:
        return
    assert isinstance(form, FormData)


async def test_a_form_is_an_ordered_multimap():
    form = FormData({"a": 1})
    form.append("b", "2")
    form.append("a", Blob(["x"], "text/x"), "x.txt")
    form.append("c", b"raw")
    assert form.keys() == list(form) == ["a", "b", "c"]
    assert len(form) == 3
    assert "a" in form
    assert form.has("c")
    assert form.get("nothing", "default") == "default"
    file = form.get_all("a")[1]
    assert (file.name, file.type, file.lastModified) == ("x.txt", "text/x", 0)
    form["a"] = "only"
    form.set("d", "4")
    assert form.entries()[0] == ("a", "only")
    assert form.values()[-1] == "4"
    del form["b"]
    form.delete("nothing")
    with pytest.raises(KeyError):
        form["b"]
    with pytest.raises(KeyError):
        del form["b"]
    with pytest.raises(TypeError, match="a form's field must be str, bytes or a Blob, not list"):
        form.append("x", [])
    assert FormData(form).items() == form.items()
    assert "FormData" in repr(form)


async def test_blobs():
    blob = Blob(["a", b"b", Blob("c")], "Text/Plain")
    assert (blob.size, len(blob), blob.type, bool(Blob())) == (3, 3, "text/plain", True)
    assert await blob.text() == "abc"
    assert (await blob.arrayBuffer()).tobytes() == b"abc"
    assert [piece async for piece in blob.stream()] == [b"abc"]
    assert [piece async for piece in Blob().stream()] == []
    part = blob.slice(-2, content_type="x/y")
    assert (await part.bytes(), part.type) == (b"bc", "x/y")
    assert repr(blob) == "<Blob: 3 bytes text/plain>"
    file = File(blob, "n.txt", last_modified=5)
    assert (file.name, file.last_modified, await file.text()) == ("n.txt", 5, "abc")
    assert FormData({"f": file})["f"] is file
    with pytest.raises(TypeError, match="a part must be bytes, str or a Blob, not int"):
        Blob([1])


def test_names_with_quotes_and_line_breaks_cannot_break_out():
    body, _ = FormData([('a"\r\nX: y', File("x", 'f"\n'))])._encode()
    assert b'name="a%22%0D%0AX: y"' in body
    assert b'filename="f%22%0A"' in body
