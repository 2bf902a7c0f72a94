"""`[[services]]`: functions beside the main one, in our form and in wrangler's."""

from __future__ import annotations

import pytest

from aerostack_dev.config.model import Service
from aerostack_dev.errors import ConfigError

from .conftest import Load, Write

AUTH = '[[services]]\nname = "my-auth"\nmain = "auth.py"\n'


@pytest.fixture
def files(write: Write) -> None:
    write("src/index.py", "")
    write("auth.py", "")


@pytest.mark.usefixtures("files")
def test_a_service_is_bound_by_its_name(project: Load) -> None:
    loaded = project(AUTH)
    assert loaded.services == (Service("my-auth", loaded.root / "auth.py"),)
    assert loaded.service_bindings == {"MY_AUTH": "my-auth"}
    assert loaded.unsupported == {}


@pytest.mark.usefixtures("files")
def test_all_that_a_service_may_say(project: Load) -> None:
    text = AUTH + 'binding = "B"\nentrypoint = "Admin"\npath = "/auth/v1/"\n'
    text += '[[services]]\nname = "x"\nmain = "auth.py"\nport = 9000'
    one, two = project(text).services
    assert (one.entrypoint, one.path, one.port) == ("Admin", "/auth/v1", None)
    assert (two.path, two.port, two.public) == ("", 9000, True)


@pytest.mark.usefixtures("files")
def test_the_form_of_wrangler_binds_what_is_there(project: Load) -> None:
    text = 'name = "shop"\n' + AUTH
    for binding, more in (
        ("ONE", 'service = "my-auth"\nenvironment = "production"'),
        ("TWO", 'service = "my-auth"\nentrypoint = "Admin"'),
        ("THREE", 'service = "my-auth"\nentrypoint = "Admin"'),
        ("FOUR", 'service = "shop"'),
        ("FIVE", 'service = "shop"\nentrypoint = "Other"'),
    ):
        text += f'[[services]]\nbinding = "{binding}"\n{more}\n'
    loaded = project(text)
    assert loaded.service_bindings == {
        "MY_AUTH": "my-auth",
        "ONE": "my-auth",
        "TWO": "my-auth#Admin",
        "THREE": "my-auth#Admin",
        "FOUR": "shop",
        "FIVE": "shop#Other",
    }
    public = [each.name for each in loaded.services if each.public]
    assert public == ["my-auth"]
    assert [each.name for each in loaded.services] == ["my-auth", "my-auth#Admin", "shop#Other"]


@pytest.mark.usefixtures("files")
def test_a_worker_that_is_not_here_is_said(project: Load) -> None:
    loaded = project(AUTH + '[[services]]\nbinding = "FAR"\nservice = "my-auht"')
    assert loaded.service_bindings["FAR"] == "my-auht"
    (found,) = [each for each in loaded.findings if each.code == "absent-service"]
    assert "did you mean `my-auth`?" in found.hint
    assert "services[1].service" in found.where


@pytest.mark.usefixtures("files")
def test_props_and_unknown_keys_are_said(project: Load) -> None:
    codes = [each.code for each in project(AUTH + "props = {a = 1}\nmian = 1").findings]
    assert codes[:2] == ["unknown-key", "ignored-key"]


@pytest.mark.usefixtures("files")
def test_one_table_in_single_brackets_is_a_service_too(project: Load) -> None:
    assert project('[services]\nname = "a"\nmain = "auth.py"').service_bindings == {"A": "a"}


@pytest.mark.usefixtures("files")
def test_an_environment_has_its_own(project: Load) -> None:
    text = AUTH + '[[env.staging.services]]\nname = "b"\nmain = "auth.py"\n[env.bare]\n'
    assert project(text, environment="staging").service_bindings == {"B": "b"}
    bare = project(text, environment="bare")
    assert bare.services == ()
    (found,) = [each for each in bare.findings if each.code == "not-inherited"]
    assert "services" in found.message


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("services = 5", "expected a table, not 5"),
        ("[[services]]", "a service needs a name"),
        ('[[services]]\nname = "a"', 'the service "a" needs a main'),
        ('[[services]]\nname = "a b"\nmain = "auth.py"', "is no name of a service"),
        ('[[services]]\nname = "a"\nmain = "no.py"', '"no.py" does not exist'),
        ('[[services]]\nname = "a"\nmain = "src"', '"src" is a folder'),
        ('[[services]]\nname = "a"\nmain = "auth.py"\nport = 0', "`port` cannot be 0"),
        (AUTH + AUTH, "is given twice"),
        ('name = "my-auth"\n' + AUTH, "is given twice"),
        (AUTH + 'path = "auth"', "is no path to serve a service at"),
        (AUTH + 'path = "/auth"\nport = 9000', "a `path` or a `port`, not both"),
        (AUTH + 'binding = "a-b"', "is no name of a binding"),
        (AUTH + 'service = "x"', "`name` and `service` exclude each other"),
        (AUTH + 'path = "/a"\n' + AUTH.replace("my-", "") + 'path = "/a/"', "is given twice"),
        (AUTH + 'binding = "DB"\n[[d1_databases]]\nbinding = "DB"', "the name DB is given twice"),
        ('[[services]]\nname = "1"\nmain = "auth.py"', "is no name of a binding"),
    ],
)  # fmt: skip
def test_what_makes_no_service_is_refused(project: Load, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        project(text)
    assert message in str(caught.value)
    assert caught.value.where
