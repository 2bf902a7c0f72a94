"""Fresh modules, folders on the path, virtual environments, endless imports."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
import threading

import pytest

from aerostack_dev.runtime.host import LoadError
from aerostack_dev.runtime.hosts.authored import PACKAGE, Authored
from aerostack_dev.runtime.hosts.python import open_host, threads
from aerostack_dev.runtime.hosts.python.importing import AuthorFinder
from aerostack_dev.runtime.hosts.python.threads import Abandoned, run_interruptible
from tests.support.asgi import until

from .driving import Driven, opened, services, write


async def test_folders_of_the_project_are_importable(tmp_path):
    files = {
        "app/main.py": """
            import beside, in_src, in_root
            from package.inner import NAME
            from workers import Response
            async def fetch(request):
                import late
                return Response(f"{beside.X}{in_src.X}{in_root.X}{NAME}{late.X}")
        """,
        "app/beside.py": "X = 1",
        "src/in_src.py": "X = 2",
        "in_root.py": "X = 3",
        "src/package/inner.py": "NAME = 4",
        "late.py": "X = 5",
    }
    before = (list(sys.path), list(sys.meta_path), set(sys.modules))
    async with opened(tmp_path, files, main="app/main.py") as function:
        loaded = {str(path.relative_to(tmp_path)) for path in function.host.sources}
        assert loaded == set(files) - {"late.py"}
        assert (await function()).body == b"12345"
        assert tmp_path / "late.py" in function.host.sources
    assert (sys.path, sys.meta_path) == before[:2]
    assert not {"main", "beside", "package", "workers", "pyodide"} & (set(sys.modules) - before[2])


async def test_a_reload_reads_helpers_again_and_the_old_host_goes_on(tmp_path):
    files = {
        "index.py": """
            import helper
            from workers import Response
            async def fetch(request):
                import workers, lazy
                return Response(f"{helper.VERSION} {helper.__name__} {lazy.VERSION}")
        """,
        "helper.py": "VERSION = 1",
        "lazy.py": "VERSION = 0",
    }
    write(tmp_path, files)
    async with open_host(tmp_path / "index.py", services(tmp_path)) as old:
        # The same size within the same second: bytecode of the first would look fresh.
        write(tmp_path, {"helper.py": "VERSION = 2"})
        opening = open_host(tmp_path / "index.py", services(tmp_path))
        new = await opening.__aenter__()
        assert (await Driven(old, tmp_path)()).body == b"1 helper 0"
        assert (await Driven(new, tmp_path)()).body == b"2 helper 0"
    assert (await Driven(new, tmp_path)()).body == b"2 helper 0"
    assert sum(isinstance(finder, AuthorFinder) for finder in sys.meta_path) == 1
    await opening.__aexit__(None, None, None)
    assert "helper" not in sys.modules


async def test_a_new_host_that_cannot_load_leaves_the_old_one_whole(tmp_path):
    source = """
        async def fetch(request):
            from workers import Blob
            import lazy
            return Response(lazy.TEXT)
    """
    async with opened(tmp_path, source) as function:
        write(tmp_path, {"lazy.py": "TEXT = 'still here'", "broken.py": "1 +"})
        with pytest.raises(LoadError):
            async with open_host(tmp_path / "broken.py", services(tmp_path)):
                pass
        assert (await function()).body == b"still here"


async def test_main_may_have_the_name_of_other_code(tmp_path):
    source = """
        import json, queue
        async def fetch(request):
            return Response(json.dumps([__name__, queue.Queue.__name__]))
    """
    async with opened(tmp_path, source, main="json.py") as function:
        assert (await function()).body == b'["json__main", "Queue"]'
    assert sys.modules["json"].dumps


async def test_the_platforms_modules_win_but_for_an_asgi_of_ones_own(tmp_path):
    files = {
        "src/index.py": """
            import asgi, pyodide, workers
            assert pyodide.ffi.to_js
            async def fetch(request):
                return workers.Response(asgi.MINE)
        """,
        "src/asgi.py": "MINE = 'mine'",
        "src/workers.py": "raise AssertionError('never imported')",
        "src/pyodide/__init__.py": "raise AssertionError('never imported')",
    }
    async with opened(tmp_path, files, main="src/index.py") as function:
        assert (await function()).body == b"mine"


async def test_an_installed_workers_package_does_not_win(tmp_path, monkeypatch):
    write(tmp_path, {"installed/workers.py": "Response = None"})
    monkeypatch.syspath_prepend(str(tmp_path / "installed"))
    import workers

    assert workers.Response is None
    source = "async def fetch(request): return Response('ours')"
    async with opened(tmp_path / "project", source) as function:
        assert (await function()).body == b"ours"
    assert "workers" not in sys.modules


def make_venv(root, version, key="version"):
    packages = root / ".venv" / "lib" / f"python{version}" / "site-packages"
    write(
        root,
        {
            ".venv/pyvenv.cfg": f"home = /usr/bin\n{key} = {version}.4\n",
            f"{packages.relative_to(root)}/only_there.py": "NAME = 'from the venv'",
            f"{packages.relative_to(root)}/more.pth": "../../../more\n",
            ".venv/more/editable.py": "NAME = 'editable'",
        },
    )


RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.mark.parametrize("key", ["version", "version_info"])
async def test_packages_of_the_projects_venv(tmp_path, key):
    make_venv(tmp_path, RUNNING, key)
    source = """
        import only_there, editable
        async def fetch(request): return Response(only_there.NAME + editable.NAME)
    """
    before = list(sys.path)
    async with opened(tmp_path, source) as function:
        assert function.host.findings == ()
        assert (await function()).body == b"from the venveditable"
        assert {path.name for path in function.host.sources} == {"index.py"}
    assert sys.path == before
    del sys.modules["only_there"], sys.modules["editable"]


async def test_a_venv_of_another_version_is_said(tmp_path):
    make_venv(tmp_path, "3.8")
    async with opened(tmp_path, "async def fetch(): pass") as function:
        (finding,) = function.host.findings
        assert finding.code == "venv-version"
        assert f"is for Python 3.8, but this is {RUNNING}" in finding.message
        assert finding.where == str(tmp_path / ".venv")
    write(tmp_path, {".venv/pyvenv.cfg": "home = /usr/bin\n"})
    async with opened(tmp_path, "async def fetch(): pass") as function:
        assert "is for Python ?" in function.host.findings[0].message


@pytest.mark.parametrize("where", ["index.py", "helper.py"])
async def test_an_endless_import_can_be_given_up_and_heals(tmp_path, where):
    endless = "from pathlib import Path\nPath(__file__).with_suffix('.begun').touch()\n" + (
        "while True: pass"
    )
    fine = "from workers import Response\nasync def fetch(request): return Response('healed')"
    write(tmp_path, {"index.py": "import helper\n" + fine, "helper.py": "", where: endless})

    async def load():
        async with open_host(tmp_path / "index.py", services(tmp_path)):
            raise AssertionError("it cannot be loaded")

    loading = asyncio.create_task(load())
    await until((tmp_path / where).with_suffix(".begun").exists)
    loading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loading
    write(tmp_path, {"index.py": "import helper\n" + fine, "helper.py": ""})
    async with opened(tmp_path, {}) as function:
        assert (await function()).body == b"healed"


async def test_the_loop_runs_while_a_module_is_imported(tmp_path):
    write(
        tmp_path,
        {
            "index.py": """
                import time
                from pathlib import Path
                go = Path(__file__).with_name("go")
                while not go.exists():
                    time.sleep(0.005)
                async def fetch(request): pass
            """
        },
    )
    turns = 0

    async def others():
        nonlocal turns
        while turns < 10:
            await asyncio.sleep(0)
            turns += 1
        (tmp_path / "go").touch()

    helping = asyncio.create_task(others())
    async with opened(tmp_path, {}):
        assert turns == 10
    await helping


def test_whose_file_it_is(tmp_path):
    authored = Authored((str(tmp_path),))
    assert str(tmp_path / "a" / "b.py") in authored
    for file in (".venv/x.py", "a/node_modules/x.py", "lib/site-packages/x.py"):
        assert str(tmp_path / file) not in authored
    assert f"{tmp_path}-other/x.py" not in authored
    assert None not in authored
    assert PACKAGE + "/errors.py" not in Authored((PACKAGE[: PACKAGE.rindex("/")],))


def test_importing_the_package_is_cheap():
    code = "import sys, aerostack_dev; print(len([m for m in sys.modules if 'aerostack' in m]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == 3


def as_code_that_locks(monkeypatch, file):
    monkeypatch.setattr(threads, "LOCKING", (file,))


def as_what_traces_threads(monkeypatch, file):
    named = {}
    exec(compile("def trace(*_): pass", file, "exec"), named)
    monkeypatch.setattr(threading, "gettrace", lambda: named["trace"])


@pytest.mark.parametrize("locking", [as_code_that_locks, as_what_traces_threads])
async def test_an_import_is_not_given_up_while_it_holds_a_lock(monkeypatch, locking):
    """A lock of the import system whose holder is gone stops every later import."""
    locking(monkeypatch, "<locking>")
    begun, leave, ended = [], [], []
    code = compile("begun.append(1)\nwhile not leave: pass", "<locking>", "exec")

    def run():
        try:
            exec(code, {"begun": begun, "leave": leave})
            while True:
                pass
        except Abandoned:
            ended.append(bool(leave))

    task = asyncio.create_task(run_interruptible(run))
    await until(lambda: bool(begun))
    task.cancel()
    await asyncio.wait({task})
    for _ in range(5):
        await asyncio.sleep(threads.RETRY_SECONDS)
    leave.append(1)
    await until(lambda: bool(ended))
    assert ended == [True]


def test_loading_a_function_imports_no_http_client_and_no_form_parser(tmp_path):
    (tmp_path / "index.py").write_text("async def fetch(request): pass")
    code = """
        import asyncio, pathlib, sys
        from aerostack_dev.bindings.opening import Bindings
        from aerostack_dev.clock import SystemClock
        from aerostack_dev.config.model import Project
        from aerostack_dev.runtime.host import HostServices
        from aerostack_dev.runtime.hosts.python import open_host
        async def main():
            root = pathlib.Path(sys.argv[1])
            project = Project(root=root, file=None, name="t", main=None)
            services = HostServices(project, Bindings({}, {}, {}), SystemClock())
            async with open_host(root / "index.py", services):
                names = {"httpx", "python_multipart", "starlette", "email", "anyio"}
                print(*(names & set(sys.modules)))
        asyncio.run(main())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == []


async def test_a_name_that_workers_does_not_have_is_answered_with_those_it_has(tmp_path):
    with pytest.raises(LoadError) as caught:
        async with opened(tmp_path, "from workers import DurableObject"):
            pass
    assert "WorkerEntrypoint" in caught.value.hint
    assert caught.value.failure.hint == caught.value.hint


async def test_a_thread_that_imports_meanwhile_is_no_error(tmp_path, monkeypatch):
    class Disturbed:
        times = 0

        def find_spec(self, *_):
            return None

        def invalidate_caches(self):
            self.times += 1
            if self.times < 4:
                raise RuntimeError("dictionary changed size during iteration")

    finder = Disturbed()
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, finder])
    async with opened(tmp_path, "async def fetch(): return Response('hello')") as function:
        assert (await function()).messages[1]["body"] == b"hello"
    assert finder.times >= 4
