/**
 * What the rooms' `api.ts` give is what their `types.d.ts` promise: proved by `deno check`.
 *
 * Where an `api.ts` leaves a result to the operations (`unknown`), its shape is theirs to test.
 */
// deno-lint-ignore-file no-explicit-any
/// <reference path="../../../../../aerostack_dev/bindings/ai/models.d.ts" />
/// <reference path="../../../../../aerostack_dev/bindings/ai/types.d.ts" />
/// <reference path="../../../../../aerostack_dev/bindings/cache/types.d.ts" />
/// <reference path="../../../../../aerostack_dev/bindings/database/types.d.ts" />
/// <reference path="../../../../../aerostack_dev/bindings/queue/types.d.ts" />
/// <reference path="../../../../../aerostack_dev/bindings/storage/types.d.ts" />
/// <reference path="../../../../../aerostack_dev/bindings/vectorize/types.d.ts" />
/// <reference path="../../../../../aerostack_dev/runtime/hosts/deno/declarations/handlers.d.ts" />
import ai from "../../../../../aerostack_dev/bindings/ai/api.ts";
import cache from "../../../../../aerostack_dev/bindings/cache/api.ts";
import database from "../../../../../aerostack_dev/bindings/database/api.ts";
import type { Binding } from "../../../../../aerostack_dev/bindings/face.ts";
import queue from "../../../../../aerostack_dev/bindings/queue/api.ts";
import * as batches from "../../../../../aerostack_dev/bindings/queue/batch.ts";
import storage from "../../../../../aerostack_dev/bindings/storage/api.ts";
import vectorize from "../../../../../aerostack_dev/bindings/vectorize/api.ts";
import * as invocation from "../../../../../aerostack_dev/runtime/hosts/deno/invocation.ts";

declare global {
  // deno-lint-ignore no-empty-interface
  interface Env {}
}

type Plain = string | number | boolean | symbol | null | undefined | bigint | void;
type BuiltIn = Date | ArrayBuffer | ReadableStream | Blob | Headers | Uint8Array | Response;

/** `T` with its unknown results open: all else must fit. */
type Open<T> = unknown extends T ? any
  : T extends Plain | BuiltIn | Map<any, any> ? T
  : T extends Promise<infer Value> ? Promise<Open<Value>>
  : T extends (...args: infer Arguments) => infer Result
    ? (...args: Accepted<Arguments>) => Open<Result>
  : { [Name in keyof T]: Open<T[Name]> };

/** Parameters, of which any record takes any options. */
type Accepted<Arguments> = {
  [At in keyof Arguments]: Record<string, unknown> extends NonNullable<Arguments[At]> ? any
    : Arguments[At];
};

declare const binding: Binding;

function open<T>(value: T): Open<T> {
  return value as Open<T>;
}

export const faces: {
  AI: Ai;
  CACHE: KVNamespace;
  DB: D1Database;
  QUEUE: Queue;
  STORAGE: Omit<R2Bucket, "get" | "put">;
  VECTORIZE: VectorizeIndex;
} = {
  AI: open(ai(binding)),
  CACHE: open(cache(binding)),
  DB: open(database(binding)),
  QUEUE: open(queue(binding)),
  STORAGE: open(storage(binding)),
  VECTORIZE: open(vectorize(binding)),
};

// Whether these two give an object, or one with content, depends on their options.
const bucket = open(storage(binding));
export const get: (key: string, options?: R2GetOptions) => Promise<R2Object | null> = bucket.get;
export const put: (
  key: string,
  value: ReadableStream | ArrayBuffer | ArrayBufferView | string | null | Blob,
  options?: R2PutOptions,
) => Promise<R2Object | null> = bucket.put;

declare const batch: batches.MessageBatch;
export const given: MessageBatch = open(batch);

declare const context: invocation.ExecutionContext;
export const ctx: ExecutionContext = context;
