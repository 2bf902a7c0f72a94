/** `env.CACHE` as a TypeScript author holds it (db-cache.md §2). */
import { type Binding, bytesOf, misuse, type Wire } from "../face.ts";

const OWNER = "KvNamespace";
const FORBIDDEN = [".", ".."];

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

interface ReadOptions {
  type?: unknown;
  cacheTtl?: unknown;
}

interface PutOptions {
  expiration?: unknown;
  expirationTtl?: unknown;
  metadata?: unknown;
}

interface ListOptions {
  prefix?: unknown;
  limit?: unknown;
  cursor?: unknown;
}

type Bulk = [key: string, entry: { value: unknown; metadata: unknown } | null][];

class KvNamespace {
  #binding: Binding;

  constructor(binding: Binding) {
    this.#binding = binding;
  }

  async get(...args: [key: unknown, options?: unknown]): Promise<unknown> {
    if (!args.length) throw misuse("get", OWNER, 1, "string or Array");
    const [key, options] = args;
    const given = reading(options);
    if (Array.isArray(key)) {
      const found = await this.#bulk(key, given);
      return new Map(found.map(([name, entry]) => [name, entry?.value ?? null]));
    }
    const entry = await this.#binding.invoke("get", `${key}`, given);
    return entry === null ? null : shown(entry.value, given.type);
  }

  /** As `get`, with metadata; a bad key throws at once (§2.1). */
  getWithMetadata(
    ...args: [key: unknown, options?: unknown]
  ): Promise<unknown> {
    if (!args.length) {
      throw misuse("getWithMetadata", OWNER, 1, "string or Array");
    }
    const [key, options] = args;
    const given = reading(options);
    if (Array.isArray(key)) return this.#bulk(key, given).then(mapped);
    return this.#withMetadata(checked(`${key}`), given);
  }

  async put(
    ...args: [key: unknown, value: unknown, options?: unknown]
  ): Promise<void> {
    if (!args.length) throw misuse("put", OWNER, 1, "string");
    if (args.length < 2) throw misuse("put", OWNER, 2, "string or JsObject");
    const [key, value, options] = args;
    const { expiration, expirationTtl, metadata } = dictionary<PutOptions>(
      options,
    );
    await this.#binding.invoke("put", `${key}`, storable(value), {
      expiration: numeric(expiration),
      expirationTtl: numeric(expirationTtl),
      metadata: json(metadata),
    });
  }

  async delete(...args: [key: unknown]): Promise<void> {
    if (!args.length) throw misuse("delete", OWNER, 1, "string");
    await this.#binding.invoke("delete", `${args[0]}`);
  }

  // deno-lint-ignore require-await
  async list(options?: unknown): Promise<unknown> {
    const { prefix, limit, cursor } = dictionary<ListOptions>(options);
    return this.#binding.invoke("list", {
      prefix: text(prefix),
      limit: limit === null ? undefined : numeric(limit),
      cursor: text(cursor),
    });
  }

  async #withMetadata(key: string, given: ReadOptions): Promise<unknown> {
    const found = await this.#binding.invoke(
      "getWithMetadata",
      key,
      given as Wire,
    );
    if (found.value !== null) found.value = shown(found.value, given.type);
    return found;
  }

  // deno-lint-ignore require-await
  async #bulk(keys: unknown[], given: ReadOptions): Promise<Bulk> {
    const names = keys.map((key) => `${key}`);
    return this.#binding.invoke("getBulk", names, given as Wire);
  }
}

/** The second argument of a read: a type, or options. */
function reading(options: unknown): { type?: Wire; cacheTtl?: number } {
  if (typeof options === "string") return { type: options };
  if (options === undefined || options === null) return {};
  const { type, cacheTtl } = options as ReadOptions;
  return {
    type: type === undefined || type === null ? type : `${type}`,
    cacheTtl: numeric(cacheTtl),
  };
}

function dictionary<T>(options: unknown): T {
  if (options === undefined || options === null) return {} as T;
  if (typeof options !== "object") {
    throw new TypeError(`options must be an object, not a ${typeof options}`);
  }
  return options as T;
}

/** A number as the operations read it; what is none counts as 0 there. */
function numeric(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : 0;
}

function text(value: unknown): string | undefined {
  return value === undefined || value === null ? undefined : `${value}`;
}

function checked(key: string): string {
  if (!key) throw new TypeError("Key name cannot be empty.");
  if (FORBIDDEN.includes(key)) {
    throw new TypeError(`"${key}" is not allowed as a key name.`);
  }
  return key;
}

/** A value that can be stored; an object is left to the operation to refuse. */
function storable(value: unknown): Wire {
  if (value instanceof ReadableStream) return value;
  const bytes = bytesOf(value);
  if (bytes) return bytes;
  if (typeof value === "function") return {};
  return typeof value === "object" && value !== null ? {} : `${value}`;
}

/** Metadata as JSON has it: dates as texts, without what is undefined. */
function json(metadata: unknown): Wire {
  if (metadata === undefined || metadata === null) return undefined;
  const written = JSON.stringify(metadata);
  if (written === undefined) {
    throw new Error("KV PUT failed: 500 Internal Server Error");
  }
  return JSON.parse(written);
}

function shown(value: Uint8Array<ArrayBuffer>, type: unknown): unknown {
  switch (type) {
    case "json":
      return JSON.parse(decoder.decode(value));
    case "arrayBuffer":
      return value.slice().buffer;
    case "stream":
      return new Blob([value]).stream();
    default:
      return decoder.decode(value);
  }
}

function mapped(found: Bulk): Map<string, unknown> {
  return new Map(found);
}

export default (binding: Binding) => new KvNamespace(binding);
