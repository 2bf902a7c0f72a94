/** `env.NAME` of a service: `fetch`, and the methods of another function by their names. */
import { bytesOf, lengthOf, SizedStream } from "../../../bindings/face.ts";
import type { Channel } from "./channel.ts";
import { current, OUTSIDE } from "./invocation.ts";
import { carriedPairs, freeze, readPairs } from "./headers.ts";

const DEEPEST = 200;
/** What a promise, a console or a serialiser asks every object for. */
const ASKED_FOR = new Set(["then", "catch", "finally", "toJSON", "constructor", "inspect"]);

type Answer = [
  status: number,
  statusText: string,
  headers: [string, string][],
  body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null,
];
type Method = (...args: unknown[]) => Promise<unknown>;

/** Stands for another function of the project; `name` is that of the binding. */
export function serviceOf(channel: Channel, name: string): unknown {
  const ask = (method: string | null, args: unknown[]) =>
    channel.ask("service", [current()?.id ?? OUTSIDE, name, method, args]);
  const fetch = async (input: RequestInfo | URL, init?: RequestInit) => {
    const request = new Request(input, init);
    const { body } = request;
    const sent = body && new SizedStream(body, lengthOf(body));
    const args = [request.method, request.url, carriedPairs(request.headers), sent];
    return responded(await ask(null, args) as Answer);
  };
  const methods = new Map<string, Method>();
  return new Proxy({ fetch } as Record<string, Method>, {
    get(target, key) {
      if (typeof key !== "string" || ASKED_FOR.has(key)) return undefined;
      if (key === "fetch") return target.fetch;
      let method = methods.get(key);
      if (!method) {
        // deno-lint-ignore require-await -- what is refused rejects
        method = async (...args) => ask(key, args.map((each) => portable(each)));
        methods.set(key, method);
      }
      return method;
    },
  });
}

function responded([status, statusText, headers, body]: Answer): Response {
  return freeze(new Response(body, { status, statusText, headers: readPairs(headers) }));
}

/** `value` as it can pass between functions. Throws for what cannot. */
export function portable(value: unknown, left = DEEPEST): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value === "object") return composed(value, left);
  if (typeof value === "function" || typeof value === "symbol") throw refused(typeof value);
  return value;
}

function composed(value: object, left: number): unknown {
  if (left === 0) throw new TypeError("A value that contains itself cannot pass to a function.");
  const bytes = bytesOf(value);
  if (bytes) return bytes;
  if (Array.isArray(value)) return value.map((each) => portable(each, left - 1));
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw refused(prototype.constructor?.name ?? "Object");
  }
  const copied: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) copied[name] = portable(item, left - 1);
  return copied;
}

function refused(kind: string): Error {
  return new DOMException(
    `Could not serialize object of type "${kind}". This type does not support serialization.`,
    "DataCloneError",
  );
}
