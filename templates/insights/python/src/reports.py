"""The report of a week: counts from DB, summaries by AI, kept in STORAGE as JSON and text."""

import datetime
import json
from typing import Any

import reviews

CHAT = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
INSTRUCTIONS = (
    "You report to a shop what its customers write. Reply in at most three sentences, from "
    "their words alone, with praise and blame in proportion."
)
TOKENS = 200
READ = 50
"""Reviews of a topic that a summary is made from, the newest ones."""
WEEK = 7 * 24 * 60 * 60 * 1000
FOLDER = "reports/"
TYPES = {"json": "application/json", "txt": "text/plain; charset=utf-8"}


async def write(env: Any, until: int) -> str:
    """Report on the week before `until` (ms); the report's name. Written again, it is replaced."""
    since = until - WEEK
    topics = [
        {**row, "summary": await summary(env, row["topic"], since, until)}
        for row in await reviews.counts(env, since, until)
    ]
    report = {"from": _iso(since), "to": _iso(until), "topics": topics}
    name = _iso(until)[:10]
    await _put(env, f"{name}.json", json.dumps(report, ensure_ascii=False))
    await _put(env, f"{name}.txt", as_text(report))
    return name


async def summary(env: Any, topic: str, since: int, until: int) -> str:
    """What customers wrote about a topic, in a few sentences."""
    written = await reviews.texts(env, topic, since, until, READ)
    lines = "\n".join(f"On {topic}: {text}" for text in written)
    messages = [
        {"role": "system", "content": INSTRUCTIONS},
        {"role": "user", "content": f"{lines}\n\nQuestion: What do they say about {topic}?"},
    ]
    answer = await env.AI.run(CHAT, {"messages": messages, "max_tokens": TOKENS})
    return str(answer["response"])


def as_text(report: dict[str, Any]) -> str:
    """A report for people."""
    blocks = [f"Reviews from {report['from']} to {report['to']}"]
    for topic in report["topics"]:
        head = (
            f"{topic['topic']}: {topic['reviews']} "
            f"(+{topic['positive']} ={topic['neutral']} -{topic['negative']})"
        )
        blocks.append(f"{head}\n{topic['summary']}")
    return "\n\n".join(blocks if report["topics"] else [*blocks, "There were none."]) + "\n"


async def listed(env: Any) -> list[str]:
    """The names of all reports, the latest first."""
    names: list[str] = []
    options = {"prefix": FOLDER}
    while True:
        page = await env.STORAGE.list(options)
        names += [found["key"].removeprefix(FOLDER) for found in page["objects"]]
        if not page["truncated"]:
            return sorted(names, reverse=True)
        options["cursor"] = page["cursor"]


async def read(env: Any, name: str) -> Any:
    """A report as an object of STORAGE, or None. `latest.txt` is the newest of its kind."""
    stem, _, kind = name.partition(".")
    if stem == "latest":
        name = next((found for found in await listed(env) if found.endswith(f".{kind}")), name)
    return await env.STORAGE.get(FOLDER + name)


async def _put(env: Any, name: str, content: str) -> None:
    kind = TYPES[name.rpartition(".")[2]]
    await env.STORAGE.put(FOLDER + name, content, {"httpMetadata": {"contentType": kind}})


def _iso(ms: int) -> str:
    when = datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC)
    return when.isoformat(timespec="seconds").replace("+00:00", "Z")
