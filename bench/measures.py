"""What is measured, each against all contenders in turn: A B A B."""

import concurrent.futures
import contextlib
import json
import os
import signal
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from contenders import LOGGED, PLAYGROUND, PYTHON, SWITCHED, TYPESCRIPT, Contender
from load import WORKS, Work, measured, warmed
from processes import FailedError, Running, copied

SETTLING = 2.0
"""Seconds after which a process that serves nothing counts as idle."""
RELOADED_WITHIN = 30
BATCH = 100
"""Messages in one request that fills the queue."""
FILLING = 16
"""Requests at a time that fill it."""
DRAINED_WITHIN = 300
STANDSTILL = 20
"""Seconds without a message after which a queue has died."""
TRACED = ("hello", "row")
WRITTEN_WITHIN = 10
SOAK_WORK = ("hello", "row", "insert", "cache-put", "send", "storage-put")


@dataclass(frozen=True)
class Settings:
    rounds: int
    seconds: int
    """Of each load; wrk knows whole ones only."""
    visits: int
    """Of each process, where what is compared differs little."""
    switching: int
    """Seconds of load on a process that is compared with itself."""
    warming: float
    messages: int
    peer_messages: int
    sizes: tuple[int, ...]
    soak_minutes: float


@dataclass
class Samples:
    """`values[measure][contender]`: one figure per round, in the order of the rounds.

    A round in which a contender failed has no figure: the ratios are of rounds in which
    both did their work.
    """

    values: dict[str, dict[str, dict[int, float]]] = field(default_factory=dict)
    failures: dict[str, dict[str, str]] = field(default_factory=dict)
    soak: dict[str, list[dict[str, float]]] = field(default_factory=dict)

    def add(self, measure: str, contender: str, turn: int, value: float) -> None:
        self.values.setdefault(measure, {}).setdefault(contender, {})[turn] = value

    @contextlib.contextmanager
    def judged(self, measure: str, contender: str) -> Iterator[None]:
        """A wrong answer scores nothing, and is told."""
        try:
            yield
        except FailedError as error:
            self.failures.setdefault(measure, {})[contender] = str(error)
            say(f"  {contender}: {measure} FAILED: {error}")


def say(text: str) -> None:
    print(text, flush=True)


def turns(contenders: list[Contender], rounds: int) -> Iterator[tuple[int, Contender]]:
    """A B C, then B C A: nobody is always first."""
    for turn in range(rounds):
        shift = turn % len(contenders)
        for contender in contenders[shift:] + contenders[:shift]:
            yield turn, contender


def starts(contenders: list[Contender], settings: Settings, samples: Samples) -> None:
    """From the start of the process to its first right answer, and memory while idle."""
    with contextlib.ExitStack() as stack:
        folders = {}
        for contender in contenders:  # what is done once per machine and project is done now
            folder = stack.enter_context(copied(contender.project, PLAYGROUND))
            with samples.judged("start", contender.name), contender.serving(folder):
                folders[contender.name] = folder
        able = [contender for contender in contenders if contender.name in folders]
        for turn, contender in turns(able, settings.rounds):
            folder = folders[contender.name]
            with samples.judged("start", contender.name), contender.serving(folder) as found:
                samples.add("start", contender.name, turn, found.started_in)
                time.sleep(SETTLING)
                memory = found.memory()
                samples.add("idle", contender.name, turn, memory)
                say(f"  {contender.name}: {found.started_in:.3f} s, {memory:.0f} MiB idle")


def reloads(contenders: list[Contender], settings: Settings, samples: Samples) -> None:
    """From the save of the function's file to the first answer of the new code."""
    able = [contender for contender in contenders if contender.source]
    with contextlib.ExitStack() as stack:
        serving = _serving(stack, able, samples)
        for turn, contender in turns(able, settings.rounds * 2 + 1):
            if contender.name not in serving:
                continue
            with samples.judged("reload", contender.name):
                took = _saved(serving[contender.name], contender, f"hello {turn}")
                if turn:  # the first save finds cold caches everywhere
                    samples.add("reload", contender.name, turn, took)
                    say(f"  {contender.name}: {took:.3f} s")


def _serving(
    stack: contextlib.ExitStack, contenders: list[Contender], samples: Samples
) -> dict[str, Running]:
    """Those of `contenders` that can be started, until the end of `stack`."""
    serving = {}
    for contender in contenders:
        with samples.judged("serving", contender.name):
            serving[contender.name] = stack.enter_context(contender.started())
    return serving


def _saved(found: Running, contender: Contender, text: str) -> float:
    time.sleep(0.3)  # what follows a reload is over
    file = found.folder / contender.source
    known = (contender.project / contender.source).read_text()
    begun = time.perf_counter()
    file.write_text(known.replace('Response("hello")', f'Response("{text}")'))
    found.wait_for("/hello", text.encode(), RELOADED_WITHIN)
    return time.perf_counter() - begun


def rates(contenders: list[Contender], settings: Settings, samples: Samples) -> None:
    """Requests per second of each kind of work; all contenders are up, one is asked."""
    with contextlib.ExitStack() as stack:
        serving = _serving(stack, contenders, samples)
        for name in WORKS:
            able = [each for each in contenders if name in each.work and each.name in serving]
            for turn, contender in turns(able, settings.rounds):
                _rate(serving[contender.name], contender, name, turn, settings, samples)


def _rate(
    found: Running, contender: Contender, name: str, turn: int, settings: Settings, samples: Samples
) -> None:
    with samples.judged(name, contender.name):
        if not turn:
            warmed(found, WORKS[name], settings.warming)
        figures = measured(found, WORKS[name], settings.seconds)
        samples.add(name, contender.name, turn, figures.rate)
        samples.add(f"{name} p50", contender.name, turn, figures.p50)
        samples.add(f"{name} p99", contender.name, turn, figures.p99)
        if figures.cpu is not None:
            samples.add(f"{name} cpu", contender.name, turn, figures.cpu)
        _busy_memory(found, contender, turn, samples)
        say(
            f"  {contender.name}: {name} {figures.rate:.0f}/s, "
            f"p50 {figures.p50:.2f} ms, p99 {figures.p99:.2f} ms"
        )


def _busy_memory(found: Running, contender: Contender, turn: int, samples: Samples) -> None:
    known = samples.values.get("busy", {}).get(contender.name, {}).get(turn, 0.0)
    samples.add("busy", contender.name, turn, max(known, found.memory()))


def tracing(settings: Settings, samples: Samples) -> None:
    """What the trace costs ours in Python: processor time without it and with it.

    Two processes of the same program differ by more than that: `tracing.py` switches it
    within one.
    """
    for turn in range(settings.rounds):
        with samples.judged("serving", SWITCHED.name), SWITCHED.started() as found:
            for name in TRACED:
                with samples.judged(f"tracing {name}", SWITCHED.name):
                    pairs = _switched(found, WORKS[name], settings)
                    _add_traced(pairs, name, turn, samples)


def _switched(found: Running, work: Work, settings: Settings) -> list[tuple[float, float]]:
    """Microseconds per request `(with, without)`, in turns, under one load."""
    results = found.folder / "tracing.json"
    results.unlink(missing_ok=True)
    warmed(found, work, settings.warming)
    os.kill(found.process.pid, signal.SIGUSR1)
    measured(found, work, settings.switching)
    os.kill(found.process.pid, signal.SIGUSR2)
    until = time.perf_counter() + WRITTEN_WITHIN
    while not results.exists():
        if time.perf_counter() > until:
            raise FailedError("tracing.py wrote no results")
        time.sleep(0.02)
    pairs = json.loads(results.read_text())
    if not pairs:
        raise FailedError("no two turns in which requests were served")
    return pairs


def _add_traced(pairs: list[tuple[float, float]], name: str, turn: int, samples: Samples) -> None:
    ratio = statistics.median(without / traced for traced, without in pairs)
    traced = statistics.median(traced for traced, _ in pairs)
    samples.add(f"tracing {name}", SWITCHED.name, turn, ratio)
    samples.add(f"tracing {name} cpu", SWITCHED.name, turn, traced)
    say(f"  {name}: {traced:.1f} µs, without the trace {ratio:.3f} of it ({len(pairs)} pairs)")


def lines(settings: Settings, samples: Samples) -> None:
    """What a line per request, written to a file, leaves of the requests per second."""
    contenders = [PYTHON, LOGGED]
    for turn in range(settings.rounds):
        with contextlib.ExitStack() as stack:
            serving = _serving(stack, contenders, samples)
            able = [each for each in contenders if each.name in serving]
            rates: dict[str, list[float]] = {each.name: [] for each in able}
            for visit, contender in turns(able, settings.visits):
                with samples.judged("lines", contender.name):
                    if not visit:
                        warmed(serving[contender.name], WORKS["hello"], settings.warming)
                    figures = measured(serving[contender.name], WORKS["hello"], 1)
                    rates[contender.name].append(figures.rate)
        for contender in able:
            if rates[contender.name]:
                rate = statistics.median(rates[contender.name])
                samples.add("lines", contender.name, turn, rate)
                say(f"  {contender.title}: hello {rate:.0f}/s")


def drains(contenders: list[Contender], settings: Settings, samples: Samples) -> None:
    """Messages per second from the first send to the last one consumed."""
    able = [contender for contender in contenders if contender.queue]
    for turn, contender in turns(able, settings.rounds):
        ours = contender in (PYTHON, TYPESCRIPT)
        count = settings.messages if ours else settings.peer_messages
        with samples.judged("drain", contender.name), contender.started() as found:
            _drained(found, BATCH * 10, "")  # as warm as the loads are
            before = found.memory()
            rate, most = _drained(found, count, contender.name)
            samples.add("drain", contender.name, turn, rate)
            samples.add("drain growth", contender.name, turn, most - before)
            say(f"  {contender.name}: {rate:.0f} messages/s, at most {most - before:+.0f} MiB")


def _drained(found: Running, count: int, name: str) -> tuple[float, float]:
    """Messages per second, and the most memory (MiB) on the way."""
    found.fetch("/forget")
    begun = last = time.perf_counter()
    seen, most = 0, 0.0
    with concurrent.futures.ThreadPoolExecutor(FILLING) as pool:
        fills = [
            pool.submit(found.fetch, f"/fill?from={first}") for first in range(0, count, BATCH)
        ]
        try:
            while seen < count:
                now = time.perf_counter()
                if now - last > STANDSTILL or now - begun > DRAINED_WITHIN:
                    raise FailedError(f"of {count} messages only {seen} came")
                received = json.loads(found.fetch("/received"))["numbered"]
                if received > seen:
                    seen, last = received, time.perf_counter()
                most = max(most, found.memory())
                time.sleep(0.02)
            for fill in fills:
                if fill.result() != b"filled":
                    raise FailedError("/fill: wrong answer")
        finally:
            pool.shutdown(cancel_futures=True)
    return count / (last - begun), most


def soak(settings: Settings, samples: Samples) -> None:
    """All kinds of work in turn, for minutes: what grows?"""
    for contender in (PYTHON, TYPESCRIPT):
        with samples.judged("soak", contender.name), contender.started() as found:
            points = samples.soak.setdefault(contender.name, [])
            begun = time.perf_counter()
            while (elapsed := time.perf_counter() - begun) < settings.soak_minutes * 60:
                points.append({"seconds": elapsed, **_soaked(found)})
                say(f"  {contender.name}: {_told(points[-1])}")


def _soaked(found: Running) -> dict[str, float]:
    point: dict[str, float] = {}
    for name in SOAK_WORK:
        figures = measured(found, WORKS[name], 2)
        point[f"{name} p50"], point[f"{name} p99"] = figures.p50, figures.p99
    time.sleep(1)
    point["memory"] = found.memory()
    files = found.open_files()
    if files is not None:
        point["files"] = files
    return point


def _told(point: dict[str, float]) -> str:
    return (
        f"after {point['seconds']:.0f} s {point['memory']:.1f} MiB, "
        f"{point.get('files', 0):.0f} files, hello p50 {point['hello p50']:.2f} ms"
    )
