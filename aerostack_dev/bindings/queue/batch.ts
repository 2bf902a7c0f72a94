/** What a `queue` handler is given (queue-cron-dev.md §1.3). */
import { decode } from "./content.ts";

export interface BatchPayload {
  queue: string;
  messages: {
    id: string;
    timestamp: number;
    attempts: number;
    contentType: string;
    body: Uint8Array;
  }[];
  metrics: Metrics;
  maxDelay: number;
}

/** A backlog; the time in ms since the epoch. */
export interface Metrics {
  backlogCount: number;
  backlogBytes: number;
  oldestMessageTimestamp?: number;
}

type Settle = (verb: string, id?: string, delay?: number | null) => void;

interface Delayed {
  delaySeconds?: unknown;
}

/** A backlog as authors see it. */
export function metricsOf(metrics: Metrics) {
  const { oldestMessageTimestamp: oldest, ...counts } = metrics;
  return oldest === undefined ? counts : { ...counts, oldestMessageTimestamp: new Date(oldest) };
}

class Message {
  #settle: Settle;
  #limit: number;
  readonly #id: string;
  readonly #timestamp: Date;
  readonly #body: unknown;
  readonly #attempts: number;

  constructor(
    { id, timestamp, attempts, contentType, body }: BatchPayload["messages"][number],
    settle: Settle,
    limit: number,
  ) {
    this.#id = id;
    this.#timestamp = new Date(timestamp);
    this.#body = decode(body, contentType);
    this.#attempts = attempts;
    this.#settle = settle;
    this.#limit = limit;
  }

  get id(): string {
    return this.#id;
  }

  get timestamp(): Date {
    return this.#timestamp;
  }

  get body(): unknown {
    return this.#body;
  }

  get attempts(): number {
    return this.#attempts;
  }

  /** The message is done, even if the handler fails later. */
  ack(): void {
    this.#settle("ack", this.#id);
  }

  /** Deliver this message again, after `delaySeconds` (default: the consumer's). */
  retry(options?: Delayed): void {
    this.#settle("retry", this.#id, delayOf(options, this.#limit));
  }
}

/** Bodies are decoded here, before the handler starts. */
export class MessageBatch {
  readonly #queue: string;
  readonly #messages: readonly Message[];
  readonly #metadata: { metrics: unknown };
  #settle: Settle;
  #limit: number;

  constructor(payload: BatchPayload, settle: Settle) {
    this.#queue = payload.queue;
    this.#messages = Object.freeze(
      payload.messages.map((each) => new Message(each, settle, payload.maxDelay)),
    );
    this.#metadata = { metrics: metricsOf(payload.metrics) };
    this.#settle = settle;
    this.#limit = payload.maxDelay;
  }

  get queue(): string {
    return this.#queue;
  }

  get messages(): readonly Message[] {
    return this.#messages;
  }

  get metadata(): { metrics: unknown } {
    return this.#metadata;
  }

  /** Every message without a decision of its own is done. */
  ackAll(): void {
    this.#settle("ackAll");
  }

  /** Deliver every message that is not acked again, after `delaySeconds`. */
  retryAll(options?: Delayed): void {
    this.#settle("retryAll", undefined, delayOf(options, this.#limit));
  }
}

function delayOf(options: Delayed | undefined, limit: number): number | null {
  const given = options?.delaySeconds;
  if (given === undefined || given === null) return null;
  const delay = Math.trunc(Number(given)) || 0;
  if (delay < 0 || delay > limit) {
    throw new RangeError(
      `delaySeconds must be between 0 and ${limit}, not ${delay}`,
    );
  }
  return delay;
}
