/** What a `queue` handler is given (queue-cron-dev.md §1.3). */
import { decode } from "./content.ts";

/** One message after the other; their bodies follow each other in `bodies`. */
export interface BatchPayload {
  queue: string;
  ids: string[];
  timestamps: number[];
  attempts: number[];
  contentTypes: string[];
  sizes: number[];
  bodies: Uint8Array;
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

/** Give `target` fields that are seen by `JSON.stringify` and `console.log`, and stay as they are. */
function own(target: object, fields: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(fields)) {
    Object.defineProperty(target, name, { value, enumerable: true });
  }
}

class Message {
  #settle: Settle;
  #limit: number;
  declare readonly id: string;
  declare readonly timestamp: Date;
  declare readonly body: unknown;
  declare readonly attempts: number;

  constructor(fields: Record<string, unknown>, settle: Settle, limit: number) {
    own(this, fields);
    this.#settle = settle;
    this.#limit = limit;
  }

  /** The message is done, even if the handler fails later. */
  ack(): void {
    this.#settle("ack", this.id);
  }

  /** Deliver this message again, after `delaySeconds` (default: the consumer's). */
  retry(options?: Delayed): void {
    this.#settle("retry", this.id, delayOf(options, this.#limit));
  }
}

/** Bodies are decoded here, before the handler starts. */
export class MessageBatch {
  declare readonly queue: string;
  declare readonly messages: readonly Message[];
  declare readonly metadata: { metrics: unknown };
  #settle: Settle;
  #limit: number;

  constructor(payload: BatchPayload, settle: Settle) {
    const { queue, maxDelay } = payload;
    const messages = [...fieldsOf(payload)].map((each) => new Message(each, settle, maxDelay));
    const metadata = { metrics: metricsOf(payload.metrics) };
    own(this, { queue, messages: Object.freeze(messages), metadata });
    this.#settle = settle;
    this.#limit = maxDelay;
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

/** What each message shows. */
function* fieldsOf({ ids, timestamps, attempts, contentTypes, sizes, bodies }: BatchPayload) {
  let at = 0;
  for (let n = 0; n < ids.length; n++) {
    const body = decode(bodies.subarray(at, at += sizes[n]), contentTypes[n]);
    yield { id: ids[n], timestamp: new Date(timestamps[n]), body, attempts: attempts[n] };
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
