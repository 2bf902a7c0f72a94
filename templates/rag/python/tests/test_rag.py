import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from aerostack_dev.testing import App, HttpResponse, async_test, open_app

PROJECT = Path(__file__).parents[1]
DOCUMENTS = json.loads((PROJECT / "documents.json").read_text(encoding="utf-8"))


async def post(app: App, path: str, **fields: Any) -> HttpResponse:
    return await app.fetch(path, method="POST", json=fields)


async def ask(app: App, question: str) -> Any:
    answer = await post(app, "/ask", question=question)
    assert answer.status == 200
    return answer.json()


async def titles(app: App) -> list[str]:
    return [one["title"] for one in (await app.fetch("/documents")).json()["documents"]]


@asynccontextmanager
async def filled() -> AsyncIterator[App]:
    """The app with the documents of documents.json."""
    async with open_app(PROJECT) as app:
        for document in DOCUMENTS:
            assert (await post(app, "/documents", **document)).status == 201
        yield app


@pytest.mark.parametrize(
    ("question", "title", "said"),
    [
        ("How large is the deposit for a cargo bike?", "Deposits", "200 euros for a cargo bike"),
        ("When does the workshop close in the evening?", "Opening hours", "closes at six"),
        ("How many hours is charging from empty?", "Batteries", "four hours"),
        ("Who must wear a helmet?", "Helmets", "Children under fourteen must wear one"),
        ("What happens if I cancel my booking?", "Cancellations", "cancelled without cost"),
        ("My bicycle was stolen, what does the insurance pay?", "Theft", "the insurance pays"),
        ("Can you mend a puncture?", "Flat tyres", "we bring a spare wheel"),
        ("For which age are the child seats?", "Child seats", "nine months to five years"),
        ("Which languages does the tour guide speak?", "Guided tours", "English and Portuguese"),
        ("What must I pay when I come back late?", "Late returns", "pays for each hour begun"),
    ],
)
@async_test
async def test_the_right_passage_is_found_and_cited(question: str, title: str, said: str):
    async with filled() as app:
        found = await ask(app, question)
        assert found["sources"][0]["title"] == title
        assert said in found["sources"][0]["text"]
        assert said in found["answer"]
        assert len(found["sources"]) <= 3


@async_test
async def test_what_no_document_tells_is_not_invented():
    async with filled() as app:
        found = await ask(app, "Who composed the opera Fidelio?")
        assert "Beethoven" not in found["answer"]


@async_test
async def test_a_deleted_document_answers_nothing():
    async with filled() as app:
        question = "How large is the deposit for a cargo bike?"
        document = (await ask(app, question))["sources"][0]["document"]
        assert (await app.fetch(f"/documents/{document}", method="DELETE")).status == 204
        assert "Deposits" not in [
            source["title"] for source in (await ask(app, question))["sources"]
        ]
        assert "Deposits" not in await titles(app)
        assert (await app.env.VECTORIZE.describe()).vectorCount == len(DOCUMENTS) - 1
        assert (await app.fetch(f"/documents/{document}", method="DELETE")).status == 404


@async_test
async def test_a_long_document_is_found_by_any_of_its_passages():
    async with open_app(PROJECT) as app:
        text = "\n\n".join(f"{one['title']}. {one['text']}" for one in DOCUMENTS)
        added = (await post(app, "/documents", title="Handbook", text=text)).json()
        assert added["passages"] == (await app.env.VECTORIZE.describe()).vectorCount > 1
        assert (await app.fetch("/documents")).json()["documents"][0]["passages"] > 1
        for title, question in (
            ("Opening hours", "When does the workshop open?"),
            ("Late returns", "What is the fee for a late return?"),
        ):
            assert title in (await ask(app, question))["sources"][0]["text"]


@async_test
async def test_passages_fit_overlap_and_lose_nothing():
    async with open_app(PROJECT) as app:
        words = [f"word{number}" for number in range(1000)]
        paragraphs = [" ".join(words[start : start + 90]) for start in range(0, 1000, 90)]
        text = "\n\n".join(paragraphs) + "\n\n" + "x" * 1500
        await post(app, "/documents", title="Numbers", text=text)
        rows = (await app.env.DB.prepare("SELECT text FROM passages ORDER BY rowid").all()).results
        kept = [row["text"] for row in rows]
        assert max(map(len, kept)) <= 800
        for before, after in itertools.pairwise(kept):
            assert after[:60] in before or after.startswith("x" * 60)
        assert set(" ".join(kept).split()) >= set(words)
        assert "".join(kept).count("x") == 1500


@async_test
async def test_more_passages_than_one_call_embeds():
    async with open_app(PROJECT) as app:
        text = "\n\n".join(f"Paragraph {number}: " + "word " * 80 for number in range(110))
        added = (await post(app, "/documents", title="Long", text=text)).json()
        assert added["passages"] > 100
        assert (await app.fetch(f"/documents/{added['id']}", method="DELETE")).status == 204
        assert (await app.env.VECTORIZE.describe()).vectorCount == 0


@async_test
async def test_without_documents_there_is_nothing_to_answer_from():
    async with open_app(PROJECT) as app:
        assert await ask(app, "When?") == {"answer": "The documents do not tell.", "sources": []}


@async_test
async def test_mistakes_have_their_status():
    async with open_app(PROJECT) as app:
        for body, status in (
            ("{", 400),
            ("[]", 422),
            ('{"title": "x"}', 422),
            ('{"title": " ", "text": "x"}', 422),
            (json.dumps({"title": "x", "text": "x" * 50_001}), 422),
        ):
            assert (await app.fetch("/documents", method="POST", body=body)).status == status
        assert (await post(app, "/ask", question="")).status == 422
        assert (await app.fetch("/ask")).status == 405
        assert (await app.fetch("/documents/nope", method="DELETE")).status == 404
        assert (await app.fetch("/nothing")).status == 404
        assert await titles(app) == []
