/** `env.VECTORIZE` as a TypeScript author holds it (storage-vectorize-ai.md §2). */
import type { Binding, Wire } from "../face.ts";

interface Vector {
  id: string;
  values: Iterable<number>;
  namespace?: string;
  metadata?: Record<string, unknown>;
}

type Options = Record<string, unknown> | null | undefined;

class VectorizeIndex {
  #binding: Binding;

  constructor(binding: Binding) {
    this.#binding = binding;
  }

  describe(): Promise<unknown> {
    return this.#binding.invoke("describe");
  }

  // deno-lint-ignore require-await
  async insert(vectors: Vector[]): Promise<unknown> {
    return this.#binding.invoke("insert", vectorsOf(vectors));
  }

  // deno-lint-ignore require-await
  async upsert(vectors: Vector[]): Promise<unknown> {
    return this.#binding.invoke("upsert", vectorsOf(vectors));
  }

  // deno-lint-ignore require-await
  async query(vector: Iterable<number>, options?: Options): Promise<unknown> {
    return this.#binding.invoke("query", values(vector), chosen(options));
  }

  // deno-lint-ignore require-await
  async queryById(id: string, options?: Options): Promise<unknown> {
    return this.#binding.invoke("queryById", id, chosen(options));
  }

  // deno-lint-ignore require-await
  async getByIds(ids: string[]): Promise<unknown> {
    return this.#binding.invoke("getByIds", ids);
  }

  // deno-lint-ignore require-await
  async deleteByIds(ids: string[]): Promise<unknown> {
    return this.#binding.invoke("deleteByIds", ids);
  }
}

/** `returnMetadata: true` becomes "all" in the caller's object too, as there (§2.2). */
function chosen(options: Options): Wire {
  if (options?.returnMetadata === true) options.returnMetadata = "all";
  return options as Wire;
}

function vectorsOf(vectors: unknown): Wire {
  if (!Array.isArray(vectors)) return vectors as Wire;
  return vectors.map((each) =>
    typeof each === "object" && each !== null ? { ...each, values: values(each.values) } : each
  );
}

/** Numbers as the operations take them: float32 as bytes, any other iterable as a list. */
function values(given: unknown): Wire {
  if (given instanceof Float32Array) {
    return new Uint8Array(given.buffer, given.byteOffset, given.byteLength);
  }
  if (Array.isArray(given) || given === undefined || given === null) return given;
  return Array.from(given as Iterable<number>);
}

export default (binding: Binding) => new VectorizeIndex(binding);
