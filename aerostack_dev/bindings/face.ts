/** What a room's `api.ts` is given, and must give back. */

/** A value as it crosses to the server: JSON with bytes and streams in it. */
export type Wire =
  | null
  | undefined
  | boolean
  | number
  | string
  | Uint8Array
  | ReadableStream<Uint8Array>
  | SizedStream
  | Wire[]
  | { [name: string]: Wire };

/** Bytes that arrive in pieces; `size` is the total when it is known beforehand. */
export class SizedStream {
  constructor(
    readonly stream: ReadableStream<Uint8Array>,
    readonly size: number | null = null,
  ) {}
}

/** One binding, as its face sees it. */
export interface Binding {
  readonly name: string;
  /** What the operations want their face to know beforehand. */
  readonly constants: Record<string, unknown>;
  /** Call an operation; rejects with the author's kind of error. */
  // deno-lint-ignore no-explicit-any
  invoke(operation: string, ...args: Wire[]): Promise<any>;
  /** `invoke` that ends the operation, whatever it waits for, once `signal` is aborted. */
  // deno-lint-ignore no-explicit-any
  invokeUntil(signal: AbortSignal | undefined, operation: string, ...args: Wire[]): Promise<any>;
}

/** The default export of an `api.ts`: makes what the author holds as `env.NAME`. */
export type Face = (binding: Binding) => unknown;

const lengths = new WeakMap<ReadableStream, number>();

/** Note how many bytes `stream` is going to yield. */
export function promiseLength<S extends ReadableStream>(
  stream: S,
  size: number,
): S {
  lengths.set(stream, size);
  return stream;
}

/** How many bytes `stream` is going to yield, when that is known. */
export function lengthOf(stream: ReadableStream): number | null {
  return lengths.get(stream) ?? null;
}

interface Whole {
  bytes: Uint8Array;
  used: () => boolean;
}

const wholes = new WeakMap<ReadableStream, Whole>();

/** Note that all that `stream` is going to yield is here; `used` says when it is no more. */
export function promiseBytes<S extends ReadableStream>(
  stream: S,
  bytes: Uint8Array,
  used: () => boolean,
): S {
  if (!wholes.has(stream)) wholes.set(stream, { bytes, used });
  return promiseLength(stream, bytes.byteLength);
}

/** All that `stream` would yield, which it then does no more; null unless it is here, unread. */
export function takeBytes(stream: ReadableStream): Uint8Array | null {
  const whole = wholes.get(stream);
  if (!whole || stream.locked || whole.used()) return null;
  wholes.delete(stream);
  stream.cancel();
  return whole.bytes;
}

/** A stream of bytes that are here. */
export function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let used = false;
  const stream: ReadableStream<Uint8Array> = new ReadableStream({
    type: "bytes",
    pull(controller) {
      used = true;
      if (bytes.byteLength) controller.enqueue(bytes.slice()); // which takes its buffer away
      controller.close();
      controller.byobRequest?.respond(0);
    },
  }, { highWaterMark: 0 });
  return promiseBytes(stream, bytes, () => used);
}

/** The bytes of a buffer or of the window that a view shows of one. */
export function bytesOf(value: unknown): Uint8Array | null {
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return null;
}

/** The parameter `position` of `method` is missing or of another type. */
export function misuse(
  method: string,
  owner: string,
  position: number,
  wanted: string,
): TypeError {
  return new TypeError(
    `Failed to execute '${method}' on '${owner}': parameter ${position} is not of type '${wanted}'.`,
  );
}
