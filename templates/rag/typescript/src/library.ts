/** Documents: their text in DB, what it means in VECTORIZE, and answers from it by AI. */
import { passages } from "./passages.ts";

const EMBEDDING = "@cf/baai/bge-base-en-v1.5";
const CHAT = "@cf/meta/llama-3.3-70b-instruct-fp8-fast";
const EMBEDDED_AT_ONCE = 100;
const DELETED_AT_ONCE = 100;
/** Passages that an answer is made from, at most. */
const FOUND = 3;
/** Of the best passage's score: what is less like the question is left out. */
const NEAR = 0.5;
const TOKENS = 300;
const INSTRUCTIONS = "Reply from the numbered passages alone, in a few sentences, and name the " +
  "numbers you used in brackets. If they do not tell, say so.";

/** A document, without its text. */
export interface Document {
  id: string;
  title: string;
  created_at: string;
  passages: number;
}

/** A passage that an answer was made from. */
export interface Source {
  document: string;
  title: string;
  text: string;
}

/** Keep a document. It is there once its row is: nobody misses vectors without one. */
export async function ingest(
  env: Env,
  title: string,
  text: string,
): Promise<Omit<Document, "created_at">> {
  const id = crypto.randomUUID();
  const parts = passages(text);
  const ids = parts.map((_, number) => `${id}:${number}`);
  const vectors = await embed(env, parts.map((part) => `${title}\n\n${part}`));
  const metadata = { document: id, title };
  await env.VECTORIZE.upsert(
    vectors.map((values, number) => ({ id: ids[number], values, metadata })),
  );
  const insert = env.DB.prepare("INSERT INTO passages (id, document, text) VALUES (?, ?, ?)");
  await env.DB.batch([
    env.DB.prepare("INSERT INTO documents (id, title) VALUES (?, ?)").bind(id, title),
    ...parts.map((part, number) => insert.bind(ids[number], id, part)),
  ]);
  return { id, title, passages: parts.length };
}

/** Every document, the newest first, with the number of its passages. */
export async function list(env: Env): Promise<Document[]> {
  const { results } = await env.DB.prepare(
    `SELECT documents.*, count(*) AS passages FROM documents
     JOIN passages ON passages.document = documents.id
     GROUP BY documents.id ORDER BY created_at DESC, documents.rowid DESC`,
  ).all<Document>();
  return results;
}

/** Forget a document; whether there was one. The row goes last, so it can be repeated. */
export async function remove(env: Env, id: string): Promise<boolean> {
  const { results } = await env.DB.prepare("SELECT id FROM passages WHERE document = ?")
    .bind(id)
    .all<{ id: string }>();
  for (const some of chunks(results, DELETED_AT_ONCE)) {
    await env.VECTORIZE.deleteByIds(some.map((row) => row.id));
  }
  const { meta } = await env.DB.prepare("DELETE FROM documents WHERE id = ?").bind(id).run();
  return meta.changes > 0;
}

/** An answer, and the passages that it was made from, the best first. */
export async function ask(
  env: Env,
  question: string,
): Promise<{ answer: string; sources: Source[] }> {
  const sources = await search(env, question);
  if (!sources.length) return { answer: "The documents do not tell.", sources };
  const quoted = sources
    .map(({ title, text }, index) => `[${index + 1}] ${title}: ${text}`)
    .join("\n\n");
  const { response } = await env.AI.run(CHAT, {
    messages: [
      { role: "system", content: INSTRUCTIONS },
      { role: "user", content: `${quoted}\n\nQuestion: ${question}` },
    ],
    max_tokens: TOKENS,
  });
  return { answer: response, sources };
}

/** The passages like `question`, the best first; none where nothing is. */
async function search(env: Env, question: string): Promise<Source[]> {
  const [vector] = await embed(env, [question]);
  const found = await env.VECTORIZE.query(vector, { topK: FOUND, returnMetadata: "all" });
  const best = found.matches[0]?.score ?? 0;
  const matches = found.matches.filter(({ score }) => score >= best * NEAR);
  const marks = matches.map(() => "?").join(", ");
  const { results } = await env.DB.prepare(`SELECT id, text FROM passages WHERE id IN (${marks})`)
    .bind(...matches.map(({ id }) => id))
    .all<{ id: string; text: string }>();
  const texts = new Map(results.map(({ id, text }) => [id, text]));
  // The index may be a moment behind the database: what is deleted may still match.
  return matches.flatMap(({ id, metadata }) => {
    const text = texts.get(id);
    const { document, title } = metadata as unknown as Omit<Source, "text">;
    return text === undefined ? [] : [{ document, title, text }];
  });
}

/** A vector for each text. */
async function embed(env: Env, texts: string[]): Promise<number[][]> {
  const vectors: number[][] = [];
  for (const text of chunks(texts, EMBEDDED_AT_ONCE)) {
    vectors.push(...(await env.AI.run(EMBEDDING, { text })).data);
  }
  return vectors;
}

function* chunks<T>(items: T[], size: number): Generator<T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}
