"""A configuration file: read, parsed, and able to say where in it something is."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import tomli

from ..errors import ConfigError
from .locate import KeyPath, Statement, line_of, statements
from .model import Finding

FILE = "aerostack.toml"
LARGEST = 1024 * 1024
"""Bytes; far above any configuration, far below what would hurt."""
CITED = 120
"""Characters of a line that an error cites."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SENSITIVE = re.compile(r"key|token|secret|passw|credential|connection_string", re.IGNORECASE)


@dataclass(frozen=True)
class Document:
    """`tables` is the parsed content of `file`, `text` the content as written."""

    file: Path
    text: str
    tables: dict[str, Any]

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """The text taken apart: only done when something is to be said about it."""
        return tuple(statements(self.text))

    def where(self, path: KeyPath) -> str:
        """`aerostack.toml: queues.consumers[0].queue (line 12)`."""
        line = line_of(self.statements, path)
        suffix = f" (line {line})" if line is not None else ""
        return f"{self.file.name}: {dotted(path)}{suffix}"

    def error(self, message: str, path: KeyPath, hint: str = "") -> ConfigError:
        """The error about what stands at `path`."""
        return ConfigError(message, where=self.where(path), hint=hint)

    def finding(self, code: str, message: str, path: KeyPath, hint: str = "") -> Finding:
        """The remark about what stands at `path`."""
        return Finding(code, message, self.where(path), hint)


def read_document(file: Path) -> Document:
    """Read and parse `file`. Raises `ConfigError` whatever is wrong with it."""
    text = read_text(file)
    try:
        return Document(file, text, tomli.loads(text))
    except tomli.TOMLDecodeError as error:
        raise _syntax_error(file, text, error) from None
    except RecursionError:
        raise ConfigError("tables or lists are nested too deeply", where=str(file.name)) from None
    except ValueError as error:  # an integer of thousands of digits
        raise ConfigError(f"not valid TOML: {error}", where=file.name) from None


def read_text(file: Path) -> str:
    """The text of a file of the user. Raises `ConfigError`; a byte-order mark is dropped."""
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            what = "a folder" if stat.S_ISDIR(status.st_mode) else "not an ordinary file"
            raise ConfigError(f"{file} is {what}", where=file.name)
        if status.st_size > LARGEST:
            raise ConfigError(f"{file} is larger than {LARGEST} bytes", where=file.name)
        content = file.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"cannot read {file}: {reason}", where=file.name) from None
    try:
        return content.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigError(
            f"not UTF-8: byte 0x{content[error.start]:02x} in line {line}",
            where=f"{file.name}:{line}",
            hint="save the file as UTF-8",
        ) from None


def is_file(path: Path) -> bool:
    """Whether `path` is an ordinary file; false, not an error, for an impossible name."""
    return os.path.isfile(path)  # noqa: PTH113 - the method of Path raises for some names


def is_folder(path: Path) -> bool:
    """Whether `path` is a folder; false, not an error, for an impossible name."""
    return os.path.isdir(path)  # noqa: PTH112 - as above


def dotted(path: KeyPath) -> str:
    """`queues.consumers[0].queue`; a key that is not bare is quoted."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            key = step if _BARE.fullmatch(step) else shown(step)
            text += f".{key}" if text else key
    return text


def shown(value: Any, key: str = "") -> str:
    """`value` as one would type it, cut short; hidden when `key` is that of a secret."""
    import json

    if key and sensitive(key) and isinstance(value, str):
        return "(hidden)"
    if isinstance(value, (str, bool, int, float)):
        text = json.dumps(value, ensure_ascii=False)
    elif isinstance(value, (list, dict)):
        text = "a list" if isinstance(value, list) else "a table"
    else:
        text = str(value)
    return text if len(text) <= CITED else text[: CITED - 1] + "…"


def sensitive(key: str) -> bool:
    """Whether the text behind a key of this name is better not shown."""
    return bool(_SENSITIVE.search(key))


def _syntax_error(file: Path, text: str, error: tomli.TOMLDecodeError) -> ConfigError:
    line, column = error.lineno, error.colno
    lines = text.replace("\r\n", "\n").split("\n")
    cited = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    name, assigned, _ = cited.partition("=")
    if assigned and sensitive(name):
        cited = f"{name}= (hidden)"
    if len(cited) > CITED:
        cited = cited[: CITED - 1] + "…"
    return ConfigError(
        f"not valid TOML: {_plain(error.msg)}" + (f", in `{cited}`" if cited else ""),
        where=f"{file.name}:{line}:{column}",
        hint=_syntax_hint(error.msg, text),
    )


def _plain(message: str) -> str:
    return message[:1].lower() + message[1:]


def _syntax_hint(message: str, text: str) -> str:
    if "'env'" in message and re.search(r"^\s*env\s*=\s*\[", text, re.MULTILINE):
        return (
            "`env = […]` and [env.NAME] cannot stand in one file: "
            'list the secrets as `required = ["NAME"]` in [secrets]'
        )
    if message == "Invalid value":
        return 'text needs quotes: key = "value"'
    if "twice" in message or "overwrite" in message.lower():
        return "a key or table may be written only once"
    return ""
