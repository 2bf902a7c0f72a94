/** The WebSockets of clients: what comes and goes as frames of the channel, with credit. */
import type { Channel, Frame } from "./channel.ts";
import { type Item, type Partner, release, type WebSocket } from "./websockets.ts";

const WINDOW = 256 * 1024;
const GONE = "WebSocket disconnected without sending Close frame.";
const ABNORMAL = 1006;

/** A client's connection, as the partner of the end that was returned for it. */
class Connection implements Partner {
  private readonly ending = Promise.withResolvers<void>();
  private readonly waiting: Item[] = [];
  /** The sizes of the messages that the client has not taken yet. */
  private readonly sent: number[] = [];
  private inward!: Partner;
  private underWay = 0;
  private over = false;

  constructor(private readonly channel: Channel, private readonly id: number) {}

  /** Settles when the client is gone. */
  get ended(): Promise<void> {
    return this.ending.promise;
  }

  join(inward: Partner): void {
    this.inward = inward;
  }

  /** What the author sends: at once, or when the client has taken what is under way. */
  take(item: Item): void {
    if (this.over) return;
    this.waiting.push(item);
    this.pump();
  }

  taken(): void {
    this.underWay -= this.sent.shift() ?? 0;
    this.pump();
  }

  arrived(data: string | Uint8Array<ArrayBuffer>): void {
    const taken = () => this.channel.post(["taken", this.id]);
    this.inward.take({ kind: "message", data, taken });
  }

  end(code: number, reason: string): void {
    if (this.over) return;
    this.over = true;
    const clean = code !== ABNORMAL;
    const why = clean ? reason : reason || GONE;
    this.inward.take({ kind: "close", code, reason: why, clean, over: true });
    // Its listeners run in a later turn, and may begin work of their own.
    setImmediate(() => setImmediate(() => this.ending.resolve()));
  }

  private pump(): void {
    while (this.waiting.length && this.underWay < WINDOW && !this.over) {
      const item = this.waiting.shift()!;
      if (item.kind === "message") {
        this.underWay += item.data.length;
        this.sent.push(item.data.length);
        this.channel.send("message", this.id, item.data);
        item.taken?.();
      } else if (item.kind === "close") {
        this.channel.post(["close", this.id, [item.code, item.reason]]);
      }
    }
  }
}

/** The open connections of clients, by their invocations. */
export class Connections {
  private readonly open = new Map<number, Connection>();

  constructor(private readonly channel: Channel) {}

  listen(): void {
    this.channel.on(
      "message",
      ({ id, payload }: Frame) => this.open.get(id)?.arrived(payload as string),
    );
    this.channel.on("taken", ({ id }) => this.open.get(id)?.taken());
    this.channel.on("close", ({ id, payload }) => {
      const [code, reason] = payload as [number, string];
      this.open.get(id)?.end(code, reason);
    });
  }

  /** Join `end` to the client of the invocation `id`; settles when the client is gone. */
  async join(id: number, end: WebSocket): Promise<void> {
    const connection = new Connection(this.channel, id);
    this.open.set(id, connection);
    connection.join(release(end, connection));
    await connection.ended;
    this.open.delete(id);
  }
}
