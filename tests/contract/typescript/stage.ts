// deno-lint-ignore-file no-explicit-any
/** What a case of the contract is given beside `env`, and what runs it. */

/** One line of the specification, or several: `"1.13.5, 1.13.6 what it says"`. */
export type Case = (env: any, stage: Stage) => unknown;
export type Cases = Record<string, Case>;

/** A run of a handler that came about while time went on. */
export interface Run {
  name: string;
  outcome: string;
  /** Seconds since the case began. */
  at: number;
  detail: any;
}

/** A batch that was delivered. */
export interface Delivery {
  queue: string;
  bodies: any[];
  attempts: number[];
  ids: string[];
  /** Seconds since the case began. */
  at: number;
}

type QueueHandler = (batch: any, ctx: any) => unknown;
type ScheduledHandler = (controller: any, ctx: any) => unknown;

export class Stage {
  readonly deliveries: Delivery[] = [];
  #began = Date.now();
  #queue: QueueHandler = () => {};
  #scheduled: ScheduledHandler = () => {};
  #asked = Promise.withResolvers<unknown>();
  #answered = Promise.withResolvers<any>();

  /** `request` began the case; it has the header `range: bytes=1-2`. */
  constructor(readonly request: Request) {}

  /** Handle every batch of this case. */
  onQueue(handler: QueueHandler): void {
    this.#queue = handler;
  }

  /** Handle every cron of this case. */
  onScheduled(handler: ScheduledHandler): void {
    this.#scheduled = handler;
  }

  /** Let time pass, and everything that comes due in it. */
  advance(seconds: number): Promise<Run[]> {
    return this.#ask({ advance: seconds });
  }

  /** Fire a cron by hand; `time` in ms. */
  scheduled(cron: string, time?: number): Promise<{ outcome: string; noRetry: boolean }> {
    return this.#ask({ scheduled: [cron, time ?? null] });
  }

  /** Close every store and open it again. */
  restart(): Promise<void> {
    return this.#ask({ restart: true });
  }

  /** What the server said so far, line by line. */
  said(): Promise<string[]> {
    return this.#ask({ said: true });
  }

  /** What was asked of the stage, once something is. */
  get asked(): Promise<unknown> {
    return this.#asked.promise;
  }

  answer(value: unknown): void {
    const { resolve } = this.#answered;
    this.#asked = Promise.withResolvers();
    this.#answered = Promise.withResolvers();
    resolve(value);
  }

  async deliver(batch: any, ctx: any): Promise<void> {
    this.deliveries.push({
      queue: batch.queue,
      bodies: batch.messages.map((each: any) => each.body),
      attempts: batch.messages.map((each: any) => each.attempts),
      ids: batch.messages.map((each: any) => each.id),
      at: (Date.now() - this.#began) / 1000,
    });
    await this.#queue(batch, ctx);
  }

  async fire(controller: any, ctx: any): Promise<void> {
    await this.#scheduled(controller, ctx);
  }

  #ask(question: unknown): Promise<any> {
    this.#asked.resolve(question);
    return this.#answered.promise;
  }
}

/** What `call` fails with, thrown or rejected; the test fails when it does not. */
export async function failure(call: () => unknown): Promise<any> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error(`nothing was refused: ${call}`);
}

/** The name and message that `call` fails with. */
export async function refusal(call: () => unknown): Promise<[string, string]> {
  const { name, message } = await failure(call);
  return [name, message];
}

/** What `call` throws before it returns; the test fails for a promise that rejects. */
export function thrown(call: () => unknown): any {
  let returned;
  try {
    returned = call();
  } catch (error) {
    return error;
  }
  if (returned instanceof Promise) returned.catch(() => {});
  throw new Error(`nothing was thrown at once: ${call}`);
}

/** The promise that `call` returns, which must not throw at once. */
export function promised(call: () => unknown): Promise<unknown> {
  const returned = call();
  if (!(returned instanceof Promise)) throw new Error(`no promise: ${call}`);
  return returned;
}
