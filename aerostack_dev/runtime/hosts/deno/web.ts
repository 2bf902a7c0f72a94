/** `Request`, `Response` and their kin with the platform's behaviour. */
import { promiseLength } from "../../../bindings/face.ts";

const NULL_BODY = new Set([101, 204, 205, 304]);
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const WEBSOCKETS = "WebSockets are not available in TypeScript functions yet";
const encoder = new TextEncoder();
const JSON_TYPE: [string, string][] = [["content-type", "application/json"]];

const NativeRequest = globalThis.Request;
const NativeResponse = globalThis.Response;
export const BODY_USED =
  "Body has already been used. It can only be used once. Use tee() first if you need to read " +
  "it twice.";

const source = Symbol("source");
const whole = Symbol("whole");

interface PlatformInit extends ResponseInit {
  webSocket?: unknown;
}

/** What a response was made of, for as long as it is no stream. */
interface Sourced {
  [source]?: string | Uint8Array;
  /** It was a form, a blob or a buffer: there is no reason to stream it. */
  [whole]?: boolean;
}

class Response extends NativeResponse implements Sourced {
  [source]?: string | Uint8Array;
  [whole]?: boolean;

  static override [Symbol.hasInstance](value: unknown): boolean {
    return this === Response
      ? Function.prototype[Symbol.hasInstance].call(NativeResponse, value)
      : Function.prototype[Symbol.hasInstance].call(this, value);
  }

  static override json(data: unknown, init: ResponseInit = {}): Response {
    const text = JSON.stringify(data);
    if (text === undefined) {
      throw new TypeError("The data is not JSON serializable");
    }
    if (!init.headers) return new Response(text, { ...init, headers: JSON_TYPE });
    const headers = new Headers(init.headers);
    if (!headers.has("content-type")) {
      headers.set("content-type", "application/json");
    }
    return new Response(text, { ...init, headers });
  }

  static override redirect(url: string | URL, status = 302): Response {
    if (!URL.canParse(String(url))) {
      throw new TypeError(`Unable to parse URL: ${url}`);
    }
    if (!REDIRECTS.has(status)) {
      throw new RangeError(
        `${status} is not a redirect status code. It must be one of: ` +
          "301, 302, 303, 307, or 308.",
      );
    }
    const location = new URL(url).href;
    return new Response(null, { status, headers: { location } });
  }

  constructor(body?: BodyInit | null, init?: PlatformInit | null) {
    if (init) check(body, init);
    super(body, init ?? undefined);
    if (typeof body === "string") this[source] = body;
    else if (body instanceof Uint8Array) this[source] = new Uint8Array(body);
    else if (body && !(body instanceof ReadableStream)) this[whole] = true;
  }
}

function check(body: unknown, { status = 200, webSocket }: PlatformInit): void {
  if (webSocket) throw new Error(WEBSOCKETS);
  if (status < 200 || status > 599) {
    throw new RangeError(
      "Responses may only be constructed with status codes in the range 200 to 599, inclusive.",
    );
  }
  if (body !== null && body !== undefined && NULL_BODY.has(status)) {
    throw new TypeError(
      "Response with null body status (101, 204, 205, or 304) cannot have a body.",
    );
  }
}

/** The body of a response to send: bytes at once, a stream, or nothing. */
export function bodyOf(
  response: globalThis.Response,
): Uint8Array | ReadableStream<Uint8Array> | Promise<Uint8Array> | null {
  const made = response as Sourced;
  const known = made[source];
  if (known !== undefined) {
    return typeof known === "string" ? encoder.encode(known) : known;
  }
  if (!made[whole]) return response.body;
  return response.arrayBuffer().then((buffer) => new Uint8Array(buffer));
}

class Request extends NativeRequest {
  readonly cf?: unknown;

  static override [Symbol.hasInstance](value: unknown): boolean {
    return this === Request
      ? Function.prototype[Symbol.hasInstance].call(NativeRequest, value)
      : Function.prototype[Symbol.hasInstance].call(this, value);
  }

  constructor(
    input: RequestInfo | URL,
    init?: RequestInit & { cf?: unknown },
  ) {
    super(input, init);
    const inherited = input instanceof NativeRequest ? (input as Request).cf : undefined;
    const cf = init?.cf ?? inherited;
    if (cf !== undefined) this.cf = cf;
  }
}

const immutable = new WeakSet<Headers>();

/** What the edge says of a request: a fixed place, and how it was asked. */
export type Edge = Record<string, unknown>;

/** A request as it came in: its headers cannot be changed. */
export class Incoming extends NativeRequest {
  #edge: Edge;
  #protocol: string;
  #cf: Edge | undefined;

  constructor(url: string, init: RequestInit, edge: Edge, protocol: string) {
    super(url, init);
    this.#edge = edge;
    this.#protocol = protocol;
  }

  get cf(): Edge {
    return this.#cf ??= {
      ...this.#edge,
      httpProtocol: this.#protocol,
      clientAcceptEncoding: this.headers.get("accept-encoding") ?? "",
    };
  }

  override get headers(): Headers {
    const headers = super.headers;
    immutable.add(headers);
    return headers;
  }

  override clone(): Request {
    const twin = super.clone();
    Object.defineProperty(twin, "cf", { value: this.cf, enumerable: true });
    immutable.add(twin.headers);
    return twin as Request;
  }
}
// Its name and instances are those of `Request`.
Object.defineProperty(Incoming, "name", { value: "Request" });

/** A body that was read says so in the platform's words. */
function guardBodies(): void {
  for (const { prototype } of [NativeRequest, NativeResponse]) {
    for (const name of ["arrayBuffer", "blob", "bytes", "formData", "json", "text"] as const) {
      const read = prototype[name] as () => Promise<unknown>;
      Object.defineProperty(prototype, name, {
        configurable: true,
        writable: true,
        value(this: Body): Promise<unknown> {
          if (this.bodyUsed) return Promise.reject(new TypeError(BODY_USED));
          return read.call(this);
        },
      });
    }
  }
}

function protectHeaders(): void {
  for (const name of ["append", "delete", "set"] as const) {
    const change = Headers.prototype[name] as (
      ...args: unknown[]
    ) => void;
    Object.defineProperty(Headers.prototype, name, {
      configurable: true,
      writable: true,
      value(this: Headers, ...args: unknown[]) {
        if (immutable.has(this)) {
          throw new TypeError("Can't modify immutable headers.");
        }
        return change.apply(this, args);
      },
    });
  }
}

class IdentityTransformStream extends TransformStream {
  constructor() {
    super();
  }
}

/** Passes on exactly so many bytes. */
class FixedLengthStream extends TransformStream<Uint8Array, Uint8Array> {
  constructor(length: number | bigint) {
    const size = Number(length);
    if (!Number.isInteger(size) || size < 0) {
      throw new TypeError("FixedLengthStream requires an integer expectedLength.");
    }
    let left = size;
    super({
      transform(chunk, controller) {
        left -= chunk.byteLength;
        if (left < 0) {
          throw new TypeError(
            "Attempt to write too many bytes through a FixedLengthStream.",
          );
        }
        controller.enqueue(chunk);
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
  const [a, b] = [left, right].map((each) =>
    ArrayBuffer.isView(each)
      ? new Uint8Array(each.buffer, each.byteOffset, each.byteLength)
      : new Uint8Array(each)
  );
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

function absent(name: string): unknown {
  return class {
    constructor() {
      throw new Error(`${name} is not available in TypeScript functions yet`);
    }
  };
}

/** Put the platform's classes in place of, or beside, those of the web. */
export function installWeb(): void {
  const define = (name: string, value: unknown) =>
    Object.defineProperty(globalThis, name, {
      value,
      configurable: true,
      writable: true,
    });
  Object.assign(globalThis, { Request, Response });
  protectHeaders();
  guardBodies();
  define("IdentityTransformStream", IdentityTransformStream);
  define("FixedLengthStream", FixedLengthStream);
  define("scheduler", scheduler);
  for (const name of ["WebSocketPair", "HTMLRewriter", "WebSocketRequestResponsePair"]) {
    define(name, absent(name));
  }
  Object.defineProperty(crypto.subtle, "timingSafeEqual", {
    value: timingSafeEqual,
  });
  Object.defineProperty(crypto, "DigestStream", {
    value: absent("crypto.DigestStream"),
  });
  Object.defineProperty(navigator, "userAgent", {
    value: "Cloudflare-Workers",
    configurable: true,
  });
  define("caches", {
    get default() {
      throw new Error("caches is not available in TypeScript functions yet");
    },
    open() {
      throw new Error("caches is not available in TypeScript functions yet");
    },
  });
}
