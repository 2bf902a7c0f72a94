"""The templates `rag` and `insights` over HTTP, beside what their own tests say."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.support.server import PATIENCE, aerostack, serving

QUESTION = {"question": "Which languages does the tour guide speak?"}
ANSWER = "the guide speaks English and Portuguese"


def seed(root: Path, url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "scripts/seed.py", url],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_answers_cite_documents_also_after_a_restart(made: Callable[[str], Path]):
    root = made("rag")
    with serving(root) as server:
        sent = seed(root, server.url)
        assert (sent.returncode, sent.stdout, sent.stderr) == (0, "10 documents sent\n", "")
        before = server.post("/ask", json=QUESTION).json()
        assert ANSWER in before["answer"]
        server.kill()
    with serving(root) as server:
        after = server.post("/ask", json=QUESTION).json()
        assert after == before
        document = after["sources"][0]["document"]
        assert server.request("DELETE", f"/documents/{document}").status_code == 204
        assert ANSWER not in server.post("/ask", json=QUESTION).json()["answer"]
        assert len(server.get("/documents").json()["documents"]) == 9


def test_the_seed_script_says_what_is_wrong(made: Callable[[str], Path]):
    root = made("rag")
    documents = [{"title": "Empty", "text": ""}]
    with serving(root, {"documents.json": json.dumps(documents)}) as server:
        refused = seed(root, server.url)
        assert refused.returncode == 1
        assert refused.stderr == (
            'Empty: 422 {"error":"text must be text of 1 to 50000 characters"}\n'
        )
        url = server.url
    gone = seed(root, url)
    assert gone.returncode == 1
    assert gone.stderr.startswith(f"{url}/documents cannot be reached: ")


def test_a_report_is_written_by_the_cron_and_served(made: Callable[[str], Path]):
    root = made("insights")
    with serving(root) as server:
        answer = server.post("/reviews", json={"topic": "support", "text": "Great, I love it!"})
        assert (answer.status_code, answer.json()["sentiment"]) == (201, "positive")
        run = aerostack("cron", "run", cwd=root)
        assert (run.returncode, run.stderr) == (0, "")

        topics = {one["topic"]: one for one in server.get("/insights").json()["topics"]}
        assert topics["delivery"]["reviews"] == 3
        assert all(
            one["reviews"] == one["positive"] + one["neutral"] + one["negative"]
            for one in topics.values()
        )
        report = server.get("/reports/latest.txt")
        assert report.headers["content-type"] == "text/plain; charset=utf-8"
        assert "The parcel came two days late" in report.text
        assert "support: 1 (+1 =0 -0)" in report.text  # the seed's own is older than a week
        assert [name[10:] for name in server.get("/reports").json()["reports"]] == [".txt", ".json"]
