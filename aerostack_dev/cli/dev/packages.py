"""`aerostack dev --install`: what `package.json` names, by the Deno of the extra."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ...errors import AerostackError
from ...runtime.hosts.deno.packages import MANIFEST, manifest_of
from ...runtime.hosts.deno.process import find_deno

OPTIONS = ("install", "--node-modules-dir=auto", "--no-lock")
"""Into `node_modules`, as npm lays it out; scripts of packages do not run."""


def install(root: Path) -> None:
    """Install the packages of the project in `root`. Raises `AerostackError`."""
    manifest = manifest_of(root)
    if manifest is None:
        raise AerostackError(
            f"--install found no {MANIFEST}", where=str(root), hint="leave --install out"
        )
    done = subprocess.run([find_deno(), *OPTIONS], cwd=manifest.parent, check=False)
    if done.returncode:
        raise AerostackError(
            f"the packages of {MANIFEST} could not be installed",
            where=str(manifest),
            hint="the lines above say why; npm, pnpm, yarn and bun install them as well",
        )
