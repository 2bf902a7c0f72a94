/** A real `aerostack dev` for the tests, on a free port, with a state that is thrown away. */

const ROOT = new URL("..", import.meta.url);
const PATIENCE = 20_000;

/** A running server. */
export interface Server {
  readonly url: string;
  /** Ask for a path: `server.fetch("/items", { method: "POST", body: "…" })`. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Send JSON. */
  send(method: string, path: string, body: unknown): Promise<Response>;
  /** Fire a cron, as it were at `time`; what became of it: "ok" or "exception". */
  cron(expression: string, time?: Date): Promise<string>;
  /** Stop it and throw its state away. */
  end(): Promise<void>;
  /** The same, where `await using` holds it. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a server is started with. */
interface Options {
  /** Values for `env`, in place of those of aerostack.toml and .dev.vars. */
  variables?: Record<string, string>;
  /** SQL files that are run after the migrations. */
  seeds?: string[];
}

/** Start a server; it runs until its `end()`. */
export async function start({ variables = {}, seeds = [] }: Options = {}): Promise<Server> {
  const state = await Deno.makeTempDir({ prefix: "aerostack-test-" });
  const discard = () => Deno.remove(state, { recursive: true });
  try {
    await prepare(state, seeds);
    return await serve(state, variables, discard);
  } catch (error) {
    await discard();
    throw error;
  }
}

/** Ask again until the answer satisfies: for what happens in the background. */
export async function eventually<T>(
  ask: () => Promise<T>,
  satisfied: (found: T) => boolean,
): Promise<T> {
  const deadline = Date.now() + PATIENCE;
  while (true) {
    const found = await ask();
    if (satisfied(found)) return found;
    if (Date.now() > deadline) throw new Error(`still ${JSON.stringify(found)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Make the tables in a new state, and what the seeds put into them. */
async function prepare(state: string, seeds: string[]): Promise<void> {
  if (await isFolder("migrations")) {
    await aerostack("db", "migrate", "apply", "--persist-to", state);
  }
  for (const file of seeds) {
    await aerostack("db", "execute", "--file", file, "--persist-to", state);
  }
}

async function serve(
  state: string,
  variables: Record<string, string>,
  discard: () => Promise<void>,
): Promise<Server> {
  const values = Object.entries(variables).map(([name, value]) => `--var=${name}=${value}`);
  const options = ["--port", "0", "--no-cron", "--no-reload", "--log-level", "error"];
  const child = new Deno.Command("aerostack", {
    args: ["dev", "--persist-to", state, "--log-format", "json", ...options, ...values],
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const url = await ready(lines);
  const ask = (path: string, init?: RequestInit) => fetch(new URL(path, url), init);
  const end = async () => {
    try {
      child.kill();
    } catch {
      // It has ended by itself.
    }
    await child.status;
    await lines.cancel();
    await discard();
  };
  return {
    url,
    fetch: ask,
    send: (method, path, body) => ask(path, { method, body: JSON.stringify(body) }),
    async cron(expression, time = new Date()) {
      const query = new URLSearchParams({ cron: expression, time: `${time.getTime()}` });
      return await (await ask(`/cdn-cgi/local/scheduled?${query}`)).text();
    },
    end,
    [Symbol.asyncDispose]: end,
  };
}

/** The URL in the line that says that requests are served. */
async function ready(lines: ReadableStreamDefaultReader<string>): Promise<string> {
  let text = "";
  while (true) {
    const { value, done } = await lines.read();
    if (done) throw new Error(`aerostack dev has ended: ${text}`);
    text += value;
    const line = text.split("\n").slice(0, -1).find((line) => line.includes('"ready"'));
    if (line) return JSON.parse(line).url;
  }
}

async function isFolder(name: string): Promise<boolean> {
  try {
    return (await Deno.stat(new URL(name, ROOT))).isDirectory;
  } catch {
    return false;
  }
}

async function aerostack(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("aerostack", { args, cwd: ROOT }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}
