/** What a handler may do beside answering. */
interface ExecutionContext<Props = unknown> {
  /** Let work go on after the answer; it ends with the function's time, 30 s on the platform. */
  waitUntil(promise: Promise<unknown>): void;
  /** On an error, pass the request on to the origin; without effect locally, where none is. */
  passThroughOnException(): void;
  readonly props: Props;
}

/** What a `scheduled` handler is given. */
interface ScheduledController {
  /** The expression, as it stands in the configuration. */
  readonly cron: string;
  /** When the run was due, in ms since the epoch. */
  readonly scheduledTime: number;
  readonly type: "scheduled";
  /** Do not try this run again if it fails. */
  noRetry(): void;
}

/** Answers a request. */
type ExportedHandlerFetchHandler<Environment = Env> = (
  request: Request,
  env: Environment,
  ctx: ExecutionContext,
) => Response | Promise<Response>;

/** Works on messages of a queue. */
type ExportedHandlerQueueHandler<Environment = Env, Body = unknown> = (
  batch: MessageBatch<Body>,
  env: Environment,
  ctx: ExecutionContext,
) => void | Promise<void>;

/** Runs when a cron is due. */
type ExportedHandlerScheduledHandler<Environment = Env> = (
  controller: ScheduledController,
  env: Environment,
  ctx: ExecutionContext,
) => void | Promise<void>;

/** The default export of a function: `export default { … } satisfies ExportedHandler<Env>`. */
interface ExportedHandler<Environment = Env, QueueBody = unknown> {
  fetch?: ExportedHandlerFetchHandler<Environment>;
  queue?: ExportedHandlerQueueHandler<Environment, QueueBody>;
  scheduled?: ExportedHandlerScheduledHandler<Environment>;
}
