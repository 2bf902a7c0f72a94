/** The report of a week: counts from DB, summaries by AI, kept in STORAGE as JSON and text. */
import * as reviews from "./reviews.ts";

const CHAT = "@cf/meta/llama-3.3-70b-instruct-fp8-fast";
const INSTRUCTIONS = "You report to a shop what its customers write. Reply in at most three " +
  "sentences, from their words alone, with praise and blame in proportion.";
const TOKENS = 200;
/** Reviews of a topic that a summary is made from, the newest ones. */
const READ = 50;
const WEEK = 7 * 24 * 60 * 60 * 1000;
const FOLDER = "reports/";

/** What customers wrote in a week. */
export interface Report {
  from: string;
  to: string;
  topics: (reviews.Counts & { summary: string })[];
}

/** Report on the week before `until` (ms); the report's name. Written again, it is replaced. */
export async function write(env: Env, until: number): Promise<string> {
  const since = until - WEEK;
  const report: Report = { from: iso(since), to: iso(until), topics: [] };
  for (const counts of await reviews.counts(env, since, until)) {
    const summary = await summaryOf(env, counts.topic, since, until);
    report.topics.push({ ...counts, summary });
  }
  const name = report.to.slice(0, 10);
  await put(env, `${name}.json`, JSON.stringify(report), "application/json");
  await put(env, `${name}.txt`, asText(report), "text/plain; charset=utf-8");
  return name;
}

/** What customers wrote about a topic, in a few sentences. */
async function summaryOf(env: Env, topic: string, since: number, until: number): Promise<string> {
  const written = await reviews.texts(env, topic, since, until, READ);
  const lines = written.map((text) => `On ${topic}: ${text}`).join("\n");
  const { response } = await env.AI.run(CHAT, {
    messages: [
      { role: "system", content: INSTRUCTIONS },
      { role: "user", content: `${lines}\n\nQuestion: What do they say about ${topic}?` },
    ],
    max_tokens: TOKENS,
  });
  return response;
}

/** A report for people. */
export function asText({ from, to, topics }: Report): string {
  const blocks = topics.map(({ topic, reviews, positive, neutral, negative, summary }) =>
    `${topic}: ${reviews} (+${positive} =${neutral} -${negative})\n${summary}`
  );
  const head = `Reviews from ${from} to ${to}`;
  return [head, ...(blocks.length ? blocks : ["There were none."])].join("\n\n") + "\n";
}

/** The names of all reports, the latest first. */
export async function list(env: Env): Promise<string[]> {
  const names: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await env.STORAGE.list({ prefix: FOLDER, cursor });
    names.push(...page.objects.map(({ key }) => key.slice(FOLDER.length)));
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor);
  return names.sort().reverse();
}

/** A report as an object of STORAGE. `latest.txt` is the newest of its kind. */
export async function read(env: Env, name: string): Promise<R2ObjectBody | null> {
  const [stem, kind] = name.split(".", 2);
  const latest = stem === "latest"
    ? (await list(env)).find((found) => found.endsWith(`.${kind}`))
    : undefined;
  return await env.STORAGE.get(FOLDER + (latest ?? name));
}

async function put(env: Env, name: string, content: string, contentType: string): Promise<void> {
  await env.STORAGE.put(FOLDER + name, content, { httpMetadata: { contentType } });
}

function iso(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}
