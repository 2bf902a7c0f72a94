/** `fetch`, which can open WebSockets too, and whose responses cannot be changed. */
import { freeze } from "./headers.ts";
import { requestInit } from "./inits.ts";
import { dial } from "./websockets.ts";

const SWITCHING = 101;
const SCHEMES = ["http:", "https:", "ws:", "wss:", "data:"];

/** Files of this machine are nothing that the platform's `fetch` knows. */
function checkScheme(input: RequestInfo | URL): void {
  const url = URL.parse(input instanceof Request ? input.url : input);
  if (url && !SCHEMES.includes(url.protocol)) {
    throw new TypeError(`Fetch API cannot load: ${url.href}`);
  }
}

/** `fetch` for the author: `Upgrade: websocket` gives a response with a `webSocket`. */
export function fetchWithSockets(native: typeof fetch): typeof fetch {
  return async function fetch(input, given) {
    checkScheme(input);
    const init = requestInit(input, given);
    const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : []));
    if (headers.get("upgrade")?.toLowerCase() !== "websocket") {
      return freeze(await native(input, init));
    }
    const request = new Request(input, init);
    const webSocket = await dial(new URL(request.url), headers);
    const protocol = webSocket.protocol;
    const answered: [string, string][] = protocol ? [["sec-websocket-protocol", protocol]] : [];
    const made = { status: SWITCHING, headers: answered, webSocket } as ResponseInit;
    return freeze(new Response(null, made));
  };
}
