/**
 * The first module of the child process: connects back, loads the author's module, and
 * runs its handlers until the server closes the connection.
 *
 * Its only argument is the path of the socket; the secret comes on standard input.
 */
import type { Binding, Face, Wire } from "../../../bindings/face.ts";
import { Channel, type Frame } from "./channel.ts";
import { setTime, type Time } from "./clock.ts";
import { installConsole } from "./console.ts";
import { cleaned, describe, revive } from "./errors.ts";
import { Events, type Settings } from "./events.ts";
import { NoHandlers, offerOf, watchOldSyntax } from "./handlers.ts";
import { current, OUTSIDE } from "./invocation.ts";
import { installLoading, type Resolution } from "./loading.ts";
import { installCaches } from "./caches.ts";
import { installExtras } from "./extras.ts";
import { installHtmlRewriter } from "./htmlrewriter.ts";
import { inspect, uninspect } from "./inspecting.ts";
import { serviceOf } from "./service.ts";
import { installWeb } from "./web.ts";
import { env } from "./workers.ts";

interface Start {
  main: string;
  file: string;
  values: Record<string, unknown>;
  bindings: { name: string; face: string; constants: Record<string, unknown> }[];
  services: string[];
  /** The class that answers, if it is not the default export. */
  entrypoint: string;
  unsupported: Record<string, string>;
  settings: Settings;
  populate: boolean;
  resolution: Resolution;
}

function bindingOf(
  channel: Channel,
  name: string,
  constants: Record<string, unknown>,
): Binding {
  return {
    name,
    constants,
    invoke: (operation: string, ...args: Wire[]) =>
      channel.ask("call", [current()?.id ?? OUTSIDE, name, operation, args]),
    invokeUntil: (signal: AbortSignal | undefined, operation: string, ...args: Wire[]) =>
      channel.ask("call", [current()?.id ?? OUTSIDE, name, operation, args], signal),
  };
}

async function fillEnvironment(channel: Channel, start: Start): Promise<void> {
  Object.assign(env, start.values);
  const faces = [...new Set(start.bindings.map((each) => each.face))];
  const made = new Map(
    await Promise.all(
      faces.map(async (url) => [url, (await import(url)).default as Face] as const),
    ),
  );
  for (const { name, face, constants } of start.bindings) {
    env[name] = made.get(face)!(bindingOf(channel, name, constants));
  }
  for (const name of start.services) env[name] = serviceOf(channel, name);
  for (const [name, kind] of Object.entries(start.unsupported)) {
    Object.defineProperty(env, name, {
      get() {
        throw new Error(
          `env.${name} is declared in [${kind}], a kind that does not exist locally`,
        );
      },
    });
  }
}

/** The author sees an empty environment, or the function's own texts in it. */
function setEnvironment(start: Start): void {
  for (const name of Object.keys(Deno.env.toObject())) Deno.env.delete(name);
  if (!start.populate) return;
  for (const [name, value] of Object.entries(start.values)) {
    Deno.env.set(name, typeof value === "string" ? value : JSON.stringify(value));
  }
}

async function load(channel: Channel, start: Start): Promise<void> {
  setEnvironment(start);
  await fillEnvironment(channel, start);
  watchOldSyntax();
  installLoading(start.resolution, (url) => channel.post(["source", 0, url]));
  installHtmlRewriter(start.main);
  const offer = offerOf(await import(start.main), start.file, start.entrypoint);
  new Events(channel, offer, start.settings).listen();
  channel.post(["loaded", 0, offer.names]);
}

function refused(error: unknown): unknown {
  const hint = error instanceof NoHandlers ? error.hint : "";
  return { error: describe(error), hint, stage: "load" };
}

/** An error that nobody handles is said and ends nothing, as on the platform. */
function surviveErrors(): void {
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    let handled = false; // by a listener of the author's, which comes after this one
    Object.defineProperty(event, "preventDefault", { value: () => handled = true });
    queueMicrotask(() => {
      if (handled) return;
      console.error(`Uncaught (in promise) ${cleaned(describe(event.reason).stack)}`);
    });
  });
  addEventListener("error", (event) => {
    event.preventDefault();
    console.error(`Uncaught ${cleaned(describe(event.error).stack)}`);
  });
}

async function secret(): Promise<string> {
  return (await new Response(Deno.stdin.readable).text()).trim();
}

const given = await secret();
const path = Deno.args[0];
const connection = await Deno.connect({ transport: "unix", path });
const channel = new Channel(connection, revive);
installConsole((id, level, message) => channel.post(["log", id, [level, message]]));
installWeb();
installExtras();
installCaches(channel);
surviveErrors();
channel.on("start", ({ payload }: Frame) => {
  load(channel, payload as Start).catch((error) => channel.post(["refused", 0, refused(error)]));
});
channel.on("inspect", ({ id }) => inspect(id));
channel.on("uninspect", () => uninspect());
channel.on("clock", ({ payload }) => setTime(payload as Time));
channel.on("ping", ({ id }) => channel.post(["pong", id]));
channel.post(["hello", 0, given]);
await channel.run().catch(() => {});
Deno.exit(0);
