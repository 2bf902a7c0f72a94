/** What an `AbortSignal` does to a call of a model and to its streamed answer. */

/** What `run` of the operations answers. */
export interface Reply {
  requestId: string;
  status: number;
  contentType: string;
  body: unknown;
}

/** The `signal` of an author's options. Throws `TypeError` for what is none. */
export function abortable(signal: unknown): AbortSignal | undefined {
  if (signal === undefined || signal === null) return undefined;
  if (signal instanceof AbortSignal) return signal;
  throw new TypeError("signal must be an AbortSignal");
}

/** The first of a call and its abortion; an answer that comes too late is given up. */
export function raced(call: Promise<Reply>, signal: AbortSignal | undefined): Promise<Reply> {
  if (!signal) return call;
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const abort = () => {
    reject(signal.reason);
    call.then(({ body }) => body instanceof ReadableStream ? body.cancel() : undefined)
      .catch(() => {}); // nobody waits for it any more
  };
  signal.addEventListener("abort", abort, { once: true });
  call.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  return promise;
}

/** A stream that fails as soon as `signal` says so; anything else as it is. */
export function until(signal: AbortSignal | undefined, body: unknown): unknown {
  if (!signal || !(body instanceof ReadableStream)) return body;
  const reader = body.getReader();
  const ended = new AbortController();
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const abort = () => {
        controller.error(signal.reason);
        reader.cancel(signal.reason).catch(() => {}); // nobody reads it any more
      };
      if (signal.aborted) abort();
      else signal.addEventListener("abort", abort, { once: true, signal: ended.signal });
    },
    async pull(controller) {
      const { done, value } = await reader.read();
      if (signal.aborted) return;
      if (!done) return controller.enqueue(value);
      ended.abort();
      controller.close();
    },
    cancel(reason) {
      ended.abort();
      return reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}
