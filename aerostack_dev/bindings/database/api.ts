/** `env.DB` as a TypeScript author holds it: the platform's classes (db-cache.md §1). */
import type { Binding, Wire } from "../face.ts";

const EXACT_TEXT = 1e21;
const INVALID_CONSTRAINT = "D1_SESSION_ERROR: invalid bookmark or constraint";
const UNCONSTRAINED = "first-unconstrained";
const PRIMARY = "first-primary";

type Parameter = null | number | string | boolean | number[];
type Verbs = (verb: string, ...args: Wire[]) => Promise<unknown>;

class D1PreparedStatement {
  #verbs: Verbs;
  readonly statement: string;
  readonly params: Parameter[];

  constructor(verbs: Verbs, statement: string, params: Parameter[] = []) {
    this.#verbs = verbs;
    this.statement = statement;
    this.params = params;
  }

  /** A new statement with `values` in place of its parameters (§1.3). */
  bind(...values: unknown[]): D1PreparedStatement {
    return new D1PreparedStatement(
      this.#verbs,
      this.statement,
      values.map(parameter),
    );
  }

  // deno-lint-ignore require-await
  async first(column?: string): Promise<unknown> {
    const name = column === undefined ? undefined : String(column);
    return this.#verbs("first", this.statement, this.#wire(), name);
  }

  // deno-lint-ignore require-await
  async run(): Promise<unknown> {
    return this.#verbs("run", this.statement, this.#wire());
  }

  // deno-lint-ignore require-await
  async all(): Promise<unknown> {
    return this.#verbs("all", this.statement, this.#wire());
  }

  // deno-lint-ignore require-await
  async raw(options?: { columnNames?: boolean }): Promise<unknown> {
    const named = options?.columnNames === true;
    return this.#verbs("raw", this.statement, this.#wire(), named);
  }

  /** What a batch sends of this statement. */
  static entry(statement: unknown): Wire {
    if (!(statement instanceof D1PreparedStatement)) {
      throw new TypeError("batch() takes prepared statements");
    }
    return [statement.statement, statement.#wire()];
  }

  #wire(): Wire[] {
    return this.params.map(wire);
  }
}

/** What a database and a session have in common. */
class Preparing {
  readonly #verbs: Verbs;

  constructor(verbs: Verbs) {
    this.#verbs = verbs;
  }

  /** A statement; nothing is sent, so bad SQL fails when it runs. */
  prepare(sql: string): D1PreparedStatement {
    return new D1PreparedStatement(this.#verbs, sql);
  }

  // deno-lint-ignore require-await
  async batch(statements: unknown[]): Promise<unknown> {
    return this.#verbs(
      "batch",
      statements.map((each) => D1PreparedStatement.entry(each)),
    );
  }
}

class D1Database extends Preparing {
  readonly #binding: Binding;

  constructor(binding: Binding) {
    super((verb, ...args) => binding.invoke(verb, ...args));
    this.#binding = binding;
  }

  // deno-lint-ignore require-await
  async exec(sql: string): Promise<unknown> {
    return this.#binding.invoke("exec", sql.trim());
  }

  /** Always rejects, as today's platform does. */
  // deno-lint-ignore require-await
  async dump(): Promise<unknown> {
    return this.#binding.invoke("dump");
  }

  /** Always rejects: an experiment that is off. */
  // deno-lint-ignore require-await
  async query(): Promise<unknown> {
    return this.#binding.invoke("query");
  }

  withSession(constraint?: string | null): D1DatabaseSession {
    const given = constraint === undefined || constraint === null ? "" : constraint.trim();
    if (typeof given !== "string") throw new TypeError(INVALID_CONSTRAINT);
    return new D1DatabaseSession(this.#binding, given);
  }
}

/** Statements in sequence: `getBookmark()` tells how far they saw (§1.8). */
class D1DatabaseSession extends Preparing {
  #bookmark: string | null;

  constructor(binding: Binding, constraint: string) {
    super(async (verb, ...args) => {
      const { value, bookmark } = await binding.invoke("session", verb, args);
      if (this.#bookmark === null || bookmark > this.#bookmark) {
        this.#bookmark = bookmark;
      }
      return value;
    });
    const known = constraint && constraint !== UNCONSTRAINED &&
      constraint !== PRIMARY;
    this.#bookmark = known ? constraint : null;
  }

  getBookmark(): string | null {
    return this.#bookmark;
  }
}

/** A value as a parameter. Throws `D1_TYPE_ERROR` for what no column can hold. */
function parameter(value: unknown): Parameter {
  switch (typeof value) {
    case "number":
    case "string":
      return value;
    case "boolean":
      return value ? 1 : 0;
    case "object":
      return value === null ? null : elements(value) ?? refuse(value);
    default:
      return refuse(value);
  }
}

/** The bytes of a buffer or an array: elements one by one, each modulo 256. */
function elements(value: object): number[] | null {
  if (Array.isArray(value)) return value.every(isByte) ? value : null;
  if (value instanceof ArrayBuffer) return [...new Uint8Array(value)];
  if (!ArrayBuffer.isView(value)) return null;
  if (value instanceof BigInt64Array || value instanceof BigUint64Array) {
    throw new TypeError("Do not know how to serialize a BigInt");
  }
  if (value instanceof DataView) return [];
  return [...Uint8Array.from(value as Uint8Array)];
}

function isByte(item: unknown): boolean {
  return typeof item === "number" && item >= 0 && item < 256;
}

function refuse(value: unknown): never {
  const text = `Type '${typeof value}' not supported for value '${value}'`;
  throw new Error(`D1_TYPE_ERROR: ${text}`, { cause: new Error(text) });
}

/** A number crosses with its point, so that it is bound as REAL. */
function wire(value: Parameter): Wire {
  if (typeof value === "number") return real(value) as Wire;
  if (Array.isArray(value)) return Uint8Array.from(value);
  return value;
}

function real(value: number): unknown {
  if (!Number.isFinite(value)) return null;
  if (!Number.isInteger(value) || Math.abs(value) >= EXACT_TEXT) return value;
  return JSON.rawJSON(`${Object.is(value, -0) ? "-0" : value}.0`);
}

export default (binding: Binding) => new D1Database(binding);
