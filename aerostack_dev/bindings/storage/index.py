"""The SQLite index of the objects: what runs in the file's thread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import apsw
import msgspec

from .backend import Assembly, Check, Details, Received, Stored, Upload
from .conditions import Conditions
from .listing import Listing, Page, collect
from .multipart import Part

R = TypeVar("R")

COLUMNS = "key, version, size, etag, uploaded, details"

_encode = msgspec.json.Encoder().encode
_details = msgspec.json.Decoder(Details).decode


class Gone(msgspec.Struct, frozen=True):
    """Blobs that nothing refers to any more, of one version (empty: of none)."""

    version: str
    blobs: tuple[str, ...]


class Changed(msgspec.Struct, Generic[R], frozen=True):
    """What a change of the index answers, and what it leaves to be removed."""

    result: R
    gone: Sequence[Gone] = ()


class Found(msgspec.Struct, frozen=True):
    """An object and where its content is."""

    stored: Stored
    content: int | None
    blob: str | None
    upload: str | None


def find(connection: apsw.Connection, bucket: str, key: str) -> Found | None:
    row: Any = connection.execute(
        f"SELECT {COLUMNS}, content, blob, upload FROM objects WHERE bucket = ? AND key = ?",
        (bucket, key.encode()),
    ).fetchone()
    return None if row is None else Found(_stored(row), *row[6:])


def find_with_content(
    connection: apsw.Connection, bucket: str, key: str
) -> tuple[Found, bytes | None] | None:
    """An object with its content, if that is small."""
    row: Any = connection.execute(
        f"SELECT {COLUMNS}, content, blob, upload, "
        "(SELECT data FROM contents WHERE id = content) "
        "FROM objects WHERE bucket = ? AND key = ?",
        (bucket, key.encode()),
    ).fetchone()
    return None if row is None else (Found(_stored(row), *row[6:9]), row[9])


def pieces(connection: apsw.Connection, found: Found) -> list[tuple[str, int]]:
    """The blobs of an object with their sizes, in order."""
    if found.blob is not None:
        return [(found.blob, found.stored.size)]
    if found.upload is None:
        return []
    return [(part.blob, part.size) for part in _parts(connection, found.upload) if part.blob]


def replace(
    connection: apsw.Connection,
    bucket: str,
    stored: Stored,
    received: Received,
    conditions: Conditions,
) -> Changed[bool]:
    """Make the object if the conditions hold; False, and its blob is gone, if not."""
    found = find(connection, bucket, stored.key)
    if found is None:
        allowed = conditions.hold_for_nothing()
    else:
        allowed = conditions.hold(found.stored.etag, found.stored.uploaded)
    if not allowed:
        return Changed(False, [Gone(stored.version, _listed(received.blob))])
    gone = [_dropped(connection, found)] if found else []
    _write(connection, bucket, stored, _keep(connection, received.data), received.blob)
    return Changed(True, gone)


def delete(connection: apsw.Connection, bucket: str, keys: Sequence[str]) -> Changed[None]:
    gone: list[Gone] = []
    for key in keys:
        found = find(connection, bucket, key)
        if found is not None:
            gone.append(_dropped(connection, found))
            connection.execute(
                "DELETE FROM objects WHERE bucket = ? AND key = ?", (bucket, key.encode())
            )
    return Changed(None, gone)


def page(connection: apsw.Connection, bucket: str, listing: Listing) -> Page[Stored]:
    def scan(lower: bytes, upper: bytes | None) -> Iterator[Stored]:
        where, bounds = ("", ()) if upper is None else (" AND key < ?", (upper,))
        sql = f"SELECT {COLUMNS} FROM objects WHERE bucket = ? AND key >= ?{where} ORDER BY key"
        return map(_stored, connection.execute(sql, (bucket, lower, *bounds)))

    return collect(scan, listing)


def upload(connection: apsw.Connection, bucket: str, upload_id: str) -> Upload | None:
    row: Any = connection.execute(
        "SELECT key, created, open, details FROM uploads WHERE id = ? AND bucket = ?",
        (upload_id, bucket),
    ).fetchone()
    if row is None:
        return None
    return Upload(upload_id, row[0].decode(), row[1], bool(row[2]), _details(row[3]))


def uploads(connection: apsw.Connection, bucket: str, since: int) -> list[Upload]:
    rows: Any = connection.execute(
        "SELECT id, key, created, details FROM uploads "
        "WHERE bucket = ? AND open AND created > ? ORDER BY key, created, id",
        (bucket, since),
    )
    return [
        Upload(upload_id, key.decode(), created, True, _details(details))
        for upload_id, key, created, details in rows
    ]


def create_upload(connection: apsw.Connection, bucket: str, begun: Upload) -> Changed[None]:
    details = _encode(begun.details).decode()
    connection.execute(
        "INSERT INTO uploads VALUES (?, ?, ?, ?, 1, ?)",
        (begun.id, bucket, begun.key.encode(), begun.created, details),
    )
    return Changed(None)


def put_part(
    connection: apsw.Connection,
    bucket: str,
    upload_id: str,
    part: Part,
    check: Check,
) -> Changed[None]:
    check(upload(connection, bucket, upload_id))
    gone = _drop_parts(connection, upload_id, [part.number])
    connection.execute(
        "INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?)",
        (upload_id, part.number, part.etag, part.size, part.md5, part.blob),
    )
    return Changed(None, [gone])


def complete_upload(
    connection: apsw.Connection, bucket: str, upload_id: str, assembly: Assembly
) -> Changed[Stored]:
    parts = {part.number: part for part in _parts(connection, upload_id)}
    stored, chosen = assembly(upload(connection, bucket, upload_id), parts)
    found = find(connection, bucket, stored.key)
    gone = [_dropped(connection, found)] if found else []
    unused = parts.keys() - {part.number for part in chosen}
    gone.append(_drop_parts(connection, upload_id, unused))
    connection.execute("UPDATE uploads SET open = 0 WHERE id = ?", (upload_id,))
    _write(connection, bucket, stored, upload=upload_id)
    return Changed(stored, gone)


def abort_upload(
    connection: apsw.Connection,
    bucket: str,
    upload_id: str,
    check: Check,
) -> Changed[None]:
    begun = upload(connection, bucket, upload_id)
    check(begun)
    # The parts of a completed upload are the content of its object.
    if begun is None or not begun.open:
        return Changed(None)
    connection.execute("UPDATE uploads SET open = 0 WHERE id = ?", (upload_id,))
    return Changed(None, [_drop_parts(connection, upload_id)])


def forget_uploads(connection: apsw.Connection, before: int) -> list[Gone]:
    """Drop the uploads created before a moment, and the parts of those left open."""
    rows: Any = connection.execute(
        "SELECT id, open FROM uploads WHERE created < ?", (before,)
    ).fetchall()
    gone = [_drop_parts(connection, upload_id) for upload_id, is_open in rows if is_open]
    connection.execute("DELETE FROM uploads WHERE created < ?", (before,))
    return gone


def blobs_between(connection: apsw.Connection, lower: str, upper: str) -> set[str]:
    """The blobs in use whose ids lie in `lower <= id < upper`."""
    rows: Any = connection.execute(
        "SELECT blob FROM objects WHERE blob >= ?1 AND blob < ?2 "
        "UNION ALL SELECT blob FROM parts WHERE blob >= ?1 AND blob < ?2",
        (lower, upper),
    )
    return {blob for (blob,) in rows}


def _stored(row: Sequence[Any]) -> Stored:
    return Stored(row[0].decode(), row[1], row[2], row[3], row[4], _details(row[5]))


def _keep(connection: apsw.Connection, data: bytes) -> int | None:
    """The row of small content; None: there is none."""
    if not data:
        return None
    connection.execute("INSERT INTO contents (data) VALUES (?)", (data,))
    return connection.last_insert_rowid()


def _write(
    connection: apsw.Connection,
    bucket: str,
    stored: Stored,
    content_id: int | None = None,
    blob: str | None = None,
    upload: str | None = None,
) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            bucket,
            stored.key.encode(),
            stored.version,
            stored.size,
            stored.etag,
            stored.uploaded,
            _encode(stored.details).decode(),
            content_id,
            blob,
            upload,
        ),
    )


def _dropped(connection: apsw.Connection, found: Found) -> Gone:
    """The blobs of an object whose row is about to go; its content goes with it."""
    version = found.stored.version
    if found.content is not None:
        connection.execute("DELETE FROM contents WHERE id = ?", (found.content,))
    if found.upload is not None:
        return Gone(version, _drop_parts(connection, found.upload).blobs)
    return Gone(version, _listed(found.blob))


def _listed(blob: str | None) -> tuple[str, ...]:
    return () if blob is None else (blob,)


def _parts(connection: apsw.Connection, upload_id: str) -> list[Part]:
    rows: Any = connection.execute(
        "SELECT number, etag, size, md5, blob FROM parts WHERE upload = ? ORDER BY number",
        (upload_id,),
    )
    return [Part(*row) for row in rows]


def _drop_parts(
    connection: apsw.Connection, upload_id: str, numbers: Iterable[int] | None = None
) -> Gone:
    """Delete the parts with these numbers (None: all)."""
    only = "" if numbers is None else "AND number IN (SELECT value FROM json_each(?))"
    bounds = [upload_id] if numbers is None else [upload_id, _encode(sorted(numbers)).decode()]
    rows: Any = connection.execute(
        f"DELETE FROM parts WHERE upload = ? {only} RETURNING blob",
        bounds,
    ).fetchall()
    return Gone("", tuple(blob for (blob,) in rows if blob is not None))
