/**
 * The work itself: one function per kind of job, `input -> output`, both JSON.
 *
 * A new kind is one function and one line in KINDS. Throw `InputError` for what can never work;
 * whatever else is thrown is tried again.
 */

type Work = (input: unknown, attempt: number) => unknown;

const MOST_COMMON = 10;

/** This input can never work: trying again is no use. */
export class InputError extends Error {}

/** How often each word occurs in `{"text": …}`. */
export function countWords(input: unknown): Record<string, number> {
  const { text } = fieldsOf(input);
  if (typeof text !== "string") throw new InputError('input must be {"text": "…"}');
  const counts = new Map<string, number>();
  for (const word of text.toLowerCase().match(/\S+/g) ?? []) {
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([, one], [, other]) => other - one);
  return Object.fromEntries(sorted.slice(0, MOST_COMMON));
}

/** Fails the first `{"failures": n}` attempts, to watch retries. Remove it one day. */
export function flaky(input: unknown, attempt: number): { attempts: number } {
  const { failures } = fieldsOf(input);
  if (!Number.isInteger(failures)) throw new InputError('input must be {"failures": n}');
  if (attempt <= (failures as number)) throw new Error(`attempt ${attempt} was not answered`);
  return { attempts: attempt };
}

export const KINDS: ReadonlyMap<string, Work> = new Map<string, Work>([
  ["count-words", countWords],
  ["flaky", flaky],
]);

function fieldsOf(input: unknown): Record<string, unknown> {
  return typeof input === "object" && input !== null ? { ...input } : {};
}
