"""The plugin for pytest: the fixture `aerostack`, and a runner of the tests that use it.

pytest imports this module at every start, in projects that have no function too: what is
not needed to declare a fixture is imported where the fixture is used.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .app import App
    from .desk import Desk

FIXTURE = "aerostack"
OPTIONS = ("project", "environment", "variables", "seed")
MARKER = (
    "aerostack(project=None, environment=None, variables=None, seed=True): how the fixture "
    "`aerostack` loads the project; the variables of several markers are united"
)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", MARKER)


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an `async def` test that uses the fixture, unless another plugin does.

    Those ask to be tried first; a test that pytest-asyncio took is no longer `async`.
    """
    test = pyfuncitem.obj
    if FIXTURE not in pyfuncitem.fixturenames or not inspect.iscoroutinefunction(test):
        return None
    names = inspect.signature(test).parameters
    asyncio.run(test(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.fixture(scope="session")
def _aerostack_desk() -> Iterator[Desk]:
    from .desk import open_desk

    with open_desk() as desk:
        yield desk


@pytest.fixture
def aerostack(request: pytest.FixtureRequest, _aerostack_desk: Desk) -> Iterator[App]:
    """The project's function, with a state of this test alone.

    The project is the nearest `aerostack.toml` above the test; the marker `aerostack`
    chooses otherwise.
    """
    from ..errors import AerostackError
    from .desk import UnfinishedError, wanted

    options = _options(request)
    seed = options.pop("seed", True)
    try:
        with _aerostack_desk.app(wanted(request.path.parent, **options), seed=seed) as app:
            yield app
    except (AerostackError, UnfinishedError) as error:
        raise pytest.fail.Exception(_told(error), pytrace=False) from None


def _told(error: Exception) -> str:
    """What went wrong around a test, without the lines of ours that it came through."""
    hint = getattr(error, "hint", "")
    where = getattr(error, "where", "")
    notes = getattr(error, "__notes__", [])
    said = notes or [f"{where}: {error}" if where else str(error)]
    return "\n".join([*said, *([f"hint: {hint}"] if hint else [])])


def _options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the markers say, the nearest one last."""
    found: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers(FIXTURE))):
        unknown = [*map(repr, marker.args), *(set(marker.kwargs) - set(OPTIONS))]
        if unknown:
            pytest.fail(
                f"@pytest.mark.aerostack knows the keywords {', '.join(OPTIONS)}, "
                f"not {', '.join(unknown)}",
                pytrace=False,
            )
        variables = {**found.get("variables", {}), **(marker.kwargs.get("variables") or {})}
        found |= {**marker.kwargs, "variables": variables}
    return found
