/**
 * The connection to the server: length-prefixed frames, calls both ways at once.
 *
 * A frame is the length of its header and of its body (4 bytes each, big-endian), the
 * header `[kind, id, payload, parts]` as JSON, and the body. Everything that one turn of the
 * event loop produces leaves in one write.
 */
import { Streams } from "./streams.ts";
import { Packing, type Part, place } from "./wire.ts";

const PREFIX = 8;
/** Where in a header the payload is. */
const PAYLOAD = 2;
const READ_BYTES = 128 * 1024;
const BUFFER_BYTES = 64 * 1024;
const KEPT_BYTES = 1024 * 1024;
const MOST_UTF8 = 3;

export interface Frame {
  kind: string;
  id: number;
  payload: unknown;
  body: Uint8Array;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

type Handler = (frame: Frame) => void;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const EMPTY = new Uint8Array();

export class Channel {
  readonly streams = new Streams(this);
  private readonly waiting = new Map<number, Waiting>();
  private readonly handlers = new Map<string, Handler>();
  private outgoing = new Uint8Array(BUFFER_BYTES);
  private spare = new Uint8Array(BUFFER_BYTES);
  private size = 0;
  private writing = false;
  private count = 0;
  private readonly join = (id: number, size: number | null) => this.streams.join(id, size);

  constructor(
    private readonly connection: Deno.Conn,
    private readonly revive: (error: unknown) => Error,
  ) {
    this.on("reply", (frame) => this.taken(frame)?.resolve(frame.payload));
    this.on(
      "fail",
      (frame) => this.taken(frame)?.reject(frame.payload),
    );
    this.streams.listen();
  }

  /** Call `handler` with every frame of this kind. */
  on(kind: string, handler: Handler): void {
    this.handlers.set(kind, handler);
  }

  /** Send a call and wait for its answer; `signal` says that nobody wants it any more. */
  async ask(kind: string, payload: unknown, signal?: AbortSignal): Promise<unknown> {
    const id = ++this.count;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.waiting.set(id, { resolve, reject });
    try {
      this.send(kind, id, payload);
    } catch (error) {
      this.waiting.delete(id);
      throw error;
    }
    const abandon = () => this.post(["abandon", id]);
    signal?.addEventListener("abort", abandon);
    try {
      return await promise;
    } catch (failed) {
      // Made here, so that its stack goes on with whoever awaits this call.
      throw this.revive(failed);
    } finally {
      signal?.removeEventListener("abort", abandon);
    }
  }

  /** Send a frame whose payload may hold bytes and streams. */
  send(kind: string, id: number, payload: unknown): void {
    const packing = new Packing([PAYLOAD], (stream) => this.streams.open(stream));
    const packed = packing.pack(payload);
    const { parts, attachments } = packing;
    if (parts.length) this.post([kind, id, packed, parts], ...attachments);
    else this.post([kind, id, packed]);
  }

  /** Send a frame as it is; its bytes are copied at once. */
  post(header: unknown[], ...body: Uint8Array[]): void {
    const text = JSON.stringify(header);
    let length = 0;
    for (const each of body) length += each.byteLength;
    this.reserve(PREFIX + text.length * MOST_UTF8 + length);
    const { outgoing, size } = this;
    const { written } = encoder.encodeInto(
      text,
      outgoing.subarray(size + PREFIX),
    );
    const view = new DataView(outgoing.buffer);
    view.setUint32(size, written);
    view.setUint32(size + 4, length);
    this.size = size + PREFIX + written;
    for (const each of body) {
      outgoing.set(each, this.size);
      this.size += each.byteLength;
    }
    if (!this.writing) {
      this.writing = true;
      soon(() => this.flush());
    }
  }

  /** Make room for so many bytes more. */
  private reserve(bytes: number): void {
    const needed = this.size + bytes;
    if (needed <= this.outgoing.byteLength) return;
    const larger = new Uint8Array(needed * 2);
    larger.set(this.outgoing.subarray(0, this.size));
    this.outgoing = larger;
  }

  /** Read until the other side closes. */
  async run(): Promise<void> {
    let held = new Uint8Array(READ_BYTES);
    let filled = 0;
    while (true) {
      if (held.byteLength - filled < READ_BYTES / 2) {
        const larger = new Uint8Array(held.byteLength * 2);
        larger.set(held.subarray(0, filled));
        held = larger;
      }
      const count = await this.connection.read(held.subarray(filled));
      if (count === null) return;
      filled += count;
      const used = this.consume(held, filled);
      held.copyWithin(0, used, filled);
      filled -= used;
    }
  }

  /** Handle the whole frames in `data`; returns how many bytes they were. */
  private consume(data: Uint8Array, filled: number): number {
    const view = new DataView(data.buffer);
    let at = 0;
    while (filled - at >= PREFIX) {
      const header = view.getUint32(at);
      const body = view.getUint32(at + 4);
      const start = at + PREFIX;
      const end = start + header + body;
      if (end > filled) break;
      const text = decoder.decode(data.subarray(start, start + header));
      const bytes = body ? data.slice(start + header, end) : EMPTY;
      this.receive(JSON.parse(text), bytes);
      at = end;
    }
    return at;
  }

  private receive(
    header: [kind: string, id: number, payload?: unknown, parts?: Part[]],
    body: Uint8Array,
  ): void {
    if (header[3]) place(header, header[3], body, this.join);
    const [kind, id, payload] = header;
    this.handlers.get(kind)?.({ kind, id, payload, body });
  }

  private taken(frame: Frame): Waiting | undefined {
    const waiting = this.waiting.get(frame.id);
    this.waiting.delete(frame.id);
    return waiting;
  }

  private async flush(): Promise<void> {
    while (this.size) {
      const whole = this.outgoing.subarray(0, this.size);
      this.outgoing = this.spare;
      this.size = 0;
      try {
        for (let sent = 0; sent < whole.byteLength;) {
          sent += await this.connection.write(whole.subarray(sent));
        }
      } catch {
        return; // the server is gone: the end of reading says so
      }
      const kept = whole.byteLength <= KEPT_BYTES;
      this.spare = new Uint8Array(
        kept ? whole.buffer : new ArrayBuffer(BUFFER_BYTES),
      );
    }
    this.writing = false;
  }
}

/** Call back once what is under way in this turn has sent its frames too. */
function soon(callback: () => void): void {
  queueMicrotask(() => queueMicrotask(callback));
}
