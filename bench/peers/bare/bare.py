"""The limit here: the same work in bare Starlette, with aiosqlite as its page shows it."""

import contextlib
import os
import tempfile

import aiosqlite
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

LAST = "SELECT * FROM items ORDER BY id DESC LIMIT 50"
INSERT = "INSERT INTO notes (text) VALUES (?) RETURNING id, text"


async def hello(request):
    return PlainTextResponse("hello")


async def seed(request):
    return PlainTextResponse("seeded")


async def row(request):
    database = request.app.state.database
    async with database.execute("SELECT * FROM items WHERE id = ?", (42,)) as cursor:
        found = await cursor.fetchone()
    return JSONResponse(dict(found))


async def last(request):
    async with request.app.state.database.execute(LAST) as cursor:
        found = await cursor.fetchall()
    return JSONResponse([dict(one) for one in found])


async def insert(request):
    database = request.app.state.database
    async with database.execute(INSERT, ("a note",)) as cursor:
        made = await cursor.fetchone()
    return JSONResponse(dict(made))


async def notes(request):
    database = request.app.state.database
    async with database.execute("SELECT count(*) AS count FROM notes") as cursor:
        found = await cursor.fetchone()
    return JSONResponse(dict(found))


@contextlib.asynccontextmanager
async def lifespan(app):
    with tempfile.TemporaryDirectory() as folder:
        async with aiosqlite.connect(
            os.path.join(folder, "bench.sqlite"), isolation_level=None
        ) as database:
            database.row_factory = aiosqlite.Row
            await database.execute("PRAGMA journal_mode = WAL")
            await database.execute("PRAGMA synchronous = NORMAL")
            await database.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)")
            await database.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
            rows = [(f"item {number}",) for number in range(1, 101)]
            await database.executemany("INSERT INTO items (name) VALUES (?)", rows)
            app.state.database = database
            yield


paths = (hello, seed, row, last, insert, notes)
app = Starlette(routes=[Route(f"/{work.__name__}", work) for work in paths], lifespan=lifespan)
