/** `Request`, `Response` and their kin with the platform's behaviour. */
import { promiseBytes, takeBytes } from "../../../bindings/face.ts";
import { installForms, readForm } from "./forms.ts";
import { carriedInit, carriedPairs, freeze, installHeaders } from "./headers.ts";
import { requestInit } from "./inits.ts";
import { phraseOf } from "./phrases.ts";
import { checkUnused, isWebSocket, type WebSocket } from "./websockets.ts";

const NULL_BODY = new Set([101, 204, 205, 304]);
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const SWITCHING = 101;
const NO_BODY = "Response with null body status (101, 204, 205, or 304) cannot have a body.";
const encoder = new TextEncoder();
type Listed = [string, string][];
const JSON_TYPE: Listed = [["content-type", "application/json"]];
const TEXT_TYPE: Listed = [["content-type", "text/plain;charset=UTF-8"]];

const NativeRequest = globalThis.Request;
const NativeResponse = globalThis.Response;
export const BODY_USED =
  "Body has already been used. It can only be used once. Use tee() first if you need to read " +
  "it twice.";

const source = Symbol("source");
const whole = Symbol("whole");
const encoded = Symbol("encoded");
const listed = Symbol("listed");

interface PlatformInit extends ResponseInit {
  webSocket?: WebSocket | null;
  encodeBody?: "automatic" | "manual";
}

/** What a response was made of, for as long as it is no stream. */
interface Sourced {
  [source]?: string | Uint8Array;
  /** It was a form, a blob or a buffer: there is no reason to stream it. */
  [whole]?: boolean;
  /** The author has encoded the body as `content-encoding` says. */
  [encoded]?: boolean;
  /** Its headers, for as long as nobody has looked at them: to make and to list costs time. */
  [listed]?: Listed;
}

class Response extends NativeResponse implements Sourced {
  [source]?: string | Uint8Array;
  [whole]?: boolean;
  [encoded]?: boolean;
  [listed]?: Listed;
  #webSocket: WebSocket | null = null;

  static override [Symbol.hasInstance](value: unknown): boolean {
    return this === Response
      ? Function.prototype[Symbol.hasInstance].call(NativeResponse, value)
      : Function.prototype[Symbol.hasInstance].call(this, value);
  }

  static override json(data: unknown, init: ResponseInit = {}): Response {
    const text = `${JSON.stringify(data)}`;
    if (!init.headers) {
      const response = new Response(text, { ...init, headers: JSON_TYPE });
      response[listed] = JSON_TYPE;
      return response;
    }
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
    return freeze(new Response(null, { status, headers: { location } }));
  }

  constructor(body?: BodyInit | null, init?: PlatformInit | null) {
    if (isEmpty(body) && NULL_BODY.has(Number(init?.status))) body = null;
    const webSocket = init ? check(body, init) : null;
    super(body, webSocket ? { headers: carriedInit(init!.headers ?? []) } : carriedResponse(init));
    this.#webSocket = webSocket;
    if (init?.encodeBody === "manual") this[encoded] = true;
    if (typeof body === "string") {
      this[source] = body;
      if (!init?.headers) this[listed] = TEXT_TYPE;
    } else if (body instanceof Uint8Array) this[source] = new Uint8Array(body);
    else if (body && !(body instanceof ReadableStream)) this[whole] = true;
  }

  /** The end for the client, of an answer to `Upgrade: websocket`. */
  get webSocket(): WebSocket | null {
    return this.#webSocket;
  }

  override get status(): number {
    return this.#webSocket ? SWITCHING : super.status;
  }

  override get headers(): Headers {
    this[listed] = undefined;
    return super.headers;
  }

  override get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    const stream = super.body;
    const made = this[source];
    if (!stream || made === undefined) return stream;
    const bytes = typeof made === "string" ? encoder.encode(made) : made;
    return promiseBytes(stream, bytes, () => super.bodyUsed);
  }

  override get statusText(): string {
    return this.#webSocket ? "Switching Protocols" : super.statusText;
  }

  override get ok(): boolean {
    return !this.#webSocket && super.ok;
  }

  override clone(): Response {
    if (this.#webSocket) {
      throw new TypeError("Cannot clone a response to a WebSocket handshake.");
    }
    return super.clone() as Response;
  }
}

export type { Response as PlatformResponse };

/** `init` for the web's own class, with headers that it can hold. */
function carriedResponse(init?: PlatformInit | null): ResponseInit | undefined {
  if (!init?.headers) return init ?? undefined;
  const headers = carriedInit(init.headers);
  if (headers === init.headers) return init;
  return { status: init.status, statusText: init.statusText, headers };
}

function isEmpty(body?: BodyInit | null): boolean {
  return body === "" || (ArrayBuffer.isView(body) && !body.byteLength) ||
    (body instanceof ArrayBuffer && !body.byteLength) || (body instanceof Blob && !body.size);
}

/** Returns the WebSocket of a response that is made like this. Throws what it must not be. */
function check(body: unknown, init: PlatformInit): WebSocket | null {
  const { status = 200, webSocket = null, encodeBody } = init;
  if (encodeBody !== undefined && encodeBody !== "automatic" && encodeBody !== "manual") {
    throw new TypeError(`encodeBody: unexpected value: ${encodeBody}`);
  }
  if (webSocket !== null) {
    if (!isWebSocket(webSocket)) {
      throw new TypeError("The webSocket of a Response must be one of a WebSocketPair.");
    }
    if (status !== SWITCHING) {
      throw new RangeError("Responses with a WebSocket must have status code 101.");
    }
    if (body !== null && body !== undefined) throw new TypeError(NO_BODY);
    checkUnused(webSocket);
    return webSocket;
  }
  if (status < 200 || status > 599) {
    throw new RangeError(
      "Responses may only be constructed with status codes in the range 200 to 599, inclusive.",
    );
  }
  if (body !== null && body !== undefined && NULL_BODY.has(status)) {
    throw new TypeError(NO_BODY);
  }
  return null;
}

/** The headers of a response to send. */
export function headersOf(response: globalThis.Response): Listed {
  return (response as Sourced)[listed] ?? carriedPairs(response.headers);
}

/** The body of a response to send: bytes at once, a stream, or nothing. */
export function bodyOf(
  response: globalThis.Response,
): Uint8Array | ReadableStream<Uint8Array> | Promise<Uint8Array> | null {
  const made = response as Sourced;
  const coding = made[encoded] || made[listed] ? null : codingOf(response);
  if (coding && response.body) {
    return response.body.pipeThrough(new CompressionStream(coding) as Through);
  }
  const known = made[source];
  if (known !== undefined) {
    return typeof known === "string" ? encoder.encode(known) : known;
  }
  if (!made[whole]) return response.body && (takeBytes(response.body) ?? response.body);
  return response.arrayBuffer().then((buffer) => new Uint8Array(buffer));
}

type Through = ReadableWritablePair<Uint8Array, Uint8Array<ArrayBuffer>>;

const CODINGS: Record<string, CompressionFormat> = {
  gzip: "gzip",
  br: "brotli" as CompressionFormat,
};

/**
 * How the platform encodes the body by itself: what its headers declare it to be. Of a
 * response of `fetch` too, whose body Deno has decoded and whose headers it has left.
 */
function codingOf(response: globalThis.Response): CompressionFormat | null {
  const declared = response.headers.get("content-encoding");
  return declared === null ? null : CODINGS[declared.trim().toLowerCase()] ?? null;
}

class Request extends NativeRequest {
  declare readonly cf?: unknown;
  #bytes: Uint8Array | null = null;

  static override [Symbol.hasInstance](value: unknown): boolean {
    return this === Request
      ? Function.prototype[Symbol.hasInstance].call(NativeRequest, value)
      : Function.prototype[Symbol.hasInstance].call(this, value);
  }

  constructor(
    input: RequestInfo | URL,
    init?: RequestInit & { cf?: unknown },
  ) {
    super(input, requestInit(input, init));
    const body = init?.body;
    if (typeof body === "string") this.#bytes = encoder.encode(body);
    else if (body instanceof Uint8Array) this.#bytes = new Uint8Array(body);
    const inherited = input instanceof NativeRequest ? (input as Request).cf : undefined;
    const cf = init?.cf ?? inherited;
    if (cf !== undefined) Object.defineProperty(this, "cf", { value: cf, enumerable: true });
  }

  override get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    const stream = super.body;
    if (!stream || !this.#bytes) return stream;
    return promiseBytes(stream, this.#bytes, () => super.bodyUsed);
  }

  override clone(): Request {
    const twin = super.clone();
    const { cf } = this;
    if (cf !== undefined) Object.defineProperty(twin, "cf", { value: cf, enumerable: true });
    return twin as Request;
  }
}

/** What the edge says of a request: a fixed place, and how it was asked. */
export type Edge = Record<string, unknown>;

/** A request as it came in: its headers cannot be changed. */
export class Incoming extends NativeRequest {
  #edge: Edge;
  #protocol: string;
  #cf: Edge | undefined;
  #bytes: Uint8Array | null;

  constructor(url: string, init: RequestInit, edge: Edge, protocol: string) {
    super(url, init);
    this.#bytes = init.body instanceof Uint8Array ? init.body : null;
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

  override get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    const stream = super.body;
    if (!stream || !this.#bytes) return stream;
    return promiseBytes(stream, this.#bytes, () => super.bodyUsed);
  }

  override get headers(): Headers {
    return freeze({ headers: super.headers }).headers;
  }

  override clone(): Request {
    const twin = super.clone();
    Object.defineProperty(twin, "cf", { value: this.cf, enumerable: true });
    return freeze(twin) as Request;
  }
}
// Its name and instances are those of `Request`.
Object.defineProperty(Incoming, "name", { value: "Request" });

/** A status that came without words has its own. */
function namePhrases(): void {
  const { get } = Object.getOwnPropertyDescriptor(NativeResponse.prototype, "statusText")!;
  Object.defineProperty(NativeResponse.prototype, "statusText", {
    configurable: true,
    enumerable: true,
    get(this: Response): string {
      return get!.call(this) || phraseOf(this.status);
    },
  });
}

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
          if (name === "formData") return readForm(this as Request, read as Request["formData"]);
          return read.call(this);
        },
      });
    }
  }
}

/** Put the platform's classes in place of those of the web. */
export function installWeb(): void {
  Object.assign(globalThis, { Request, Response });
  installHeaders();
  installForms();
  guardBodies();
  namePhrases();
}
