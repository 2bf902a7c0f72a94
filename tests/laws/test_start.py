"""What `aerostack dev` imports before it is ready: every module is time that a start takes.

The lists lie in `started/`. After a change that is meant: `python -m tests.laws.test_start`.
"""

from __future__ import annotations

import sys
import tempfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.support.server import READY, serving

LISTS = Path(__file__).parent / "started"
IMPORTED = "imported:"
COMPILED = "compiled:"
FEW = 5
TELLING = f"""
import io, sys

def dataclasses():
    for module in list(sys.modules.values()):
        for each in list(vars(module).values()):
            if isinstance(each, type) and "__dataclass_fields__" in vars(each):
                yield f"{{each.__module__}}.{{each.__qualname__}}"

class Telling(io.TextIOWrapper):
    def write(self, text):
        if {READY!r} in text:
            super().write(" ".join([{IMPORTED!r}, *sys.modules, "\\n"]))
            super().write(" ".join([{COMPILED!r}, *dataclasses(), "\\n"]))
        return super().write(text)

sys.__stdout__ = Telling(sys.stdout.detach(), line_buffering=True)
sys.stdout = sys.__stdout__
from aerostack_dev.cli import main
main()
"""
PROJECTS = {
    "python": {
        "aerostack.toml": "",
        "src/index.py": "from workers import Response\ndef fetch(): return Response('hello')",
    },
    "typescript": {
        "aerostack.toml": 'main = "src/index.ts"',
        "src/index.ts": "export default { fetch: () => new Response('hello') };",
    },
}


def told(what: str, language: str, folder: Path) -> set[str]:
    """What a start says of itself before it is ready."""
    with serving(folder, PROJECTS[language], program=(sys.executable, "-c", TELLING)) as server:
        line = next(line for line in server.lines if line.startswith(what))
    return set(line.split()[1:])


def started(language: str, folder: Path) -> list[str]:
    """The packages of others and our own modules that a start imports."""
    names = told(IMPORTED, language, folder)
    own = {name for name in names if name.partition(".")[0] == "aerostack_dev"}
    others = {name.partition(".")[0] for name in names - own} & set(packages_distributions())
    return [*sorted(name for name in others if "__" not in name and name[0] != "_"), *sorted(own)]


def kept(language: str) -> Path:
    return LISTS / f"{language}.txt"


@pytest.mark.parametrize("language", PROJECTS)
def test_a_start_imports_what_is_listed(language: str, tmp_path: Path):
    assert started(language, tmp_path) == kept(language).read_text().split()


@pytest.mark.parametrize("language", PROJECTS)
def test_a_start_makes_few_dataclasses(language: str, tmp_path: Path):
    """Each compiles its methods; a `msgspec.Struct` has them from C."""
    made = told(COMPILED, language, tmp_path)
    own = sorted(name for name in made if name.startswith("aerostack_dev."))
    assert 0 < len(own) <= FEW, own


if __name__ == "__main__":
    for language in PROJECTS:
        with tempfile.TemporaryDirectory() as folder:
            names = started(language, Path(folder))
        kept(language).write_text("".join(f"{name}\n" for name in names))
