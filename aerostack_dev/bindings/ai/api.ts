/** `env.AI` as a TypeScript author holds it (storage-vectorize-ai.md §3). */
import type { Binding, Wire } from "../face.ts";
import { abortable, raced, type Reply, until } from "./aborting.ts";

type Options = Record<string, unknown> | null | undefined;

interface File {
  name?: string;
  blob: Blob;
}

interface Converted {
  name: string;
  format: string;
}

class Ai {
  #binding: Binding;
  lastRequestId: string | null = null;
  lastRequestHttpStatusCode: number | null = null;
  lastRequestInternalStatusCode: number | null = null;
  aiGatewayLogId: string | null = null;

  constructor(binding: Binding) {
    this.#binding = binding;
  }

  /** Run a model: its JSON, a stream of what is none, or a `Response`. */
  async run(model: string, inputs: Options, options?: Options): Promise<unknown> {
    const { signal, ...given } = options ?? {};
    const wanted = abortable(signal);
    wanted?.throwIfAborted();
    const call = this.#binding.invokeUntil(wanted, "run", model, plain(inputs), plain(given));
    const reply = await this.#noted(raced(call, wanted));
    const { requestId, status, contentType } = reply;
    const body = until(wanted, reply.body);
    this.#note(requestId, status, null);
    if (!given.returnRawResponse) return body;
    const content = body instanceof ReadableStream ? body : JSON.stringify(body);
    const headers = { "content-type": contentType, "cf-ai-req-id": requestId };
    return new Response(content, { status, headers });
  }

  models(params?: Options): Promise<unknown> {
    return this.#binding.invoke("models", plain(params ?? {}));
  }

  /** Convert files to Markdown; without files, what does so. */
  toMarkdown(files?: File | File[], options?: Options): unknown {
    const service = new ToMarkdownService(this.#binding);
    return files === undefined ? service : service.transform(files, options);
  }

  /** Deprecated on the platform: always empty. */
  getLogs(): Promise<unknown[]> {
    return Promise.resolve([]);
  }

  gateway(): Promise<unknown> {
    return this.#binding.invoke("unavailable", "gateway()");
  }

  autorag(): Promise<unknown> {
    return this.#binding.invoke("unavailable", "autorag()");
  }

  aiSearch(): Promise<unknown> {
    return this.#binding.invoke("unavailable", "aiSearch()");
  }

  fetch(): Promise<unknown> {
    return this.#binding.invoke("unavailable", "fetch()");
  }

  async #noted(call: Promise<Reply>): Promise<Reply> {
    try {
      return await call;
    } catch (error) {
      const { requestId, status, internalCode } = error as Record<string, never>;
      if (requestId !== undefined) this.#note(requestId, status, internalCode ?? null);
      throw error;
    }
  }

  #note(id: string, status: number, internal: number | null): void {
    this.lastRequestId = id;
    this.lastRequestHttpStatusCode = status;
    this.lastRequestInternalStatusCode = internal;
  }
}

/** What `toMarkdown()` without files gives. */
class ToMarkdownService {
  #binding: Binding;

  constructor(binding: Binding) {
    this.#binding = binding;
  }

  async transform(files: File | File[], options?: Options): Promise<Converted | Converted[]> {
    const several = Array.isArray(files);
    const given = await Promise.all((several ? files : [files]).map(fileOf));
    const converted = await this.#binding.invoke("toMarkdown", given, plain(options));
    return several ? converted : converted[0];
  }

  supported(): Promise<unknown> {
    return this.#binding.invoke("supported");
  }
}

async function fileOf(file: File): Promise<Wire> {
  if (!(file?.blob instanceof Blob)) {
    throw new TypeError("a file to convert is an object with `name` and `blob`");
  }
  const data = new Uint8Array(await file.blob.arrayBuffer());
  return { name: file.name ?? null, mimeType: file.blob.type, data };
}

/** Values as JSON has them, but streams as streams. */
function plain(value: unknown): Wire {
  if (typeof value !== "object" || value === null) return value as Wire;
  if (value instanceof ReadableStream) return value;
  if (Array.isArray(value)) return value.map(plain);
  // JSON makes an object of these, which no model takes (§3.1): its first entry says as much.
  if (ArrayBuffer.isView(value)) return 0 in value ? { 0: Number(value[0]) } : {};
  if (value instanceof Date) return value.toJSON();
  return Object.fromEntries(
    Object.entries(value).filter(([, each]) => each !== undefined)
      .map(([name, each]) => [name, plain(each)]),
  );
}

export default (binding: Binding) => new Ai(binding);
