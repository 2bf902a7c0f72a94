"""What to type when a package is not there, and what a change of packages is noticed by."""

from __future__ import annotations

import os

import pytest

from aerostack_dev.runtime.hosts.deno import packages

from ..python.driving import write

MISSING = 'Cannot find the package "hono", imported in /x/index.ts:1'


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({}, "npm install hono"),
        ({"package-lock.json": "{}", "yarn.lock": ""}, "npm install hono"),
        ({"pnpm-lock.yaml": ""}, "pnpm add hono"),
        ({"yarn.lock": ""}, "yarn add hono"),
        ({"bun.lock": ""}, "bun add hono"),
        ({"deno.lock": ""}, "deno add npm:hono"),
        ({"../yarn.lock": ""}, "yarn add hono"),
        ({"package.json": '{"packageManager": "pnpm@9.1.0"}'}, "pnpm add hono"),
        ({"package.json": '{"packageManager": "npm@10"}', "yarn.lock": ""}, "npm install hono"),
        ({"package.json": "{"}, "npm install hono"),
        ({"package.json": "[]"}, "npm install hono"),
    ],
)
def test_one_that_is_not_named(tmp_path, files, command):
    root = tmp_path / "project"
    write(root, files)
    assert packages.advice(root, MISSING) == f"install it: {command}"


def test_ones_that_are_named(tmp_path):
    write(tmp_path, {"package.json": '{"dependencies": {"hono": "4"}}'})
    assert packages.advice(tmp_path, MISSING) == (
        "package.json names it, and nothing is installed: npm install, or aerostack dev --install"
    )
    (tmp_path / "node_modules").mkdir()
    assert "but it is not installed: npm install" in packages.advice(tmp_path, MISSING)
    assert packages.advice(tmp_path, "something else") == ""


def test_what_changes_with_an_installation(tmp_path):
    assert list(packages.watched(tmp_path)) == [tmp_path / "package.json"]
    (tmp_path / "node_modules").mkdir()
    assert tmp_path / "node_modules" / ".package-lock.json" in packages.watched(tmp_path)


def test_packages_that_are_linked(tmp_path):
    write(
        tmp_path,
        {
            "shared/package.json": "{}",
            "scoped/package.json": "{}",
            "project/node_modules/.store/node_modules/c/package.json": "{}",
            "project/node_modules/d/package.json": "{}",
            "project/node_modules/@s/e/package.json": "{}",
        },
    )
    root = tmp_path / "project"
    folder = root / "node_modules"
    os.symlink(tmp_path / "shared", folder / "a")
    os.symlink(tmp_path / "scoped", folder / "@s" / "b")
    os.symlink(folder / ".store" / "node_modules" / "c", folder / "c")
    os.symlink(tmp_path / "gone", folder / "gone")
    assert set(packages.linked(root)) == {tmp_path / "shared", tmp_path / "scoped"}
    assert set(packages.linked(root / "apps" / "one")) == {tmp_path / "shared", tmp_path / "scoped"}
    assert list(packages.linked(tmp_path / "shared")) == []
