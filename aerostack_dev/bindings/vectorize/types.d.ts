/** A value of a vector's metadata. Keys have no dot, no quote and no `$` at their beginning. */
type VectorizeVectorMetadataValue = string | number | boolean | string[] | null;

/** What is known of a vector beside its numbers; up to 10 KiB as JSON. */
type VectorizeVectorMetadata =
  | VectorizeVectorMetadataValue
  | { [name: string]: VectorizeVectorMetadata };

/** The numbers of a vector. They are kept as float32. */
type VectorFloatArray = Float32Array | Float64Array;

/** A vector. */
interface VectorizeVector {
  /** Up to 64 bytes; a namespace too. */
  id: string;
  /** As many as the index has dimensions. */
  values: VectorFloatArray | number[];
  /** The part of the index that it belongs to. */
  namespace?: string;
  metadata?: Record<string, VectorizeVectorMetadata>;
}

/** A vector that is like the one asked for. What was not asked for is absent. */
interface VectorizeMatch {
  id: string;
  /** How alike: larger is closer with `cosine` and `dot-product`, smaller with `euclidean`. */
  score: number;
  values?: number[];
  namespace?: string;
  metadata?: Record<string, VectorizeVectorMetadata>;
}

/** The closest vectors, the best first. */
interface VectorizeMatches {
  matches: VectorizeMatch[];
  count: number;
}

/** What a property may be compared with. */
type VectorizeFilterValue = string | number | boolean | null;

/** What a property must satisfy; at most one lower and one upper bound together. */
interface VectorizeFilterOperators {
  $eq?: VectorizeFilterValue;
  $ne?: VectorizeFilterValue;
  $in?: VectorizeFilterValue[];
  $nin?: VectorizeFilterValue[];
  $lt?: string | number;
  $lte?: string | number;
  $gt?: string | number;
  $gte?: string | number;
}

/**
 * What the metadata of a match must satisfy, by property; `a.b` is the property `b` of `a`. A bare
 * value must be equal. Production needs a metadata index of each property.
 */
type VectorizeVectorMetadataFilter = {
  [property: string]: VectorizeFilterValue | VectorizeFilterOperators;
};

/** How much metadata comes with a match. */
type VectorizeMetadataRetrievalLevel = "none" | "indexed" | "all";

/** What to find. */
interface VectorizeQueryOptions {
  /** Matches at most: 5 by default, up to 100, up to 50 with values or all metadata. */
  topK?: number;
  /** Only vectors of this namespace; all of them by default. */
  namespace?: string;
  /** With the numbers of each match. */
  returnValues?: boolean;
  /** `true` means `"all"`. */
  returnMetadata?: true | VectorizeMetadataRetrievalLevel;
  filter?: VectorizeVectorMetadataFilter;
}

/** What an index is. */
interface VectorizeIndexInfo {
  vectorCount: number;
  /** Numbers of a vector. */
  dimensions: number;
  /** The last change that queries see: an ISO 8601 time. */
  processedUpToDatetime: string;
  processedUpToMutation: string;
}

/** A change that was taken on; queries see it a moment later. */
interface VectorizeAsyncMutation {
  mutationId: string;
}

/** An index of vectors, which finds the ones that are alike. */
interface VectorizeIndex {
  describe(): Promise<VectorizeIndexInfo>;
  /** The vectors closest to `vector`. */
  query(
    vector: VectorFloatArray | number[],
    options?: VectorizeQueryOptions,
  ): Promise<VectorizeMatches>;
  /** The vectors closest to the one with this id. */
  queryById(id: string, options?: VectorizeQueryOptions): Promise<VectorizeMatches>;
  /** Add vectors, 1000 at most; an id that exists is skipped in silence. */
  insert(vectors: VectorizeVector[]): Promise<VectorizeAsyncMutation>;
  /** Add vectors or replace them as wholes, 1000 at most. */
  upsert(vectors: VectorizeVector[]): Promise<VectorizeAsyncMutation>;
  /** Delete vectors, 100 at most; ids that do not exist are no error. */
  deleteByIds(ids: string[]): Promise<VectorizeAsyncMutation>;
  /** The vectors with these ids, 20 at most, as far as they exist. */
  getByIds(ids: string[]): Promise<VectorizeVector[]>;
}

/** The name that newer programs use. */
type Vectorize = VectorizeIndex;
