"""What the child may not do, and who may talk to the server."""

from __future__ import annotations

import asyncio
import json
import stat

import pytest

from aerostack_dev.runtime.caches import Caches
from aerostack_dev.runtime.hosts.deno.calls import Reach

from .driving import opened

pytestmark = pytest.mark.asyncio(loop_scope="module")

DENIED = [
    ("Deno.readTextFileSync('/etc/hostname')", "Requires read access"),
    ("Deno.writeTextFileSync('written', 'x')", "Requires write access"),
    ("new Deno.Command('/bin/sh').outputSync()", "Requires run access"),
    ("Deno.dlopen('libc.so.6', {})", "Requires ffi access"),
    ("Deno.hostname()", "Requires sys access"),
    ("(await import('node:child_process')).execSync('true')", "Command failed"),
    ("(await import('file:///etc/hostname'))", ""),
    ("(await import('https://example.test/x.ts'))", ""),
]


@pytest.mark.parametrize(("code", "text"), DENIED)
async def test_what_is_denied(function, code, text):
    found = await function.run(f"return {code}")
    assert text in found["error"][1]


async def test_the_state_cannot_be_read(function):
    await function.bindings.invoke("CACHE", "put", ["k", "v"])
    folder = function.root / ".aerostack" / "state"
    found = await function.run(f"return [...Deno.readDirSync({str(folder)!r})].length")
    assert "Requires read access" in found["error"][1]
    own = await function.run(f"return Deno.readTextFileSync({str(function.root / 'index.ts')!r})")
    assert "AsyncFunction" in own["value"]


SECRETS = (".dev.vars", ".dev.vars.staging", ".env", ".env.local", "src/.env", "state/kept")


async def test_secrets_are_not_read_as_files(tmp_path):
    source = """
        export default { async fetch(request: Request) {
          const name = decodeURIComponent(new URL(request.url).pathname.slice(1));
          try { return new Response(Deno.readTextFileSync(name)) }
          catch (error) { return new Response(String(error)) }
        } };
    """
    files = {"src/index.ts": source, "open.txt": "open", **dict.fromkeys(SECRETS, "A=secret")}
    hidden = (tmp_path / "state",)
    async with opened(tmp_path, files, main="src/index.ts", hidden=hidden) as function:
        for name in SECRETS:
            answer = await function(f"/{tmp_path / name}")
            assert b"Requires read access" in answer.body, name
        assert (await function(f"/{tmp_path / 'open.txt'}")).body == b"open"


async def test_the_environment_is_empty(function, monkeypatch):
    code = "return [Deno.env.toObject(), {...(await import('node:process')).env}]"
    assert (await function.run(code))["value"] == [{}, {}]
    assert (await function.run("return new Date(0).getHours()"))["value"] == 0


async def test_node_code_finds_the_functions_texts(tmp_path):
    source = "export default { fetch: () => Response.json(process.env) }"
    flags, values = frozenset({"nodejs_compat"}), {"A": "text", "N": 5, "L": [1]}
    async with opened(tmp_path, source, compatibility_flags=flags, values=values) as function:
        found = json.loads((await function()).body)
        assert found == {"A": "text", "N": "5", "L": "[1]"}


@pytest.mark.parametrize(
    ("target", "operation", "text"),
    [("queue", "purge", "there is no binding 'queue'"), ("CACHE", "_now", "no operation '_now'")],
)
async def test_only_operations_of_bindings_can_be_called(function, target, operation, text):
    # No face calls this: a function that got hold of the channel would.
    channel = function.host._session._channel
    answers: asyncio.Future = asyncio.get_running_loop().create_future()
    real, channel.post = channel.post, lambda *frame: answers.set_result(frame)
    try:
        reach = Reach(function.bindings, Caches(function.clock), {})
        call = (target, operation, ["default"])
        await function.host._session._serve(channel, 1, reach.binding, call)
    finally:
        channel.post = real
    kind, _, refusal = await answers
    assert kind == "fail"
    assert text in refusal["message"]


async def test_the_socket_is_private_and_gone_after_the_start(tmp_path):
    source = "export default { fetch: () => new Response() }"
    async with opened(tmp_path, source) as function:
        folder = function.host._launch.command.folder
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        with pytest.raises(OSError, match=r"refused|No such file"):
            await asyncio.open_unix_connection(folder / "socket")
    assert not folder.exists()


async def test_a_stranger_without_the_secret_is_sent_away(tmp_path, monkeypatch):
    from aerostack_dev.runtime.hosts.deno import session as deno_session
    from aerostack_dev.runtime.hosts.deno.frames import PREFIX

    real = deno_session.open_child
    answers: list[bytes] = []

    def child(command, *rest):
        async def knock():
            reader, writer = await asyncio.open_unix_connection(command.socket)
            header = b'["hello",0,"guess"]'
            writer.write(PREFIX.pack(len(header), 0) + header)
            answers.append(await reader.read())
            writer.close()

        knocking.append(asyncio.create_task(knock()))
        return real(command, *rest)

    knocking: list[asyncio.Task] = []
    monkeypatch.setattr(deno_session, "open_child", child)
    source = "export default { fetch: () => new Response('own') }"
    async with opened(tmp_path, source) as function:
        assert (await function()).body == b"own"
        await asyncio.gather(*knocking)
        assert answers == [b""]
