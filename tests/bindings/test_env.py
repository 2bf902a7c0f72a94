"""`env` as the author's function holds it."""

from __future__ import annotations

import pytest

from aerostack_dev.bindings.env import Env
from aerostack_dev.errors import BindingError

ENV = Env({"DB": "db", "GREETING": "hello"}, {"ROOM": "durable_objects"})


def test_members_are_attributes_and_items():
    assert (ENV.DB, ENV["GREETING"]) == ("db", "hello")
    assert list(ENV) == ["DB", "GREETING"]
    assert "DB" in ENV
    assert "ROOM" not in ENV
    assert repr(ENV) == "<env: DB, GREETING>"


def test_a_name_that_is_not_there_is_answered_with_those_that_are():
    with pytest.raises(AttributeError, match="env has no 'CACHE'; it has: DB, GREETING"):
        _ = ENV.CACHE
    with pytest.raises(KeyError):
        _ = ENV["CACHE"]


def test_a_kind_that_does_not_exist_here_says_so():
    with pytest.raises(BindingError, match=r"env.ROOM is declared in \[durable_objects\]"):
        _ = ENV.ROOM


def test_nothing_can_be_set():
    with pytest.raises(AttributeError, match="env is read-only"):
        ENV.NEW = 1
