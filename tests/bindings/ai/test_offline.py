"""The provider `offline`: honest, deterministic, made of what it was given."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aerostack_dev.bindings.ai.failures import InferenceUpstreamError
from aerostack_dev.bindings.ai.providers.offline.embedding import cosine, embed
from aerostack_dev.bindings.ai.providers.offline.extracting import HONEST, answer, summary
from aerostack_dev.bindings.ai.providers.offline.filling import arguments, filled
from aerostack_dev.bindings.ai.providers.offline.tools import chosen
from aerostack_dev.bindings.ai.providers.offline.words import sentences
from aerostack_dev.bindings.ai.tokens import count, cut, pieces
from aerostack_dev.bindings.ai.validation import check

from .conftest import BGE, LLAMA

PARAGRAPHS = [
    "Refunds are paid back to the original card within fourteen days after we receive the parcel.",
    "Our main office is in Lisbon, close to the river, and a second one opened in Porto last year.",
    "Parcels to Canada and the United States take five business days, to Europe only two.",
    "The API allows one hundred requests per minute for each key; beyond that it answers 429.",
    "Passwords need at least twelve characters, and two-factor authentication can be enabled.",
    "The support team answers on weekdays from nine to five, usually within an hour.",
    "All customer data is stored encrypted in Frankfurt, with nightly backups kept for a month.",
    "Invoices are sent by email on the first day of each month and can be downloaded as PDF.",
    "The mobile app works without a connection and synchronises when the phone is online again.",
    "A subscription can be cancelled at any time; it then runs until the end of the paid period.",
]
QUESTIONS = [
    "When do I get my refund?",
    "Where are your offices?",
    "How long does shipping a parcel to Canada take?",
    "How many API requests may I send per minute?",
    "What are the rules for a password?",
    "When does support answer?",
    "Where is customer data stored and is it encrypted?",
    "Can I download an invoice as PDF?",
    "Does the app work when my phone has no connection?",
    "How do I cancel my subscription?",
]


@pytest.mark.parametrize("at", range(10))
async def test_a_search_finds_the_right_one_of_ten_paragraphs(offline, at):
    for model in ("small", "base", "large"):
        name = f"@cf/baai/bge-{model}-en-v1.5"
        texts = [QUESTIONS[at], *PARAGRAPHS]
        question, *paragraphs = (await offline.run(name, {"text": texts})).data
        likeness = [cosine(question, paragraph) for paragraph in paragraphs]
        assert likeness.index(max(likeness)) == at


@pytest.mark.parametrize("at", range(10))
async def test_a_question_is_answered_from_the_right_paragraph(offline, at):
    context = "Answer from this context only.\n\n" + "\n\n".join(PARAGRAPHS)
    for messages in (
        [{"role": "system", "content": context}, {"role": "user", "content": QUESTIONS[at]}],
        [{"role": "user", "content": f"Context:\n{context}\n\nQuestion: {QUESTIONS[at]}"}],
    ):
        said = (await offline.run(LLAMA, {"messages": messages})).response
        assert PARAGRAPHS[at] in said
        assert all(sentence in context for sentence in sentences(said))


async def test_without_context_it_says_what_it_is(offline):
    for asked in ({"prompt": "Who was Napoleon?"}, {"messages": []}, {"prompt": "?"}):
        assert (await offline.run(LLAMA, asked)).response == HONEST
    helpful = {"role": "system", "content": "You are a helpful assistant."}
    asked = [helpful, {"role": "user", "content": "Who was Napoleon?"}]
    assert (await offline.run(LLAMA, {"messages": asked})).response == HONEST


async def test_its_own_answers_are_no_source(offline):
    messages = [
        {"role": "user", "content": "Tell me of Napoleon."},
        {"role": "assistant", "content": "Napoleon was a cat."},
        {"role": "user", "content": "Who was Napoleon?"},
    ]
    assert "cat" not in (await offline.run(LLAMA, {"messages": messages})).response


async def test_it_says_once_what_it_is_and_what_to_do(open_ai):
    async with open_ai(provider="offline") as room:
        for _ in range(3):
            await room.env.AI.run(LLAMA, {"prompt": "hi"})
        (finding,) = room.findings
        assert (finding.code, "Ollama" in finding.hint) == ("ai-offline", True)


async def test_max_tokens_limits(offline):
    answer = await offline.run(LLAMA, {"prompt": "hi", "max_tokens": 3})
    assert answer.response == "This is the"
    assert answer.usage.completion_tokens == 3
    gpt = await offline.run("@cf/openai/gpt-oss-20b", {"prompt": "hi", "max_tokens": 3})
    assert gpt.choices[0].finish_reason == "length"


async def test_what_a_tool_found_is_the_answer(offline):
    tool = {"name": "get_weather", "description": "weather", "parameters": {}}
    messages = [
        {"role": "user", "content": "What is the weather in Paris?"},
        {"role": "tool", "name": "get_weather", "content": "18 degrees and sun"},
    ]
    answer = await offline.run(LLAMA, {"messages": messages, "tools": [tool]})
    assert answer.response == "18 degrees and sun"
    assert "tool_calls" not in answer


def schema(**properties):
    return {"type": "object", "properties": properties, "required": list(properties)}


STRING = {"type": "string"}
WEATHER = {
    "name": "getWeather",
    "description": "Current weather",
    "parameters": schema(city=STRING),
}
EMAIL = {"name": "send_email", "parameters": schema(email=STRING, subject=STRING)}


def test_a_tool_is_called_when_the_question_says_all_it_needs():
    asked = "What will the weather be like in New York?"
    call = chosen([EMAIL, WEATHER], None, asked)
    assert (call.name, call.arguments) == ("getWeather", {"city": "New York"})
    assert chosen([WEATHER], "none", asked) is None
    assert chosen([WEATHER], None, "Who was Napoleon?") is None
    assert chosen([WEATHER], None, "") is None
    assert chosen([EMAIL], None, "Send an email to a@b.org") is None  # no subject
    call = chosen([EMAIL], None, 'Send an email to a@b.org, subject: "Hello"')
    assert call.arguments == {"email": "a@b.org", "subject": "Hello"}
    named = {"type": "function", "function": {"name": "getWeather"}}
    assert chosen([EMAIL, WEATHER], named, "And in Rome?").arguments == {"city": "Rome"}
    assert chosen([{"name": "stop"}], {"name": "stop"}, "go").arguments == {}


@pytest.mark.parametrize(
    ("wanted", "text", "value"),
    [
        (STRING, "My city is Rome.", "Rome"),
        ({"type": "string", "format": "date"}, "due 2026-01-02, or so", "2026-01-02"),
        (STRING, 'She called it "a triumph" twice.', "a triumph"),
        ({"type": "string", "enum": ["low", "very high"]}, "It is very high.", "very high"),
        ({"type": "string", "enum": ["a", "b"]}, "neither", ...),
        ({"type": "string", "default": "x"}, "nothing here", "x"),
        ({"const": 4}, "", 4),
        ({"type": "integer"}, "the city has 3,000 people", 3000),
        ({"type": "integer"}, "2.5", ...),
        ({"type": "number"}, "2.5", 2.5),
        ({"type": "number"}, "1 and 2", ...),
        ({"type": "boolean"}, "the city is not enabled", False),
        ({"type": "boolean"}, "city: yes", True),
        ({"type": "boolean"}, "perhaps", ...),
        ({"type": ["null", "string"]}, "", None),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "7", 7),
        ({"type": "array", "items": STRING}, "city: Rome, Oslo and Bern", ["Rome", "Oslo", "Bern"]),
        ({"type": "array", "items": {"type": "integer"}, "maxItems": 2}, "city: 1, 2, 3", [1, 2]),
        ({"type": "array", "items": STRING, "minItems": 1}, "none", ...),
        ({"type": "array"}, "none", ...),
        ({"properties": {"age": {"type": "integer"}}}, "age 5", {"age": 5}),
        ("no schema", "Rome", ...),
    ],
)
def test_values_are_taken_from_the_text(wanted, text, value):
    found = arguments({"properties": {"city": wanted}}, text)
    assert found == ({} if value is ... else {"city": value})


def test_what_the_text_does_not_say_is_as_empty_as_can_be():
    inner = schema(
        text=STRING,
        number={"type": "number", "minimum": 3},
        below={"type": "integer", "maximum": -2},
        flag={"type": "boolean"},
        choice={"enum": ["a", "b"]},
        maybe={"type": ["string", "null"]},
        many={"type": "array", "items": STRING, "minItems": 2},
        odd=True,
        optional=STRING,
    )
    inner["required"].remove("optional")
    value = filled(schema(inner=inner), "")
    check(value, schema(inner=inner))
    assert value["inner"] == {
        "text": "",
        "number": 3,
        "below": -2,
        "flag": False,
        "choice": "a",
        "maybe": None,
        "many": ["", ""],
        "odd": None,
    }


async def test_a_person_out_of_a_text(offline):
    text = "Ada Lovelace is 36 years old and lives in London. Write to ada@example.org."
    person = schema(name=STRING, age={"type": "integer"}, city=STRING, email=STRING)
    wanted = {"type": "json_schema", "json_schema": person}
    answer = await offline.run(LLAMA, {"prompt": text, "response_format": wanted})
    assert answer.response == {
        "name": "Ada Lovelace",
        "age": 36,
        "city": "London",
        "email": "ada@example.org",
    }


async def test_json_without_a_schema_holds_the_answer(offline):
    asked = {"prompt": "The sea is blue. Is the sea blue?"}
    answer = await offline.run(LLAMA, {**asked, "response_format": {"type": "json_object"}})
    assert answer.response == {"answer": "The sea is blue."}


async def test_summaries_are_sentences_of_the_text(offline):
    bart = "@cf/facebook/bart-large-cnn"
    text = " ".join(PARAGRAPHS)
    result = await offline.run(bart, {"input_text": text})
    assert 1 <= len(sentences(result.summary)) <= 3
    assert all(sentence in text for sentence in sentences(result.summary))
    short = await offline.run(bart, {"input_text": text, "max_length": 5})
    assert count(short.summary) == 5


STORY = " ".join(PARAGRAPHS)
HELPFUL = {"role": "system", "content": "You are a helpful assistant."}


@pytest.mark.parametrize(
    ("messages", "most"),
    [
        ([f"Summarise: {STORY}"], 3),
        ([f"Please summarize the following text in two sentences:\n\n{STORY}"], 2),
        ([f"Summarize this article in 1 sentence. {STORY}"], 1),
        ([f"{STORY}\n\nCan you please summarise this?"], 3),
        ([f"Write me a one-sentence summary of this: {STORY}"], 1),
        ([f"tl;dr\n{STORY}"], 3),
        ([HELPFUL, f"Give me a short summary of the text below:\n{STORY}"], 3),
        ([STORY, "Summarize what I sent you."], 3),
        (
            [
                {"role": "system", "content": "Summarise the text of the user in two sentences."},
                STORY,
            ],
            2,
        ),
        ([{"role": "system", "content": "You are a summarizer."}, STORY], 3),
    ],
)
async def test_a_chat_summarises_what_it_is_given(offline, messages, most):
    chat = [
        each if isinstance(each, dict) else {"role": "user", "content": each} for each in messages
    ]
    said = sentences((await offline.run(LLAMA, {"messages": chat})).response)
    assert len(said) == most
    assert all(sentence in PARAGRAPHS for sentence in said)
    if len(messages) == 1:
        assert sentences((await offline.run(LLAMA, {"prompt": messages[0]})).response) == said
        answer = await offline.run(
            LLAMA, {"prompt": messages[0], "response_format": {"type": "json_object"}}
        )
        assert sentences(answer.response["answer"]) == said


async def test_what_asks_for_no_summary_is_answered(offline):
    for asked in (
        [{"role": "user", "content": "Can you summarise what Napoleon did?"}],
        [HELPFUL, {"role": "user", "content": "Summarise the weather."}],
        [{"role": "assistant", "content": STORY}],
    ):
        assert (await offline.run(LLAMA, {"messages": asked})).response == HONEST
    told = {"role": "system", "content": f"You write summaries.\n{STORY}"}
    asked = [told, {"role": "user", "content": QUESTIONS[1]}]
    assert PARAGRAPHS[1] in (await offline.run(LLAMA, {"messages": asked})).response


async def test_sentiment(offline):
    distilbert = "@cf/huggingface/distilbert-sst-2-int8"
    for text, at in (("What an awful, terrible day", 0), ("Great service, thanks!", 1)):
        assert (await offline.run(distilbert, {"text": text}))[at].score > 0.7


@pytest.mark.parametrize(
    ("model", "inputs", "task"),
    [
        ("@cf/black-forest-labs/flux-1-schnell", {"prompt": "a"}, "Text-to-Image"),
        ("@cf/openai/whisper", {"audio": [1]}, "Automatic Speech Recognition"),
        ("@cf/deepgram/aura-1", {"text": "a"}, "Text-to-Speech"),
        ("@cf/meta/m2m100-1.2b", {"text": "a", "target_lang": "fr"}, "Translation"),
        ("@cf/llava-hf/llava-1.5-7b-hf", {"image": [1]}, "Image-to-Text"),
        ("@cf/microsoft/resnet-50", {"image": [1]}, "Image Classification"),
        ("@cf/facebook/detr-resnet-50", {"image": [1]}, "Object Detection"),
        ("@cf/meta/llama-guard-3-8b", {"prompt": "a"}, "Text Generation"),
    ],
)
async def test_what_needs_a_model_names_providers_that_have_one(offline, model, inputs, task):
    with pytest.raises(InferenceUpstreamError, match=f"offline cannot do {task}") as refused:
        await offline.run(model, inputs)
    assert "cloudflare" in refused.value.hint


async def test_long_texts_leave_the_event_loop(offline):
    result = await offline.run(BGE, {"text": ["word " * 2000] * 3})
    assert result.shape == [3, 768]


def test_answers_prefer_what_covers_the_question():
    context = ["The sea is salty.", "The sea is blue and deep.", "Bread is brown."]
    assert answer("How deep is the blue sea?", context) == "The sea is blue and deep."
    assert answer("Who bakes?", context) == HONEST
    assert answer("", context) == HONEST
    assert summary("", 10) == ""


def test_sentences():
    assert sentences("Dr. A. Who came. He left!\nA line\n\nEnd") == [
        "Dr. A. Who came.",
        "He left!",
        "A line",
        "End",
    ]
    assert sentences("早上好。晚上好。") == ["早上好。", "晚上好。"]


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=60))
def test_any_text_has_one_vector_of_length_one(text):
    (one,), (again,) = embed([text], 384), embed([text, "other"], 384)[:1]
    assert one == again
    assert math.isclose(sum(number * number for number in one), 1)
    assert all(map(math.isfinite, one))


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=60), st.integers(0, 10))
def test_tokens_are_the_text(text, limit):
    assert "".join(pieces(text)) == text
    kept, more = cut(text, limit)
    assert text.startswith(kept)
    assert more == (kept != text)


SCALARS = st.sampled_from(["string", "number", "integer", "boolean"]).map(lambda t: {"type": t})
SCHEMAS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        inner.map(lambda items: {"type": "array", "items": items, "minItems": 1}),
        st.dictionaries(st.sampled_from(["name", "age", "is_open", "tags"]), inner).map(
            lambda properties: schema(**properties)
        ),
    ),
    max_leaves=5,
)


@settings(max_examples=80, deadline=None)
@given(SCHEMAS, st.text("Ab 1,:.isname", max_size=40))
def test_whatever_is_filled_fits_its_schema(wanted, text):
    check(json.loads(json.dumps(filled(wanted, text))), wanted)
