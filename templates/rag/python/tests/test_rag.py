import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from aerostack_dev.testing import App, HttpResponse

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


async def fill(app: App) -> None:
    """Add the documents of documents.json."""
    for document in DOCUMENTS:
        assert (await post(app, "/documents", **document)).status == 201


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
async def test_the_right_passage_is_found_and_cited(
    aerostack: App, question: str, title: str, said: str
):
    await fill(aerostack)
    found = await ask(aerostack, question)
    assert found["sources"][0]["title"] == title
    assert said in found["sources"][0]["text"]
    assert said in found["answer"]
    assert len(found["sources"]) <= 3


async def test_what_no_document_tells_is_not_invented(aerostack: App):
    await fill(aerostack)
    found = await ask(aerostack, "Who composed the opera Fidelio?")
    assert "Beethoven" not in found["answer"]


async def test_a_deleted_document_answers_nothing(aerostack: App):
    await fill(aerostack)
    question = "How large is the deposit for a cargo bike?"
    document = (await ask(aerostack, question))["sources"][0]["document"]
    assert (await aerostack.fetch(f"/documents/{document}", method="DELETE")).status == 204
    assert "Deposits" not in [
        source["title"] for source in (await ask(aerostack, question))["sources"]
    ]
    assert "Deposits" not in await titles(aerostack)
    assert (await aerostack.env.VECTORIZE.describe()).vectorCount == len(DOCUMENTS) - 1
    assert (await aerostack.fetch(f"/documents/{document}", method="DELETE")).status == 404


async def test_a_long_document_is_found_by_any_of_its_passages(aerostack: App):
    text = "\n\n".join(f"{one['title']}. {one['text']}" for one in DOCUMENTS)
    added = (await post(aerostack, "/documents", title="Handbook", text=text)).json()
    assert added["passages"] == (await aerostack.env.VECTORIZE.describe()).vectorCount > 1
    assert (await aerostack.fetch("/documents")).json()["documents"][0]["passages"] > 1
    for title, question in (
        ("Opening hours", "When does the workshop open?"),
        ("Late returns", "What is the fee for a late return?"),
    ):
        assert title in (await ask(aerostack, question))["sources"][0]["text"]


async def test_passages_fit_overlap_and_lose_nothing(aerostack: App):
    words = [f"word{number}" for number in range(1000)]
    paragraphs = [" ".join(words[start : start + 90]) for start in range(0, 1000, 90)]
    text = "\n\n".join(paragraphs) + "\n\n" + "x" * 1500
    await post(aerostack, "/documents", title="Numbers", text=text)
    rows = (
        await aerostack.env.DB.prepare("SELECT text FROM passages ORDER BY rowid").all()
    ).results
    kept = [row["text"] for row in rows]
    assert max(map(len, kept)) <= 800
    for before, after in itertools.pairwise(kept):
        assert after[:60] in before or after.startswith("x" * 60)
    assert set(" ".join(kept).split()) >= set(words)
    assert "".join(kept).count("x") == 1500


async def test_more_passages_than_one_call_embeds(aerostack: App):
    text = "\n\n".join(f"Paragraph {number}: " + "word " * 80 for number in range(110))
    added = (await post(aerostack, "/documents", title="Long", text=text)).json()
    assert added["passages"] > 100
    assert (await aerostack.fetch(f"/documents/{added['id']}", method="DELETE")).status == 204
    assert (await aerostack.env.VECTORIZE.describe()).vectorCount == 0


async def test_without_documents_there_is_nothing_to_answer_from(aerostack: App):
    assert await ask(aerostack, "When?") == {"answer": "The documents do not tell.", "sources": []}


async def test_mistakes_have_their_status(aerostack: App):
    for body, status in (
        ("{", 400),
        ("[]", 422),
        ('{"title": "x"}', 422),
        ('{"title": " ", "text": "x"}', 422),
        (json.dumps({"title": "x", "text": "x" * 50_001}), 422),
    ):
        assert (await aerostack.fetch("/documents", method="POST", body=body)).status == status
    assert (await post(aerostack, "/ask", question="")).status == 422
    assert (await aerostack.fetch("/ask")).status == 405
    assert (await aerostack.fetch("/documents/nope", method="DELETE")).status == 404
    assert (await aerostack.fetch("/nothing")).status == 404
    assert await titles(aerostack) == []
