/**
 * Values as they cross to the server: what JSON has no form for is null in them, and a part
 * says what belongs there, at the end of its path: `[path, "bytes", size]` the next bytes of
 * the frame's body, `[path, "whole", size]` a stream of such bytes (from there to here only),
 * `[path, "stream", id, size or null]` one that follows.
 */
import { SizedStream, streamOf, takeBytes } from "../../../bindings/face.ts";

type Path = (string | number)[];

export type Part =
  | [path: Path, form: "bytes" | "whole", size: number]
  | [path: Path, form: "stream", id: number, size: number | null];

/** Collects what JSON cannot hold while a value is packed. */
export class Packing {
  readonly parts: Part[] = [];
  readonly attachments: Uint8Array[] = [];

  /** `path` leads to the value that is packed. */
  constructor(
    private readonly path: Path,
    private readonly open: (
      stream: ReadableStream<Uint8Array>,
    ) => number,
  ) {}

  pack(value: unknown): unknown {
    if (value === null || typeof value !== "object") {
      return typeof value === "bigint" ? String(value) : value;
    }
    if (Array.isArray(value)) return this.list(value);
    if (value instanceof Uint8Array) return this.bytes(value);
    if (value instanceof ReadableStream) return this.stream(value, null);
    if (value instanceof SizedStream) {
      return this.stream(value.stream, value.size);
    }
    if (JSON.isRawJSON(value)) return value;
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON === "function") return this.pack(toJSON.call(value));
    return this.object(value as Record<string, unknown>);
  }

  private list(values: unknown[]): unknown[] {
    for (let at = 0; at < values.length; at++) {
      const value = values[at];
      if (value !== null && typeof value === "object") {
        return values.map((each, place) => this.inner(place, each));
      }
    }
    return values;
  }

  private object(value: Record<string, unknown>): unknown {
    const packed: Record<string, unknown> = { __proto__: null } as never;
    for (const name of Object.keys(value)) packed[name] = this.inner(name, value[name]);
    return packed;
  }

  private inner(key: string | number, value: unknown): unknown {
    this.path.push(key);
    const packed = this.pack(value);
    this.path.pop();
    return packed;
  }

  private bytes(value: Uint8Array): null {
    this.attachments.push(value);
    this.parts.push([[...this.path], "bytes", value.byteLength]);
    return null;
  }

  private stream(
    value: ReadableStream<Uint8Array>,
    size: number | null,
  ): null {
    const bytes = takeBytes(value);
    if (bytes) return this.bytes(bytes);
    this.parts.push([[...this.path], "stream", this.open(value), size]);
    return null;
  }
}

/** Put what the parts describe where it belongs in `value`. */
export function place(
  value: unknown,
  parts: Part[],
  body: Uint8Array,
  join: (id: number, size: number | null) => ReadableStream<Uint8Array>,
): void {
  let at = 0;
  for (const part of parts) {
    const way = part[0];
    // deno-lint-ignore no-explicit-any -- whatever has keys
    let holder = value as any;
    for (let step = 0; step < way.length - 1; step++) holder = holder[way[step]];
    const last = way[way.length - 1];
    if (part[1] === "stream") {
      holder[last] = join(part[2], part[3]);
    } else {
      const bytes = body.subarray(at, at += part[2]);
      holder[last] = part[1] === "bytes" ? bytes : streamOf(bytes);
    }
  }
}
