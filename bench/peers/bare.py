"""The limit here: the same work in bare Starlette, with aiosqlite as its page shows it."""

import contextlib
import os
import tempfile

import aiosqlite
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route


async def hello(request):
    return PlainTextResponse("hello")


async def row(request):
    database = request.app.state.database
    async with database.execute("SELECT * FROM items WHERE id = ?", (42,)) as cursor:
        found = await cursor.fetchone()
    return JSONResponse(dict(found))


@contextlib.asynccontextmanager
async def lifespan(app):
    with tempfile.TemporaryDirectory() as folder:
        async with aiosqlite.connect(os.path.join(folder, "bench.sqlite")) as database:
            database.row_factory = aiosqlite.Row
            await database.execute("PRAGMA journal_mode = WAL")
            await database.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)")
            rows = [(f"item {number}",) for number in range(1, 101)]
            await database.executemany("INSERT INTO items (name) VALUES (?)", rows)
            await database.commit()
            app.state.database = database
            yield


app = Starlette(routes=[Route("/hello", hello), Route("/row", row)], lifespan=lifespan)
