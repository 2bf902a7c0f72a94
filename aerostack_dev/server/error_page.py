"""The answer to a request whose handler failed, or whose function does not load.

HTML for a browser, JSON for everything else. Nothing on the page is active: there are
no scripts, no links out, and every text is escaped after secrets have been taken out.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from html import escape
from pathlib import Path
from typing import NamedTuple

from .. import wire
from ..runtime.host import Failure, Frame, Scope
from .accept import prefers_html
from .contract import Redact
from .excerpts import excerpt, place
from .replies import HTML, JSON

OWN_FRAMES_SHOWN = 12
OTHER_FRAMES_SHOWN = 60
LONGEST_TEXT = 20_000

STYLE = Path(__file__).with_name("error_page.css")
POLICY = (
    "default-src 'none'; style-src 'sha256-{}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Page(NamedTuple):
    """A rendered error: what to send beside the status."""

    body: bytes
    content_type: bytes
    headers: list[tuple[bytes, bytes]]


class ErrorPages:
    """Renders failures; `redact` takes the values of secrets out of every text."""

    def __init__(self, redact: Redact) -> None:
        self._redact = redact

    def render(
        self, scope: Scope, failure: Failure, root: Path, *, request_id: str = "", hint: str = ""
    ) -> Page:
        """`failure` as the client of this request prefers it.

        `root` is the project's folder: paths are shown from there, and only files in it
        are quoted. `hint` says what to do, where that is known.
        """
        accept = b",".join(value for name, value in scope["headers"] if name == b"accept")
        vary = [(b"vary", b"accept")]
        if not prefers_html(accept.decode("latin-1")):
            return Page(self._json(failure, request_id, hint), JSON, vary)
        body = self._html(scope, failure, root, request_id, hint)
        headers = [*vary, (b"content-security-policy", _policy().encode())]
        return Page(body.encode("utf-8", "replace"), HTML, headers)

    def _json(self, failure: Failure, request_id: str, hint: str) -> bytes:
        fields = {
            "error": failure.type,
            "message": self._redact(failure.message),
            "stack": self._redact(failure.stack),
            "requestId": request_id,
        }
        if hint:
            fields["hint"] = self._redact(hint)
        return wire.dumps({name: _encodable(text) for name, text in fields.items()})

    def _html(self, scope: Scope, failure: Failure, root: Path, request_id: str, hint: str) -> str:
        own = [frame for frame in failure.frames if frame.own]
        others = [frame for frame in failure.frames if not frame.own]
        request = f"{scope['method']} {scope['path']}"
        parts = [
            f"<p class=request><b>500</b>{self._text(request)}</p>",
            f"<h1>{self._text(failure.type)}</h1>",
            f"<p class=message>{self._text(failure.message)}</p>" if failure.message else "",
            f"<p class=hint>{self._text(hint)}</p>" if hint else "",
            self._own(own, root),
            self._others(others, root),
            self._stack(failure.stack, is_open=not failure.frames),
            f"<footer>Request {self._text(request_id)}</footer>" if request_id else "",
        ]
        title = self._text(f"{failure.type}: {failure.message}"[:200])
        return _DOCUMENT.format(title=title, style=_style(), body="\n".join(filter(None, parts)))

    def _own(self, frames: list[Frame], root: Path) -> str:
        shown = "\n".join(self._frame(frame, root) for frame in frames[:OWN_FRAMES_SHOWN])
        left = len(frames) - OWN_FRAMES_SHOWN
        return shown + (f"\n<p class=more>… and {left} more of your frames</p>" if left > 0 else "")

    def _frame(self, frame: Frame, root: Path) -> str:
        lines = "".join(
            f"<span class={'at' if line.marked else 'by'}><i>{line.number}</i>"
            f"{self._text(line.text)}\n</span>"
            for line in excerpt(frame, root)
        )
        code = f"<pre><code>{lines}</code></pre>" if lines else ""
        rest = f"<p class=more>{self._text(frame.rest)}</p>" if frame.rest else ""
        return f"<section>{self._heading(frame, root)}{code}{rest}</section>"

    def _heading(self, frame: Frame, root: Path) -> str:
        where, function = self._text(place(frame, root)), self._text(frame.function)
        return f"<h2><b>{where}</b>{f' in {function}' if function else ''}</h2>"

    def _others(self, frames: list[Frame], root: Path) -> str:
        if not frames:
            return ""
        rows = "\n".join(
            f"<li>{self._heading(frame, root)}<code>{self._text(frame.source.strip())}</code></li>"
            for frame in frames[:OTHER_FRAMES_SHOWN]
        )
        count = f"{len(frames)} frame{'s' if len(frames) > 1 else ''} outside your code"
        return f"<details><summary>{count}</summary><ol>{rows}</ol></details>"

    def _stack(self, stack: str, *, is_open: bool) -> str:
        if not stack:
            return ""
        opened = " open" if is_open else ""
        return (
            f"<details{opened}><summary>The trace as text</summary>"
            f"<pre class=stack>{self._text(stack)}</pre></details>"
        )

    def _text(self, text: str) -> str:
        redacted = self._redact(text)
        cut = "" if len(redacted) <= LONGEST_TEXT else " …"
        return escape(redacted[:LONGEST_TEXT]) + cut


def _encodable(text: str) -> str:
    """`text` without lone surrogates, which an author's string may hold."""
    return text.encode("utf-8", "replace").decode()


@cache
def _style() -> str:
    return STYLE.read_text(encoding="utf-8")


@cache
def _policy() -> str:
    """Allows this one style, and nothing that is active."""
    digest = hashlib.sha256(_style().encode()).digest()
    return POLICY.format(base64.b64encode(digest).decode())


_DOCUMENT = """<!doctype html>
<html lang=en>
<head>
<meta charset=utf-8>
<meta name=viewport content="width=device-width, initial-scale=1">
<meta name=color-scheme content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""
