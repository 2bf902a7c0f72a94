/** What `import … from "cloudflare:workers"` gives. */
import { current, type ExecutionContext } from "./invocation.ts";

/** The variables and bindings, as every handler is given them. */
export const env: Record<string, unknown> = {};

/** The base of a class that answers events: `this.env`, `this.ctx`. */
export class WorkerEntrypoint {
  constructor(
    protected ctx: ExecutionContext,
    protected env: Record<string, unknown>,
  ) {}
}

/** `ctx.waitUntil` of the invocation that the running code belongs to. */
export function waitUntil(promise: unknown): void {
  const invocation = current();
  if (!invocation) {
    throw new Error("waitUntil() is called outside of a handler");
  }
  invocation.keep(promise);
}

/** Run `work` with other values in `env`, as far as it is imported from here. */
export function withEnv<T>(
  replacement: Record<string, unknown>,
  work: () => T,
): T {
  const before = { ...env };
  Object.assign(env, replacement);
  const restore = () => {
    for (const name of Object.keys(replacement)) delete env[name];
    Object.assign(env, before);
  };
  let result: T;
  try {
    result = work();
  } catch (error) {
    restore();
    throw error;
  }
  if (result instanceof Promise) {
    return result.finally(restore) as T;
  }
  restore();
  return result;
}

function unsupported(name: string): new () => object {
  return class {
    constructor() {
      throw new Error(
        `${name} of "cloudflare:workers" does not exist locally`,
      );
    }
  };
}

export class RpcTarget {}
export const DurableObject: new () => object = unsupported("DurableObject");
export const WorkflowEntrypoint: new () => object = unsupported(
  "WorkflowEntrypoint",
);
