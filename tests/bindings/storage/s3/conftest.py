"""The endpoint as S3 clients see it: served on a port of its own, with real time."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

import boto3
import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from aerostack_dev.bindings.storage import Bucket
from aerostack_dev.bindings.storage.s3 import S3App
from aerostack_dev.bindings.storage.s3.credentials import REGION, KeyPair, key_pair
from aerostack_dev.clock import ManualClock, SystemClock
from aerostack_dev.server.serve import serving
from aerostack_dev.server.sockets import listening
from tests.support.rooms import Room

T = TypeVar("T")
HOST = "127.0.0.1:9000"
BUCKETS = (
    Bucket(binding="STORAGE", bucket_name="uploads"),
    Bucket(binding="ALIAS", bucket_name="uploads"),
    Bucket(binding="OTHER", bucket_name="other"),
)


@dataclass(frozen=True)
class Served:
    """A running endpoint."""

    url: str
    port: int
    pair: KeyPair
    home: Path
    room: Room

    def environment(self) -> dict[str, str]:
        """What a client's process is started with: its keys, and no settings of this user."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "NO_PROXY": "*",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self.pair.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.pair.secret_access_key,
        }

    def client(self, secret: str | None = None, **options: Any) -> Any:
        """A boto3 client."""
        config = Config(retries={"max_attempts": 1}, **options)
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=self.pair.access_key_id,
            aws_secret_access_key=secret or self.pair.secret_access_key,
            config=config,
        )

    async def run(self, *command: str, stdin: bytes = b"", fails: bool = False) -> str:
        """Run a client's command to its end; what it printed."""
        name = shutil.which(command[0], path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        if name is None:
            pytest.skip(f"the command {command[0]} is not installed")
        process = await asyncio.create_subprocess_exec(
            name,
            *command[1:],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self.environment(),
            cwd=self.home,
        )
        out, _ = await process.communicate(stdin)
        assert bool(process.returncode) == fails, out.decode()
        return out.decode()


@pytest.fixture(autouse=True)
def no_settings_of_this_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))


@pytest.fixture
async def room(open_kind: Any) -> AsyncIterator[Room]:
    async with open_kind(*BUCKETS, clock=SystemClock()) as room:
        yield room


@pytest.fixture
def pair(room: Room) -> KeyPair:
    services = room.services
    return key_pair(services.state.root, services.clock, services.entropy)


@pytest.fixture
def app(room: Room) -> S3App:
    operations = [bound.operations for bound in room.bindings.bound.values()]
    return S3App(room.backend, operations, room.services)


@pytest.fixture
async def served(app: S3App, room: Room, pair: KeyPair, tmp_path: Path) -> AsyncIterator[Served]:
    home = tmp_path / "home"
    home.mkdir()
    with listening(port=0) as found:
        async with serving(app, found.sockets, grace=1):
            yield Served(f"http://127.0.0.1:{found.port}", found.port, pair, home, room)


@pytest.fixture
async def boto(served: Served) -> AsyncIterator[Callable[[Callable[[Any], T]], Any]]:
    """`await boto(work)`: calls `work(client)` in a thread."""
    client = served.client()
    try:
        yield lambda work: asyncio.to_thread(work, client)
    finally:
        client.close()


@pytest.fixture
def large(tmp_path: Path) -> Iterator[Path]:
    """A file of 17 MiB and a bit."""
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(1024 * 1024 + 7) * 17)
    yield path
    path.unlink()


@dataclass(frozen=True)
class Answered:
    """What a request made by hand was answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        found = re.search(rb"<Code>(\w+)</Code>", self.body)
        return found[1].decode() if found else ""


class ByHand:
    """Requests as they are, to an endpoint whose time moves only when told."""

    def __init__(self, app: S3App, pair: KeyPair, room: Room) -> None:
        self.app, self.pair, self.room = app, pair, room
        self.clock: ManualClock = room.clock
        self.credentials = Credentials(pair.access_key_id, pair.secret_access_key)
        self.read = 0
        """How many messages of the last body were asked for."""

    def signed(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        credentials: Credentials | None = None,
        payload: str | None = None,
    ) -> dict[str, str]:
        """The headers of a request, as botocore signs it."""
        request = AWSRequest(method, f"http://{HOST}{target}", dict(headers or {}), body)
        signer = S3SigV4Auth(credentials or self.credentials, "s3", "auto")
        if payload is not None:
            signer.payload = lambda _: payload
        signer.add_auth(request)
        return {"Host": HOST, **dict(request.headers.items())}

    def presigned(self, method: str, target: str, expires: int = 60) -> str:
        """The target of a presigned URL, as botocore signs it."""
        request = AWSRequest(method, f"http://{HOST}{target}")
        S3SigV4QueryAuth(self.credentials, "s3", "auto", expires).add_auth(request)
        return request.url.removeprefix(f"http://{HOST}")

    async def send(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        body: bytes | Sequence[bytes] = b"",
        leaves: bool = False,
    ) -> Answered:
        """Send exactly this. `leaves`: the client goes in the middle of the body."""
        path, _, query = target.partition("?")
        pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
        if "host" not in {name.lower() for name, _ in pairs}:
            pairs.append(("Host", HOST))
        pieces = [body] if isinstance(body, bytes) else list(body)
        messages: list[Any] = [
            {"type": "http.request", "body": piece, "more_body": leaves or piece is not pieces[-1]}
            for piece in pieces
        ]
        messages += [{"type": "http.disconnect"}] if leaves else []
        sent: list[Any] = []
        self.read = 0

        async def receive() -> Any:
            self.read += 1
            if not messages:
                await asyncio.Event().wait()
            return messages.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": unquote(path),
            "raw_path": path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "headers": [(name.lower().encode(), value.encode()) for name, value in pairs],
        }
        await self.app(scope, receive, send)
        if not sent:
            return Answered(0, {}, b"")
        found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        content = b"".join(message.get("body", b"") for message in sent[1:])
        return Answered(sent[0]["status"], found, content)

    async def ask(self, method: str, target: str, body: bytes = b"", **headers: str) -> Answered:
        """A request that botocore signs."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        length = {"Content-Length": str(len(body))} if body else {}
        signed = self.signed(method, target, body, {**named, **length})
        return await self.send(method, target, signed, body)


@pytest.fixture
async def by_hand(open_kind: Any) -> AsyncIterator[ByHand]:
    async with open_kind(*BUCKETS, clock=ManualClock(float(int(time.time())))) as room:
        services = room.services
        pair = key_pair(services.state.root, services.clock, services.entropy)
        operations = [bound.operations for bound in room.bindings.bound.values()]
        yield ByHand(S3App(room.backend, operations, services), pair, room)
