"""Documents: their text in DB, what it means in VECTORIZE, and answers from it by AI."""

import uuid
from collections.abc import Sequence
from typing import Any

from passages import passages

EMBEDDING = "@cf/baai/bge-base-en-v1.5"
CHAT = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
EMBEDDED_AT_ONCE = 100
DELETED_AT_ONCE = 100
FOUND = 3
"""Passages that an answer is made from, at most."""
NEAR = 0.5
"""Of the best passage's score: what is less like the question is left out."""
TOKENS = 300
INSTRUCTIONS = (
    "Reply from the numbered passages alone, in a few sentences, and name the numbers you used "
    "in brackets. If they do not tell, say so."
)


async def ingest(env: Any, title: str, text: str) -> dict[str, Any]:
    """Keep a document. It is there once its row is: nobody misses vectors without one."""
    document = str(uuid.uuid4())
    parts = passages(text)
    ids = [f"{document}:{number}" for number in range(len(parts))]
    vectors = await embed(env, [f"{title}\n\n{part}" for part in parts])
    metadata = {"document": document, "title": title}
    await env.VECTORIZE.upsert(
        [
            {"id": one, "values": values, "metadata": metadata}
            for one, values in zip(ids, vectors, strict=True)
        ]
    )
    insert = env.DB.prepare("INSERT INTO passages (id, document, text) VALUES (?, ?, ?)")
    await env.DB.batch(
        [
            env.DB.prepare("INSERT INTO documents (id, title) VALUES (?, ?)").bind(document, title),
            *(insert.bind(one, document, part) for one, part in zip(ids, parts, strict=True)),
        ]
    )
    return {"id": document, "title": title, "passages": len(parts)}


async def listed(env: Any) -> list[dict[str, Any]]:
    """Every document, the newest first, with the number of its passages."""
    statement = env.DB.prepare(
        "SELECT documents.*, count(*) AS passages FROM documents "
        "JOIN passages ON passages.document = documents.id "
        "GROUP BY documents.id ORDER BY created_at DESC, documents.rowid DESC"
    )
    found: list[dict[str, Any]] = (await statement.all()).results
    return found


async def delete(env: Any, document: str) -> bool:
    """Forget a document; whether there was one. The row goes last, so it can be repeated."""
    select = env.DB.prepare("SELECT id FROM passages WHERE document = ?")
    ids = [row["id"] for row in (await select.bind(document).all()).results]
    for start in range(0, len(ids), DELETED_AT_ONCE):
        await env.VECTORIZE.deleteByIds(ids[start : start + DELETED_AT_ONCE])
    done = await env.DB.prepare("DELETE FROM documents WHERE id = ?").bind(document).run()
    return bool(done.meta.changes)


async def ask(env: Any, question: str) -> dict[str, Any]:
    """An answer, and the passages that it was made from, the best first."""
    sources = await search(env, question)
    if not sources:
        return {"answer": "The documents do not tell.", "sources": []}
    quoted = "\n\n".join(
        f"[{number}] {source['title']}: {source['text']}"
        for number, source in enumerate(sources, 1)
    )
    messages = [
        {"role": "system", "content": INSTRUCTIONS},
        {"role": "user", "content": f"{quoted}\n\nQuestion: {question}"},
    ]
    answer = await env.AI.run(CHAT, {"messages": messages, "max_tokens": TOKENS})
    return {"answer": answer["response"], "sources": sources}


async def search(env: Any, question: str) -> list[dict[str, Any]]:
    """The passages like `question`, the best first; none where nothing is."""
    (vector,) = await embed(env, [question])
    found = await env.VECTORIZE.query(vector, {"topK": FOUND, "returnMetadata": "all"})
    best = max((match["score"] for match in found.matches), default=0)
    matches = [match for match in found.matches if match["score"] >= best * NEAR]
    marks = ", ".join("?" * len(matches))
    select = env.DB.prepare(f"SELECT id, text FROM passages WHERE id IN ({marks})")
    rows = (await select.bind(*(match["id"] for match in matches)).all()).results
    texts = {row["id"]: row["text"] for row in rows}
    # The index may be a moment behind the database: what is deleted may still match.
    return [
        {**match["metadata"], "text": texts[match["id"]]}
        for match in matches
        if match["id"] in texts
    ]


async def embed(env: Any, texts: Sequence[str]) -> list[list[float]]:
    """A vector for each text."""
    vectors: list[list[float]] = []
    for start in range(0, len(texts), EMBEDDED_AT_ONCE):
        batch = list(texts[start : start + EMBEDDED_AT_ONCE])
        vectors += (await env.AI.run(EMBEDDING, {"text": batch}))["data"]
    return vectors
