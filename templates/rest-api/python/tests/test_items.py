from collections.abc import Callable
from typing import Any

import pytest

from aerostack_dev.testing import App

LAMP = {"name": "Lamp", "description": "Brass", "price_cents": 4900}


@pytest.mark.aerostack(seed=False)
async def test_an_item_from_its_creation_to_its_end(aerostack: App):
    created = await aerostack.fetch("/api/items", method="POST", json=LAMP)
    assert created.status == 201
    item = created.json()
    assert {**item, **LAMP} == item
    path = created.headers["location"]

    changed = await aerostack.fetch(path, method="PATCH", json={"price_cents": 3900})
    assert changed.json()["price_cents"] == 3900
    replaced = await aerostack.fetch(path, method="PUT", json={"name": "Desk", "price_cents": 1})
    assert (replaced.json()["name"], replaced.json()["description"]) == ("Desk", "")

    assert (await aerostack.fetch(path, method="DELETE")).status == 204
    assert (await aerostack.fetch(path)).status == 404
    assert (await aerostack.fetch(path, method="DELETE")).status == 404


async def test_the_list_comes_in_pages(aerostack: App):
    first = (await aerostack.fetch("/api/items?limit=2")).json()
    assert [item["name"] for item in first["items"]] == ["Desk lamp", "Notebook"]
    rest = (await aerostack.fetch(f"/api/items?limit=2&cursor={first['cursor']}")).json()
    assert [item["name"] for item in rest["items"]] == ["Fountain pen"]
    assert rest["cursor"] is None


async def test_the_cache_is_read_and_never_stale(aerostack: App):
    assert (await aerostack.fetch("/api/items/1")).headers["x-cache"] == "miss"
    assert (await aerostack.fetch("/api/items/1")).headers["x-cache"] == "hit"
    await aerostack.fetch("/api/items/1", method="PATCH", json={"name": "Floor lamp"})
    after = await aerostack.fetch("/api/items/1")
    assert (after.headers["x-cache"], after.json()["name"]) == ("miss", "Floor lamp")
    await aerostack.clock.advance(61)
    assert (await aerostack.fetch("/api/items/1")).headers["x-cache"] == "miss"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"name": "is missing", "price_cents": "is missing"}),
        ({**LAMP, "name": " "}, {"name": "must be text of 1 to 100 characters"}),
        (
            {**LAMP, "price_cents": 1.5},
            {"price_cents": "must be a whole number, 0 or more"},
        ),
        ({**LAMP, "colour": "red"}, {"colour": "is unknown"}),
        ([], {"": "must be an object"}),
    ],
)
@pytest.mark.aerostack(seed=False)
async def test_a_wrong_item_is_refused_field_by_field(
    aerostack: App, body: Any, fields: dict[str, str]
):
    response = await aerostack.fetch("/api/items", method="POST", json=body)
    assert response.status == 422
    assert response.json() == {"error": "invalid item", "fields": fields}


@pytest.mark.parametrize(
    ("call", "status", "error"),
    [
        (lambda app: app.fetch("/nothing"), 404, "not found"),
        (lambda app: app.fetch("/api/items/4711"), 404, "no such item"),
        (lambda app: app.fetch("/api/items/lamp"), 404, "not found"),
        (lambda app: app.fetch("/api/items", method="POST", body="{"), 400, "the body is not JSON"),
        (lambda app: app.fetch("/api/items?limit=0"), 400, "limit must be a number from 1 to 100"),
        (lambda app: app.fetch("/api/items", method="DELETE"), 405, "DELETE is not allowed here"),
    ],
)
async def test_other_mistakes_have_their_status(
    aerostack: App, call: Callable[[App], Any], status: int, error: str
):
    response = await call(aerostack)
    assert (response.status, response.json()) == (status, {"error": error})
