/** Bodies in pieces, both ways, with credit: a slow reader slows the writer down. */
import { bytesOf, promiseLength } from "../../../bindings/face.ts";
import type { Channel, Frame } from "./channel.ts";
import { describe, revive } from "./errors.ts";

const WINDOW = 256 * 1024;
const PIECE = 64 * 1024;
const encoder = new TextEncoder();

/** A stream that is being sent. */
class Outlet {
  private credit = WINDOW;
  private granted: (() => void) | null = null;
  private readonly reader: ReadableStreamDefaultReader<unknown>;
  private cancelled = false;

  constructor(
    private readonly channel: Channel,
    private readonly id: number,
    stream: ReadableStream<unknown>,
  ) {
    this.reader = stream.getReader();
  }

  async pump(): Promise<void> {
    let failure: unknown = null;
    try {
      while (!this.cancelled) {
        const { done, value } = await this.reader.read();
        if (done) break;
        await this.pieces(binary(value));
      }
    } catch (error) {
      failure = describe(error);
      this.reader.cancel(error).catch(() => {});
    }
    if (!this.cancelled) this.channel.post(["end", this.id, failure]);
  }

  grant(bytes: number): void {
    this.credit += bytes;
    this.granted?.();
  }

  cancel(): void {
    this.cancelled = true;
    this.granted?.();
    this.reader.cancel(new Error("The client disconnected.")).catch(() => {});
  }

  private async pieces(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.byteLength && !this.cancelled;) {
      while (this.credit <= 0 && !this.cancelled) {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.granted = resolve;
        await promise;
      }
      const piece = bytes.subarray(at, at += PIECE);
      this.credit -= piece.byteLength;
      if (!this.cancelled) this.channel.post(["chunk", this.id], piece);
    }
  }
}

export class Streams {
  private readonly outlets = new Map<number, Outlet>();
  private readonly inlets = new Map<
    number,
    ReadableStreamDefaultController<Uint8Array>
  >();
  private count = 0;
  private readonly endings = new Map<ReadableStream, Promise<void>>();

  constructor(private readonly channel: Channel) {}

  /** Begin to send `stream`; returns its id. */
  open(stream: ReadableStream<unknown>): number {
    const id = ++this.count;
    const outlet = new Outlet(this.channel, id, stream);
    this.outlets.set(id, outlet);
    const ending = outlet.pump().finally(() => this.outlets.delete(id));
    this.endings.set(stream, ending);
    ending.finally(() => this.endings.delete(stream));
    return id;
  }

  /** Settles when `stream` has been sent, or nobody wants it any more. */
  sent(stream: ReadableStream): Promise<void> {
    return this.endings.get(stream) ?? Promise.resolve();
  }

  /** The stream that the server sends under `id`. */
  join(id: number, size: number | null): ReadableStream<Uint8Array> {
    const { channel, inlets } = this;
    let taken = 0;
    const stream = new ReadableStream<Uint8Array>({
      type: "bytes",
      start(controller) {
        inlets.set(id, controller as never);
      },
      pull() {
        // Whatever waited has been read: that much more may come.
        if (taken) channel.post(["credit", id, taken]);
        taken = 0;
      },
      cancel() {
        inlets.delete(id);
        channel.post(["cancel", id]);
      },
    }, { highWaterMark: 0 });
    this.counts.set(id, (bytes) => taken += bytes);
    return size === null ? stream : promiseLength(stream, size);
  }

  private readonly counts = new Map<number, (bytes: number) => void>();

  listen(): void {
    this.channel.on("chunk", (frame) => this.chunk(frame));
    this.channel.on("end", (frame) => this.end(frame));
    this.channel.on(
      "credit",
      ({ id, payload }) => this.outlets.get(id)?.grant(payload as number),
    );
    this.channel.on("cancel", ({ id }) => this.outlets.get(id)?.cancel());
  }

  private chunk({ id, body }: Frame): void {
    const controller = this.inlets.get(id);
    if (!controller) return;
    this.counts.get(id)?.(body.byteLength);
    controller.enqueue(body);
  }

  private end({ id, payload }: Frame): void {
    const controller = this.inlets.get(id);
    this.inlets.delete(id);
    this.counts.delete(id);
    if (!controller) return;
    if (payload) {
      controller.error(revive(payload));
      return;
    }
    controller.close();
    // A reader that brought its own buffer waits for a last, empty answer.
    (controller as unknown as ReadableByteStreamController).byobRequest
      ?.respond(0);
  }
}

function binary(value: unknown): Uint8Array {
  const bytes = typeof value === "string" ? encoder.encode(value) : bytesOf(value);
  if (bytes) return bytes;
  throw new TypeError(
    "This TransformStream is being used as a byte stream, but received an object of " +
      "non-ArrayBuffer/ArrayBufferView/string type on its writable side.",
  );
}
