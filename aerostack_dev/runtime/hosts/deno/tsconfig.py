"""What of the project's `tsconfig.json` changes how its modules are found and read."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct, field

NAMES = ("tsconfig.json", "jsconfig.json")
JSX = ("jsx", "jsxImportSource", "jsxFactory", "jsxFragmentFactory")
"""The options of JSX that Deno knows too."""
JSX_KINDS = frozenset({"react", "react-jsx", "react-jsxdev"})
"""The values of `jsx` after which there is JavaScript."""
CONFIG_DIR = "${configDir}"

_COMMENTS = re.compile(r'("(?:\\.|[^"\\\n])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_TRAILING = re.compile(r'("(?:\\.|[^"\\\n])*")|,(?=\s*[}\]])')


class TypeScriptConfig(Struct):
    """The options that count here.

    `paths` are patterns with absolute targets, the most exact first; `base` is an
    absolute folder; `files` is all that was read, or looked for; `broken` says what could
    not be read, and why.
    """

    paths: list[tuple[str, list[str]]] = field(default_factory=list)
    base: Path | None = None
    jsx: dict[str, str] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)
    broken: list[tuple[Path, str]] = field(default_factory=list)


def read_tsconfig(root: Path, main: Path) -> TypeScriptConfig:
    """The nearest `tsconfig.json` or `jsconfig.json` above `main`, up to `root`.

    With what it extends. One that cannot be read counts as empty, and is in `broken`.
    """
    config = TypeScriptConfig()
    for folder in _folders(root, main):
        for name in NAMES:
            file = folder / name
            config.files.append(file)
            if file.is_file():
                _take(config, _options(config, file, (), folder), folder)
                return config
    return config


def _folders(root: Path, main: Path) -> Iterator[Path]:
    for folder in main.parents:
        yield folder
        if folder == root or root not in folder.parents:
            return


class _Options(Struct):
    """`compilerOptions` with what they inherit; `home` is where `paths` are written."""

    values: dict[str, Any] = field(default_factory=dict)
    home: Path = Path()


def _options(config: TypeScriptConfig, file: Path, seen: tuple[Path, ...], top: Path) -> _Options:
    merged = _Options(home=file.parent)
    found = _read(config, file)
    if file in seen or found is None:
        return merged
    extended = found.get("extends", [])
    for name in _listed(extended):
        base = _extended(file.parent, str(name))
        if base is None:
            config.broken.append((file, f"it extends {str(name)!r}, which is not there"))
            continue
        inherited = _options(config, base, (*seen, file), top)
        merged.home = inherited.home if "paths" in inherited.values else merged.home
        merged.values |= inherited.values
    own = found.get("compilerOptions")
    own = dict(own) if isinstance(own, dict) else {}
    if isinstance(own.get("baseUrl"), str):
        own["baseUrl"] = str(_absolute(file.parent, own["baseUrl"], top))
    if "paths" in own:
        merged.home = file.parent
    merged.values |= own
    return merged


def _read(config: TypeScriptConfig, file: Path) -> dict[str, Any] | None:
    if file not in config.files:
        config.files.append(file)
    try:
        found = parse(file.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        config.broken.append((file, str(error)))
        return None
    return found if isinstance(found, dict) else {}


def _extended(folder: Path, name: str) -> Path | None:
    """The file that `extends` names: a path, or a file of a package."""
    if name.startswith(".") or Path(name).is_absolute():
        return _config_at(folder / name)
    places = (each / "node_modules" / name for each in (folder, *folder.parents))
    return next(filter(None, map(_config_at, places)), None)


def _config_at(path: Path) -> Path | None:
    candidates = (path, path.with_name(f"{path.name}.json"), path / NAMES[0])
    return next((each.resolve() for each in candidates if each.is_file()), None)


def _take(config: TypeScriptConfig, options: _Options, top: Path) -> None:
    values = options.values
    base, paths = values.get("baseUrl"), values.get("paths")
    config.base = Path(base) if isinstance(base, str) else None
    if isinstance(paths, dict):
        home = config.base or options.home
        config.paths = [
            (pattern, [str(_absolute(home, str(each), top)) for each in targets])
            for pattern, targets in sorted(paths.items(), key=_exactness)
            if isinstance(targets, list) and pattern.count("*") <= 1
        ]
    jsx = {name: str(values[name]) for name in JSX if isinstance(values.get(name), str)}
    if jsx.get("jsx", "react") not in JSX_KINDS:
        del jsx["jsx"]
    config.jsx = jsx


def _exactness(entry: tuple[str, object]) -> tuple[bool, int]:
    """Names before patterns, and the longest beginning first."""
    head, star, _ = entry[0].partition("*")
    return bool(star), -len(head)


def _absolute(folder: Path, path: str, top: Path) -> Path:
    path = path.replace(CONFIG_DIR, str(top))
    return Path(os.path.normpath(folder / path))


def parse(text: str) -> Any:
    """JSON with comments and trailing commas. Raises `ValueError`."""
    bare = _COMMENTS.sub(lambda match: match[1] or " ", text)
    return json.loads(_TRAILING.sub(lambda match: match[1] or "", bare))


def _listed(value: Any) -> list[Any]:
    """The values of a key that may stand alone."""
    return value if isinstance(value, list) else [value] if isinstance(value, str) else []
