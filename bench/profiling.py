"""Where the time of a request goes, under load.

    .venv/bin/python bench/profiling.py python hello
    .venv/bin/python bench/profiling.py typescript storage-get
    .venv/bin/python bench/profiling.py --child typescript storage-get

By default of the server, by py-spy (`make bench` installs it; where a process may look into
its own children only, as on many Linux systems, it needs root). With `--child` of the Deno
child, by the inspector that `aerostack dev --inspect` opens: its sampling profiler is that
of `--cpu-prof`. Shown are the shares of the functions themselves, and of what they call too.
"""

import argparse
import asyncio
import json
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from contenders import BARE, INSTALLED, PYTHON, QUIET, TYPESCRIPT, aerostack
from load import WORKS, measured, warmed
from processes import Running, fetched, free_port

CONTENDERS = {each.name: each for each in (PYTHON, TYPESCRIPT, BARE)}
SAMPLES = 250
"""A second, of py-spy."""
INTERVAL = 200
"""Microseconds, of the child's profiler."""
SHOWN = 25

ROOTS = ("cli/dev/session.py)", "uvicorn/server.py)")

Stack = tuple[list[str], int]
"""The functions from the outermost inwards, and a weight."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("contender", choices=CONTENDERS)
    parser.add_argument("work", choices=WORKS)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--child", action="store_true", help="the Deno child of typescript")
    chosen = parser.parse_args()
    contender = CONTENDERS[chosen.contender]
    port = free_port()
    if chosen.child:
        contender = replace(TYPESCRIPT, command=aerostack(*QUIET, "--inspect", str(port)))
    with contender.started() as found:
        warmed(found, WORKS[chosen.work], 1)
        if chosen.child:
            stacks = asyncio.run(_of_child(found, port, chosen.work, chosen.seconds))
        else:
            stacks = _of_server(found, chosen.work, chosen.seconds)
    _show(stacks)


def _of_server(found: Running, work: str, seconds: int) -> list[Stack]:
    spy = INSTALLED / "venv" / "bin" / "py-spy"
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder, "raw")
        # Not stopped for each sample, and only while it holds the interpreter's lock.
        options = ["--format", "raw", "--nonblocking", "--gil", "--rate", str(SAMPLES)]
        command = [str(spy), "record", "--pid", str(found.process.pid), *options]
        spying = subprocess.Popen(
            [*command, "--duration", str(seconds), "--output", str(raw)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            print(measured(found, WORKS[work], seconds), flush=True)
            spying.wait(30)
        finally:
            spying.kill()
            spying.wait()
        return [_parsed(line) for line in raw.read_text().splitlines() if line[0] != " "]


def _parsed(line: str) -> Stack:
    stack, _, count = line.rpartition(" ")
    frames = [re.sub(r":\d+\)$", ")", frame) for frame in stack.split(";")]
    # What leads to the event loop is on every stack.
    roots = [at for at, frame in enumerate(frames) if frame.endswith(ROOTS)]
    return frames[roots[-1] :] if roots else frames, int(count)


async def _of_child(found: Running, port: int, work: str, seconds: int) -> list[Stack]:
    from websockets import connect

    (target,) = json.loads(fetched(f"http://127.0.0.1:{port}/json"))
    async with connect(target["webSocketDebuggerUrl"], max_size=None) as socket:

        async def call(number: int, method: str, **parameters: object) -> dict:
            await socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
            while True:
                answer = json.loads(await socket.recv())
                if answer.get("id") == number:
                    return answer["result"]

        await call(1, "Profiler.enable")
        await call(2, "Profiler.setSamplingInterval", interval=INTERVAL)
        await call(3, "Profiler.start")
        print(await asyncio.to_thread(measured, found, WORKS[work], seconds), flush=True)
        profile = (await call(4, "Profiler.stop"))["profile"]
    return list(_stacks(profile))


def _stacks(profile: dict) -> Iterable[Stack]:
    nodes = {node["id"]: node for node in profile["nodes"]}
    parents = {child: node["id"] for node in nodes.values() for child in node.get("children", ())}
    for sample, weight in zip(profile["samples"], profile["timeDeltas"], strict=True):
        stack, at = [], sample
        while at is not None:
            stack.append(_named(nodes[at]["callFrame"]))
            at = parents.get(at)
        if stack[0] != "(idle)":
            yield stack[::-1], weight


def _named(frame: dict) -> str:
    name = frame["functionName"] or "(anonymous)"
    file = frame["url"].rpartition("/")[2]
    return f"{name} ({file})" if file else name


def _show(stacks: list[Stack]) -> None:
    total = sum(weight for _, weight in stacks)
    own, whole = Counter(), Counter()
    for stack, weight in stacks:
        own[stack[-1]] += weight
        for frame in set(stack):
            whole[frame] += weight
    for title, counted in (("by themselves", own), ("with what they call", whole)):
        print(f"\n{title}")
        for frame, weight in counted.most_common(SHOWN):
            print(f"{weight / total:7.1%}  {frame}")


if __name__ == "__main__":
    main()
