"""A call of the platform's as a chat request in OpenAI's protocol (§3.3, §3.6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .... import wire
from ..backend import Call
from ..media import data_url, media_of
from ..models import Task
from ..shapes import wanted_schema
from .presets import Preset

DEFAULT_MAX_TOKENS = 256
"""The platform's; other servers have none, or another."""
SHARED = ("temperature", "top_p", "seed", "frequency_penalty", "presence_penalty", "tool_choice")
EXTRAS: Mapping[str, str] = {
    "top_k": "top_k",
    "repetition_penalty": "repetition_penalty",
    "repeat_penalty": "repetition_penalty",
}
"""A server's name of an option -> the platform's."""
SENTIMENT_PROMPT = (
    'How positive is the text? Answer with a JSON object {{"positive": number}}, the number '
    "from 0 (very negative) to 1 (very positive).\n\nText: {text}"
)
SUMMARY_PROMPT = "Summarize the text in at most {max_length} words.\n\nText: {input_text}"
TRANSLATION_PROMPT = (
    "Translate the text from the language {source_lang} to the language {target_lang}. "
    "Answer with the translation alone.\n\nText: {text}"
)
DESCRIPTION_PROMPT = "Describe this picture."
DEFAULT_SUMMARY = 1024
DEFAULT_DESCRIPTION = 512


def chat_request(call: Call, model: str, preset: Preset) -> dict[str, Any]:
    """The body of `/chat/completions`."""
    inputs = call.inputs
    body: dict[str, Any] = {"model": model, "messages": _messages(call)}
    for name in SHARED:
        if name in inputs:
            body[name] = inputs[name]
    for name in preset.extras:
        if EXTRAS[name] in inputs:
            body[name] = inputs[EXTRAS[name]]
    limit = inputs.get("max_tokens", None if call.model.openai else _default_limit(call))
    if limit is not None:
        body[preset.token_limit] = limit
    if inputs.get("tools"):
        body["tools"] = [_tool(tool) for tool in inputs["tools"]]
    if (wanted := _response_format(call)) is not None:
        body["response_format"] = wanted
    if inputs.get("stream"):
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body


def prompt_request(call: Call, model: str, preset: Preset) -> dict[str, Any]:
    """The body of `/completions`, for a prompt that is `raw`."""
    body = chat_request(call, model, preset)
    del body["messages"]
    if preset.token_limit in body:
        body["max_tokens"] = body.pop(preset.token_limit)
    return {**body, "prompt": call.inputs["prompt"]}


def _default_limit(call: Call) -> int:
    defaults = {
        Task.IMAGE_TO_TEXT: DEFAULT_DESCRIPTION,
        Task.SUMMARIZATION: call.inputs.get("max_length", DEFAULT_SUMMARY),
        Task.TRANSLATION: DEFAULT_SUMMARY,
    }
    return int(defaults.get(call.model.task, DEFAULT_MAX_TOKENS))


def _messages(call: Call) -> list[dict[str, Any]]:
    inputs = call.inputs
    if call.model.task is Task.IMAGE_TO_TEXT:
        return [_said(_picture(inputs))]
    prompts = {
        Task.SENTIMENT: SENTIMENT_PROMPT,
        Task.SUMMARIZATION: SUMMARY_PROMPT,
        Task.TRANSLATION: TRANSLATION_PROMPT,
    }
    if call.model.task in prompts:
        values = {"source_lang": "en", "max_length": DEFAULT_SUMMARY, **inputs}
        return [_said(prompts[call.model.task].format_map(values))]
    if "messages" in inputs:
        return linked(inputs["messages"])
    given = inputs.get("prompt", inputs.get("input"))
    return linked(given) if isinstance(given, list) else [_said(given)]


def _said(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def _picture(inputs: Mapping[str, Any]) -> list[dict[str, Any]]:
    text = inputs.get("prompt") or DESCRIPTION_PROMPT
    url = data_url(media_of(inputs["image"]))
    return [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url}}]


def _response_format(call: Call) -> dict[str, Any] | None:
    if call.model.task is Task.SENTIMENT:
        return {"type": "json_object"}
    schema = wanted_schema(call.inputs)
    if schema is None:
        return None
    if not schema:
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": dict(schema)}}


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A tool in OpenAI's form; the platform's flat one is wrapped."""
    if "function" in tool:
        return dict(tool)
    known = ("name", "description", "parameters")
    return {"type": "function", "function": {name: tool[name] for name in known if name in tool}}


def linked(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The messages with every tool's reply linked to a call, as OpenAI's servers insist.

    The platform links them by the tool's name, and wants no message with the call; one
    is put before the reply where there is none.
    """
    done: list[dict[str, Any]] = []
    open_calls: dict[str, str] = {}
    for message in messages:
        copy = dict(message)
        if copy.get("tool_calls"):
            copy["tool_calls"] = [_call(each, at) for at, each in enumerate(copy["tool_calls"])]
            open_calls = {each["function"]["name"]: each["id"] for each in copy["tool_calls"]}
        elif copy["role"] == "tool" and "tool_call_id" not in copy:
            name = str(copy.pop("name", "tool"))
            if name not in open_calls:
                open_calls[name] = f"call_{len(done)}"
                done.append(_asking(done, name, open_calls[name]))
            copy["tool_call_id"] = open_calls.pop(name)
        done.append(copy)
    return done


def _asking(done: list[dict[str, Any]], name: str, call_id: str) -> dict[str, Any]:
    """The assistant's message that called `name`; one that spells the call is taken over."""
    arguments: Any = {}
    if done and done[-1]["role"] == "assistant":
        spelled = _json(done[-1].get("content"))
        if isinstance(spelled, dict) and spelled.get("name") == name:
            arguments = spelled.get("arguments", {})
            done.pop()
    call = {"id": call_id, "name": name, "arguments": arguments}
    return {"role": "assistant", "content": "", "tool_calls": [_call(call, 0)]}


def _call(call: Mapping[str, Any], at: int) -> dict[str, Any]:
    if "function" in call:
        return dict(call)
    arguments = call.get("arguments", {})
    text = arguments if isinstance(arguments, str) else wire.dumps(arguments).decode()
    function = {"name": call.get("name", ""), "arguments": text}
    return {"id": call.get("id", f"call_{at}"), "type": "function", "function": function}


def _json(text: Any) -> Any:
    try:
        return wire.loads(text) if isinstance(text, str) else None
    except ValueError:
        return None
