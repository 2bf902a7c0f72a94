/** One run of a handler: what belongs to it, and its background work. */
import { AsyncLocalStorage } from "node:async_hooks";

const storage = new AsyncLocalStorage<Invocation>();

const ILLEGAL = "Illegal invocation: function called with incorrect `this` reference. See " +
  "https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors " +
  "for details.";

/** The id for what runs outside every handler: the loading of the module. */
export const OUTSIDE = 0;

export class Invocation {
  readonly failures: unknown[] = [];
  private readonly work = new Set<Promise<void>>();

  constructor(
    readonly id: number,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** Whether background work is under way. */
  get busy(): boolean {
    return this.work.size > 0;
  }

  /** Let `promise` go on after the handler has ended. */
  keep(promise: unknown): void {
    const work: Promise<void> = Promise.resolve(promise)
      .then(() => {}, (error) => {
        this.failures.push(error);
        this.failed(error);
      })
      .finally(() => this.work.delete(work));
    this.work.add(work);
  }

  /** Settles when no background work is left. */
  async settled(): Promise<void> {
    while (this.work.size) await Promise.all(this.work);
  }

  run<T>(work: () => T): T {
    return storage.run(this, work);
  }
}

/** The invocation that the running code belongs to. */
export function current(): Invocation | undefined {
  return storage.getStore();
}

/** What a handler is given as `ctx`. */
export class ExecutionContext {
  readonly props: Record<string, unknown> = {};
  #invocation: Invocation;

  constructor(invocation: Invocation) {
    this.#invocation = invocation;
  }

  waitUntil(promise: unknown): void {
    check(this);
    this.#invocation.keep(promise);
  }

  /** Without an origin to pass on to, this changes nothing here. */
  passThroughOnException(): void {
    check(this);
  }

  /** Whether `value` is a context, and not what `this` is in a detached function. */
  static owns(value: unknown): boolean {
    return typeof value === "object" && value !== null && #invocation in value;
  }
}

function check(value: unknown): void {
  if (!ExecutionContext.owns(value)) throw new TypeError(ILLEGAL);
}
