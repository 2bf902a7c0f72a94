/** `env.QUEUE` as a TypeScript author holds it (queue-cron-dev.md §1.1). */
import { type Binding, misuse } from "../face.ts";
import { type Metrics, metricsOf } from "./batch.ts";
import { encode } from "./content.ts";

const OWNER = "WorkerQueue";

interface SendOptions {
  contentType?: unknown;
  delaySeconds?: unknown;
}

interface Item extends SendOptions {
  body: unknown;
}

/** Bodies are encoded when a method is called: a value may be changed afterwards. */
class WorkerQueue {
  #binding: Binding;

  constructor(binding: Binding) {
    this.#binding = binding;
  }

  // deno-lint-ignore require-await
  async send(...args: [body?: unknown, options?: SendOptions]) {
    if (!args.length) throw misuse("send", OWNER, 1, "Value");
    const [body, options] = args;
    if (body === undefined) {
      throw new TypeError("Message body cannot be undefined");
    }
    const { contentType, ...rest } = chosen(options);
    const type = contentType === undefined ? undefined : String(contentType).toLowerCase();
    const encoded = this.#encoded(body, type);
    if (type === "bytes") detach(body as ArrayBufferView);
    return this.#sent("send", encoded, { ...rest, contentType: type });
  }

  // deno-lint-ignore require-await
  async sendBatch(messages: Iterable<Item>, options?: SendOptions) {
    const items = [];
    for (const item of iterable(messages)) {
      if (typeof item !== "object" || item === null) {
        throw new TypeError(
          "Incorrect type: the provided value is not of type 'MessageSendRequest'.",
        );
      }
      const { contentType, ...rest } = chosen(item);
      if ((item as Item).body === undefined) {
        throw new TypeError("Message body cannot be undefined");
      }
      const type = contentType === undefined ? undefined : String(contentType);
      const body = this.#encoded((item as Item).body, type);
      items.push({ body, contentType: type, ...rest });
    }
    const { delaySeconds } = chosen(options);
    return this.#sent("sendBatch", items, { delaySeconds });
  }

  async metrics() {
    return metricsOf(await this.#binding.invoke("metrics"));
  }

  #encoded(body: unknown, contentType: string | undefined): Uint8Array {
    return encode(
      body,
      contentType ?? this.#binding.constants.defaultContentType,
    );
  }

  async #sent(operation: string, first: never | unknown, options: unknown) {
    const { metadata } = await this.#binding.invoke(
      operation,
      first as never,
      options as never,
    );
    return { metadata: { metrics: metricsOf(metadata.metrics as Metrics) } };
  }
}

function chosen(options: SendOptions | null | undefined) {
  const { contentType, delaySeconds } = options ?? {};
  return {
    contentType,
    delaySeconds: delaySeconds === undefined ? undefined : Number(delaySeconds as number),
  };
}

/** Take the caller's buffer away, as `send` does there; one that is shared out stays. */
function detach({ buffer, byteLength }: ArrayBufferView): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer();
}

function iterable(messages: unknown): Iterable<unknown> {
  const given = messages as Iterable<unknown> | null | undefined;
  if (
    typeof given !== "object" || given === null ||
    typeof given[Symbol.iterator] !== "function"
  ) {
    throw misuse("sendBatch", OWNER, 1, "Sequence");
  }
  return given;
}

export default (binding: Binding) => new WorkerQueue(binding);
