"""Filling a JSON schema from a text: JSON mode and the arguments of tools.

A value is taken from the text or it is missing; nothing is made up. In JSON mode what is
missing and required gets the emptiest value that the schema allows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .words import STOPWORDS, sentences, stem, terms, words

MISSING: Any = ...
"""The text does not say."""
DEEPEST = 8
"""Schemas are filled so many levels down."""

_PATTERNS = {
    "email": r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    "uri": r"https?://[^\s<>\"')]+",
    "date-time": r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})?",
    "date": r"\d{4}-\d{2}-\d{2}",
    "time": r"\b\d{1,2}:\d{2}(?::\d{2})?\b",
    "phone": r"\+?\d[\d ()/-]{6,}\d",
}
_NAMED_FORMATS = {"email": "email", "mail": "email", "url": "uri", "link": "uri", "website": "uri"}
_NAMED_FORMATS |= {"date": "date", "time": "time", "phone": "phone", "telephone": "phone"}
_NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?![\w])")
_PROPER = re.compile(r"(?<![.!?:]\s)(?<!^)(?<!\n)\b[A-Z][\w'’-]*(?:\s+[A-Z][\w'’-]*)*")
_WHOLE_NAME = re.compile(r"\b[A-Z][\w'’-]*(?:\s+[A-Z][\w'’-]*)+")
_PLACE = re.compile(r"\b(?:in|at|from|to|near|for)\s+([A-Z][\w'’-]*(?:\s+[A-Z][\w'’-]*)*)")
_PLACE_NAMES = frozenset(("city", "country", "place", "location", "town", "state", "destination"))
_QUOTED = re.compile(r"[\"“]([^\"”]{1,200})[\"”]|(?<!\w)'([^']{1,200})'(?!\w)")
_TRUE = frozenset(("yes", "true", "on", "enabled"))
_FALSE = frozenset(("no", "false", "off", "not", "disabled", "never"))
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
NEARBY = 40
"""Characters around a name in which its value is looked for."""


def filled(schema: Mapping[str, Any], text: str) -> Any:
    """A value that fits `schema`, from `text` as far as that goes."""
    return _value(schema, "", text, DEEPEST, empty=True)


def arguments(schema: Mapping[str, Any], text: str) -> dict[str, Any] | None:
    """The arguments of a tool; None when `text` does not say all that are required."""
    found = _value({"type": "object", **schema}, "", text, DEEPEST, empty=False)
    return None if found is MISSING else found


def name_words(name: str) -> list[str]:
    """`getUserName`, `get_user_name` -> get, user, name."""
    return words(_CAMEL.sub(" ", name).replace("_", " ").replace("-", " "))


def _value(schema: Any, name: str, text: str, depth: int, *, empty: bool) -> Any:
    if not isinstance(schema, Mapping) or depth == 0:
        return None if empty else MISSING
    for keyword in ("anyOf", "oneOf"):
        if schema.get(keyword):
            schema = {**schema, **schema[keyword][0]}
    if "const" in schema:
        return schema["const"]
    kind = _kind(schema)
    if kind == "object":
        return _object(schema, text, depth, empty=empty)
    if kind == "array":
        return _array(schema, name, text, depth, empty=empty)
    found = _choice(schema, text) if schema.get("enum") else _SCALARS[kind](schema, name, text)
    if found is not MISSING:
        return found
    if "default" in schema:
        return schema["default"]
    return _emptiest(schema, kind) if empty else MISSING


def _kind(schema: Mapping[str, Any]) -> str:
    given = schema.get("type")
    kinds = given if isinstance(given, list) else [given]
    first = next((kind for kind in kinds if kind in (*_SCALARS, "object", "array")), None)
    if first:
        return str(first)
    return "object" if "properties" in schema else "string"


def _object(schema: Mapping[str, Any], text: str, depth: int, *, empty: bool) -> Any:
    result: dict[str, Any] = {}
    required = schema.get("required") or ()
    for name, inner in (schema.get("properties") or {}).items():
        wanted = empty and name in required
        found = _value(inner, name, text, depth - 1, empty=wanted)
        if found is not MISSING:
            result[name] = found
        elif name in required:
            return MISSING
    return result


def _array(schema: Mapping[str, Any], name: str, text: str, depth: int, *, empty: bool) -> Any:
    items = schema.get("items") or {}
    listed = _labelled(name, text)
    parts = re.split(r"\s*(?:,|;|\band\b)\s*", listed) if listed else []
    found = [_value(items, name, part, depth - 1, empty=False) for part in parts if part]
    whole = [
        part if value is MISSING and _kind(items) == "string" else value
        for part, value in zip([part for part in parts if part], found, strict=True)
    ]
    kept = [value for value in whole if value is not MISSING]
    least = int(schema.get("minItems") or 0)
    if not kept and not empty and least:
        return MISSING
    while empty and len(kept) < least:
        kept.append(_value(items, name, text, depth - 1, empty=True))
    if not kept and not empty:
        return MISSING
    return kept[: schema.get("maxItems")]


def _string(schema: Mapping[str, Any], name: str, text: str) -> Any:
    form = schema.get("format") or next(
        (_NAMED_FORMATS[word] for word in name_words(name) if word in _NAMED_FORMATS), None
    )
    if form in _PATTERNS:
        match = re.search(_PATTERNS[form], text)
        return match[0] if match else MISSING
    if labelled := _labelled(name, text):
        return labelled
    quoted = _QUOTED.findall(text)
    if len(quoted) == 1:
        return next(filter(None, quoted[0]))
    if _PLACE_NAMES & set(name_words(name)) and (place := _PLACE.search(text)):
        return place[1]
    if name_words(name)[-1:] == ["name"] and (whole := _WHOLE_NAME.search(text)):
        return whole[0]
    described = set(terms(f"{' '.join(name_words(name))} {schema.get('description', '')}"))
    for sentence in sentences(text):
        proper = [each for each in _PROPER.findall(sentence) if each.casefold() not in STOPWORDS]
        if proper and (len(sentences(text)) == 1 or described & set(terms(sentence))):
            return proper[0]
    telling = [each for each in sentences(text) if described & set(terms(each))]
    return telling[0] if telling and len(sentences(text)) > 1 else MISSING


def _number(schema: Mapping[str, Any], name: str, text: str) -> Any:
    numbers = [(match.start(), match[0].replace(",", "")) for match in _NUMBER.finditer(text)]
    places = _places(name, text)
    near = [
        (min(abs(at - place) for place in places), at, digits)
        for at, digits in numbers
        if places and min(abs(at - place) for place in places) <= NEARBY
    ]
    if near:
        digits = min(near)[2]
    elif len(numbers) == 1:
        digits = numbers[0][1]
    else:
        return MISSING
    value = float(digits)
    return value if not value.is_integer() else int(value)


def _integer(schema: Mapping[str, Any], name: str, text: str) -> Any:
    found = _number(schema, name, text)
    return found if isinstance(found, int) else MISSING


def _boolean(schema: Mapping[str, Any], name: str, text: str) -> Any:
    for place in _places(name, text):
        around = words(text[max(0, place - NEARBY) : place + NEARBY])
        if _FALSE & set(around):
            return False
        if _TRUE & set(around):
            return True
    return MISSING


def _null(schema: Mapping[str, Any], name: str, text: str) -> Any:
    return None


def _choice(schema: Mapping[str, Any], text: str) -> Any:
    """The allowed value that the text mentions first."""
    said = [stem(word) for word in words(text)]
    places: list[tuple[int, int]] = []
    for index, value in enumerate(schema["enum"]):
        wanted = [stem(word) for word in name_words(str(value))]
        at = next((i for i in range(len(said)) if said[i : i + len(wanted)] == wanted), None)
        if wanted and at is not None:
            places.append((at, index))
    return schema["enum"][min(places)[1]] if places else MISSING


def _labelled(name: str, text: str) -> str:
    """What stands after `name:`, `name =` or `name is`, to the end of the clause."""
    label = r"[\s_-]*".join(map(re.escape, name_words(name)))
    if not label:
        return ""
    match = re.search(rf"\b{label}\b\"?\s*(?::|=|\bis\b|\bare\b)\s*([^\n.!?]+)", text, re.I)
    return match[1].strip(" \"',") if match else ""


def _places(name: str, text: str) -> list[int]:
    """Where the words of `name` stand in `text`."""
    roots = [stem(word) for word in name_words(name) if word not in STOPWORDS]
    pattern = "|".join(map(re.escape, roots))
    if not pattern:
        return []
    return [match.start() for match in re.finditer(rf"\b(?:{pattern})", text, re.I)]


def _emptiest(schema: Mapping[str, Any], kind: str) -> Any:
    given = schema.get("type")
    if isinstance(given, list) and "null" in given:
        return None
    if schema.get("enum"):
        return schema["enum"][0]
    if kind in ("number", "integer"):
        return min(max(0, schema.get("minimum", 0)), schema.get("maximum", float("inf")))
    return {"string": "", "boolean": False, "null": None}[kind]


_SCALARS: Mapping[str, Any] = {
    "string": _string,
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "null": _null,
}
