/** Headers that go with an object's content. */
interface R2HTTPMetadata {
  contentType?: string;
  contentLanguage?: string;
  contentDisposition?: string;
  contentEncoding?: string;
  cacheControl?: string;
  cacheExpiry?: Date;
}

/** Which bytes of an object. */
type R2Range =
  | { offset: number; length?: number }
  | { offset?: number; length: number }
  | { suffix: number };

/** When to read or write: all that is given must hold. */
interface R2Conditional {
  /** Without quotes; `*` is any object. */
  etagMatches?: string;
  /** Without quotes; `*` is any object: create only what is not there. */
  etagDoesNotMatch?: string;
  uploadedBefore?: Date;
  uploadedAfter?: Date;
  /** Compare times by the second. */
  secondsGranularity?: boolean;
}

/** How to read an object. */
interface R2GetOptions {
  /** A condition, or the headers of a request that has one. */
  onlyIf?: R2Conditional | Headers;
  /** A range, or the headers of a request that has one. */
  range?: R2Range | Headers;
  /** The key that the object was encrypted with: 32 bytes, or 64 hex characters. */
  ssecKey?: ArrayBuffer | string;
}

/** How to write an object. */
interface R2PutOptions {
  onlyIf?: R2Conditional | Headers;
  httpMetadata?: R2HTTPMetadata | Headers;
  customMetadata?: Record<string, string>;
  /** What the content must have, as hex or as bytes; at most one of the five. */
  md5?: ArrayBuffer | ArrayBufferView | string;
  sha1?: ArrayBuffer | ArrayBufferView | string;
  sha256?: ArrayBuffer | ArrayBufferView | string;
  sha384?: ArrayBuffer | ArrayBufferView | string;
  sha512?: ArrayBuffer | ArrayBufferView | string;
  storageClass?: "Standard" | "InfrequentAccess";
  ssecKey?: ArrayBuffer | string;
}

/** How to begin an upload in parts. */
interface R2MultipartOptions {
  httpMetadata?: R2HTTPMetadata | Headers;
  customMetadata?: Record<string, string>;
  storageClass?: "Standard" | "InfrequentAccess";
  ssecKey?: ArrayBuffer | string;
}

/** Which objects to list. */
interface R2ListOptions {
  /** Objects of a page: 1000 at most and by default. */
  limit?: number;
  /** Only keys that begin with this. */
  prefix?: string;
  /** Where the page before ended. */
  cursor?: string;
  /** Keys with this after the prefix are counted as one, like a folder. */
  delimiter?: string;
  /** Only keys after this one. */
  startAfter?: string;
  /** What comes with each object. */
  include?: ("httpMetadata" | "customMetadata")[];
}

/** A page of objects, in the order of their keys' UTF-8 bytes. */
type R2Objects =
  & {
    objects: R2Object[];
    /** What `delimiter` has counted as one, with the delimiter. */
    delimitedPrefixes: string[];
  }
  & ({ truncated: true; cursor: string } | { truncated: false });

/** Digests of a content; JSON shows them as hex. */
interface R2Checksums {
  readonly md5?: ArrayBuffer;
  readonly sha1?: ArrayBuffer;
  readonly sha256?: ArrayBuffer;
  readonly sha384?: ArrayBuffer;
  readonly sha512?: ArrayBuffer;
  toJSON(): R2StringChecksums;
}

/** Digests as hex. */
interface R2StringChecksums {
  md5?: string;
  sha1?: string;
  sha256?: string;
  sha384?: string;
  sha512?: string;
}

/** What is known of an object. */
interface R2Object {
  readonly key: string;
  /** Another one after every write. */
  readonly version: string;
  /** In bytes. */
  readonly size: number;
  /** Without quotes. */
  readonly etag: string;
  /** In quotes, as a header has it. */
  readonly httpEtag: string;
  readonly checksums: R2Checksums;
  readonly uploaded: Date;
  readonly httpMetadata?: R2HTTPMetadata;
  readonly customMetadata?: Record<string, string>;
  /** The bytes that were read. */
  readonly range?: { offset: number; length: number };
  readonly storageClass: string;
  readonly ssecKeyMd5?: string;
  /** Set the headers that `httpMetadata` stands for. */
  writeHttpMetadata(headers: Headers): void;
}

/** An object with its content, which can be read once. */
interface R2ObjectBody extends R2Object {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly bodyUsed: boolean;
  arrayBuffer(): Promise<ArrayBuffer>;
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
  text(): Promise<string>;
  json<T = unknown>(): Promise<T>;
  /** With the content type of the object. */
  blob(): Promise<Blob>;
}

/** A part that has been uploaded; `complete` wants them all. */
interface R2UploadedPart {
  partNumber: number;
  etag: string;
}

/** An upload in parts. Unfinished ones end after seven days. */
interface R2MultipartUpload {
  readonly key: string;
  readonly uploadId: string;
  /** Upload a part: number 1 to 10000, 5 MiB or more, all but the last of one size. */
  uploadPart(
    partNumber: number,
    value: ReadableStream | ArrayBuffer | ArrayBufferView | string | Blob,
    options?: { ssecKey?: ArrayBuffer | string },
  ): Promise<R2UploadedPart>;
  /** Make the object of its parts. */
  complete(parts: R2UploadedPart[]): Promise<R2Object>;
  /** Give the upload up. */
  abort(): Promise<void>;
}

/** A bucket of objects. What was written is seen by every read after it. */
interface R2Bucket {
  /** What is known of an object; null when there is none. */
  head(key: string): Promise<R2Object | null>;
  /** An object, without its content where `onlyIf` does not hold; null when there is none. */
  get(
    key: string,
    options: R2GetOptions & { onlyIf: R2Conditional | Headers },
  ): Promise<R2ObjectBody | R2Object | null>;
  /** An object; null when there is none. */
  get(key: string, options?: R2GetOptions): Promise<R2ObjectBody | null>;
  /**
   * Write an object; null where `onlyIf` does not hold. A stream must have a known length: the body
   * of a request or response, or of a `FixedLengthStream`.
   */
  put(
    key: string,
    value: ReadableStream | ArrayBuffer | ArrayBufferView | string | null | Blob,
    options: R2PutOptions & { onlyIf: R2Conditional | Headers },
  ): Promise<R2Object | null>;
  put(
    key: string,
    value: ReadableStream | ArrayBuffer | ArrayBufferView | string | null | Blob,
    options?: R2PutOptions,
  ): Promise<R2Object>;
  /** Delete objects, up to 1000; keys that do not exist are no error. */
  delete(keys: string | string[]): Promise<void>;
  /** The objects, page by page: go on with `cursor` while `truncated`. */
  list(options?: R2ListOptions): Promise<R2Objects>;
  /** Begin an upload in parts. */
  createMultipartUpload(key: string, options?: R2MultipartOptions): Promise<R2MultipartUpload>;
  /** Go on with an upload; whether it exists, its methods find out. */
  resumeMultipartUpload(key: string, uploadId: string): R2MultipartUpload;
}
