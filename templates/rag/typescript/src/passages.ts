/** Cutting a text into passages: small enough to be about one thing, large enough to tell it. */

/** Characters of a passage. The embedding model reads 512 tokens, about 2000 characters. */
export const SIZE = 800;
/** Characters of the passage before that a passage may begin with. */
const OVERLAP = 120;
const GAP = "\n\n";

/**
 * `text` as passages of whole paragraphs, where they fit.
 *
 * Every passage but the first begins with the last words of the one before it, so that a paragraph
 * is found with what it refers to.
 */
export function passages(text: string): string[] {
  const found: string[] = [];
  for (const paragraph of paragraphs(text)) {
    const last = found.at(-1);
    if (last === undefined) found.push(paragraph);
    else if (last.length + GAP.length + paragraph.length <= SIZE) {
      found.push(found.pop() + GAP + paragraph);
    } else found.push([tail(last), paragraph].filter(Boolean).join(GAP));
  }
  return found;
}

/** The paragraphs, a long one in pieces that leave room for the overlap. */
function paragraphs(text: string): string[] {
  const room = SIZE - OVERLAP - GAP.length;
  return text.split(/\n\s*\n/).flatMap((paragraph) => wrapped(paragraph, room));
}

/** A paragraph in pieces of whole words, as far as they fit. */
function wrapped(paragraph: string, room: number): string[] {
  const pieces: string[] = [];
  for (const word of paragraph.split(/\s+/).filter(Boolean)) {
    for (const part of word.match(new RegExp(`.{1,${room}}`, "gu"))!) {
      const last = pieces.at(-1);
      if (last !== undefined && last.length + 1 + part.length <= room) {
        pieces.push(`${pieces.pop()} ${part}`);
      } else pieces.push(part);
    }
  }
  return pieces;
}

/** The last whole words of a passage; nothing of a word longer than the overlap. */
function tail(passage: string): string {
  if (passage.length <= OVERLAP) return passage;
  return passage.slice(-OVERLAP).split(" ").slice(1).join(" ");
}
