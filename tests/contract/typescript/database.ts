/** `env.DB` (db-cache.md §1.13), and what JavaScript adds to it (§1.3, §1.4). */
import assert from "node:assert/strict";
import { type Cases, failure, promised, refusal, thrown } from "./stage.ts";

const CONSTRAINT = "FOREIGN KEY constraint failed: SQLITE_CONSTRAINT " +
  "(extended: SQLITE_CONSTRAINT_FOREIGNKEY)";
const WRONG_NUMBER = "Wrong number of parameter bindings for SQL query.";
const NO_STATEMENT = "SQL code did not contain a statement.";
const PEOPLE = "CREATE TABLE p (id INTEGER PRIMARY KEY, name TEXT)\n" +
  "INSERT INTO p VALUES (1, 'ann')\nINSERT INTO p VALUES (2, 'bob')\n" +
  "INSERT INTO p VALUES (3, 'cyd')";
const FAMILY = "CREATE TABLE p (id INTEGER PRIMARY KEY)\n" +
  "CREATE TABLE c (p REFERENCES p ON DELETE CASCADE)";

export default {
  "1.13.1 bad SQL fails when it runs, as a rejection": async ({ DB }) => {
    const text = 'near "BAD": syntax error at offset 0: SQLITE_ERROR';
    const statement = DB.prepare("BAD SQL");
    for (const method of ["all", "run", "first", "raw"]) {
      const error = await failure(() => promised(() => statement[method]()));
      assert.ok(error instanceof Error);
      assert.deepEqual([error.name, error.message], ["Error", `D1_ERROR: ${text}`]);
      assert.ok(error.cause instanceof Error);
      assert.equal(error.cause.message, text);
      assert.deepEqual(Object.keys(error), []);
    }
  },

  "1.13.2 what no column can hold is thrown by bind": ({ DB }) => {
    const given: [unknown, string, string][] = [
      [undefined, "undefined", "undefined"],
      [{ a: 1 }, "object", "[object Object]"],
      [1n, "bigint", "1"],
      [[300], "object", "300"],
      [["x"], "object", "x"],
      [[-1], "object", "-1"],
      [new Date(NaN), "object", "Invalid Date"],
      [new String("x"), "object", "x"],
      [new SharedArrayBuffer(1), "object", "[object SharedArrayBuffer]"],
      [Math.max, "function", String(Math.max)],
    ];
    for (const [value, kind, shown] of given) {
      const error = thrown(() => DB.prepare("SELECT ?").bind(value));
      const text = `Type '${kind}' not supported for value '${shown}'`;
      assert.deepEqual([error.name, error.message], ["Error", `D1_TYPE_ERROR: ${text}`]);
      assert.equal(error.cause.message, text);
    }
    for (const value of [Symbol("x"), new BigInt64Array([1n])]) {
      assert.ok(thrown(() => DB.prepare("SELECT ?").bind(value)) instanceof TypeError);
    }
  },

  "1.13.3 booleans are one and zero": async ({ DB }) => {
    const row = await DB.prepare("SELECT ? a, ? b").bind(true, false).first();
    assert.deepEqual(row, { a: 1, b: 0 });
  },

  "1.13.4 every number is a REAL": async ({ DB }) => {
    const type = DB.prepare("SELECT typeof(?)");
    for (const value of [1, 0, -0, 1.5, 2 ** 53, 1e21, 1e300, true]) {
      assert.deepEqual(await type.bind(value).raw(), [["real"]], String(value));
    }
    for (const value of [NaN, Infinity, -Infinity, null]) {
      assert.deepEqual(await type.bind(value).raw(), [["null"]], String(value));
    }
    const shown = await DB.prepare("SELECT ? / ? a, '' || ? b, json_array(?) c")
      .bind(1, 2, 1, 1).first();
    assert.deepEqual(shown, { a: 0.5, b: "1.0", c: "[1.0]" });
    assert.deepEqual(await DB.prepare("SELECT 1 LIMIT ?").bind(2).raw(), [[1]]);
    const strict = "CREATE TABLE st (a INTEGER) STRICT";
    await DB.exec(strict);
    await DB.prepare("INSERT INTO st VALUES (?)").bind(1).run();
    const [, message] = await refusal(() =>
      DB.prepare("INSERT INTO st VALUES (?)").bind(1.5).run()
    );
    assert.match(message, /^D1_ERROR: cannot store REAL value in INTEGER column st\.a: SQLITE_CON/);
  },

  "1.13.5, 1.13.6 a number in a column of texts": async ({ DB }) => {
    await DB.exec("CREATE TABLE texts (s TEXT)");
    await DB.prepare("INSERT INTO texts VALUES (?)").bind(1).run();
    assert.equal(await DB.prepare("SELECT s FROM texts").first("s"), "1.0");
    await DB.exec("UPDATE texts SET s = '1'");
    const where = DB.prepare("SELECT s FROM texts WHERE s = ?");
    assert.equal(await where.bind(1).first(), null);
    assert.deepEqual(await where.bind("1").first(), { s: "1" });
  },

  "1.13.7 buffers are blobs, and come back as numbers": async ({ DB }) => {
    const select = DB.prepare("SELECT ? b, typeof(?1) t");
    const given: [unknown, number[]][] = [
      [new Uint8Array([1, 255]), [1, 255]],
      [new Uint16Array([1, 300]), [1, 44]],
      [new Uint8Array([1, 2, 3]).subarray(1), [2, 3]],
      [new Uint8Array([7]).buffer, [7]],
      [new Int8Array([-1]), [255]],
      [new Float64Array([1.9]), [1]],
      [new DataView(new ArrayBuffer(4)), []],
      [[1.5, 2], [1, 2]],
      [[], []],
    ];
    for (const [value, expected] of given) {
      const row = await select.bind(value).first();
      assert.deepEqual(row, { b: expected, t: "blob" });
      assert.ok(Array.isArray(row.b));
    }
    const bytes = new Uint8Array([1, 2]);
    const bound = select.bind(bytes);
    bytes.fill(9); // a statement keeps the values of the moment it was bound
    assert.deepEqual((await bound.first()).b, [1, 2]);
  },

  "1.13.8 bind makes a new statement": async ({ DB }) => {
    const statement = DB.prepare("SELECT ? v");
    const [one, two] = [statement.bind(1), statement.bind(2)];
    assert.deepEqual([await two.first("v"), await one.first("v")], [2, 1]);
    assert.deepEqual([statement.params, one.params], [[], [1]]);
    assert.equal(one.statement, "SELECT ? v");
    assert.equal(await one.bind(3).first("v"), 3);
  },

  "1.13.9 values are placed by number": async ({ DB }) => {
    await DB.exec("CREATE TABLE t (a, b, c)");
    await DB.prepare("INSERT INTO t VALUES (?3, ?1, ?2)").bind("x", "y", "z").run();
    assert.deepEqual(await DB.prepare("SELECT * FROM t").raw(), [["z", "x", "y"]]);
  },

  "1.13.10 too few and too many values": async ({ DB }) => {
    for (const values of [[1], [1, 2, 3], []]) {
      const error = await failure(() => DB.prepare("SELECT ?, ?").bind(...values).all());
      assert.equal(error.message, `D1_ERROR: ${WRONG_NUMBER}`);
      assert.equal(error.cause.message, WRONG_NUMBER);
    }
  },

  "1.13.11 a hundred parameters": async ({ DB }) => {
    const hundred = Array.from({ length: 100 }, (_, at) => at);
    const marks = hundred.map(() => "?").join(",");
    assert.deepEqual(await DB.prepare(`SELECT ${marks}`).bind(...hundred).raw(), [hundred]);
    const [, message] = await refusal(() =>
      DB.prepare(`SELECT ${marks} || ?`).bind(...hundred, 1).all()
    );
    assert.match(message, /^D1_ERROR: too many SQL variables at offset \d+: SQLITE_ERROR$/);
  },

  "1.13.12 first without rows": async ({ DB }) => {
    const none = DB.prepare("SELECT 1 a WHERE 0");
    assert.equal(await none.first(), null);
    assert.equal(await none.first("zz"), null);
  },

  "1.13.13 first of a column that is null": async ({ DB }) => {
    assert.equal(await DB.prepare("SELECT NULL a").first("a"), null);
  },

  "1.13.14 first of a column that is not there": async ({ DB }) => {
    const one = DB.prepare("SELECT 1 a");
    for (const [column, shown] of [["zz", "zz"], ["A", "A"], [null, "null"], ["", ""]]) {
      const error = await failure(() => one.first(column));
      assert.equal(error.message, `D1_COLUMN_NOTFOUND: Column not found (${shown})`);
      assert.equal(error.cause.message, "Column not found");
    }
    assert.deepEqual(await one.first(undefined), { a: 1 });
  },

  "1.13.15 first of a write": async ({ DB }) => {
    await DB.exec(PEOPLE);
    assert.equal(await DB.prepare("INSERT INTO p VALUES (9, 'zed')").first(), null);
    assert.equal(await DB.prepare("SELECT name FROM p WHERE id = 9").first("name"), "zed");
  },

  "1.13.16 returning": async ({ DB }) => {
    await DB.exec(PEOPLE);
    const done = await DB.prepare("INSERT INTO p (name) VALUES (?) RETURNING id, name")
      .bind("dee").run();
    assert.deepEqual(done.results, [{ id: 4, name: "dee" }]);
    assert.deepEqual([done.meta.changes, done.meta.last_row_id], [1, 4]);
  },

  "1.13.17 the result of a select": async ({ DB }) => {
    await DB.exec(PEOPLE);
    const done = await DB.prepare("SELECT name FROM p").run();
    assert.deepEqual(Object.keys(done), ["success", "meta", "results"]);
    assert.deepEqual(done.results, [{ name: "ann" }, { name: "bob" }, { name: "cyd" }]);
    assert.deepEqual(Object.keys(done.meta), [
      "served_by",
      "duration",
      "changes",
      "last_row_id",
      "changed_db",
      "size_after",
      "rows_read",
      "rows_written",
    ]);
    assert.deepEqual([done.success, done.meta.changed_db, done.meta.rows_read], [true, false, 3]);
    assert.match(JSON.stringify(done), /^\{"success":true,"meta":\{"served_by":/);
  },

  "1.13.18 columns of one name": async ({ DB }) => {
    const join = DB.prepare(
      "SELECT * FROM (SELECT 1 a, 2 b, 3 c) JOIN (SELECT 4 c, 5 d, 6 e)",
    );
    const { results: [row] } = await join.all();
    assert.deepEqual(Object.entries(row), [["a", 1], ["b", 2], ["c", 4], ["d", 5], ["e", 6]]);
    assert.deepEqual(await join.raw(), [[1, 2, 3, 4, 5, 6]]);
    const [names] = await join.raw({ columnNames: true });
    assert.deepEqual(names, ["a", "b", "c", "c", "d", "e"]);
  },

  "1.13.19 column names without rows": async ({ DB }) => {
    await DB.exec("CREATE TABLE t (a, b)");
    const select = DB.prepare("SELECT * FROM t");
    assert.deepEqual(await select.raw({ columnNames: true }), [["a", "b"]]);
    assert.deepEqual(await select.raw({ columnNames: 1 }), []);
    assert.deepEqual(await select.raw(null), []);
    const insert = DB.prepare("INSERT INTO t VALUES (1, 2)");
    assert.deepEqual(await insert.raw({ columnNames: true }), [[]]);
  },

  "1.13.20 a batch is all or nothing": async ({ DB }) => {
    await DB.exec(PEOPLE);
    const insert = DB.prepare("INSERT INTO p (name) VALUES (?)");
    const [, message] = await refusal(() =>
      DB.batch([insert.bind("x"), DB.prepare("BAD"), insert.bind("y")])
    );
    assert.equal(message, 'D1_ERROR: near "BAD": syntax error at offset 0: SQLITE_ERROR');
    assert.equal(await DB.prepare("SELECT count(*) n FROM p").first("n"), 3);
  },

  "1.13.21 a batch runs in order": async ({ DB }) => {
    await DB.exec("CREATE TABLE t (a)");
    const done = await DB.batch([
      DB.prepare("INSERT INTO t VALUES (?)").bind("x"),
      DB.prepare("SELECT a FROM t"),
    ]);
    assert.ok(Array.isArray(done));
    assert.deepEqual(done.map((each) => each.results), [[], [{ a: "x" }]]);
  },

  "1.13.22 a batch of nothing": async ({ DB }) => {
    assert.deepEqual(await refusal(() => promised(() => DB.batch([]))), [
      "Error",
      "D1_ERROR: No SQL statements detected.",
    ]);
    for (const given of ["x", undefined, [1], ["SELECT 1"]]) {
      const error = await failure(() => promised(() => DB.batch(given)));
      assert.ok(error instanceof TypeError, String(given));
    }
  },

  "1.13.23 exec counts lines": async ({ DB }) => {
    const done = await DB.exec("SELECT 1\nSELECT 2");
    assert.deepEqual(Object.keys(done), ["count", "duration"]);
    assert.equal(done.count, 2);
    assert.equal((await DB.exec("SELECT 1; SELECT 2;")).count, 1);
    assert.equal((await DB.exec("  \r\n\n SELECT 1;\r\n")).count, 1);
    assert.ok(await failure(() => promised(() => DB.exec(5))) instanceof TypeError);
  },

  "1.13.24 exec of a statement on two lines": async ({ DB }) => {
    const [, message] = await refusal(() => DB.exec("CREATE TABLE ml (\n a)"));
    const text = "Error in line 1: CREATE TABLE ml (: incomplete input: SQLITE_ERROR";
    assert.equal(message, `D1_EXEC_ERROR: ${text}`);
  },

  "1.13.25 exec is all or nothing": async ({ DB }) => {
    await DB.exec("CREATE TABLE t (a)");
    await failure(() => DB.exec("INSERT INTO t VALUES (1)\nBAD"));
    assert.equal(await DB.prepare("SELECT count(*) n FROM t").first("n"), 0);
  },

  "1.13.26 several statements in one text": async ({ DB }) => {
    assert.deepEqual((await DB.prepare("SELECT 1; SELECT 2 b").all()).results, [{ b: 2 }]);
  },

  "1.13.27 a comment behind the statement": async ({ DB }) => {
    const [, message] = await refusal(() => DB.prepare("SELECT 1 a; -- hi").all());
    assert.equal(message, `D1_ERROR: ${NO_STATEMENT}`);
  },

  "1.13.28 foreign keys are on": async ({ DB }) => {
    await DB.exec(FAMILY);
    const error = await failure(() => DB.prepare("INSERT INTO c VALUES (9)").run());
    assert.equal(error.message, `D1_ERROR: ${CONSTRAINT}`);
  },

  "1.13.29 foreign keys can be deferred in a batch": async ({ DB }) => {
    await DB.exec(FAMILY);
    await DB.batch([
      DB.prepare("PRAGMA defer_foreign_keys=on"),
      DB.prepare("INSERT INTO c VALUES (7)"),
      DB.prepare("INSERT INTO p VALUES (7)"),
    ]);
    assert.equal(await DB.prepare("SELECT p FROM c").first("p"), 7);
  },

  "1.13.30 foreign keys cannot be switched off": async ({ DB }) => {
    await DB.exec(FAMILY);
    await DB.prepare("PRAGMA foreign_keys=off").run();
    const error = await failure(() => DB.prepare("INSERT INTO c VALUES (9)").run());
    assert.match(error.message, /^D1_ERROR: FOREIGN KEY constraint failed/);
  },

  "1.13.31 transactions are refused": async ({ DB }) => {
    for (const sql of ["BEGIN", "COMMIT", "SAVEPOINT x"]) {
      const error = await failure(() => DB.prepare(sql).run());
      assert.match(error.message, /state\.storage\.transaction\(\)/);
    }
  },

  "1.13.32 pragmas that are not allowed": async ({ DB }) => {
    const error = await failure(() => DB.prepare("PRAGMA user_version").first());
    assert.equal(error.message, "D1_ERROR: not authorized: SQLITE_AUTH");
  },

  "1.13.33 functions that are not allowed": async ({ DB }) => {
    const text = "not authorized to use function: sqlite_version at offset 7: SQLITE_ERROR";
    const error = await failure(() => DB.prepare("SELECT sqlite_version()").first());
    assert.deepEqual([error.message, error.cause.message], [`D1_ERROR: ${text}`, text]);
  },

  "1.13.34 patterns that are too long": async ({ DB }) => {
    const like = DB.prepare("SELECT 'a' LIKE ? x");
    assert.equal(await like.bind("é".repeat(25)).first("x"), 0);
    const [, message] = await refusal(() => like.bind("x".repeat(51)).first());
    assert.equal(message, "D1_ERROR: LIKE or GLOB pattern too complex: SQLITE_ERROR");
  },

  "1.13.35 last_row_id stays": async ({ DB }) => {
    await DB.exec(PEOPLE);
    await DB.prepare("INSERT INTO p (name) VALUES ('x')").run();
    assert.equal((await DB.prepare("SELECT 1").run()).meta.last_row_id, 4);
  },

  "1.13.36 changes count what a delete takes along": async ({ DB }) => {
    await DB.exec(`${FAMILY}\nINSERT INTO p VALUES (1)\nINSERT INTO c VALUES (1), (1)`);
    assert.equal((await DB.prepare("DELETE FROM p").run()).meta.changes, 3);
  },

  "1.13.37 numbers that JavaScript has no room for": async ({ DB }) => {
    const row = await DB.prepare(
      "SELECT 1e400 a, 9007199254740993 b, 9223372036854775807 c, 1.0 d, TRUE e",
    ).first();
    const expected = { a: null, b: 9007199254740992, c: 9223372036854775808, d: 1, e: 1 };
    assert.deepEqual(row, expected);
    const kept = await DB.prepare("SELECT CAST(9007199254740993 AS TEXT) s").first("s");
    assert.equal(kept, "9007199254740993");
  },

  "1.13.38 a session and its bookmark": async ({ DB }) => {
    for (const constraint of [undefined, null, "", " first-primary ", "first-unconstrained"]) {
      assert.equal(DB.withSession(constraint).getBookmark(), null);
    }
    const session = DB.withSession();
    await session.prepare("SELECT 1").all();
    let last = session.getBookmark();
    assert.equal(typeof last, "string");
    for (const statement of ["SELECT 1", "CREATE TABLE t (a)", "INSERT INTO t VALUES (1)"]) {
      await session.batch([session.prepare(statement)]);
      assert.ok(session.getBookmark() > last);
      last = session.getBookmark();
    }
    assert.equal(DB.withSession(last).getBookmark(), last);
    const [{ results }] = await DB.batch([session.prepare("SELECT 1 a")]);
    assert.deepEqual([results, session.getBookmark()], [[{ a: 1 }], last]);
    assert.ok(thrown(() => DB.withSession(5)) instanceof TypeError);
  },

  "1.13.39 full text search": async ({ DB }) => {
    await DB.batch([
      DB.prepare("CREATE VIRTUAL TABLE f USING fts5(body)"),
      DB.prepare("INSERT INTO f VALUES ('the red fox'), ('a fox, a fox'), ('a dog')"),
      DB.prepare("CREATE VIRTUAL TABLE words USING fts5vocab(f, 'row')"),
    ]);
    const { results } = await DB.prepare(
      "SELECT highlight(f, 0, '[', ']') h, bm25(f) b FROM f WHERE f MATCH ? ORDER BY rank",
    ).bind("fox").all();
    // deno-lint-ignore no-explicit-any
    const marked = results.map((row: any) => row.h);
    assert.deepEqual(marked, ["a [fox], a [fox]", "the red [fox]"]);
    assert.ok(results[0].b < 0);
    const count = DB.prepare("SELECT cnt FROM words WHERE term = 'fox'");
    assert.equal(await count.first("cnt"), 3);
  },

  "1.13.40 data survives a restart": async ({ DB }, stage) => {
    await DB.exec(PEOPLE);
    await stage.restart();
    assert.equal(await DB.prepare("SELECT count(*) n FROM p").first("n"), 3);
  },

  "dump always rejects": async ({ DB }) => {
    const error = await failure(() => promised(() => DB.dump()));
    assert.deepEqual([error.message, error.cause.message], [
      "D1_DUMP_ERROR: Status + 404",
      "Status 404",
    ]);
  },

  "half a surrogate pair becomes a replacement": async ({ DB }) => {
    const select = DB.prepare("SELECT ? v");
    assert.equal(await select.bind("a\ud800b").first("v"), "a\ufffdb");
    assert.equal(await select.bind("a\0b").first("v"), "a\0b");
  },

  "rows are plain objects, whose numeric columns come first": async ({ DB }) => {
    const row = await DB.prepare('SELECT 1 b, 2 "7", 3 __proto__').first();
    assert.equal(Object.getPrototypeOf(row), Object.prototype);
    assert.deepEqual(Object.keys(row).slice(0, 2), ["7", "b"]);
  },
} satisfies Cases;
