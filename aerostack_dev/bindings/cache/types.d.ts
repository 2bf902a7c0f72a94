/** How a value is read: as a text, as parsed JSON, as bytes, as a stream of bytes. */
type KVNamespaceGetType = "text" | "json" | "arrayBuffer" | "stream";

/** How to read a value. */
interface KVNamespaceGetOptions<Type> {
  type: Type;
  /** Seconds that the platform may answer from a nearby copy: 30 or more, 60 by default. */
  cacheTtl?: number;
}

/** How to write a value. */
interface KVNamespacePutOptions {
  /** When the entry ends, in seconds since the epoch; at least 60 from now. */
  expiration?: number;
  /** After how many seconds the entry ends; at least 60. */
  expirationTtl?: number;
  /** Anything that JSON can hold, up to 1024 bytes; comes with `list` and `getWithMetadata`. */
  metadata?: unknown;
}

/** Which keys to list. */
interface KVNamespaceListOptions {
  /** Only keys that begin with this. */
  prefix?: string | null;
  /** Keys of one page, 1000 at most and by default. */
  limit?: number;
  /** Where the page before ended; use it with the same prefix. */
  cursor?: string | null;
}

/** A key that `list` has found. */
interface KVNamespaceListKey<Metadata = unknown, Key extends string = string> {
  name: Key;
  /** In seconds since the epoch; absent when the entry does not end. */
  expiration?: number;
  /** Absent when there is none. */
  metadata?: Metadata;
}

/** A page of keys, in the order of their UTF-8 bytes. */
type KVNamespaceListResult<Metadata = unknown, Key extends string = string> =
  | {
    list_complete: false;
    keys: KVNamespaceListKey<Metadata, Key>[];
    /** Where the next page begins. */
    cursor: string;
    cacheStatus: string | null;
  }
  | {
    list_complete: true;
    keys: KVNamespaceListKey<Metadata, Key>[];
    cacheStatus: string | null;
  };

/** A value and its metadata; both null when there is no such key. */
interface KVNamespaceGetWithMetadataResult<Value, Metadata> {
  value: Value | null;
  metadata: Metadata | null;
  cacheStatus: string | null;
}

/** The same of one key of several; null in its place when there is no such key. */
interface KVNamespaceBulkEntry<Value, Metadata> {
  value: Value;
  metadata: Metadata | null;
}

/** A cache of values by key: read often and quickly, seen everywhere within a minute. */
interface KVNamespace<Key extends string = string> {
  /** The value of a key; null when there is none. */
  get(key: Key, options?: Partial<KVNamespaceGetOptions<undefined>>): Promise<string | null>;
  get(key: Key, type: "text"): Promise<string | null>;
  get<Value = unknown>(key: Key, type: "json"): Promise<Value | null>;
  get(key: Key, type: "arrayBuffer"): Promise<ArrayBuffer | null>;
  get(key: Key, type: "stream"): Promise<ReadableStream | null>;
  get(key: Key, options: KVNamespaceGetOptions<"text">): Promise<string | null>;
  get<Value = unknown>(key: Key, options: KVNamespaceGetOptions<"json">): Promise<Value | null>;
  get(key: Key, options: KVNamespaceGetOptions<"arrayBuffer">): Promise<ArrayBuffer | null>;
  get(key: Key, options: KVNamespaceGetOptions<"stream">): Promise<ReadableStream | null>;
  /** The values of up to 100 keys, as texts or as JSON; null for a key that is not there. */
  get(
    keys: Key[],
    options?: "text" | Partial<KVNamespaceGetOptions<"text" | undefined>>,
  ): Promise<Map<string, string | null>>;
  get<Value = unknown>(
    keys: Key[],
    options: "json" | KVNamespaceGetOptions<"json">,
  ): Promise<Map<string, Value | null>>;

  /** The value of a key with its metadata. */
  getWithMetadata<Metadata = unknown>(
    key: Key,
    options?: "text" | Partial<KVNamespaceGetOptions<"text" | undefined>>,
  ): Promise<KVNamespaceGetWithMetadataResult<string, Metadata>>;
  getWithMetadata<Value = unknown, Metadata = unknown>(
    key: Key,
    options: "json" | KVNamespaceGetOptions<"json">,
  ): Promise<KVNamespaceGetWithMetadataResult<Value, Metadata>>;
  getWithMetadata<Metadata = unknown>(
    key: Key,
    options: "arrayBuffer" | KVNamespaceGetOptions<"arrayBuffer">,
  ): Promise<KVNamespaceGetWithMetadataResult<ArrayBuffer, Metadata>>;
  getWithMetadata<Metadata = unknown>(
    key: Key,
    options: "stream" | KVNamespaceGetOptions<"stream">,
  ): Promise<KVNamespaceGetWithMetadataResult<ReadableStream, Metadata>>;
  /** The values of up to 100 keys with their metadata. */
  getWithMetadata<Metadata = unknown>(
    keys: Key[],
    options?: "text" | Partial<KVNamespaceGetOptions<"text" | undefined>>,
  ): Promise<Map<string, KVNamespaceBulkEntry<string, Metadata> | null>>;
  getWithMetadata<Value = unknown, Metadata = unknown>(
    keys: Key[],
    options: "json" | KVNamespaceGetOptions<"json">,
  ): Promise<Map<string, KVNamespaceBulkEntry<Value, Metadata> | null>>;

  /** Write a value of up to 25 MiB; a key has up to 512 bytes. */
  put(
    key: Key,
    value: string | ArrayBuffer | ArrayBufferView | ReadableStream,
    options?: KVNamespacePutOptions,
  ): Promise<void>;
  /** Delete a key; one that is not there is no error. */
  delete(key: Key): Promise<void>;
  /** The keys, page by page: go on with `cursor` until `list_complete`. */
  list<Metadata = unknown>(
    options?: KVNamespaceListOptions,
  ): Promise<KVNamespaceListResult<Metadata, Key>>;
}
