"""The command line of `aerostack dev`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..cron import time_of
from ..project import Place, project_options

if TYPE_CHECKING:
    from .console import Level

EPILOG = """\b
Examples:
  aerostack dev
  aerostack dev --port 3000 --env staging --var GREETING=hi
  aerostack dev --ephemeral --log-format json
  aerostack dev --inspect
"""

USUAL = 0
"""The port that debuggers of the function's language look at by themselves."""


def _variables(
    ctx: click.Context, option: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    pairs = {}
    for value in values:
        name, equals, rest = value.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{value!r} is not NAME=VALUE", ctx, option)
        pairs[name] = rest
    return pairs


@click.command(epilog=EPILOG)
@project_options
@click.option("--host", help="The address to listen on; by default loopback only.")
@click.option("--port", "-p", type=click.IntRange(0, 65535), help="By default 8788 or the next.")
@click.option(
    "--control-port", type=click.IntRange(0, 65535), help="The control page's; by default any."
)
@click.option(
    "--var", "variables", multiple=True, callback=_variables, help="NAME=VALUE for env.NAME."
)
@click.option("--ephemeral", is_flag=True, help="Keep the state in a temporary folder.")
@click.option(
    "--seed",
    "seeds",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A .sql or .py file that fills the state if it is empty; may be repeated.",
)
@click.option("--no-cron", is_flag=True, help="Do not fire crons by themselves.")
@click.option("--no-reload", is_flag=True, help="Do not watch the files.")
@click.option(
    "--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
)
@click.option(
    "--inspect",
    is_flag=False,
    flag_value=USUAL,
    type=click.IntRange(0, 65535),
    metavar="[PORT]",
    help="Let a debugger in, on loopback; by default at 5678 (Python) or 9229 (TypeScript).",
)
@click.option("--install", is_flag=True, help="Install the packages of package.json first.")
@click.option(
    "--clock",
    callback=time_of,
    metavar="TIME",
    help="Begin at this time (ISO 8601, UTC) and not at the machine's.",
)
@click.option("--open", "open_browser", is_flag=True, help="Open the URL in a browser.")
def dev(
    place: Place,
    host: str | None,
    port: int | None,
    control_port: int | None,
    variables: dict[str, str],
    ephemeral: bool,
    seeds: tuple[Path, ...],
    no_cron: bool,
    no_reload: bool,
    log_format: str,
    log_level: Level,
    inspect: int | None,
    install: bool,
    open_browser: bool,
    clock: int | None,
) -> None:
    """Serve the project's function, consume its queues, fire its crons, reload on save.

    The state (databases, caches, queues) stays in .aerostack/state between runs. Keys at
    the terminal: o open, d dashboard, c run a cron, r reload, l clear, h help, q quit.
    """
    from .interpreter import collect_later

    collect_later()
    from .session import Options, run

    if ephemeral and place.persist_to is not None:
        raise click.UsageError("--ephemeral and --persist-to exclude each other")
    run(
        Options(
            place,
            host=host,
            port=port,
            control_port=control_port,
            variables=variables,
            ephemeral=ephemeral,
            seeds=seeds,
            crons=not no_cron,
            reload=not no_reload,
            log_format=log_format,
            log_level=log_level,
            inspect=inspect,
            install=install,
            open_browser=open_browser,
            clock=None if clock is None else clock / 1000,
        )
    )
