"""The import system as the author's code expects it, while a host is open.

The project's folders come first on `sys.path`; `workers`, `asgi`, `js` and `pyodide` are ours;
the author's files are compiled from their source each time, since cached bytecode is
compared by whole seconds and a second save within one would run old code.
"""

from __future__ import annotations

import importlib
import site
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location, spec_from_loader
from pathlib import Path
from types import CodeType, ModuleType

from ....config.model import Finding
from ..authored import SEPARATOR, Authored
from .naming import Naming

PROVIDED: Mapping[str, str] = {
    "workers": "aerostack_dev.functions",
    "asgi": "aerostack_dev.functions.asgi",
    "js": "aerostack_dev.functions.js",
    "pyodide": "",
    "pyodide.ffi": "aerostack_dev.functions.pyodide",
}
"""Module of the platform -> the module of ours that has its names."""

YIELDING = ("asgi", "js")
"""A project may have an `asgi.py` or a folder `js` of its own: that one wins."""

ATTEMPTS = 10

ALWAYS = frozenset(name for name in PROVIDED if name not in YIELDING)


class Provided(Loader):
    """Loads a module of the platform: the names of `source`."""

    def __init__(self, source: str) -> None:
        self.source = source

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        if not self.source:
            importlib.import_module(f"{module.__name__}.ffi")
            return
        source = importlib.import_module(self.source)
        names = list(source.__all__)
        module.__dict__.update({name: getattr(source, name) for name in names}, __all__=names)
        if "__getattr__" in source.__dict__:
            module.__dict__["__getattr__"] = source.__getattr__


class FreshLoader(SourceFileLoader):
    """Compiles the source as it is now; `naming` is of the service that it belongs to."""

    def __init__(self, fullname: str, path: str, naming: Naming | None = None) -> None:
        super().__init__(fullname, path)
        self.naming = naming

    def exec_module(self, module: ModuleType) -> None:
        if self.naming is not None:
            module.__dict__["__builtins__"] = self.naming.builtins
        super().exec_module(module)

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


class AuthorFinder(MetaPathFinder):
    """Finds the platform's modules, and the author's files, before anything installed."""

    def __init__(
        self, authored: Authored, folders: Sequence[str], naming: Naming | None = None
    ) -> None:
        self.authored = authored
        self.folders = folders
        self.naming = naming

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if SEPARATOR in name:
            own = self.naming is not None and name.startswith(self.authored.prefix)
            return self._find_own(name, path) if own else None
        if name in PROVIDED and not self._yields(name):
            package = any(other.startswith(f"{name}.") for other in PROVIDED)
            return spec_from_loader(name, Provided(PROVIDED[name]), is_package=package)
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or spec.origin not in self.authored:
            return None  # another function's, or nobody's: the next finder says
        if type(spec.loader) is SourceFileLoader:
            spec.loader = FreshLoader(spec.loader.name, spec.loader.path)
        return spec

    def _find_own(self, name: str, path: Sequence[str] | None) -> ModuleSpec | None:
        """The spec of a service's module, by the name that it has here."""
        assert self.naming is not None
        plain = name.removeprefix(self.authored.prefix)
        spec = self.naming.find(plain) if path is None else PathFinder.find_spec(name, path)
        if spec is None:
            return None
        places = spec.submodule_search_locations
        if type(spec.loader) is SourceFileLoader:
            loader = FreshLoader(name, spec.loader.path, self.naming)
            return spec_from_file_location(
                name, spec.loader.path, loader=loader, submodule_search_locations=places
            )
        spec.name = name  # a package without __init__.py
        return spec

    def _yields(self, name: str) -> bool:
        if name not in YIELDING:
            return False
        own = PathFinder.find_spec(name, list(self.folders))
        return own is not None and own.origin in self.authored


@contextmanager
def importing(
    authored: Authored,
    folders: Sequence[str],
    packages: str | None,
    naming: Naming | None = None,
) -> Iterator[None]:
    """Until the end of the block `folders` and `packages` are importable.

    Those of a service (which has a `naming`) are so for its own modules only. Another host
    may be open at the same time (a reload opens the new one first), so each adds entries
    of its own and takes away exactly those.
    """
    finder = AuthorFinder(authored, folders, naming)
    known = len(sys.path)
    if packages is not None:
        site.addsitedir(packages, known_paths=set())
    shared = folders if naming is None else ()
    added = [*shared, *sys.path[known:]]
    sys.path[:0] = shared
    sys.meta_path.insert(_first(), finder)
    if not any(isinstance(other, AuthorFinder) for other in sys.meta_path if other is not finder):
        _forget_provided()
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for entry in added:
            if entry in sys.path:
                sys.path.remove(entry)
        others = [other for other in sys.meta_path if isinstance(other, AuthorFinder)]
        if not others:
            _forget_provided()
        if not any(other.authored == authored for other in others):
            forget(authored)


def forget(authored: Authored) -> None:
    """Drop the author's modules, so that the next import reads their files again.

    Functions that are still running keep the modules that they hold.
    """
    for name, _ in list(authored.modules()):
        sys.modules.pop(name, None)
    _read_folders_anew()


def _read_folders_anew() -> None:
    """Have the import system look again for what the folders hold."""
    for _ in range(ATTEMPTS):
        # Python's loop over its finders fails when another thread adds one just then.
        with suppress(RuntimeError):
            importlib.invalidate_caches()
            return
    importlib.invalidate_caches()


def project_packages(root: Path) -> tuple[str | None, Finding | None]:
    """The installed packages of the project's `.venv`, or why they cannot be used."""
    folder = root / ".venv"
    settings = folder / "pyvenv.cfg"
    if not settings.is_file() or folder.resolve() == Path(sys.prefix).resolve():
        return None, None
    version = _version(settings.read_text(encoding="utf-8", errors="replace"))
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    if version != running:
        return None, Finding(
            "venv-version",
            f"the project's .venv is for Python {version or '?'}, but this is {running}: "
            "its packages are not importable",
            where=str(folder),
            hint=f"make it anew with python{running} -m venv .venv, or run aerostack from it",
        )
    name = "Lib" if sys.platform == "win32" else f"lib/python{running}"
    return str(folder / name / "site-packages"), None


def _first() -> int:
    """Before the file system, and before the functions that were opened earlier."""
    return next(
        at
        for at, finder in enumerate([*sys.meta_path, PathFinder])
        if finder is PathFinder or isinstance(finder, AuthorFinder)
    )


def _forget_provided() -> None:
    for name in PROVIDED:
        sys.modules.pop(name, None)


def _version(settings: str) -> str:
    """`3.12` from the lines of a `pyvenv.cfg`."""
    for line in settings.splitlines():
        key, _, value = line.partition("=")
        if key.strip() in ("version", "version_info"):
            return ".".join(value.strip().split(".")[:2])
    return ""
