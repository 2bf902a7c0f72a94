/** What the edge says of a request; locally always the same place. */
interface IncomingRequestCfProperties {
  /** The data centre that took the request, as an airport's code. */
  colo?: string;
  asn?: number;
  asOrganization?: string;
  country?: string;
  isEUCountry?: "1";
  city?: string;
  continent?: string;
  latitude?: string;
  longitude?: string;
  postalCode?: string;
  metroCode?: string;
  region?: string;
  regionCode?: string;
  timezone?: string;
  httpProtocol?: string;
  tlsVersion?: string;
  tlsCipher?: string;
  /** What the client had in `Accept-Encoding`. */
  clientAcceptEncoding?: string;
  [name: string]: unknown;
}

/** How the edge treats a request that a function makes; without effect locally. */
interface RequestInitCfProperties {
  cacheEverything?: boolean;
  cacheKey?: string;
  cacheTtl?: number;
  cacheTtlByStatus?: Record<string, number>;
  cacheTags?: string[];
  resolveOverride?: string;
  [name: string]: unknown;
}

interface Request {
  readonly cf?: IncomingRequestCfProperties;
}

interface RequestInit {
  cf?: RequestInitCfProperties;
}

interface ResponseInit {
  /** The client's end of a `WebSocketPair`, with the status 101. */
  webSocket?: WebSocket | null;
  /** `manual`: the body is encoded already, as `content-encoding` says. */
  encodeBody?: "automatic" | "manual";
}

interface Response {
  /** The socket that a server has opened, or that this response opens. */
  readonly webSocket: WebSocket | null;
}

interface Headers {
  /** All values of `Set-Cookie`, one by one. */
  getAll(name: "set-cookie" | "Set-Cookie"): string[];
}

interface WebSocket {
  /** Begin to receive; before this, nothing can be sent. */
  accept(): void;
}

/** Two connected sockets: 0 for the response, 1 to keep. */
interface WebSocketPair {
  0: WebSocket;
  1: WebSocket;
}

declare const WebSocketPair: {
  prototype: WebSocketPair;
  new (): WebSocketPair;
};

interface CacheStorage {
  /** The cache that requests share. */
  readonly default: Cache;
}

interface SubtleCrypto {
  /** Compare bytes in constant time. Throws when one is longer than the other. */
  timingSafeEqual(
    left: ArrayBuffer | ArrayBufferView,
    right: ArrayBuffer | ArrayBufferView,
  ): boolean;
}

/** A stream to write to whose digest is known at its end. */
interface DigestStream extends WritableStream<ArrayBuffer | ArrayBufferView | string> {
  readonly digest: Promise<ArrayBuffer>;
  readonly bytesWritten: number;
}

interface Crypto {
  readonly DigestStream: {
    prototype: DigestStream;
    new (algorithm: string | { name: string }): DigestStream;
  };
}

/** Passes bytes on as they are. */
declare class IdentityTransformStream
  extends TransformStream<ArrayBuffer | ArrayBufferView, Uint8Array> {
  constructor();
}

/** Passes on exactly so many bytes: its readable end has a known length. */
declare class FixedLengthStream extends TransformStream<ArrayBuffer | ArrayBufferView, Uint8Array> {
  constructor(expectedLength: number | bigint);
}

interface Scheduler {
  /** Settles after so many milliseconds. */
  wait(milliseconds: number, options?: { signal?: AbortSignal }): Promise<void>;
}

// deno-lint-ignore no-var -- as lib.dom.d.ts declares it, where it does
declare var scheduler: Scheduler;

/** How content that is put in is read: as a text, by default, or as HTML. */
interface ContentOptions {
  html?: boolean;
}

/** What can be done at a place in the document. */
interface HTMLRewriterContent {
  readonly removed: boolean;
  before(content: string, options?: ContentOptions): this;
  after(content: string, options?: ContentOptions): this;
  replace(content: string, options?: ContentOptions): this;
  remove(): this;
}

/** An element that a selector has found. */
interface HTMLRewriterElement extends HTMLRewriterContent {
  tagName: string;
  readonly attributes: IterableIterator<[string, string]>;
  readonly namespaceURI: string;
  getAttribute(name: string): string | null;
  hasAttribute(name: string): boolean;
  setAttribute(name: string, value: string): this;
  removeAttribute(name: string): this;
  prepend(content: string, options?: ContentOptions): this;
  append(content: string, options?: ContentOptions): this;
  setInnerContent(content: string, options?: ContentOptions): this;
  removeAndKeepContent(): this;
  onEndTag(handler: (tag: HTMLRewriterEndTag) => void | Promise<void>): void;
}

/** The end of an element. */
interface HTMLRewriterEndTag {
  name: string;
  before(content: string, options?: ContentOptions): this;
  after(content: string, options?: ContentOptions): this;
  remove(): this;
}

/** A piece of a text. */
interface HTMLRewriterText extends HTMLRewriterContent {
  readonly text: string;
  readonly lastInTextNode: boolean;
}

interface HTMLRewriterComment extends HTMLRewriterContent {
  text: string;
}

interface HTMLRewriterDoctype {
  readonly name: string | null;
  readonly publicId: string | null;
  readonly systemId: string | null;
}

interface HTMLRewriterDocumentEnd {
  append(content: string, options?: ContentOptions): this;
}

/** What to do with the elements that a selector finds, and with what is in them. */
interface HTMLRewriterElementContentHandlers {
  element?(element: HTMLRewriterElement): void | Promise<void>;
  text?(text: HTMLRewriterText): void | Promise<void>;
  comments?(comment: HTMLRewriterComment): void | Promise<void>;
}

/** What to do with the document as a whole. */
interface HTMLRewriterDocumentContentHandlers {
  doctype?(doctype: HTMLRewriterDoctype): void | Promise<void>;
  text?(text: HTMLRewriterText): void | Promise<void>;
  comments?(comment: HTMLRewriterComment): void | Promise<void>;
  end?(end: HTMLRewriterDocumentEnd): void | Promise<void>;
}

/** Changes HTML while it streams through. */
declare class HTMLRewriter {
  on(selector: string, handlers: HTMLRewriterElementContentHandlers): HTMLRewriter;
  onDocument(handlers: HTMLRewriterDocumentContentHandlers): HTMLRewriter;
  transform(response: Response): Response;
}
