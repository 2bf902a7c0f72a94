/** `caches`: what is kept, for how long and which part of it is answered, the server says. */
import type { Channel } from "./channel.ts";
import { current, OUTSIDE } from "./invocation.ts";
import { freeze } from "./headers.ts";
import { BODY_USED } from "./web.ts";

const DEFAULT = "";

interface MatchOptions {
  ignoreMethod?: boolean;
}

interface Answer {
  status: number;
  headers: [string, string][];
  body: ReadableStream<Uint8Array<ArrayBuffer>> | null;
}

type Ask = (operation: string, ...args: unknown[]) => Promise<unknown>;

class Cache {
  #ask: Ask;
  #name: string;

  constructor(ask: Ask, name: string) {
    if (typeof ask !== "function") throw new TypeError("Illegal constructor");
    this.#ask = ask;
    this.#name = name;
  }

  async match(input: RequestInfo | URL, options?: MatchOptions): Promise<Response | undefined> {
    const { method, url, headers } = requestOf(input);
    const ignoring = !!options?.ignoreMethod;
    const asked = [...headers];
    const answer = await this.#ask("match", this.#name, method, url, asked, ignoring);
    if (answer === null) return undefined;
    const { body, ...init } = answer as Answer;
    return freeze(new Response(body, init));
  }

  async put(input: RequestInfo | URL, response: Response): Promise<void> {
    const { method, url } = requestOf(input);
    if (!(response instanceof Response)) {
      throw new TypeError(
        "Failed to execute 'put' on 'Cache': parameter 2 is not of type 'Response'.",
      );
    }
    if (response.bodyUsed || response.body?.locked) throw new TypeError(BODY_USED);
    const { status, headers, body } = response;
    if (status === 101) throw new TypeError("Cannot cache WebSocket upgrade response.");
    await this.#ask("put", this.#name, method, url, status, [...headers], body);
  }

  async delete(input: RequestInfo | URL, options?: MatchOptions): Promise<boolean> {
    const { method, url } = requestOf(input);
    const ignoring = !!options?.ignoreMethod;
    return await this.#ask("delete", this.#name, method, url, ignoring) as boolean;
  }
}

class CacheStorage {
  readonly default: Cache;
  #ask: Ask;

  constructor(ask: Ask) {
    if (typeof ask !== "function") throw new TypeError("Illegal constructor");
    this.#ask = ask;
    this.default = new Cache(ask, DEFAULT);
  }

  open(name: string): Promise<Cache> {
    // Named ones have a sign that the default one has not.
    return Promise.resolve(new Cache(this.#ask, `:${name}`));
  }
}

/** What names a response: its fragment does not. */
function requestOf(
  input: RequestInfo | URL,
): { method: string; url: string; headers: Headers } {
  const request = input instanceof Request ? input : new Request(input);
  if (!/^https?:/.test(request.url)) {
    throw new TypeError(`Cache API keys must be fully-qualified, valid URLs: ${request.url}`);
  }
  const { method, headers } = request;
  return { method, url: request.url.replace(/#.*/s, ""), headers };
}

/** Put `caches` into the place of Deno's own. */
export function installCaches(channel: Channel): void {
  const ask: Ask = (operation, ...args) =>
    channel.ask("cache", [current()?.id ?? OUTSIDE, operation, args]);
  const members = { caches: new CacheStorage(ask), Cache, CacheStorage };
  for (const [name, value] of Object.entries(members)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
}
