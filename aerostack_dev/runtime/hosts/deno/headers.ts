/**
 * `Headers` as the platform has them: texts of any script, which HTTP carries as UTF-8, and
 * iterators that go over what was there when they began.
 *
 * Deno keeps a header as HTTP does, a character for each byte: "é" is two of them inside.
 */
const NativeHeaders = globalThis.Headers;
const { append, entries, get, getSetCookie, set } = NativeHeaders.prototype;
const BEYOND_ASCII = /[\u0080-\uffff]/;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const immutable = new WeakSet<Headers>();

type Pairs = [string, string][];

/** Let nobody change the headers of `message`. */
export function freeze<M extends { headers: Headers }>(message: M): M {
  immutable.add(message.headers);
  return message;
}

/** The names and values of `headers` as HTTP carries them. */
export function carriedPairs(headers: Headers): Pairs {
  return [...entries.call(headers)];
}

/** What to make native headers of: `given` itself, unless some value is beyond ASCII. */
export function carriedInit(given: HeadersInit): HeadersInit {
  if (given instanceof NativeHeaders) {
    const pairs = carriedPairs(given);
    return pairs.some(([, value]) => BEYOND_ASCII.test(value)) ? pairs : given;
  }
  if (typeof given !== "object" || given === null) return given;
  const pairs = Symbol.iterator in given ? [...given] as Pairs : Object.entries(given);
  if (!pairs.some((pair) => BEYOND_ASCII.test(String(pair?.[1])))) {
    return Symbol.iterator in given ? pairs : given;
  }
  return pairs.map(([name, value, ...more]) => [name, carried(value), ...more] as never);
}

/** A value with a character for each byte of its UTF-8. */
function carried(value: unknown): string {
  const text = `${value}`;
  if (!BEYOND_ASCII.test(text)) return text;
  return Array.from(encoder.encode(text), (byte) => String.fromCharCode(byte)).join("");
}

/** A value as the author reads it; bytes that are no UTF-8 become U+FFFD. */
function read(value: string): string {
  if (!BEYOND_ASCII.test(value)) return value;
  return decoder.decode(Uint8Array.from(value, (character) => character.charCodeAt(0)));
}

/** Names and values as the author reads them. */
export function readPairs(carried: Pairs): Pairs {
  return carried.map(([name, value]) => [name, read(value)]);
}

class Headers extends NativeHeaders {
  static override [Symbol.hasInstance](value: unknown): boolean {
    return this === Headers
      ? Function.prototype[Symbol.hasInstance].call(NativeHeaders, value)
      : Function.prototype[Symbol.hasInstance].call(this, value);
  }

  constructor(init?: HeadersInit) {
    super(init === undefined ? init : carriedInit(init));
  }
}

/** `headers.getAll("Set-Cookie")`, which is of before `getSetCookie()`. */
function getAll(this: Headers, name: string): string[] {
  if (String(name).toLowerCase() !== "set-cookie") {
    throw new TypeError('getAll() can only be used with the header name "Set-Cookie".');
  }
  return this.getSetCookie();
}

function snapshot(headers: Headers): Pairs {
  return readPairs(carriedPairs(headers));
}

const reading = {
  get(this: Headers, ...args: [string]) {
    const value = get.apply(this, args);
    return value === null ? null : read(value);
  },
  getAll,
  getSetCookie(this: Headers) {
    return getSetCookie.call(this).map(read);
  },
  entries(this: Headers) {
    return snapshot(this).values();
  },
  keys(this: Headers) {
    return snapshot(this).map(([name]) => name).values();
  },
  values(this: Headers) {
    return snapshot(this).map(([, value]) => value).values();
  },
  forEach(
    this: Headers,
    visit: (value: string, name: string, headers: Headers) => void,
    self?: unknown,
  ) {
    for (const [name, value] of snapshot(this)) visit.call(self, value, name, this);
  },
};

/** `change` for headers that may be changed, with a value that they can hold. */
function guarded(change: (...args: never[]) => void) {
  return function (this: Headers, ...args: unknown[]) {
    if (immutable.has(this)) throw new TypeError("Can't modify immutable headers.");
    if (args.length > 1) args[1] = carried(args[1]);
    return change.apply(this, args as never[]);
  };
}

export function installHeaders(): void {
  const changing = {
    append: guarded(append),
    delete: guarded(NativeHeaders.prototype.delete),
    set: guarded(set),
  };
  const members = { ...reading, ...changing, [Symbol.iterator]: reading.entries };
  for (const name of Reflect.ownKeys(members)) {
    Object.defineProperty(NativeHeaders.prototype, name, {
      value: members[name as keyof typeof members],
      configurable: true,
      writable: true,
    });
  }
  Object.assign(globalThis, { Headers });
}
