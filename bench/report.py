"""What was found: as JSON, as a Markdown table, and as plots."""

import json
import os
import platform
import statistics
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from contenders import LOGGED, MODULES, PYTHON, SWITCHED, Contender
from load import WORKS, WRK
from measures import TRACED, Samples, Settings
from plots import plots
from table import Verdict, missed, verdicts

BEGIN, END = "<!-- results -->", "<!-- end of results -->"
PEERS = ("uvicorn", "starlette", "aiosqlite", "wrangler", "miniflare", "workerd", "deno")
UNITS = {
    "start": "s",
    "reload": "s",
    "idle": "MiB",
    "busy": "MiB",
    "drain": "messages/s",
    "drain growth": "MiB",
}
TITLES = {
    "start": "start → first response",
    "reload": "save → new code served",
    "idle": "memory, idle",
    "busy": "memory, under load",
    "drain": "queue: sent and consumed",
    "drain growth": "… memory on the way",
    **{work.name: work.title for work in WORKS.values()},
}


def machine() -> dict[str, object]:
    """Where and with what it was measured."""
    node = {
        name: json.loads((MODULES / name / "package.json").read_text())["version"]
        for name in ("wrangler", "miniflare", "workerd")
        if (MODULES / name / "package.json").exists()
    }
    own = ("aerostack-dev", "uvicorn", "starlette", "aiosqlite", "uvloop", "deno")
    return {
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {**{name: version(name) for name in own}, **node},
        "load": "wrk" if WRK else "own client",
        "load average": os.getloadavg()[0],
    }


def write(
    folder: Path,
    contenders: list[Contender],
    settings: Settings,
    samples: Samples,
    about: dict[str, object],
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    judged = list(verdicts(samples))
    (folder / "results.json").write_text(
        json.dumps(_document(contenders, settings, samples, about, judged), indent=1) + "\n"
    )
    for name, svg in plots(contenders, samples).items():
        (folder / f"{name}.svg").write_text(svg)
    (folder / "results.md").write_text(_markdown(contenders, settings, samples, about, judged))


def publish(page: Path, samples: Samples, settings: Settings, about: dict[str, object]) -> None:
    """Put the goals, which are ratios, between the marks of a page of the documentation."""
    judged = list(verdicts(samples))
    versions = ", ".join(
        f"{name} {value}" for name, value in about["versions"].items() if name in PEERS
    )
    found = (
        f"{_rounds(settings)} on {about['cores']} cores (load average at the start: "
        f"{about['load average']:.2f}), {about['system'].partition('-')[0]}, Python "
        f"{about['python']}; {versions}.\n\n"
        f"{_goals(judged, samples)}"
    )
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise SystemExit(f"{page} has no {BEGIN} … {END}")
    page.write_text(f"{before}{begin}\n{found}\n{end}{after}")


def _rounds(settings: Settings) -> str:
    if settings.rounds == 1:
        return "One short round"
    return f"Medians of {settings.rounds} rounds (with their lowest and highest)"


def _document(contenders, settings, samples, about, judged) -> dict[str, object]:
    return {
        "machine": about,
        "settings": asdict(settings),
        "contenders": {each.name: each.title for each in contenders},
        "samples": samples.values,
        "failures": samples.failures,
        "soak": samples.soak,
        "goals": [
            {
                **asdict(verdict.goal),
                "median": verdict.median,
                "lowest": verdict.lowest,
                "highest": verdict.highest,
                "reached": verdict.reached,
            }
            for verdict in judged
        ],
    }


def _markdown(contenders, settings, samples, about, judged) -> str:
    versions = ", ".join(f"{name} {value}" for name, value in about["versions"].items())
    told = [
        "# Results",
        f"{about['system']}, {about['cores']} cores, Python {about['python']}, load by "
        f"{about['load']}, 1-minute load average at the start: {about['load average']:.2f}.\n"
        f"{versions}.",
        f"{_rounds(settings)}. Only ratios of one run mean something.",
        "## What must be reached",
        _goals(judged, samples),
        "## What was measured",
        _figures(contenders, samples),
        "## Latency",
        _latencies(contenders, samples),
        *_processor(contenders, samples),
        *_lines(samples),
        *_tracing(samples),
        *_vectors(samples),
        *_soaked(samples),
        *_failures(samples),
        "## Plots",
        *[f"![{name}]({name}.svg)" for name in plots(contenders, samples)],
    ]
    return "\n\n".join(told) + "\n"


def _goals(judged: list[Verdict], samples: Samples) -> str:
    rows = [
        (
            verdict.goal.title,
            verdict.goal.wanted,
            f"{_number(verdict.median)} ({_number(verdict.lowest)} to {_number(verdict.highest)})",
            "pass" if verdict.reached else "**miss**",
        )
        for verdict in judged
    ]
    done = {(verdict.goal.measure, verdict.goal.contender) for verdict in judged}
    rows += [
        (goal.title, goal.wanted, "wrong answers", "**miss**")
        for goal in missed(samples)
        if (goal.measure, goal.contender) not in done
    ]
    return _table(("Work", "Must reach", "Found", ""), rows)


def _figures(contenders: list[Contender], samples: Samples) -> str:
    rows = []
    for measure, title in TITLES.items():
        if measure not in samples.values and measure not in samples.failures:
            continue
        unit = UNITS.get(measure, "/s")
        cells = [_spread(samples, measure, each.name) for each in contenders]
        rows.append((f"{title}, {unit}", *cells))
    return _table(("Work", *(each.title for each in contenders)), rows)


def _latencies(contenders: list[Contender], samples: Samples) -> str:
    rows = []
    for work in WORKS.values():
        cells = []
        for each in contenders:
            halves = [
                samples.values.get(f"{work.name} {which}", {}).get(each.name)
                for which in ("p50", "p99")
            ]
            cells.append(" / ".join(_number(statistics.median(of.values())) for of in halves if of))
        if any(cells):
            rows.append((work.title, *(cell or "–" for cell in cells)))
    return _table(("p50 / p99, ms", *(each.title for each in contenders)), rows)


def _processor(contenders: list[Contender], samples: Samples) -> list[str]:
    """Less shaken by whatever else the machine does than requests per second are."""
    rows = []
    for work in WORKS.values():
        cells = [_spread(samples, f"{work.name} cpu", each.name) for each in contenders]
        if any(cell != "–" for cell in cells):
            rows.append((work.title, *cells))
    if not rows:
        return []
    head = ("µs per request", *(each.title for each in contenders))
    return ["## Processor time, all processes of a contender", _table(head, rows)]


def _tracing(samples: Samples) -> list[str]:
    rows = []
    for name in TRACED:
        if f"tracing {name}" in samples.values:
            figures = (f"tracing {name} cpu", f"tracing {name}")
            cells = [_spread(samples, measure, SWITCHED.name) for measure in figures]
            rows.append((WORKS[name].title, *cells))
    if not rows:
        return []
    head = ("", "µs of the serving thread per request", "without its trace / with it")
    return ["## What the trace costs", _table(head, rows)]


def _lines(samples: Samples) -> list[str]:
    if "lines" not in samples.values:
        return []
    both = (PYTHON, LOGGED)
    cells = [_spread(samples, "lines", each.name) for each in both]
    table = _table(("", *(each.title for each in both)), [("hello, /s", *cells)])
    return ["## What request lines cost", table]


def _vectors(samples: Samples) -> list[str]:
    sizes = sorted({int(name.split()[1]) for name in samples.values if name.startswith("vectors ")})
    if not sizes:
        return []
    rows = []
    for size in sizes:
        cells = [
            _number(samples.values[f"vectors {size} {what}"]["python"][0])
            for what in ("query", "recall", "exact", "numpy")
        ]
        rows.append((f"{size:,}".replace(",", " "), *cells))
    head = ("Vectors", "query p50, ms", "recall@10", "exact query p50, ms", "NumPy alone, ms")
    return ["## Vector search, 768 dimensions, the best 10", _table(head, rows)]


def _soaked(samples: Samples) -> list[str]:
    rows = []
    for name, points in samples.soak.items():
        if len(points) < 4:
            continue
        quarter = len(points) // 4
        first, last = points[quarter : 2 * quarter], points[-quarter:]
        for what in ("memory", "files", "hello p50", "hello p99", "row p50", "insert p50"):
            if what in points[0]:
                begun, ended = (
                    statistics.median(point[what] for point in part) for part in (first, last)
                )
                change = ended / begun - 1 if begun else 0.0
                rows.append((name, what, _number(begun), _number(ended), f"{change:+.1%}"))
    if not rows:
        return []
    minutes = max(points[-1]["seconds"] for points in samples.soak.values() if points) / 60
    head = ("", "", "second quarter", "last quarter", "change")
    return [f"## Growth in {minutes:.0f} minutes of load", _table(head, rows)]


def _failures(samples: Samples) -> list[str]:
    rows = [
        (measure, name, text.replace("\n", " ").replace("|", "\\|")[:300])
        for measure, failed in samples.failures.items()
        for name, text in failed.items()
    ]
    return ["## What failed, and so scores nothing", _table(("", "", ""), rows)] if rows else []


def _spread(samples: Samples, measure: str, name: str) -> str:
    found = samples.values.get(measure, {}).get(name)
    if found:
        values = list(found.values())
        middle = _number(statistics.median(values))
        if len(values) == 1:
            return middle
        return f"{middle} ({_number(min(values))}–{_number(max(values))})"
    return "failed" if name in samples.failures.get(measure, {}) else "–"


def _number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
