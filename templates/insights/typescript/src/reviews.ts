/** Reviews: rows of DB, each judged by AI, and their counts, read through CACHE. */

const SENTIMENT = "@cf/huggingface/distilbert-sst-2-int8";
/** A model that is less sure than this of its better label has not decided: neutral. */
const UNSURE = 0.6;
const JUDGED_AT_ONCE = 100;
const COUNTS = "counts";
const CACHE_SECONDS = 60;

/** A row of the table `reviews`; nobody has judged it while its sentiment is null. */
export interface Review {
  id: number;
  topic: string;
  text: string;
  sentiment: string | null;
  created_at: number;
}

/** How many reviews a topic has, and of which sentiment. */
export interface Counts {
  topic: string;
  reviews: number;
  positive: number;
  neutral: number;
  negative: number;
}

/** Keep a review, then judge it: what a customer wrote is not lost with a model's failure. */
export async function add(env: Env, topic: string, text: string): Promise<Review> {
  const insert = env.DB.prepare("INSERT INTO reviews (topic, text) VALUES (?, ?) RETURNING *");
  const review = (await insert.bind(topic, text).first<Review>())!;
  try {
    review.sentiment = await judge(env, review);
  } catch (error) {
    console.warn(`review ${review.id} waits for the next report to be judged:`, error);
  }
  await env.CACHE.delete(COUNTS);
  return review;
}

/** Judge reviews that no model has judged yet; how many there were. */
export async function judgeTheRest(env: Env): Promise<number> {
  const { results } = await env.DB.prepare(
    "SELECT * FROM reviews WHERE sentiment IS NULL ORDER BY id LIMIT ?",
  ).bind(JUDGED_AT_ONCE).all<Review>();
  for (const review of results) await judge(env, review);
  if (results.length) await env.CACHE.delete(COUNTS);
  return results.length;
}

/** Ask the model what a review feels, and write it down. */
async function judge(env: Env, { id, text }: Review): Promise<string> {
  const sentiment = decided(await env.AI.run(SENTIMENT, { text }));
  await env.DB.prepare("UPDATE reviews SET sentiment = ? WHERE id = ?").bind(sentiment, id).run();
  return sentiment;
}

/** The better of a model's labels, if it is sure of one. */
export function decided(labels: AiLabel[]): string {
  const best = labels.reduce((one, other) => other.score > one.score ? other : one);
  return best.score < UNSURE ? "neutral" : best.label.toLowerCase();
}

/** The counts of all reviews, and whether they came from the cache. */
export async function cachedCounts(env: Env): Promise<{ topics: Counts[]; cached: boolean }> {
  const known = await env.CACHE.get<Counts[]>(COUNTS, "json");
  if (known) return { topics: known, cached: true };
  const topics = await counts(env, 0, Number.MAX_SAFE_INTEGER);
  await env.CACHE.put(COUNTS, JSON.stringify(topics), { expirationTtl: CACHE_SECONDS });
  return { topics, cached: false };
}

/** By topic: how many reviews there were (times in ms), and of which sentiment. */
export async function counts(env: Env, since: number, until: number): Promise<Counts[]> {
  const { results } = await env.DB.prepare(
    `SELECT topic, count(*) AS reviews,
     count(*) FILTER (WHERE sentiment = 'positive') AS positive,
     count(*) FILTER (WHERE sentiment = 'neutral') AS neutral,
     count(*) FILTER (WHERE sentiment = 'negative') AS negative FROM reviews
     WHERE created_at >= ? AND created_at < ? GROUP BY topic ORDER BY topic`,
  ).bind(since, until).all<Counts>();
  return results;
}

/** What was written about a topic, the newest first. */
export async function texts(
  env: Env,
  topic: string,
  since: number,
  until: number,
  limit: number,
): Promise<string[]> {
  const { results } = await env.DB.prepare(
    `SELECT text FROM reviews WHERE topic = ? AND created_at >= ? AND created_at < ?
     ORDER BY created_at DESC LIMIT ?`,
  ).bind(topic, since, until, limit).all<Review>();
  return results.map(({ text }) => text);
}
