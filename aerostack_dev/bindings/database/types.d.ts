/** What a query did. */
interface D1Meta {
  /** Who answered: the name of a server of the platform's. */
  served_by: string;
  /** Milliseconds that the database took. */
  duration: number;
  /** Rows inserted, updated or deleted, by triggers and cascades too. */
  changes: number;
  /** The rowid of the last insert on this connection. */
  last_row_id: number;
  /** Whether the database has changed. */
  changed_db: boolean;
  /** Bytes of the database afterwards. */
  size_after: number;
  /** Rows that were visited to find the results. */
  rows_read: number;
  /** Rows that were written, one more for each index. */
  rows_written: number;
  [name: string]: unknown;
}

/** The outcome of a statement that succeeded. */
interface D1Response {
  success: true;
  meta: D1Meta;
}

/** The rows of a statement, and what it did. */
interface D1Result<T = Record<string, unknown>> extends D1Response {
  /** Objects by column; empty when there are none. */
  results: T[];
}

/** What `exec` ran. */
interface D1ExecResult {
  /** Lines that were run. */
  count: number;
  /** Milliseconds that they took together. */
  duration: number;
}

/** Where a session begins: anywhere, at the newest state, or at what a bookmark has seen. */
type D1SessionConstraint = "first-unconstrained" | "first-primary";

/** How far a session has seen; comes from `getBookmark()`. */
type D1SessionBookmark = string;

/** A statement that can be run, and run again with other values. */
interface D1PreparedStatement {
  /**
   * A new statement with `values` for `?` and `?1`, `?2`, …: texts, numbers (as REAL),
   * booleans (as 1 and 0), null, buffers and lists of bytes. Throws `D1_TYPE_ERROR` for anything
   * else, `undefined` included.
   */
  bind(...values: unknown[]): D1PreparedStatement;
  /** The column of the first row; null without a row. Rejects for an unknown column. */
  first<T = unknown>(column: string): Promise<T | null>;
  /** The first row; null without one. The whole query runs: add `LIMIT 1` to a long one. */
  first<T = Record<string, unknown>>(): Promise<T | null>;
  /** Run the statement; the rows of `RETURNING` and `SELECT` are in `results`. */
  run<T = Record<string, unknown>>(): Promise<D1Result<T>>;
  /** Every row. */
  all<T = Record<string, unknown>>(): Promise<D1Result<T>>;
  /** Rows as arrays, after a first one with the names of the columns. */
  raw<T = unknown[]>(options: { columnNames: true }): Promise<[string[], ...T[]]>;
  /** Rows as arrays. */
  raw<T = unknown[]>(options?: { columnNames?: false }): Promise<T[]>;
}

/** Queries that see what the queries before them have seen. */
interface D1DatabaseSession {
  /** A statement; bad SQL fails when it runs. */
  prepare(sql: string): D1PreparedStatement;
  /** Run statements in one transaction, in their order. */
  batch<T = unknown>(statements: D1PreparedStatement[]): Promise<D1Result<T>[]>;
  /** How far this session has seen; null before its first query. */
  getBookmark(): D1SessionBookmark | null;
}

/** An SQL database: SQLite. */
interface D1Database {
  /** A statement; nothing is sent yet, and bad SQL fails when it runs. */
  prepare(sql: string): D1PreparedStatement;
  /** Run statements in one transaction, in their order: if one fails, none has happened. */
  batch<T = unknown>(statements: D1PreparedStatement[]): Promise<D1Result<T>[]>;
  /** Run SQL without parameters, one statement per line. */
  exec(sql: string): Promise<D1ExecResult>;
  /** Queries in sequence, from a constraint or from the bookmark of another session on. */
  withSession(constraintOrBookmark?: D1SessionBookmark | D1SessionConstraint): D1DatabaseSession;
  /** @deprecated Always rejects; use `aerostack db export`. */
  dump(): Promise<ArrayBuffer>;
}
