/** `env.STORAGE` as a TypeScript author holds it (storage-vectorize-ai.md §1). */
import { type Binding, bytesOf, lengthOf, misuse, SizedStream, type Wire } from "../face.ts";

const BUCKET = "R2Bucket";
const UPLOAD = "R2MultipartUpload";
const STORABLE = "ReadableStream or ArrayBuffer or ArrayBufferView or string or Blob";
const DIGESTS = ["md5", "sha1", "sha256", "sha384", "sha512"] as const;
const HEADERS = {
  contentType: "content-type",
  contentLanguage: "content-language",
  contentDisposition: "content-disposition",
  contentEncoding: "content-encoding",
  cacheControl: "cache-control",
} as const;

const DATES = ["uploadedBefore", "uploadedAfter", "cacheExpiry"];
const TEXTS = "customMetadata";

type Options = Record<string, unknown> | null | undefined;

/** An object as it crosses the wire (see `operations.py`). */
interface Described {
  key: string;
  version: string;
  size: number;
  etag: string;
  httpEtag: string;
  uploaded: number;
  checksums: Record<string, Uint8Array>;
  httpMetadata: Record<string, string | number> | null;
  customMetadata: Record<string, string> | null;
  range: { offset: number; length: number } | null;
  storageClass: string;
  ssecKeyMd5: string | null;
  body?: ReadableStream<Uint8Array>;
}

class Checksums {
  readonly md5?: ArrayBuffer;
  readonly sha1?: ArrayBuffer;
  readonly sha256?: ArrayBuffer;
  readonly sha384?: ArrayBuffer;
  readonly sha512?: ArrayBuffer;

  constructor(found: Record<string, Uint8Array>) {
    for (const name of DIGESTS) {
      if (found[name]) this[name] = found[name].slice().buffer as ArrayBuffer;
    }
  }

  toJSON(): Record<string, string> {
    const shown: Record<string, string> = {};
    for (const name of DIGESTS) {
      if (this[name]) shown[name] = new Uint8Array(this[name]).toHex();
    }
    return shown;
  }
}

/** An `R2Object`, under the name that the platform's class has. */
class HeadResult {
  readonly key: string;
  readonly version: string;
  readonly size: number;
  readonly etag: string;
  readonly httpEtag: string;
  readonly uploaded: Date;
  readonly checksums: Checksums;
  readonly httpMetadata?: Record<string, string | Date>;
  readonly customMetadata?: Record<string, string>;
  readonly range?: { offset: number; length: number };
  readonly storageClass: string;
  readonly ssecKeyMd5?: string;

  constructor(found: Described) {
    this.key = found.key;
    this.version = found.version;
    this.size = found.size;
    this.etag = found.etag;
    this.httpEtag = found.httpEtag;
    this.uploaded = new Date(found.uploaded);
    this.checksums = new Checksums(found.checksums);
    this.storageClass = found.storageClass;
    if (found.httpMetadata) this.httpMetadata = dated(found.httpMetadata);
    if (found.customMetadata) this.customMetadata = found.customMetadata;
    if (found.range) this.range = found.range;
    if (found.ssecKeyMd5) this.ssecKeyMd5 = found.ssecKeyMd5;
  }

  /** Set the headers that the metadata stands for. */
  writeHttpMetadata(headers: Headers): void {
    const metadata = this.httpMetadata;
    if (!metadata) {
      throw new TypeError(
        `HTTP metadata unknown for key \`${this.key}\`. ` +
          "Did you forget to add 'httpMetadata' to `include` when listing?",
      );
    }
    for (const [name, header] of Object.entries(HEADERS)) {
      if (metadata[name] !== undefined) headers.set(header, String(metadata[name]));
    }
    const expiry = metadata.cacheExpiry;
    if (expiry instanceof Date) headers.set("expires", expiry.toUTCString());
  }
}

/** An `R2ObjectBody`: an object with its content, which can be read once. */
class GetResult extends HeadResult {
  readonly #response: Response;

  constructor(found: Described) {
    super(found);
    this.#response = new Response(found.body);
  }

  get body(): ReadableStream<Uint8Array> {
    return this.#response.body!;
  }

  get bodyUsed(): boolean {
    return this.#response.bodyUsed;
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    return this.#response.arrayBuffer();
  }

  bytes(): Promise<Uint8Array> {
    return this.#response.bytes();
  }

  text(): Promise<string> {
    return this.#response.text();
  }

  json(): Promise<unknown> {
    return this.#response.json();
  }

  /** With the content type of the object. */
  async blob(): Promise<Blob> {
    const type = this.httpMetadata?.contentType;
    return new Blob([await this.arrayBuffer()], { type: type ? String(type) : "" });
  }
}

class R2MultipartUpload {
  #binding: Binding;

  constructor(binding: Binding, readonly key: string, readonly uploadId: string) {
    this.#binding = binding;
  }

  async uploadPart(
    ...args: [partNumber: number, value: unknown, options?: Options]
  ): Promise<{ partNumber: number; etag: string }> {
    if (args.length < 2) throw misuse("uploadPart", UPLOAD, 2, STORABLE);
    const [number, value, options] = args;
    if (value === null || value === undefined) throw misuse("uploadPart", UPLOAD, 2, STORABLE);
    const content = storable(value, "uploadPart", UPLOAD);
    return await this.#binding.invoke(
      "uploadPart",
      this.key,
      this.uploadId,
      number,
      content,
      translated(options),
    );
  }

  async complete(parts: { partNumber: number; etag: string }[]): Promise<HeadResult> {
    if (!Array.isArray(parts)) throw misuse("complete", UPLOAD, 1, "Array");
    const given = parts.map(({ partNumber, etag }) => ({ partNumber, etag }));
    const found = await this.#binding.invoke(
      "completeMultipartUpload",
      this.key,
      this.uploadId,
      given,
    );
    return new HeadResult(found);
  }

  async abort(): Promise<void> {
    await this.#binding.invoke("abortMultipartUpload", this.key, this.uploadId);
  }
}

class R2Bucket {
  #binding: Binding;

  constructor(binding: Binding) {
    this.#binding = binding;
  }

  async head(...args: [key: string]): Promise<HeadResult | null> {
    if (!args.length) throw misuse("head", BUCKET, 1, "string");
    return objectOf(await this.#binding.invoke("head", `${args[0]}`));
  }

  async get(...args: [key: string, options?: Options]): Promise<HeadResult | null> {
    if (!args.length) throw misuse("get", BUCKET, 1, "string");
    const [key, options] = args;
    return objectOf(await this.#binding.invoke("get", `${key}`, translated(options)));
  }

  async put(
    ...args: [key: string, value: unknown, options?: Options]
  ): Promise<HeadResult | null> {
    if (!args.length) throw misuse("put", BUCKET, 1, "string");
    if (args.length < 2) throw misuse("put", BUCKET, 2, STORABLE);
    const [key, value, options] = args;
    const content = storable(value, "put", BUCKET);
    const given = translated(options);
    return objectOf(await this.#binding.invoke("put", `${key}`, content, given));
  }

  async delete(...args: [keys: string | string[]]): Promise<void> {
    if (!args.length) throw misuse("delete", BUCKET, 1, "string or Array");
    const [keys] = args;
    const names = Array.isArray(keys) ? keys.map((key) => `${key}`) : `${keys}`;
    await this.#binding.invoke("delete", names);
  }

  async list(options?: Options): Promise<unknown> {
    const page = await this.#binding.invoke("list", translated(options));
    const { objects, truncated, cursor, delimitedPrefixes } = page;
    return {
      objects: objects.map((found: Described) => new HeadResult(found)),
      truncated,
      cursor: cursor ?? undefined,
      delimitedPrefixes,
    };
  }

  async createMultipartUpload(
    ...args: [key: string, options?: Options]
  ): Promise<R2MultipartUpload> {
    if (!args.length) throw misuse("createMultipartUpload", BUCKET, 1, "string");
    const given = translated(args[1]);
    const begun = await this.#binding.invoke("createMultipartUpload", `${args[0]}`, given);
    return new R2MultipartUpload(this.#binding, begun.key, begun.uploadId);
  }

  /** Whether the upload exists, its methods find out. */
  resumeMultipartUpload(...args: [key: string, uploadId: string]): R2MultipartUpload {
    if (args.length < 2) throw misuse("resumeMultipartUpload", BUCKET, args.length + 1, "string");
    const [key, uploadId] = args;
    return new R2MultipartUpload(this.#binding, `${key}`, `${uploadId}`);
  }
}

function objectOf(found: Described | null): HeadResult | null {
  if (found === null) return null;
  return found.body ? new GetResult(found) : new HeadResult(found);
}

function dated(metadata: Record<string, string | number>): Record<string, string | Date> {
  const { cacheExpiry, ...texts } = metadata;
  const found: Record<string, string | Date> = texts as Record<string, string>;
  if (cacheExpiry !== undefined && cacheExpiry !== null) found.cacheExpiry = new Date(cacheExpiry);
  return found;
}

/** The value of a put; a stream tells how long it is, when it knows. */
function storable(value: unknown, method: string, owner: string): Wire {
  if (value === null || value === undefined) return null;
  if (typeof value === "string") return value;
  if (value instanceof ReadableStream) return new SizedStream(value, lengthOf(value));
  if (value instanceof Blob) return new SizedStream(value.stream(), value.size);
  const bytes = bytesOf(value);
  if (!bytes) throw misuse(method, owner, 2, STORABLE);
  return bytes;
}

/** Options as wire values: dates in ms, headers as pairs, buffers as bytes. */
function translated(options: Options): Wire {
  if (options === undefined || options === null) return {};
  if (typeof options !== "object") {
    throw new TypeError(`options must be an object, not a ${typeof options}`);
  }
  return fields(options);
}

function fields(given: Record<string, unknown>): Wire {
  const found: Record<string, Wire> = {};
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (DATES.includes(name)) found[name] = date(value);
    else if (name === TEXTS) found[name] = texts(value);
    else found[name] = field(value);
  }
  return found;
}

/** A date in ms; what is none crosses as a text, which the operations refuse. */
function date(value: unknown): Wire {
  const time = value instanceof Date ? value.getTime() : NaN;
  return value === null ? null : Number.isNaN(time) ? String(value) : time;
}

/** Custom metadata: every value as JavaScript spells it. */
function texts(value: unknown): Wire {
  if (typeof value !== "object" || value === null) return value as Wire;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, `${each}`]));
}

function field(value: unknown): Wire {
  if (value instanceof Headers) return [...value] as Wire;
  if (value instanceof Date) return value.getTime();
  const bytes = bytesOf(value);
  if (bytes) return bytes;
  if (Array.isArray(value)) return value.map(field);
  if (typeof value === "object" && value !== null) return fields(value as Record<string, unknown>);
  return value as Wire;
}

export default (binding: Binding) => new R2Bucket(binding);
