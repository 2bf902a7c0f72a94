"""Secrets are replaced by value, whatever the text."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from aerostack_dev.config.model import Project
from aerostack_dev.config.secrets import redactor

from .conftest import Load, Write

HERE = Path()


def project_of(values: dict[str, object], *secrets: str, **hidden: str) -> Project:
    return Project(HERE, None, "x", None, values=values, secrets=frozenset(secrets), hidden=hidden)


def test_without_secrets_nothing_is_touched() -> None:
    text = "some text"
    assert redactor(project_of({"A": "some text"}))(text) is text
    assert redactor(project_of({"A": "short"}, "A"))("short") == "short"
    assert redactor(project_of({}, "MISSING"))(text) is text


def test_by_value_from_six_characters() -> None:
    redact = redactor(project_of({"KEY": "123456", "OPEN": "abcdefg"}, "KEY"))
    assert redact("x123456y abcdefg 12345") == "x[redacted:KEY]y abcdefg 12345"


def test_the_longer_one_is_found() -> None:
    redact = redactor(project_of({"A": "secret", "B": "secret-two"}, "A", "B"))
    assert redact("secret-two secret") == "[redacted:B] [redacted:A]"


def test_json_values_and_hidden_texts() -> None:
    values = {"A": {"x": ["inner-secret", 1234567, None, True]}}
    redact = redactor(project_of(values, "A", **{"ai.api_key": "sk-literal"}))
    assert redact("inner-secret 1234567 true null sk-literal") == (
        "[redacted:A] [redacted:A] true null [redacted:ai.api_key]"
    )


def test_other_spellings() -> None:
    secret = 'line one\n"quoted" é+/ $&'
    redact = redactor(project_of({"PEM": secret}, "PEM"))
    spellings = (json.dumps(secret), json.dumps(secret, ensure_ascii=False), quote(secret, ""))
    for text in (secret, quote(secret), *spellings):
        assert redact(f"<{text}>").strip('<">') == "[redacted:PEM]"


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(min_size=6, max_size=20), min_size=1, max_size=4), st.text())
def test_no_secret_is_left(secrets: list[str], text: str) -> None:
    values = {f"S{n}": secret for n, secret in enumerate(secrets)}
    redact = redactor(project_of(values, *values))
    for secret in secrets:
        before, _, after = redact(f"\0{secret}\1").partition("[redacted:S")
        assert secret not in before
        assert secret not in after
    assert redact(redact(text)) == redact(text) or any(s in "[redacted:S0123]" for s in secrets)


def test_a_loaded_project(project: Load, write: Write) -> None:
    write(".dev.vars", "STRIPE=sk_live_1234\n")
    text = """
api_key = "deploy-key-1"
[vars]
OPEN = "open-text"
OPEN_KEY = "open-key-text"
[ai]
api_key = "$OPENAI"
[ai.models]
a = "$OPEN"
b = "$OPEN_KEY"
c = "not-hidden"
d_key = "written-out"
e = "$STRIPE"
f = "$NOWHERE"
"""
    loaded = project(text, environ={"OPENAI": "from-environ", "OTHER": "other-text"})
    assert loaded.hidden == {
        "OPENAI": "from-environ",
        "OPEN_KEY": "open-key-text",
        "ai.models.d_key": "written-out",
        "api_key": "deploy-key-1",
    }
    redact = redactor(loaded)
    assert redact("sk_live_1234 from-environ deploy-key-1") == (
        "[redacted:STRIPE] [redacted:OPENAI] [redacted:api_key]"
    )
    assert redact("open-text other-text not-hidden") == "open-text other-text not-hidden"
    assert "sk_live" not in repr(loaded)
    assert "from-environ" not in repr(loaded)


def test_list_of_secrets_in_tables(project: Load) -> None:
    loaded = project('[[postgres_databases]]\nbinding = "P"\nconnection_string = "postgres://x"')
    assert loaded.hidden == {"postgres_databases[0].connection_string": "postgres://x"}


def test_what_was_learnt_stays_hidden() -> None:
    redact = redactor(project_of({"KEY": "old-secret"}, "KEY"))
    redact.learn(project_of({"KEY": "new-secret"}, "KEY"))
    assert redact("old-secret new-secret") == "[redacted:KEY] [redacted:KEY]"
