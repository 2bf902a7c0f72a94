/** What the author's module offers, and how it is called. */
import type { ExecutionContext } from "./invocation.ts";
import { env, WorkerEntrypoint } from "./workers.ts";

const HANDLERS = ["fetch", "queue", "scheduled"] as const;
export type Name = typeof HANDLERS[number];

/** Handlers are for events: `fetch` of a service binding sends a request. */
const RESERVED: ReadonlySet<string> = new Set(HANDLERS);

type Method = (this: unknown, ...args: unknown[]) => unknown;
type Members = Record<string, unknown>;

/** The handlers by name, and the class that they are methods of, if they are. */
export interface Offer {
  names: Name[];
  call(name: Name, subject: unknown, ctx: ExecutionContext): unknown;
  /** Call a method for another function. Throws unless it is a public one of a class. */
  invoke(method: string, args: unknown[], ctx: ExecutionContext): unknown;
}

/** The module offers nothing to run; the message says what it could. */
export class NoHandlers extends TypeError {
  constructor(message: string, readonly hint: string) {
    super(message);
    this.name = "TypeError";
  }
}

const EXPECTED =
  "expected: export default { async fetch(request, env, ctx) { … } }, with queue and scheduled " +
  'beside it as needed, or a class that extends WorkerEntrypoint of "cloudflare:workers"';

let oldSyntax = "";

/** Notice `addEventListener("fetch", …)`, the syntax of before modules. */
export function watchOldSyntax(): void {
  const add = globalThis.addEventListener;
  globalThis.addEventListener = ((...args: Parameters<typeof add>) => {
    if ((HANDLERS as readonly string[]).includes(args[0])) oldSyntax = args[0];
    else add.apply(globalThis, args);
  }) as typeof add;
}

/** What `module`, the file called `file`, offers, or its `entrypoint`. Throws `NoHandlers`. */
export function offerOf(module: Members, file: string, entrypoint = ""): Offer {
  if (entrypoint) return chosen(module[entrypoint], entrypoint, file);
  const found = module.default;
  if (found === undefined) throw withoutDefault(module, file);
  const offer = typeof found === "function" && !isObjectLike(found)
    ? ofClass(found as never, file)
    : ofObject(found as Members);
  if (!offer.names.length && !hasMethods(found)) {
    throw new NoHandlers(
      `the default export of ${file} has no handler: no fetch, no queue, no scheduled`,
      EXPECTED,
    );
  }
  return offer;
}

function chosen(found: unknown, name: string, file: string): Offer {
  if (typeof found === "function" && found.prototype instanceof WorkerEntrypoint) {
    return ofClass(found as never, file);
  }
  throw new NoHandlers(
    `${file} exports no class ${name} that extends WorkerEntrypoint`,
    "`entrypoint` in [[services]] names the class that answers",
  );
}

function withoutDefault(module: Members, file: string): NoHandlers {
  if (oldSyntax) {
    return new NoHandlers(
      `${file} uses the service-worker syntax, addEventListener("${oldSyntax}", …), which does not run here`,
      EXPECTED,
    );
  }
  const names = Object.keys(module).join(", ") || "nothing";
  return new NoHandlers(
    `${file} has no default export; it exports ${names}`,
    EXPECTED,
  );
}

/** Whether a function carries handlers itself, as some frameworks' applications do. */
function isObjectLike(value: unknown): boolean {
  return HANDLERS.some((name) =>
    Object.hasOwn(value as object, name) &&
    typeof (value as Members)[name] === "function"
  );
}

function ofObject(found: Members): Offer {
  const members = typeof found === "object" || typeof found === "function" ? found ?? {} : {};
  const names = HANDLERS.filter((name) => typeof members[name] === "function");
  return {
    names,
    call(name, subject, ctx) {
      const method = members[name];
      if (typeof method !== "function") {
        const end = name === "scheduled" ? "" : ".";
        throw new Error(`Handler does not export a ${name}() function${end}`);
      }
      return (method as Method).call(members, subject, env, ctx);
    },
    invoke(method) {
      throw noMethod(method);
    },
  };
}

function noMethod(name: string): TypeError {
  return new TypeError(`The RPC receiver does not implement the method "${name}".`);
}

/** The public method `name` of a class, below `WorkerEntrypoint`: no getter, no handler. */
function methodOf(type: { prototype: object }, name: string): Method | null {
  if (name.startsWith("_") || name === "constructor" || RESERVED.has(name)) return null;
  const end = WorkerEntrypoint.prototype;
  for (let at = type.prototype; at && at !== end; at = Object.getPrototypeOf(at)) {
    const found = Object.getOwnPropertyDescriptor(at, name);
    if (found) return typeof found.value === "function" ? found.value : null;
  }
  return null;
}

function hasMethods(found: unknown): boolean {
  if (typeof found !== "function" || !(found.prototype instanceof WorkerEntrypoint)) return false;
  const type = found as unknown as { prototype: object };
  return Object.getOwnPropertyNames(type.prototype).some((name) => methodOf(type, name));
}

function ofClass(
  type: new (ctx: ExecutionContext, env: Members) => Members,
  file: string,
): Offer {
  if (!(type.prototype instanceof WorkerEntrypoint)) {
    throw new NoHandlers(
      `the default export of ${file}, ${type.name || "a function"}, is no handler`,
      EXPECTED,
    );
  }
  const names = HANDLERS.filter((name) => typeof type.prototype[name] === "function");
  return {
    names,
    call(name, subject, ctx) {
      if (!names.includes(name)) {
        throw new Error(
          `Entrypoint class does not define a ${name}() function.`,
        );
      }
      const entrypoint = new type(ctx, env);
      return (entrypoint[name] as Method).call(entrypoint, subject);
    },
    invoke(name, args, ctx) {
      const method = methodOf(type, name);
      if (!method) throw noMethod(name);
      return method.apply(new type(ctx, env), args);
    },
  };
}
