"""The templates of `aerostack init`: folders `templates/<name>/<language>`.

What all of one language have is in `templates/common/<language>`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import AerostackError

COMMON = "common"
NAME = "{{name}}"
FILLED = ("aerostack.toml", "README.md")
"""The files in which the project's name is put in its place."""
LEFT_OUT = re.compile(
    r"__pycache__|node_modules|\.venv|\.aerostack|\..*_cache|.*\.pyc|\.coverage.*|\.DS_Store"
    r"|aerostack-env\.d\.ts"
)
"""What running and checking a template leaves in it."""


@dataclass(frozen=True, slots=True)
class Template:
    """One template in one language: the files in `folder`, and the common ones."""

    name: str
    language: str
    folder: Path

    def files(self) -> dict[Path, Path]:
        """Its files by their paths in a project, in order."""
        found = {
            path.relative_to(root): path
            for root in (self.folder.parents[1] / COMMON / self.language, self.folder)
            for path in root.rglob("*")
            if path.is_file()
        }
        return {
            path: found[path]
            for path in sorted(found)
            if not any(map(LEFT_OUT.fullmatch, path.parts))
        }

    def write(self, target: Path, name: str) -> list[Path]:
        """Copy its files into `target`, made if need be, `name` filled in; their paths.

        Raises `AerostackError` when that is impossible.
        """
        files = self.files()
        for path, source in files.items():
            try:
                _copy(source, target / path, name if path.name in FILLED else None)
            except OSError as error:
                raise AerostackError(
                    f"the file cannot be written: {error.strerror or error}",
                    where=str(target / path),
                ) from error
        return list(files)


def available() -> dict[str, dict[str, Template]]:
    """Every template by name and language."""
    found: dict[str, dict[str, Template]] = {}
    for folder in sorted(_home().glob("*/*")):
        left_out = folder.parent.name == COMMON or LEFT_OUT.fullmatch(folder.name)
        if folder.is_dir() and not left_out:
            template = Template(folder.parent.name, folder.name, folder)
            found.setdefault(template.name, {})[template.language] = template
    if not found:
        raise AerostackError(
            "the templates are missing from this installation",
            where=str(_home()),
            hint="install aerostack-dev again",
        )
    return found


def project_name(folder: Path) -> str:
    """The name of a project in `folder`, as the platform allows: a-z, 0-9 and dashes."""
    from ..config.settings import NAME as DEFAULT

    return re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-") or DEFAULT


def _home() -> Path:
    """Inside the package where it is installed, beside it in a checkout."""
    from importlib.resources import files

    package = Path(str(files("aerostack_dev")))
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"


def _copy(source: Path, target: Path, name: str | None) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    content = source.read_bytes()
    if name is not None:
        content = content.replace(NAME.encode(), name.encode())
    target.write_bytes(content)
    target.chmod(source.stat().st_mode & 0o777 | 0o200)
