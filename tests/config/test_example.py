"""`aerostack.toml.example` is what it says: every key, nothing to remark."""

from __future__ import annotations

import re
from pathlib import Path

from aerostack_dev.bindings.kinds import all_kinds, sections
from aerostack_dev.config.load import load

from .conftest import Write

EXAMPLE = (Path(__file__).parents[2] / "aerostack.toml.example").read_text()


def test_it_loads_with_nothing_to_remark(tmp_path: Path, write: Write) -> None:
    write("aerostack.toml", EXAMPLE)
    write("src/index.py", "")
    write(".dev.vars", "STRIPE_KEY=sk\nOPENAI_API_KEY=sk\n")
    owned = sections(all_kinds())
    project = load(tmp_path, owned)
    assert project.findings == ()
    assert project.secrets == {"STRIPE_KEY", "OPENAI_API_KEY"}
    assert project.values["LIMITS"] == {"upload": 1048576}
    assert project.reference("$OPENAI_API_KEY") == "sk"
    assert [path for path, entries in project.sections.items() if not entries] == []


def test_its_environments_load_once_they_are_no_comments(tmp_path: Path, write: Write) -> None:
    text = re.sub(r"^env = ", "# env = ", EXAMPLE, flags=re.MULTILINE)
    write("aerostack.toml", re.sub(r"^#(?=\S)", "", text, flags=re.MULTILINE))
    write("src/index.py", "")
    write("services/auth.py", "")
    write(".dev.vars", "STRIPE_KEY=sk\nOPENAI_API_KEY=sk\n")
    owned = sections(all_kinds())
    assert load(tmp_path, owned).findings == ()
    staging = load(tmp_path, owned, "staging")
    assert staging.values["GREETING"] == "hello from staging"
    assert staging.crons == ()
    assert staging.sections["d1_databases"][0].database_name == "my-db-staging"
    assert [finding.code for finding in staging.findings] == ["not-inherited"]
