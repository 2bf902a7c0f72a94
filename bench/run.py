"""`aerostack dev` beside its peers, measured in one run on this machine.

    make bench                   # all of it, about 50 minutes
    make bench QUICK=1           # under 3 minutes
    make bench SOAK=0            # without the soak; SOAK=minutes
    .venv/bin/python bench/run.py --only rates --rounds 3

How it measures, and what is unfair in it: bench/README.md. Results: bench/results/.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import measures
from contenders import BARE, HERE, PYTHON, TYPESCRIPT, Contender, peers
from load import WRK
from measures import Samples, Settings, say
from report import machine, publish, write
from table import verdicts

FULL = Settings(5, 3, 7, 25, 1, 20_000, 20_000, (1_000, 10_000, 100_000), 10)
QUICK = Settings(1, 1, 2, 4, 0.3, 20_000, 2_000, (1_000, 10_000), 0)
BUSY = 0.3
"""A load average above this share of the cores disturbs."""
STAGES = ("start", "reload", "rates", "lines", "tracing", "drain", "vectors", "soak")


def main() -> None:
    chosen = _arguments()
    settings = _settings(chosen)
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, _interrupted)
    contenders = [PYTHON, TYPESCRIPT, *_present(), BARE]
    contenders = [each for each in contenders if each.name not in chosen.without]
    samples, about = Samples(), machine()
    if WRK is None:
        say("wrk is not installed: a client in Python makes the load and limits it to some")
        say("10 000 requests/s. Better: apt install wrk, brew install wrk, dnf install wrk")
    if about["load average"] > BUSY * about["cores"]:
        say(f"This machine is busy (load average {about['load average']:.1f}, {about['cores']}")
        say("cores): only processor time and memory will mean something.")
    begun = time.monotonic()
    try:
        for stage in chosen.only:
            say(f"\n{stage} ({time.monotonic() - begun:.0f} s so far)")
            _measure(stage, contenders, settings, samples)
            write(chosen.results, contenders, settings, samples, about)
    except KeyboardInterrupt:
        say("\nended early; what was measured is in the results")
        write(chosen.results, contenders, settings, samples, about)
        sys.exit(130)
    if chosen.publish:
        publish(chosen.publish, samples, settings, about)
    _conclude(samples, chosen.results, time.monotonic() - begun)


def _interrupted(*_: object) -> None:
    """The first signal ends what was started; another one must not disturb that."""
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)
    raise KeyboardInterrupt


def _measure(stage: str, contenders: list[Contender], settings: Settings, samples: Samples) -> None:
    if stage == "start":
        measures.starts(contenders, settings, samples)
    elif stage == "reload":
        measures.reloads(contenders, settings, samples)
    elif stage == "rates":
        measures.rates(contenders, settings, samples)
    elif stage == "lines":
        measures.lines(settings, samples)
    elif stage == "tracing":
        measures.tracing(settings, samples)
    elif stage == "drain":
        measures.drains(contenders, settings, samples)
    elif stage == "vectors":
        _vectors(settings, samples)
    elif settings.soak_minutes:
        measures.soak(settings, samples)


def _vectors(settings: Settings, samples: Samples) -> None:
    """In a process of its own, which switches the collector off."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder, "results")
        sizes = [str(size) for size in settings.sizes]
        command = [sys.executable, str(HERE / "vectors.py"), "--json", str(results)]
        process = subprocess.Popen([*command, "--sizes", *sizes])
        try:
            if process.wait():
                raise SystemExit(f"bench/vectors.py ended with {process.returncode}")
        finally:
            process.kill()
            process.wait()
        for size, figures in json.loads(results.read_text()).items():
            for what, value in figures.items():
                samples.add(f"vectors {size} {what}", "python", 0, value)


def _present() -> list[Contender]:
    found = peers()
    names = {each.name for each in found}
    for name in ("wrangler", "miniflare", "functions"):
        if name not in names:
            say(f"{name} is not installed and not measured: run `make bench` with a network")
    return found


def _settings(chosen: argparse.Namespace) -> Settings:
    known = QUICK if chosen.quick else FULL
    return Settings(
        chosen.rounds or known.rounds,
        chosen.seconds or known.seconds,
        known.visits,
        known.switching,
        known.warming,
        known.messages,
        known.peer_messages,
        known.sizes,
        known.soak_minutes if chosen.soak is None else chosen.soak,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one short round of everything")
    parser.add_argument("--rounds", type=int, help="how often each contender has its turn")
    parser.add_argument("--seconds", type=int, help="how long each load lasts")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="0: none")
    parser.add_argument("--only", nargs="+", choices=STAGES, default=STAGES, help="some stages")
    parser.add_argument("--without", nargs="+", default=[], metavar="NAME", help="leave out")
    parser.add_argument("--results", type=Path, default=HERE / "results", help="a folder")
    parser.add_argument("--publish", type=Path, metavar="PAGE", help="write the ratios there too")
    return parser.parse_args()


def _conclude(samples: Samples, folder: Path, seconds: float) -> None:
    say(f"\n{seconds:.0f} s. What must be reached:")
    for verdict in verdicts(samples):
        spread = f"({verdict.lowest:.3g} to {verdict.highest:.3g})"
        mark = "pass" if verdict.reached else "MISS"
        say(
            f"  {mark}  {verdict.goal.title:<36} {verdict.median:>9.3g} {spread:<22}"
            f" wanted {verdict.goal.wanted}"
        )
    for measure, failed in samples.failures.items():
        for name, text in failed.items():
            say(f"  MISS  {measure} of {name}: {text[:200]}")
    say(f"\nAll figures and plots: {folder}/results.md")


if __name__ == "__main__":
    main()
