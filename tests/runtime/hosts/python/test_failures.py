"""The author's errors: own lines first, with source; ours never."""

from __future__ import annotations

import pytest

import aerostack_dev
from aerostack_dev.runtime.host import LONGEST_MESSAGE, HandlerError, LoadError

from .driving import opened

PACKAGE = aerostack_dev.__path__[0]


async def failure_of(tmp_path, source, **options):
    async with opened(tmp_path, source, **options) as function:
        with pytest.raises(HandlerError) as caught:
            await function()
    assert PACKAGE not in caught.value.failure.stack
    assert all(PACKAGE not in frame.file for frame in caught.value.failure.frames)
    return caught.value.failure


async def test_own_frames_come_first_then_the_libraries(tmp_path):
    failure = await failure_of(
        tmp_path,
        {
            "index.py": """
                import json
                import helper
                async def fetch(request):
                    return helper.parse("{")
            """,
            "helper.py": """
                import json
                def parse(text):
                    return json.loads(text)
            """,
        },
    )
    assert failure.type == "JSONDecodeError"
    own = [(frame.file, frame.line, frame.function) for frame in failure.frames if frame.own]
    assert own == [
        (str(tmp_path / "helper.py"), 4, "parse"),
        (str(tmp_path / "index.py"), 5, "fetch"),
    ]
    assert failure.frames[0].source == "return json.loads(text)"
    assert [frame.own for frame in failure.frames] == [True, True, False, False, False]
    lines = failure.stack.splitlines()
    assert lines[0].startswith("JSONDecodeError: Expecting property name")
    assert lines[1] == f'  File "{tmp_path / "helper.py"}", line 4, in parse'
    assert lines.index("  in libraries:") == 5


async def test_chains_groups_and_notes_are_shown(tmp_path):
    failure = await failure_of(
        tmp_path,
        """
        async def fetch(request):
            try:
                try:
                    raise KeyError("deepest")
                except KeyError as error:
                    raise ValueError("middle") from error
            except ValueError:
                group = ExceptionGroup("both", [TypeError("one"), OSError("two")])
                group.add_note("a note")
                raise group
        """,
    )
    assert failure.type == "ExceptionGroup"
    heads = [section.splitlines()[0] for section in failure.stack.split("\n\n")]
    assert heads == [
        "ExceptionGroup: both (2 sub-exceptions)",
        "TypeError: one",
        "OSError: two",
        "ValueError: middle",
        "KeyError: 'deepest'",
    ]
    assert "a note" in failure.stack
    assert [frame.line for frame in failure.frames] == [12, 8, 6]


async def test_a_suppressed_context_stays_hidden_and_cycles_end(tmp_path):
    failure = await failure_of(
        tmp_path,
        """
        async def fetch(request):
            try:
                raise KeyError("hidden")
            except KeyError:
                error = ValueError("shown")
                error.__cause__ = error
                raise error from None
        """,
    )
    assert "hidden" not in failure.stack
    failure = await failure_of(
        tmp_path,
        """
        async def fetch(request):
            error, other = ValueError("a"), ValueError("b")
            error.__cause__, other.__cause__ = other, error
            raise error
        """,
    )
    assert failure.stack.count("ValueError") == 2


async def test_a_recursion_is_cut(tmp_path):
    source = "def deep(): deep()\nasync def fetch(request): deep()"
    failure = await failure_of(tmp_path, source)
    assert failure.type == "RecursionError"
    assert [(frame.line, frame.function) for frame in failure.frames] == [(2, "deep"), (3, "fetch")]
    deep, fetch = failure.frames
    assert deep.more > 100
    assert deep.rest == f"… {deep.more} more frames of deep"
    assert failure.stack.count("in deep") == 1
    assert deep.rest in failure.stack
    assert fetch.rest == ""


async def test_functions_that_call_each_other_are_cut(tmp_path):
    source = """
        def even(n): return odd(n - 1)
        def odd(n): return even(n - 1)
        def twice(n): return even(9) if n == 0 else twice(n - 1)
        async def fetch(request): twice(2)
    """
    failure = await failure_of(tmp_path, source)
    names = [frame.function for frame in failure.frames]
    assert sorted(names[:2]) == ["even", "odd"]
    assert names[2:] == ["twice"] * 3 + ["fetch"]
    assert abs(failure.frames[0].more - failure.frames[1].more) <= 1


async def test_a_long_way_is_cut(tmp_path):
    calls = "\n".join(f"def f{n}(): f{n + 1}()" for n in range(70))
    source = f"{calls}\ndef f70(): 1 / 0\nasync def fetch(request): f0()"
    failure = await failure_of(tmp_path, source)
    assert [frame.function for frame in failure.frames] == [f"f{n}" for n in range(70, 20, -1)]


async def test_an_error_that_cannot_be_shown(tmp_path):
    source = """
        class Broken(Exception):
            def __str__(self): raise RuntimeError
        async def fetch(request): raise Broken
    """
    failure = await failure_of(tmp_path, source)
    assert (failure.type, failure.message) == (
        "Broken",
        "(its message cannot be shown: RuntimeError)",
    )


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("import sys\nasync def fetch(request): sys.exit(3)", "SystemExit"),
        ("import sys\ndef fetch(request): sys.exit(3)", "SystemExit"),
        ("async def fetch(request): raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("def fetch(request): raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("def fetch(request): raise StopIteration", "RuntimeError"),
        (
            "import asyncio\nasync def fetch(request): raise asyncio.CancelledError",
            "CancelledError",
        ),
        ("async def fetch(request): return Response({})", "TypeError"),
        ("async def fetch(request, env): env.NOTHING", "AttributeError"),
        ("async def fetch(request): request.headers['x'] = '1'", "TypeError"),
    ],
)
async def test_what_would_end_a_process_is_a_failure_too(tmp_path, source, kind):
    failure = await failure_of(tmp_path, source)
    assert failure.type == kind
    assert failure.frames[0].file == str(tmp_path / "index.py")


@pytest.mark.parametrize(
    ("files", "line", "message", "hint"),
    [
        ({"index.py": "x = 1\ny = (\n"}, 2, "SyntaxError: '(' was never closed", ""),
        ({"index.py": "import helper", "helper.py": "\n\n1 +"}, 3, "SyntaxError", ""),
        ({"index.py": "\nimport nothing_like_it"}, 2, "No module named", "nothing_like_it"),
        ({"index.py": "from js import Date"}, 1, "cannot import name 'Date'", "Python's own"),
        ({"index.py": "import js\njs.Date.now()"}, 2, "`js` has no 'Date' here, only", ""),
        ({"index.py": "from workers import Nope"}, 1, "cannot import name", "WorkerEntrypoint"),
        ({"index.py": "import sys\nsys.exit(1)"}, 2, "SystemExit: 1", "calls exit()"),
        ({"index.py": "raise KeyboardInterrupt"}, 1, "KeyboardInterrupt", ""),
        ({"index.py": "1 / 0"}, 1, "ZeroDivisionError: division by zero", ""),
        ({"index.py": "x = 1\x00"}, None, "null bytes", ""),
    ],
)
async def test_a_module_that_cannot_be_imported_is_pointed_at(tmp_path, files, line, message, hint):
    with pytest.raises(LoadError) as caught:
        async with opened(tmp_path, files):
            pass
    assert message in f"{caught.value.failure.type}: {caught.value.failure.message}"
    assert hint in caught.value.hint
    assert PACKAGE not in caught.value.failure.stack
    if line is not None:
        frame = caught.value.failure.frames[0]
        assert (frame.line, frame.own) == (line, True)
        assert caught.value.where == f"{frame.file}:{line}"


async def test_a_main_that_is_not_there(tmp_path):
    with pytest.raises(LoadError, match=r"index.py does not exist") as caught:
        async with opened(tmp_path, {}):
            pass
    assert caught.value.hint == "check `main` in aerostack.toml"


async def test_endless_words_are_cut(tmp_path):
    source = "async def fetch(request): raise ValueError('x' * 1_000_000)"
    failure = await failure_of(tmp_path, source)
    assert len(failure.message) == LONGEST_MESSAGE
    assert failure.message.endswith("x… (1000000 characters in all)")
    assert len(failure.stack) < 2 * LONGEST_MESSAGE


async def test_a_generated_line_of_source_is_cut(tmp_path):
    failure = await failure_of(
        tmp_path, f"async def fetch(request): raise ValueError({'1' * 4000!r})"
    )
    assert len(failure.frames[0].source) < 2000
