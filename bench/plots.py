"""Plots as plain SVG: bars on a logarithmic scale, and lines over time."""

import math
import statistics
from dataclasses import dataclass
from html import escape

from contenders import Contender
from load import WORKS
from measures import Samples

COLOURS = {
    "python": "#1f6feb",
    "typescript": "#0d9488",
    "wrangler": "#f97316",
    "miniflare": "#fbbf24",
    "bare": "#6b7280",
    "functions": "#a78bfa",
}
WIDTH, LEFT, RIGHT = 860, 170, 110
BAR, GAP, TOP, BOTTOM = 14, 16, 74, 20
FONT = "font-family='system-ui, sans-serif'"


@dataclass(frozen=True)
class Bar:
    """One figure with its spread over the rounds."""

    contender: str
    middle: float
    lowest: float
    highest: float


def plots(contenders: list[Contender], samples: Samples) -> dict[str, str]:
    """The plots that there are figures for, by the names of their files."""
    found: dict[str, str] = {}
    rates = {work.title: _bars(samples, work.name) for work in WORKS.values()}
    found["rates"] = _chart(
        "Requests per second: longer is better (logarithmic)", rates, contenders, "{:,.0f}/s"
    )
    tails = {work.title: _bars(samples, f"{work.name} p99") for work in WORKS.values()}
    found["latency"] = _chart(
        "p99 latency: shorter is better (logarithmic)", tails, contenders, "{:.3g} ms"
    )
    times = {
        "start → response": _bars(samples, "start"),
        "save → served": _bars(samples, "reload"),
    }
    found["times"] = _chart(
        "Waiting: shorter is better (logarithmic)", times, contenders, "{:.3g} s"
    )
    memory = {"idle": _bars(samples, "idle"), "under load": _bars(samples, "busy")}
    found["memory"] = _chart(
        "Memory: shorter is better (logarithmic)", memory, contenders, "{:.0f} MiB"
    )
    drains = {"sent and consumed": _bars(samples, "drain")}
    found["queue"] = _chart(
        "Queue messages per second: longer is better (logarithmic)", drains, contenders, "{:,.0f}/s"
    )
    for name, points in samples.soak.items():
        if len(points) > 1:
            found[f"soak-{name}"] = _lines(name, points)
    return {name: svg for name, svg in found.items() if svg}


def _bars(samples: Samples, measure: str) -> list[Bar]:
    return [
        Bar(name, statistics.median(of.values()), min(of.values()), max(of.values()))
        for name, of in samples.values.get(measure, {}).items()
        if of
    ]


def _chart(title: str, groups: dict[str, list[Bar]], contenders: list[Contender], form: str) -> str:
    """Groups of bars. The scale is logarithmic: contenders differ by factors."""
    groups = {name: bars for name, bars in groups.items() if bars}
    if not groups:
        return ""
    every = [bar for bars in groups.values() for bar in bars]
    lowest = 10 ** math.floor(math.log10(max(min(bar.lowest for bar in every), 1e-4)))
    highest = max(bar.highest for bar in every)
    span = math.log10(highest / lowest) or 1.0

    def x(value: float) -> float:
        share = math.log10(max(value, lowest) / lowest) / span
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    shown = [each for each in contenders if any(bar.contender == each.name for bar in every)]
    parts, y = [*_legend(title, shown)], TOP
    for name, bars in groups.items():
        known = {bar.contender: bar for bar in bars}
        ordered = [known[each.name] for each in shown if each.name in known]
        middle = y + len(ordered) * BAR / 2 + 4
        parts.append(_text(LEFT - 10, middle, name, "end", "#111"))
        for bar in ordered:
            parts += _bar(bar, x, y, form)
            y += BAR
        y += GAP
    parts[1:1] = _grid(lowest, highest, x, y - GAP, form)
    return _svg(parts, y - GAP + BOTTOM + 10)


def _bar(bar: Bar, x, y: float, form: str) -> list[str]:
    colour = COLOURS.get(bar.contender, "#999")
    end, low, high = x(bar.middle), x(bar.lowest), x(bar.highest)
    middle = y + BAR / 2
    return [
        f"<rect x='{LEFT}' y='{y + 1}' width='{max(end - LEFT, 1):.1f}' height='{BAR - 2}' "
        f"fill='{colour}'/>",
        f"<path d='M{low:.1f} {middle} H{high:.1f} M{low:.1f} {middle - 3} v6 "
        f"M{high:.1f} {middle - 3} v6' stroke='#111' stroke-width='1' fill='none'/>",
        _text(max(high, end) + 6, middle + 4, form.format(bar.middle), "start", "#333", 11),
    ]


def _grid(lowest: float, highest: float, x, bottom: float, form: str) -> list[str]:
    parts, value = [], lowest
    while value <= highest:
        at = x(value)
        parts.append(
            f"<path d='M{at:.1f} {TOP - 6} V{bottom + 4}' stroke='#ddd' stroke-width='1'/>"
        )
        label = form.replace(":.0f", ":g").replace(":,.0f", ":,g").format(value)
        parts.append(_text(at, bottom + 18, label, "middle", "#777", 10))
        value *= 10
    return parts


def _legend(title: str, shown: list[Contender]) -> list[str]:
    parts = [
        "<rect width='100%' height='100%' fill='white'/>",
        _text(16, 26, title, "start", "#111", 16, "600"),
    ]
    x = 16.0
    for each in shown:
        parts.append(
            f"<rect x='{x}' y='42' width='11' height='11' fill='{COLOURS.get(each.name, '#999')}'/>"
        )
        parts.append(_text(x + 16, 52, each.title, "start", "#333", 11))
        x += 30 + 5.9 * len(each.title)
    return parts


def _text(
    x: float, y: float, text: str, anchor: str, colour: str, size: int = 12, weight: str = "400"
) -> str:
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' fill='{colour}' {FONT} "
        f"font-size='{size}' font-weight='{weight}'>{escape(text)}</text>"
    )


def _svg(parts: list[str], height: float) -> str:
    body = "\n".join(parts)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height:.0f}' "
        f"width='{WIDTH}' height='{height:.0f}'>\n{body}\n</svg>\n"
    )


def _lines(name: str, points: list[dict[str, float]]) -> str:
    """Memory, open files and latency over the minutes of a soak, each from zero."""
    curves = {"memory": "MiB", "files": "open files", "hello p50": "ms", "row p99": "ms"}
    parts = [
        "<rect width='100%' height='100%' fill='white'/>",
        _text(16, 26, f"Under load for minutes: {name}", "start", "#111", 16, "600"),
    ]
    y = 50.0
    for what, unit in curves.items():
        if what in points[0]:
            parts += _curve(f"{what}, {unit}" if unit not in what else what, points, what, y, name)
            y += 110
    return _svg(parts, y + 20)


def _curve(title: str, points, what: str, top: float, name: str) -> list[str]:
    height, right = 80, WIDTH - 40
    last = points[-1]["seconds"] or 1
    most = max(point[what] for point in points) or 1
    dots = [
        (
            LEFT + point["seconds"] / last * (right - LEFT),
            top + height - point[what] / most * height,
        )
        for point in points
    ]
    path = " L".join(f"{x:.1f} {y:.1f}" for x, y in dots)
    return [
        f"<path d='M{LEFT} {top} V{top + height} H{right}' stroke='#999' fill='none'/>",
        f"<path d='M{path}' stroke='{COLOURS.get(name, '#111')}' stroke-width='2' fill='none'/>",
        _text(LEFT - 10, top + height / 2, title, "end", "#111"),
        _text(LEFT - 10, top + 10, f"{most:.3g}", "end", "#777", 10),
        _text(LEFT - 10, top + height, "0", "end", "#777", 10),
        _text(right, top + height + 14, f"{last / 60:.1f} min", "end", "#777", 10),
    ]
