/** What the platform has beyond the web: streams, digests, comparing, waiting. */
import type { Hash } from "node:crypto";
import process from "node:process";
import { bytesOf, misuse, promiseLength } from "../../../bindings/face.ts";
import { fetchWithSockets } from "./outgoing.ts";
import { WebSocket, WebSocketPair } from "./websockets.ts";

/** The bytes of what was written to a stream of bytes. */
function written(chunk: unknown): Uint8Array {
  const bytes = typeof chunk === "string" ? encoder.encode(chunk) : bytesOf(chunk);
  if (bytes) return bytes;
  throw new TypeError(
    "This TransformStream is being used as a byte stream, but received an object of " +
      "non-ArrayBuffer/ArrayBufferView type on its writable side.",
  );
}

class IdentityTransformStream extends TransformStream<unknown, Uint8Array> {
  constructor() {
    super({ transform: (chunk, controller) => controller.enqueue(written(chunk)) });
  }
}

/** Passes on exactly so many bytes. */
class FixedLengthStream extends TransformStream<unknown, Uint8Array> {
  constructor(length: number | bigint) {
    const size = Number(length);
    if (!Number.isInteger(size) || size < 0) {
      throw new TypeError("FixedLengthStream requires an integer expectedLength.");
    }
    let left = size;
    super({
      transform(chunk, controller) {
        const bytes = written(chunk);
        left -= bytes.byteLength;
        if (left < 0) {
          throw new TypeError(
            "Attempt to write too many bytes through a FixedLengthStream.",
          );
        }
        controller.enqueue(bytes);
      },
      flush() {
        if (left) {
          throw new TypeError(
            "FixedLengthStream did not see all expected bytes before close().",
          );
        }
      },
    });
    promiseLength(this.readable, size);
  }
}

function timingSafeEqual(
  left: ArrayBuffer | ArrayBufferView,
  right: ArrayBuffer | ArrayBufferView,
): boolean {
  const [a, b] = [left, right].map((each, at) => {
    const bytes = bytesOf(each);
    if (!bytes) throw misuse("timingSafeEqual", "SubtleCrypto", at + 1, "JsBufferSource");
    return bytes;
  });
  if (a.byteLength !== b.byteLength) {
    throw new TypeError("Input buffers must have the same byte length.");
  }
  let different = 0;
  for (let at = 0; at < a.byteLength; at++) different |= a[at] ^ b[at];
  return different === 0;
}

const scheduler = {
  wait: (milliseconds: number, options: { signal?: AbortSignal } = {}) =>
    new Promise<void>((resolve, reject) => {
      options.signal?.throwIfAborted();
      const timer = setTimeout(resolve, milliseconds);
      options.signal?.addEventListener("abort", () => {
        clearTimeout(timer);
        reject(options.signal!.reason);
      });
    }),
};

/** `crypto.subtle.digest` that knows MD5 too. */
function digestWithMd5(native: SubtleCrypto["digest"]): SubtleCrypto["digest"] {
  return async function digest(this: SubtleCrypto, algorithm, data) {
    const name = typeof algorithm === "string" ? algorithm : algorithm?.name;
    const bytes = bytesOf(data);
    if (!bytes || String(name).toUpperCase() !== "MD5") {
      return await native.call(this, algorithm, data);
    }
    const { createHash } = process.getBuiltinModule("node:crypto");
    return new Uint8Array(createHash("md5").update(bytes).digest()).buffer;
  };
}

/** What aborts without a reason has the platform's words for one. */
function nameAborts(): void {
  const reason = () => new DOMException("The operation was aborted", "AbortError");
  const { abort } = AbortController.prototype;
  const aborted = AbortSignal.abort;
  Object.assign(AbortController.prototype, {
    abort(this: AbortController, given: unknown = reason()) {
      abort.call(this, given);
    },
  });
  Object.assign(AbortSignal, { abort: (given: unknown = reason()) => aborted(given) });
}

/** Globals of Deno that the platform lacks: some wait for a keyboard, some write files. */
const FOREIGN = [
  "alert",
  "close",
  "closed",
  "confirm",
  "localStorage",
  "name",
  "prompt",
  "sessionStorage",
  "Storage",
  "Worker",
];

const HASHES: Record<string, string> = {
  "MD5": "md5",
  "SHA-1": "sha1",
  "SHA-256": "sha256",
  "SHA-384": "sha384",
  "SHA-512": "sha512",
};
const encoder = new TextEncoder();

/** Hashes what is written to it: `digest` settles once it is closed. */
class DigestStream extends WritableStream<BufferSource | string> {
  readonly digest: Promise<ArrayBuffer>;
  #written: { bytes: number };

  constructor(algorithm: string | { name: string }) {
    const name = typeof algorithm === "string" ? algorithm : algorithm?.name;
    const known = HASHES[String(name).toUpperCase()];
    if (!known) {
      throw new DOMException(
        `Unrecognized or unimplemented digest algorithm requested: ${name}`,
        "NotSupportedError",
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<ArrayBuffer>();
    promise.catch(() => {}); // the writer hears of it too
    const written = { bytes: 0 };
    // Loaded by its first use: it takes as long as all that a start loads.
    const { createHash } = process.getBuiltinModule("node:crypto");
    super(digesting(createHash(known), written, resolve, reject));
    this.digest = promise;
    this.#written = written;
  }

  get bytesWritten(): number {
    return this.#written.bytes;
  }
}

function digesting(
  hash: Hash,
  written: { bytes: number },
  resolve: (digest: ArrayBuffer) => void,
  reject: (error: unknown) => void,
): UnderlyingSink<BufferSource | string> {
  return {
    write(chunk) {
      const bytes = typeof chunk === "string" ? encoder.encode(chunk) : bytesOf(chunk);
      if (!bytes) {
        const error = new TypeError(
          "DigestStream is a byte stream but received an object of non-ArrayBuffer/" +
            "ArrayBufferView/string type on its writable side.",
        );
        reject(error);
        throw error;
      }
      written.bytes += bytes.byteLength;
      hash.update(bytes);
    },
    close: () => resolve(new Uint8Array(hash.digest()).buffer),
    abort: reject,
  };
}

/** Put what the platform has beside the classes of the web. */
export function installExtras(): void {
  const define = (target: object, members: Record<string, unknown>) => {
    for (const [name, value] of Object.entries(members)) {
      Object.defineProperty(target, name, { value, configurable: true, writable: true });
    }
  };
  define(globalThis, {
    IdentityTransformStream,
    FixedLengthStream,
    WebSocket,
    WebSocketPair,
    scheduler,
    fetch: fetchWithSockets(globalThis.fetch),
  });
  define(crypto.subtle, { timingSafeEqual, digest: digestWithMd5(crypto.subtle.digest) });
  nameAborts();
  for (const name of FOREIGN) Reflect.deleteProperty(globalThis, name);
  define(crypto, { DigestStream });
  Object.defineProperty(navigator, "userAgent", {
    value: "Cloudflare-Workers",
    configurable: true,
  });
}
