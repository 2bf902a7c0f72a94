/** Two ends of a connection in memory, and channels over them. */
import { Channel } from "../../../../../aerostack_dev/runtime/hosts/deno/channel.ts";
import { revive } from "../../../../../aerostack_dev/runtime/hosts/deno/errors.ts";

/** One end: what is written to it is read at the other. `piece`: bytes that a read gives at most. */
export class End {
  readonly writes: number[] = [];
  peer!: End;
  private held = new Uint8Array();
  private closed = false;
  private woken = Promise.withResolvers<void>();

  constructor(private readonly piece: number) {}

  async read(into: Uint8Array): Promise<number | null> {
    while (!this.held.length) {
      if (this.closed) return null;
      await this.woken.promise;
    }
    const count = Math.min(into.length, this.held.length, this.piece);
    into.set(this.held.subarray(0, count));
    this.held = this.held.slice(count);
    return count;
  }

  write(bytes: Uint8Array): Promise<number> {
    this.writes.push(bytes.length);
    const { peer } = this;
    const both = new Uint8Array(peer.held.length + bytes.length);
    both.set(peer.held);
    both.set(bytes, peer.held.length);
    peer.held = both;
    peer.wake();
    return Promise.resolve(bytes.length);
  }

  close(): void {
    for (const end of [this, this.peer]) {
      end.closed = true;
      end.wake();
    }
  }

  private wake(): void {
    this.woken.resolve();
    this.woken = Promise.withResolvers<void>();
  }
}

export interface Pair extends Disposable {
  one: Channel;
  other: Channel;
  ends: [End, End];
}

/** Two connected channels that run until the end of the block. */
export function connected(piece = Infinity): Pair {
  const ends: [End, End] = [new End(piece), new End(piece)];
  [ends[0].peer, ends[1].peer] = [ends[1], ends[0]];
  const [one, other] = ends.map((end) => new Channel(end as unknown as Deno.Conn, revive));
  one.run();
  other.run();
  return { one, other, ends, [Symbol.dispose]: () => ends[0].close() };
}

/** Let everything happen that waits for nothing but its turn. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}
