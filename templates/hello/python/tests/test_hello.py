import pytest

from aerostack_dev.testing import App


async def test_greets_the_world(aerostack: App):
    response = await aerostack.fetch("/")
    assert (response.status, response.text()) == (200, "Hello, world!\n")


@pytest.mark.aerostack(variables={"GREETING": "Good morning"})
async def test_greets_by_name_with_the_word_of_the_configuration(aerostack: App):
    assert (await aerostack.fetch("/?name=Ada")).text() == "Good morning, Ada!\n"
