/**
 * Values as they cross to the server. JSON with four marks in it:
 * `{"$bytes": n}` is the n-th attachment, `{"$stream": [id, size]}` a stream, `{"$whole": n}`
 * one whose bytes are the n-th attachment (from there to here only), and `{"$plain": {…}}`
 * an object that has such a key by itself.
 */
import { SizedStream, streamOf, takeBytes } from "../../../bindings/face.ts";

const BYTES = "$bytes";
const STREAM = "$stream";
const WHOLE = "$whole";
const PLAIN = "$plain";

const MARKS = { __proto__: null, [BYTES]: 0, [STREAM]: 0, [WHOLE]: 0, [PLAIN]: 0 };

/** Collects what JSON cannot hold while a value is packed. */
export class Packing {
  attachments: Uint8Array[] = [];
  marked = false;

  constructor(
    private readonly open: (
      stream: ReadableStream<Uint8Array>,
    ) => number,
  ) {}

  pack(value: unknown): unknown {
    if (value === null || typeof value !== "object") {
      return typeof value === "bigint" ? String(value) : value;
    }
    if (value instanceof Uint8Array) return this.bytes(value);
    if (value instanceof ReadableStream) return this.stream(value, null);
    if (value instanceof SizedStream) {
      return this.stream(value.stream, value.size);
    }
    if (Array.isArray(value)) return this.list(value);
    if (JSON.isRawJSON(value)) return value;
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON === "function") return this.pack(toJSON.call(value));
    return this.object(value as Record<string, unknown>);
  }

  private list(values: unknown[]): unknown[] {
    for (let at = 0; at < values.length; at++) {
      const value = values[at];
      if (value !== null && typeof value === "object") {
        return values.map((each) => this.pack(each));
      }
    }
    return values;
  }

  private object(value: Record<string, unknown>): unknown {
    const packed: Record<string, unknown> = { __proto__: null } as never;
    let own = false;
    for (const name of Object.keys(value)) {
      packed[name] = this.pack(value[name]);
      own ||= name in MARKS;
    }
    if (!own) return packed;
    this.marked = true;
    return { [PLAIN]: packed };
  }

  private bytes(value: Uint8Array): unknown {
    this.marked = true;
    return { [BYTES]: this.attachments.push(value) - 1 };
  }

  private stream(
    value: ReadableStream<Uint8Array>,
    size: number | null,
  ): unknown {
    const bytes = takeBytes(value);
    if (bytes) return this.bytes(bytes);
    this.marked = true;
    return { [STREAM]: [this.open(value), size] };
  }
}

/** A value whose marks stand for attachments and streams, as it was meant. */
export function unpack(
  value: unknown,
  attachments: Uint8Array[],
  join: (id: number, size: number | null) => ReadableStream<Uint8Array>,
): unknown {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) {
    return value.map((each) => unpack(each, attachments, join));
  }
  const marked = value as Record<string, unknown>;
  if (BYTES in marked) return attachments[marked[BYTES] as number];
  if (STREAM in marked) {
    const [id, size] = marked[STREAM] as [number, number | null];
    return join(id, size);
  }
  if (WHOLE in marked) return streamOf(attachments[marked[WHOLE] as number]);
  const plain = (PLAIN in marked ? marked[PLAIN] : marked) as Record<
    string,
    unknown
  >;
  for (const name of Object.keys(plain)) {
    plain[name] = unpack(plain[name], attachments, join);
  }
  return plain;
}
