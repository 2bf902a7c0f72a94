from pathlib import Path

from aerostack_dev.testing import async_test, open_app

PROJECT = Path(__file__).parents[1]


@async_test
async def test_greets_the_world():
    async with open_app(PROJECT) as app:
        response = await app.fetch("/")
        assert (response.status, response.text()) == (200, "Hello, world!\n")


@async_test
async def test_greets_by_name_with_the_word_of_the_configuration():
    async with open_app(PROJECT, variables={"GREETING": "Good morning"}) as app:
        assert (await app.fetch("/?name=Ada")).text() == "Good morning, Ada!\n"
