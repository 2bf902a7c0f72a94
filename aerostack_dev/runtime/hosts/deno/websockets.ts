/**
 * `WebSocket` and `WebSocketPair` as the platform has them.
 *
 * A socket is one end of something: its partner, which gets what the end sends, is the
 * other end of a pair, or a connection to another server. An end that is returned in a
 * response hands what its partner sends to the client instead of to listeners.
 */
import { current, type Invocation } from "./invocation.ts";

/** What one side sends and the other side gets. */
export type Item =
  | { kind: "message"; data: string | Uint8Array<ArrayBuffer>; taken?: () => void }
  | { kind: "close"; code: number; reason: string; clean: boolean; over: boolean }
  | { kind: "open"; protocol: string; extensions: string }
  | { kind: "error"; message: string };

/** Whatever gets the items of an end. */
export interface Partner {
  take(item: Item): void;
}

const EVENTS = ["open", "message", "close", "error"] as const;
const LONGEST_REASON = 123;
const NO_CODE = 1005;
const NOT_ACCEPTED = "You must call one of accept() or state.acceptWebSocket() on this " +
  "WebSocket before sending messages.";

const NativeWebSocket = globalThis.WebSocket;
const encoder = new TextEncoder();

const INTERNAL = Symbol("internal");

type Listener = (event: Event) => unknown;

/** A new end without a partner. */
let joined: () => WebSocket;
/** Give an end its partner. */
let join: (end: WebSocket, partner: Partner) => void;
/** Give an end what its partner sends. */
let arrive: (end: WebSocket, item: Item) => void;
/** Throws `TypeError` for an end that cannot be returned in a response any more. */
export let checkUnused: (end: WebSocket) => void;
/** Hand an end to a client; returns what gets the client's items. */
export let release: (end: WebSocket, client: Partner) => Partner;

class WebSocket extends EventTarget {
  static readonly READY_STATE_CONNECTING = 0;
  static readonly READY_STATE_OPEN = 1;
  static readonly READY_STATE_CLOSING = 2;
  static readonly READY_STATE_CLOSED = 3;
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;

  url: string | null = null;
  protocol: string | null = null;
  extensions: string | null = null;
  onopen: Listener | null = null;
  onmessage: Listener | null = null;
  onclose: Listener | null = null;
  onerror: Listener | null = null;
  binaryType: "arraybuffer" | "blob" = "arraybuffer";

  #partner!: Partner;
  #client: Partner | null = null;
  #accepted = false;
  #connecting = false;
  #ended = { incoming: false, outgoing: false, over: false };
  #arrived: Item[] = [];
  #scheduled = false;
  #invocation: Invocation | undefined;
  #attachment: unknown = null;

  constructor(url: string | URL, protocols?: string | string[]) {
    super();
    for (const name of EVENTS) {
      super.addEventListener(name, (event) => this[`on${name}`]?.(event));
    }
    if ((url as unknown) === INTERNAL) return;
    this.#connecting = true;
    this.url = new URL(url).href;
    this.#listen(carry(this, new NativeWebSocket(url, protocols)));
  }

  get readyState(): number {
    if (this.#connecting) return this.CONNECTING;
    const { incoming, outgoing, over } = this.#ended;
    if (over || (incoming && outgoing)) return this.CLOSED;
    return incoming || outgoing ? this.CLOSING : this.OPEN;
  }

  /** Begin to get messages here, in the handler that is running. */
  accept(_options?: { allowHalfOpen?: boolean }): void {
    if (this.#client) {
      throw new TypeError("Can't accept() WebSocket that was already used in a response.");
    }
    if (this.url !== null) {
      throw new TypeError(
        "Websockets obtained from the 'new WebSocket()' constructor cannot call accept",
      );
    }
    if (!this.#accepted) this.#listen(this.#partner);
  }

  send(message: string | ArrayBuffer | ArrayBufferView): void {
    if (arguments.length === 0) {
      throw new TypeError("Failed to execute 'send' on 'WebSocket': 1 argument required.");
    }
    if (this.#connecting) {
      throw new DOMException("The WebSocket is still connecting.", "InvalidStateError");
    }
    if (this.#ended.outgoing) {
      throw new TypeError("Can't call WebSocket send() after close().");
    }
    if (this.#ended.over || this.#client) return;
    if (!this.#accepted) throw new TypeError(NOT_ACCEPTED);
    this.#partner.take({ kind: "message", data: copied(message) });
  }

  close(code?: number, reason?: string): void {
    if (code === undefined && reason !== undefined) {
      throw new TypeError(
        "If you specify a WebSocket close reason, you must also specify a code.",
      );
    }
    if (code !== undefined && !isCode(code)) {
      throw new TypeError(`Invalid WebSocket close code: ${code}.`);
    }
    const why = reason === undefined ? "" : String(reason).toWellFormed();
    if (encoder.encode(why).byteLength > LONGEST_REASON) {
      throw new SyntaxError(
        `WebSocket close reason must not be longer than ${LONGEST_REASON} bytes.`,
      );
    }
    const ended = this.#ended;
    if (ended.outgoing || ended.over || this.#client) return;
    if (!this.#accepted) throw new TypeError(NOT_ACCEPTED);
    ended.outgoing = true;
    const item = { code: code ?? NO_CODE, reason: why, clean: true, over: false };
    this.#partner.take({ kind: "close", ...item });
  }

  /** Keep a value with the socket. */
  serializeAttachment(value: unknown): void {
    this.#attachment = structuredClone(value);
  }

  deserializeAttachment(): unknown {
    return structuredClone(this.#attachment);
  }

  static {
    joined = () => new WebSocket(INTERNAL as never);
    join = (end, partner) => end.#partner = partner;
    arrive = (end, item) => end.#arrive(item);
    checkUnused = (end) => {
      if (end.#client) {
        throw new TypeError("Can't return WebSocket that was already used in a response.");
      }
      if (end.#accepted) {
        throw new TypeError("Can't return WebSocket in a Response after calling accept().");
      }
    };
    release = (end, client) => {
      checkUnused(end);
      end.#client = client;
      for (const item of end.#arrived.splice(0)) client.take(item);
      return end.#partner;
    };
  }

  #listen(partner: Partner): void {
    this.#partner = partner;
    this.#accepted = true;
    this.#invocation = current();
    if (this.#arrived.length) this.#soon();
  }

  /** What comes from the partner, it may be in the midst of the code that sends. */
  #arrive(item: Item): void {
    if (this.#client) {
      this.#client.take(item);
      return;
    }
    this.#arrived.push(item);
    if (this.#accepted) this.#soon();
  }

  #soon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // Not a microtask: two ends that answer each other must let others run.
    setImmediate(() => {
      this.#scheduled = false;
      this.#handle();
    });
  }

  #handle(): void {
    for (const item of this.#arrived.splice(0)) {
      if (this.#invocation) this.#invocation.run(() => this.#happen(item));
      else this.#happen(item);
    }
  }

  #happen(item: Item): void {
    switch (item.kind) {
      case "message":
        if (!this.#ended.incoming) this.dispatchEvent(messageEvent(item.data, this.binaryType));
        item.taken?.();
        break;
      case "close":
        this.#end(item.code, item.reason, item.clean, item.over);
        break;
      case "open":
        this.#connecting = false;
        this.protocol = item.protocol;
        this.extensions = item.extensions;
        this.dispatchEvent(new Event("open"));
        break;
      case "error":
        this.dispatchEvent(new ErrorEvent("error", { message: item.message }));
    }
  }

  #end(code: number, reason: string, wasClean: boolean, over: boolean): void {
    const ended = this.#ended;
    ended.over ||= over;
    this.#connecting = false;
    if (ended.incoming) return;
    ended.incoming = true;
    this.dispatchEvent(new CloseEvent("close", { code, reason, wasClean }));
  }
}

/** Two ends: one to return to the client, one to talk to it. */
class WebSocketPair {
  readonly 0: WebSocket;
  readonly 1: WebSocket;

  constructor() {
    const [one, other] = [joined(), joined()];
    join(one, { take: (item) => arrive(other, item) });
    join(other, { take: (item) => arrive(one, item) });
    this[0] = one;
    this[1] = other;
  }

  /** `const [client, server] = new WebSocketPair()`, beside `Object.values(…)`. */
  *[Symbol.iterator](): Iterator<WebSocket> {
    yield this[0];
    yield this[1];
  }
}

export function isWebSocket(value: unknown): value is WebSocket {
  return value instanceof WebSocket;
}

/** Let what `native` gets arrive at `end`; returns what sends over it. */
function carry(end: WebSocket, native: globalThis.WebSocket): Partner {
  native.binaryType = "arraybuffer";
  native.onopen = () => {
    const { protocol, extensions } = native;
    arrive(end, { kind: "open", protocol, extensions });
  };
  native.onmessage = ({ data }) => {
    const got = typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer);
    arrive(end, { kind: "message", data: got });
  };
  native.onclose = ({ code, reason, wasClean }) =>
    arrive(end, { kind: "close", code: code || 1006, reason, clean: wasClean, over: true });
  native.onerror = (event) => {
    const message = (event as ErrorEvent).message;
    arrive(end, { kind: "error", message });
  };
  return {
    take(item) {
      if (item.kind === "message" && native.readyState === NativeWebSocket.OPEN) {
        native.send(item.data);
        item.taken?.();
      } else if (item.kind === "close") {
        // A browser's API knows only these codes.
        const own = item.code === 1000 || item.code >= 3000;
        if (own) native.close(item.code, item.reason);
        else native.close();
      }
    },
  };
}

/** A connection to another server, for `fetch` with `Upgrade: websocket`. */
export function dial(url: URL, headers: Headers): Promise<WebSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
  const target = new URL(url);
  target.protocol = url.protocol.replace("http", "ws");
  const asked = headers.get("sec-websocket-protocol");
  const kept = [...headers].filter(([name]) =>
    !/^(sec-websocket-.*|upgrade|connection)$/.test(name)
  );
  const protocols = asked ? asked.split(",").map((each) => each.trim()) : [];
  // deno-lint-ignore no-explicit-any
  const native = new NativeWebSocket(target, { headers: kept, protocols } as any);
  const end = joined();
  native.onopen = () => {
    Object.assign(end, { protocol: native.protocol, extensions: native.extensions });
    join(end, carry(end, native));
    resolve(end);
  };
  native.onerror = (event) => {
    const { message } = event as ErrorEvent;
    reject(new Error(`${url.href} did not answer with a WebSocket: ${message}`));
  };
  return promise;
}

function messageEvent(
  data: string | Uint8Array<ArrayBuffer>,
  type: "arraybuffer" | "blob",
): MessageEvent {
  if (typeof data === "string") return new MessageEvent("message", { data });
  const whole = data.byteLength === data.buffer.byteLength ? data.buffer : data.slice().buffer;
  return new MessageEvent("message", { data: type === "blob" ? new Blob([whole]) : whole });
}

function copied(message: unknown): string | Uint8Array<ArrayBuffer> {
  if (message instanceof ArrayBuffer) return new Uint8Array(message.slice());
  if (ArrayBuffer.isView(message)) {
    const { buffer, byteOffset, byteLength } = message;
    return new Uint8Array(buffer, byteOffset, byteLength).slice();
  }
  return String(message).toWellFormed();
}

/** What may stand in a close frame (RFC 6455 §7.4). */
function isCode(code: number): boolean {
  if (!Number.isInteger(code) || code < 1000 || code > 4999) return false;
  return code >= 3000 || (code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006);
}

export { WebSocket, WebSocketPair };
