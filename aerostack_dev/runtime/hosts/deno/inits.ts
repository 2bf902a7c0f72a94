/** What `new Request` and `fetch` are given: checked in the platform's words, for Deno's classes. */
import { carriedInit } from "./headers.ts";

// deno-fmt-ignore
const FIELDS = [
  "method", "body", "redirect", "signal", "cache", "mode", "credentials", "referrer",
  "referrerPolicy", "integrity", "keepalive",
] as const;
const BODYLESS = new Set(["GET", "HEAD"]);
const REDIRECTS = new Set(["follow", "manual"]);
const CACHES = new Set(["force-cache", "only-if-cached", "reload"]);

function check(input: RequestInfo | URL, init: RequestInit): void {
  const { method = input instanceof Request ? input.method : "GET", body, redirect, cache } = init;
  if (body !== undefined && body !== null && BODYLESS.has(String(method).toUpperCase())) {
    throw new TypeError("Request with a GET or HEAD method cannot have a body.");
  }
  if (redirect !== undefined && !REDIRECTS.has(redirect)) {
    throw new TypeError(
      'Invalid redirect value, must be one of "follow" or "manual" ("error" won\'t be ' +
        'implemented since it does not make sense at the edge; use "manual" and check the ' +
        "response status code).",
    );
  }
  if (cache !== undefined && CACHES.has(cache)) {
    throw new TypeError(`Unsupported cache mode: ${cache}`);
  }
}

/** `init` for the web's own class: headers that it can hold, and a method in capitals. */
export function requestInit<I extends RequestInit | undefined>(
  input: RequestInfo | URL,
  init: I,
): I {
  if (typeof input === "string" && !URL.canParse(input)) {
    throw new TypeError(`Invalid URL: ${input}`);
  }
  if (!init) return init;
  check(input, init);
  const headers = init.headers && carriedInit(init.headers);
  const method = typeof init.method === "string" ? init.method.toUpperCase() : init.method;
  if (headers === init.headers && method === init.method) return init;
  const fields = FIELDS.map((name) => [name, init[name]] as const);
  const given = Object.fromEntries(fields.filter(([, value]) => value !== undefined));
  return { ...init, ...given, method, headers };
}
