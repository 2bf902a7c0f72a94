/** Errors as they cross to the server and back. */

const KEPT_CAUSES = 8;

/** An error in words. */
export interface Described {
  name: string;
  message: string;
  stack: string;
  /** What to do about it, where an error of ours says so. */
  hint?: string;
  cause?: Described;
}

/** What `error` says: whatever was thrown, an error or not. */
export function describe(error: unknown, depth = 0): Described {
  if (!(error instanceof Error)) {
    const message = shown(error);
    return { name: "Error", message, stack: `Error: ${message}` };
  }
  const described: Described = {
    name: text(() => error.name, "Error"),
    message: text(() => error.message, ""),
    stack: text(() => error.stack, ""),
  };
  const hint = text(() => (error as { hint?: unknown }).hint, "");
  if (hint) described.hint = hint;
  if (error.cause !== undefined && depth < KEPT_CAUSES) {
    described.cause = describe(error.cause, depth + 1);
  }
  return described;
}

const OWN = new URL("../../../", import.meta.url).href;

/** A stack without the lines that are not the author's. */
export function cleaned(stack: string): string {
  const foreign = (line: string) => line.includes(OWN) || /^\s+at .*\bext:/.test(line);
  return stack.split("\n").filter((line) => !foreign(line)).join("\n");
}

interface Refusal {
  type: string;
  message: string;
  cause?: string;
  details?: Record<string, unknown>;
}

const KINDS: Record<string, ErrorConstructor> = {
  TypeError,
  RangeError,
  SyntaxError,
};

/** The author's kind of error for a refusal of the server. */
export function revive(value: unknown): Error {
  const refusal = value as Refusal;
  const options = refusal.cause === undefined ? undefined : { cause: new Error(refusal.cause) };
  const kind = KINDS[refusal.type] ?? Error;
  const error = new kind(refusal.message, options);
  const named = kind === Error && refusal.type !== "Error";
  for (
    const [name, detail] of Object.entries({
      name: named ? refusal.type : undefined,
      ...refusal.details,
    })
  ) {
    if (detail !== undefined) {
      Object.defineProperty(error, name, { value: detail, configurable: true });
    }
  }
  return error;
}

function text(read: () => unknown, otherwise: string): string {
  try {
    const found = read();
    return found === undefined ? otherwise : String(found);
  } catch {
    return otherwise;
  }
}

function shown(value: unknown): string {
  try {
    return typeof value === "object" && value !== null
      ? JSON.stringify(value) ?? String(value)
      : String(value);
  } catch {
    return "(a value that cannot be shown)";
  }
}
