"""Reviews: rows of DB, each judged by AI, and their counts, read through CACHE."""

import json
from typing import Any

SENTIMENT = "@cf/huggingface/distilbert-sst-2-int8"
UNSURE = 0.6
"""A model that is less sure than this of its better label has not decided: neutral."""
JUDGED_AT_ONCE = 100
COUNTS = "counts"
CACHE_SECONDS = 60

Row = dict[str, Any]


async def add(env: Any, topic: str, text: str) -> Row:
    """Keep a review, then judge it: what a customer wrote is not lost with a model's failure."""
    insert = env.DB.prepare("INSERT INTO reviews (topic, text) VALUES (?, ?) RETURNING *")
    review: Row = await insert.bind(topic, text).first()
    try:
        review["sentiment"] = await judge(env, review)
    except Exception as error:
        print(f"review {review['id']} waits for the next report to be judged: {error}")
    await env.CACHE.delete(COUNTS)
    return review


async def judge_the_rest(env: Any) -> int:
    """Judge reviews that no model has judged yet; how many there were."""
    select = env.DB.prepare("SELECT * FROM reviews WHERE sentiment IS NULL ORDER BY id LIMIT ?")
    left = (await select.bind(JUDGED_AT_ONCE).all()).results
    for review in left:
        await judge(env, review)
    if left:
        await env.CACHE.delete(COUNTS)
    return len(left)


async def judge(env: Any, review: Row) -> str:
    """Ask the model what a review feels, and write it down."""
    labels = await env.AI.run(SENTIMENT, {"text": review["text"]})
    best = max(labels, key=lambda label: label["score"])
    sentiment = "neutral" if best["score"] < UNSURE else str(best["label"]).lower()
    update = env.DB.prepare("UPDATE reviews SET sentiment = ? WHERE id = ?")
    await update.bind(sentiment, review["id"]).run()
    return sentiment


async def cached_counts(env: Any) -> tuple[list[Row], bool]:
    """The counts of all reviews, and whether they came from the cache."""
    cached = await env.CACHE.get(COUNTS, "json")
    if cached is not None:
        return cached, True
    found = await counts(env, 0, 2**53)
    await env.CACHE.put(COUNTS, json.dumps(found), {"expirationTtl": CACHE_SECONDS})
    return found, False


async def counts(env: Any, since: int, until: int) -> list[Row]:
    """By topic: how many reviews there were (times in ms), and of which sentiment."""
    select = env.DB.prepare(
        "SELECT topic, count(*) AS reviews, "
        "count(*) FILTER (WHERE sentiment = 'positive') AS positive, "
        "count(*) FILTER (WHERE sentiment = 'neutral') AS neutral, "
        "count(*) FILTER (WHERE sentiment = 'negative') AS negative FROM reviews "
        "WHERE created_at >= ? AND created_at < ? GROUP BY topic ORDER BY topic"
    )
    found: list[Row] = (await select.bind(since, until).all()).results
    return found


async def texts(env: Any, topic: str, since: int, until: int, limit: int) -> list[str]:
    """What was written about a topic, the newest first."""
    select = env.DB.prepare(
        "SELECT text FROM reviews WHERE topic = ? AND created_at >= ? AND created_at < ? "
        "ORDER BY created_at DESC LIMIT ?"
    )
    rows = (await select.bind(topic, since, until, limit).all()).results
    return [row["text"] for row in rows]
