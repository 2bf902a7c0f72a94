"""The queues' SQL: one function per transaction.

A message is ready, delayed or leased. Triggers count what is ready, so that the backlog,
which every send returns, is read and not counted. How old the oldest is, its turn tells:
only a message that is due later than it was sent is also filed by its age.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apsw
from msgspec import Struct

from ..sqlite import Schema
from .backend import Buried, Depth, Lease, Outgoing, Taken, Waiting
from .batch import Decision, Message, Metrics
from .policy import Policy

READY, DELAYED = "ready", "delayed"

RETENTION_SECONDS = 4 * 86_400

# `number` is the place in line among messages due at the same time: a retried message
# gets a new one. `source` is the queue that gave the message up. The body comes last,
# so that no scan reads through it.
SCHEMA = Schema(
    (
        """
    CREATE TABLE messages (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        queue TEXT NOT NULL,
        state TEXT NOT NULL,
        due_at INTEGER NOT NULL,
        timestamp INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        content_type TEXT NOT NULL,
        source TEXT,
        body BLOB NOT NULL
    ) STRICT;
    CREATE INDEX messages_by_turn ON messages (queue, state, due_at);
    CREATE INDEX messages_by_age ON messages (queue, state, timestamp);
    CREATE TABLE tally (
        queue TEXT NOT NULL,
        state TEXT NOT NULL,
        count INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        PRIMARY KEY (queue, state)
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER came AFTER INSERT ON messages BEGIN
        INSERT INTO tally VALUES (new.queue, new.state, 1, length(new.body))
        ON CONFLICT DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
    END;
    CREATE TRIGGER went AFTER DELETE ON messages BEGIN
        UPDATE tally SET count = count - 1, bytes = bytes - length(old.body)
        WHERE queue = old.queue AND state = old.state;
    END;
    CREATE TRIGGER moved AFTER UPDATE OF queue, state ON messages BEGIN
        UPDATE tally SET count = count - 1, bytes = bytes - length(old.body)
        WHERE queue = old.queue AND state = old.state;
        INSERT INTO tally VALUES (new.queue, new.state, 1, length(new.body))
        ON CONFLICT DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
    END;
    """,
        """
    DROP TRIGGER came; DROP TRIGGER went; DROP TRIGGER moved;
    DROP TABLE tally;
    DROP INDEX messages_by_age;
    CREATE INDEX late_by_age ON messages (queue, state, timestamp) WHERE due_at > timestamp;
    CREATE TABLE backlog (
        queue TEXT PRIMARY KEY,
        count INTEGER NOT NULL,
        bytes INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    INSERT INTO backlog SELECT queue, total(state = 'ready'),
        total(length(body)) FILTER (WHERE state = 'ready') FROM messages GROUP BY queue;
    CREATE TRIGGER came AFTER INSERT ON messages WHEN new.state = 'ready' BEGIN
        INSERT INTO backlog VALUES (new.queue, 1, length(new.body))
        ON CONFLICT DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
    END;
    CREATE TRIGGER went AFTER DELETE ON messages WHEN old.state = 'ready' BEGIN
        UPDATE backlog SET count = count - 1, bytes = bytes - length(old.body)
        WHERE queue = old.queue;
    END;
    CREATE TRIGGER lost AFTER UPDATE OF queue, state ON messages WHEN old.state = 'ready' BEGIN
        UPDATE backlog SET count = count - 1, bytes = bytes - length(old.body)
        WHERE queue = old.queue;
    END;
    CREATE TRIGGER won AFTER UPDATE OF queue, state ON messages WHEN new.state = 'ready' BEGIN
        INSERT INTO backlog VALUES (new.queue, 1, length(new.body))
        ON CONFLICT DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
    END;
    """,
    ),
    page_bytes=2048,
)

LOOK = """
    SELECT count, bytes,
        (SELECT min(due_at) FROM messages WHERE queue = ?1 AND state = 'ready'),
        (SELECT min(due_at) FROM messages WHERE queue = ?1 AND state = 'delayed'),
        (SELECT min(timestamp) FROM messages
            WHERE queue = ?1 AND state = 'ready' AND due_at > timestamp),
        (SELECT min(timestamp) FROM messages
            WHERE queue = ?1 AND state = 'delayed' AND due_at > timestamp)
    FROM (SELECT 1) LEFT JOIN backlog ON queue = ?1
"""
PROMOTE = """
    UPDATE messages SET state = 'ready' WHERE queue = ? AND state = 'delayed' AND due_at <= ?
"""
EXPIRE = """
    DELETE FROM messages WHERE queue = ? AND state IN ('ready', 'delayed') AND timestamp < ?
"""
INSERT = """
    INSERT INTO messages (id, queue, state, due_at, timestamp, attempts, content_type, body)
    VALUES (?, ?, ?, ?, ?, 0, ?, ?)
"""
HEAD = """
    SELECT number, id, timestamp, body, content_type, attempts FROM messages
    WHERE queue = ? AND state = 'ready' ORDER BY due_at, number LIMIT ?
"""
LEASE = "UPDATE messages SET state = 'leased', attempts = attempts + 1 WHERE number = ?"
RELEASE = """
    UPDATE messages SET state = 'ready', attempts = attempts - 1
    WHERE number = ? AND id = ? AND state = 'leased'
"""
ACK = "DELETE FROM messages WHERE number = ? AND id = ? AND state = 'leased'"
ATTEMPTS = "SELECT attempts FROM messages WHERE number = ? AND id = ? AND state = 'leased'"
NEXT_NUMBER = "SELECT coalesce(max(number), 0) + 1 FROM messages"
RETRY = "UPDATE messages SET number = ?, state = ?, due_at = ? WHERE number = ?"
MOVE = """
    UPDATE messages SET number = ?, queue = ?, source = ?, attempts = 0, state = ?, due_at = ?
    WHERE number = ?
"""
DROP = "DELETE FROM messages WHERE number = ?"
COUNTS = "SELECT queue, state, count(*) FROM messages GROUP BY queue, state"
PEEK = """
    SELECT id, timestamp, due_at, content_type, attempts, body FROM messages
    WHERE queue = ? AND state = ? ORDER BY due_at, number LIMIT ?
"""
PURGE = "DELETE FROM messages WHERE queue = ?"
FREE_ALL = """
    UPDATE messages SET state = 'ready' WHERE state = 'leased'
    AND queue IN (SELECT queue FROM backlog)
"""
WAITING = """
    SELECT number, coalesce(source, ?) FROM messages
    WHERE queue = ? AND state IN ('ready', 'delayed') ORDER BY due_at, number
"""


def free_leases(connection: apsw.Connection) -> None:
    """End the leases of the process before: its attempts stay counted."""
    connection.execute(FREE_ALL)


class Look(Struct, frozen=True):
    """What a queue holds: how much is ready, and when the first is and will be due.

    A message's turn is when it was sent, unless it is late; so no ready one was sent
    before `first_due` and `late_ready`.
    """

    count: int | None
    bytes: int | None
    first_due: int | None
    next_due: int | None
    late_ready: int | None
    late_delayed: int | None

    @property
    def backlog(self) -> Metrics:
        """What is ready, and how old the oldest of it is."""
        if not self.count:
            return Metrics(0, 0)
        return Metrics(self.count, self.bytes or 0, _least(self.first_due, self.late_ready))

    @property
    def oldest(self) -> int | None:
        """When the oldest of what waits was sent."""
        return _least(self.first_due, self.late_ready, self.late_delayed)


class Sending(Struct, frozen=True):
    """What one call sends to a queue; `now` in ms since the epoch."""

    queue: str
    messages: Sequence[Outgoing]
    now: int


def enqueue(connection: apsw.Connection, sendings: Sequence[Sending]) -> list[Metrics]:
    """What was in the queue before each of `sendings`."""
    backlogs: dict[str, Metrics] = {}
    answers = []
    for sending in sendings:
        queue, now = sending.queue, sending.now
        before = backlogs.get(queue) or metrics(connection, queue, now)
        answers.append(before)
        backlogs[queue] = _after(before, sending)
    connection.executemany(INSERT, [row for sending in sendings for row in _new(sending)])
    return answers


def _after(before: Metrics, sending: Sending) -> Metrics:
    """The backlog with what `sending` adds to it."""
    ready = [message for message in sending.messages if not message.delay]
    if not ready:
        return before
    return Metrics(
        before.backlog_count + len(ready),
        before.backlog_bytes + sum(len(message.body) for message in ready),
        sending.now if before.oldest_timestamp is None else before.oldest_timestamp,
    )


def _new(sending: Sending) -> Iterator[tuple[Any, ...]]:
    for message in sending.messages:
        state, due_at = _due(message.delay, sending.now)
        about = (message.id, sending.queue, state, due_at, sending.now)
        yield (*about, message.content_type, message.body)


def metrics(connection: apsw.Connection, queue: str, now: int) -> Metrics:
    return _look(connection, queue, now).backlog


def acquire(connection: apsw.Connection, policy: Policy, now: int) -> Taken:
    queue = policy.queue
    buried: list[Buried] = []
    while True:
        again_at = _turn(_look(connection, queue, now), policy, now)
        if again_at is None or again_at > now:
            return Taken(None, again_at, buried)
        rows = _rows(connection, HEAD, (queue, policy.consumer.max_batch_size))
        used_up = [row for row in rows if row[5] >= policy.attempts]
        if not used_up:
            return Taken(_lease(connection, queue, rows, now), None, buried)
        buried += [_bury(connection, row[0], row[1], row[5], policy, now) for row in used_up]


def settle(
    connection: apsw.Connection, lease: Lease, decision: Decision, policy: Policy, now: int
) -> list[Buried]:
    _ack(connection, lease, decision.acked)
    buried = []
    for message_id, delay in decision.retries.items():
        number = lease.places[message_id]
        row = connection.execute(ATTEMPTS, (number, message_id)).fetchone()
        if row is None:  # purged meanwhile
            continue
        if row[0] >= policy.attempts:
            buried.append(_bury(connection, number, message_id, row[0], policy, now))
            continue
        wait = policy.consumer.retry_delay if delay is None else delay
        connection.execute(RETRY, (_next_number(connection), *_due(wait, now), number))
    return buried


def exchange(
    connection: apsw.Connection, lease: Lease, decision: Decision, policy: Policy, now: int
) -> tuple[list[Buried], Taken]:
    buried = settle(connection, lease, decision, policy, now)
    return buried, acquire(connection, policy, now)


def release(connection: apsw.Connection, lease: Lease, acked: Sequence[str]) -> None:
    _ack(connection, lease, acked)
    connection.executemany(RELEASE, [(number, key) for key, number in lease.places.items()])


def depths(connection: apsw.Connection, now: int) -> Mapping[str, Depth]:
    for queue in {row[0] for row in _rows(connection, COUNTS)}:
        _look(connection, queue, now)
    counts: dict[str, Counter[str]] = {}
    for queue, state, count in _rows(connection, COUNTS):
        counts.setdefault(queue, Counter())[state] = count
    return {
        queue: Depth(found[READY], found[DELAYED], found["leased"])
        for queue, found in counts.items()
    }


def peek(connection: apsw.Connection, queue: str, limit: int, now: int) -> list[Waiting]:
    _look(connection, queue, now)
    rows = _rows(connection, PEEK, (queue, READY, limit))
    rows += _rows(connection, PEEK, (queue, DELAYED, limit - len(rows)))
    return [Waiting(*row) for row in rows]


def purge(connection: apsw.Connection, queue: str) -> int:
    connection.execute(PURGE, (queue,))
    return connection.changes()


def redrive(
    connection: apsw.Connection, queue: str, fallback: str | None, now: int
) -> Mapping[str, int] | None:
    """How many went to each queue; None when the origin of one is not known."""
    _look(connection, queue, now)
    rows = _rows(connection, WAITING, (fallback, queue))
    if any(target is None for _, target in rows):
        return None
    moved: Counter[str] = Counter()
    for number, target in rows:
        place = (_next_number(connection), target, None, READY, now, number)
        connection.execute(MOVE, place)
        moved[target] += 1
    return moved


def _rows(connection: apsw.Connection, statement: str, bindings: tuple[Any, ...] = ()) -> list[Any]:
    return connection.execute(statement, bindings).fetchall()


def _look(connection: apsw.Connection, queue: str, now: int) -> Look:
    """Let what is due join the line, and what is too old go; then look."""
    while True:
        look = Look(*_rows(connection, LOOK, (queue,))[0])
        if look.next_due is not None and look.next_due <= now:
            connection.execute(PROMOTE, (queue, now))
        elif look.oldest is not None and look.oldest < now - RETENTION_SECONDS * 1000:
            connection.execute(EXPIRE, (queue, now - RETENTION_SECONDS * 1000))
        else:
            return look


def _least(*times: int | None) -> int | None:
    return min((time for time in times if time is not None), default=None)


def _turn(look: Look, policy: Policy, now: int) -> int | None:
    """When the next batch is to be taken, as far as is known now."""
    if not look.count:
        return look.next_due
    if look.count >= policy.consumer.max_batch_size:
        return now
    assert look.first_due is not None
    return _least(look.first_due + policy.consumer.max_batch_timeout * 1000, look.next_due)


def _lease(connection: apsw.Connection, queue: str, rows: Sequence[Any], now: int) -> Lease:
    connection.executemany(LEASE, [row[:1] for row in rows])
    return Lease(
        queue,
        tuple(Message(row[1], row[2], row[3], row[4], row[5] + 1) for row in rows),
        _look(connection, queue, now).backlog,
        {row[1]: row[0] for row in rows},
    )


def _ack(connection: apsw.Connection, lease: Lease, acked: Sequence[str]) -> None:
    connection.executemany(ACK, [(lease.places[key], key) for key in acked])


def _bury(
    connection: apsw.Connection,
    number: int,
    message_id: str,
    attempts: int,
    policy: Policy,
    now: int,
) -> Buried:
    """Move a message to the dead letter queue (id, time and type stay) or drop it."""
    target = policy.consumer.dead_letter_queue
    if target is None:
        connection.execute(DROP, (number,))
    else:
        due = _due(policy.dead_letter_delay, now)
        place = (_next_number(connection), target, policy.queue, *due, number)
        connection.execute(MOVE, place)
    return Buried(message_id, attempts, target)


def _due(delay: int, now: int) -> tuple[str, int]:
    """The state and due time of a message that is to wait `delay` seconds."""
    return (DELAYED if delay else READY), now + delay * 1000


def _next_number(connection: apsw.Connection) -> int:
    return int(connection.execute(NEXT_NUMBER).get)
