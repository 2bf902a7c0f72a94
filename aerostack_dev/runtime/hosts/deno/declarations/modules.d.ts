declare module "cloudflare:workers" {
  /** The variables and bindings, as every handler is given them. */
  export const env: Env;

  /** `ctx.waitUntil` of the invocation that the running code belongs to. */
  export function waitUntil(promise: Promise<unknown>): void;

  /** Run `work` with other values in the imported `env`. */
  export function withEnv<T>(replacement: Partial<Env>, work: () => T): T;

  /** The base of a class whose instances answer events: one for each of them. */
  export abstract class WorkerEntrypoint<Environment = Env, Props = unknown> {
    constructor(ctx: ExecutionContext<Props>, env: Environment);
    protected ctx: ExecutionContext<Props>;
    protected env: Environment;
    fetch?(request: Request): Response | Promise<Response>;
    queue?(batch: MessageBatch): void | Promise<void>;
    scheduled?(controller: ScheduledController): void | Promise<void>;
  }

  /** The base of a class whose instances can be passed to other functions. */
  export abstract class RpcTarget {}
}

declare module "*.txt" {
  const text: string;
  export default text;
}

declare module "*.html" {
  const text: string;
  export default text;
}

declare module "*.sql" {
  const text: string;
  export default text;
}

declare module "*.bin" {
  const bytes: ArrayBuffer;
  export default bytes;
}

declare module "*.wasm?module" {
  const compiled: WebAssembly.Module;
  export default compiled;
}

declare module "*.wasm" {
  const compiled: WebAssembly.Module;
  export default compiled;
}
