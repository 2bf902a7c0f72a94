/** Runs the handlers for the events that the server sends. */
import { type BatchPayload, MessageBatch } from "../../../bindings/queue/batch.ts";
import { lengthOf, SizedStream } from "../../../bindings/face.ts";
import type { Channel, Frame } from "./channel.ts";
import { cleaned, describe } from "./errors.ts";
import type { Name, Offer } from "./handlers.ts";
import { ExecutionContext, Invocation } from "./invocation.ts";
import { portable } from "./service.ts";
import { Connections } from "./connections.ts";
import { BODY_USED, bodyOf, type Edge, headersOf, Incoming, type PlatformResponse } from "./web.ts";
import { checkUnused } from "./websockets.ts";

const BODYLESS = new Set(["GET", "HEAD"]);
const NO_UPGRADE = "Worker tried to return WebSocket in a response to a request which did not " +
  'contain the header "Upgrade: websocket".';
const CANCELLED = "The client disconnected.";

type RequestPayload = [
  method: string,
  url: string,
  headers: [string, string][],
  protocol: string,
  body: ReadableStream<Uint8Array> | Uint8Array | null,
];

interface ScheduledPayload {
  cron: string;
  scheduledTime: number;
}

/** What the project decides about events. */
export interface Settings {
  edge: Edge;
  /** A batch waits for the `waitUntil` work of its handler. */
  waits: boolean;
  /** `request.signal` tells when the client leaves. */
  signals: boolean;
}

/** What a `scheduled` handler is given. */
class ScheduledController {
  readonly type = "scheduled";
  #refuse: () => void;

  constructor(readonly cron: string, readonly scheduledTime: number, refuse: () => void) {
    this.#refuse = refuse;
  }

  noRetry(): void {
    this.#refuse();
  }
}

export class Events {
  private readonly clients = new Map<number, AbortController>();
  private readonly connections: Connections;

  constructor(
    private readonly channel: Channel,
    private readonly offer: Offer,
    private readonly settings: Settings,
  ) {
    this.connections = new Connections(channel);
  }

  listen(): void {
    this.connections.listen();
    this.channel.on("fetch", (frame) => this.begin(frame, () => this.fetch(frame)));
    this.channel.on("queue", (frame) => this.begin(frame, () => this.queue(frame)));
    this.channel.on(
      "scheduled",
      (frame) => this.begin(frame, () => this.scheduled(frame)),
    );
    this.channel.on("invoke", (frame) => this.begin(frame, () => this.invoke(frame)));
    this.channel.on(
      "abort",
      ({ id }) => this.clients.get(id)?.abort(new DOMException(CANCELLED, "AbortError")),
    );
  }

  private begin(_frame: Frame, work: () => Promise<void>): void {
    // What a handler throws is caught inside: this is about mistakes of our own.
    work().catch((error) => console.error("Uncaught", error));
  }

  private async fetch({ id, payload }: Frame): Promise<void> {
    const invocation = this.invocation(id);
    const [method, url, headers, protocol, body] = payload as RequestPayload;
    const streamed = body !== null && !BODYLESS.has(method) ? body : undefined;
    const init: RequestInit = {
      method,
      headers,
      body: streamed as BodyInit,
      redirect: "manual",
    };
    if (this.settings.signals) {
      const client = new AbortController();
      this.clients.set(id, client);
      init.signal = client.signal;
    }
    let stream: ReadableStream | null = null;
    try {
      const request = new Incoming(url, init, this.settings.edge, protocol);
      const response = await this.call(invocation, "fetch", request);
      stream = await this.respond(invocation, request, response);
    } catch (error) {
      this.fail(invocation, error);
    }
    if (invocation.busy || stream) await this.finish(invocation, stream);
    this.clients.delete(id);
  }

  /** Send what the handler returned; returns the body that goes on. */
  private async respond(
    invocation: Invocation,
    request: Incoming,
    response: unknown,
  ): Promise<ReadableStream | null> {
    if (response instanceof Response && this.joined(invocation, request, response)) return null;
    const answer = await prepared(response);
    const stream = answer[2] instanceof ReadableStream ? answer[2] : null;
    // Inside, since the stream's own code belongs to the invocation too.
    invocation.run(() => this.answer(invocation, answer, stream));
    return stream;
  }

  /** Answer with the WebSocket of `response`, if it has one. */
  private joined(invocation: Invocation, request: Incoming, response: Response): boolean {
    const { webSocket } = response as PlatformResponse;
    if (!webSocket) return false;
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
      throw new TypeError(NO_UPGRADE);
    }
    checkUnused(webSocket);
    this.channel.send("reply", invocation.id, [response.status, headersOf(response), true, true]);
    invocation.keep(this.connections.join(invocation.id, webSocket));
    return true;
  }

  private answer(
    { id, busy }: Invocation,
    [status, headers, body]: Answer,
    stream: ReadableStream | null,
  ): void {
    const sent = stream ? new SizedStream(stream, lengthOf(stream)) : body;
    this.channel.send("reply", id, [status, headers, sent, busy || !!stream]);
  }

  private async finish(
    invocation: Invocation,
    stream: ReadableStream | null,
  ): Promise<void> {
    if (stream) await this.channel.streams.sent(stream);
    await invocation.settled();
    this.channel.post(["done", invocation.id]);
  }

  private async queue({ id, payload }: Frame): Promise<void> {
    const invocation = this.invocation(id);
    const settle = (...call: unknown[]) => this.channel.post(["settle", id, call]);
    await this.run(
      invocation,
      "queue",
      this.settings.waits,
      () => new MessageBatch(payload as BatchPayload, settle),
    );
  }

  private async scheduled({ id, payload }: Frame): Promise<void> {
    const { cron, scheduledTime } = payload as ScheduledPayload;
    const refuse = () => this.channel.post(["settle", id, ["noRetry"]]);
    await this.run(
      this.invocation(id),
      "scheduled",
      true,
      () => new ScheduledController(cron, scheduledTime, refuse),
    );
  }

  /** Call a method for another function. */
  private async invoke({ id, payload }: Frame): Promise<void> {
    const invocation = this.invocation(id);
    const [method, args] = payload as [string, unknown[]];
    const ctx = new ExecutionContext(invocation);
    try {
      const result = await invocation.run(() => this.offer.invoke(method, args, ctx));
      const value = portable(result);
      this.channel.send("reply", id, { value, busy: invocation.busy });
    } catch (error) {
      this.fail(invocation, error);
    }
    if (invocation.busy) await this.finish(invocation, null);
  }

  /** Run a handler that answers nothing; its background work counts when it `waits`. */
  private async run(
    invocation: Invocation,
    name: Name,
    waits: boolean,
    subject: () => unknown,
  ): Promise<void> {
    const failures: unknown[] = [];
    try {
      await this.call(invocation, name, subject());
    } catch (error) {
      failures.push(error);
    }
    if (waits) {
      await invocation.settled();
      failures.push(...invocation.failures);
    }
    if (failures.length) this.fail(invocation, failures[0]);
    else this.channel.post(["reply", invocation.id, { busy: invocation.busy }]);
    if (invocation.busy) await this.finish(invocation, null);
  }

  private call(invocation: Invocation, name: Name, subject: unknown): unknown {
    const ctx = new ExecutionContext(invocation);
    return invocation.run(() => this.offer.call(name, subject, ctx));
  }

  private fail(invocation: Invocation, error: unknown): void {
    this.channel.post(["fail", invocation.id, {
      error: describe(error),
      busy: invocation.busy,
    }]);
  }

  private invocation(id: number): Invocation {
    const invocation: Invocation = new Invocation(
      id,
      (error) => invocation.run(() => console.error(`Uncaught ${cleaned(describe(error).stack)}`)),
    );
    return invocation;
  }
}

type Answer = [
  status: number,
  headers: [string, string][],
  body: Uint8Array | ReadableStream<Uint8Array> | null,
];

async function prepared(response: unknown): Promise<Answer> {
  if (!(response instanceof Response) || response.type === "error") {
    throw new TypeError(
      "Incorrect type for Promise: the Promise did not resolve to 'Response'. " +
        `(fetch returned ${kindOf(response)}.)`,
    );
  }
  if (response.bodyUsed) throw new TypeError(BODY_USED);
  const body = bodyOf(response);
  return [
    response.status,
    headersOf(response),
    body instanceof Promise ? await body : body,
  ];
}

function kindOf(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (value instanceof Response) return "Response.error()";
  if (typeof value !== "object") return `a ${typeof value}`;
  return `an object of the class ${value.constructor?.name ?? "Object"}`;
}
