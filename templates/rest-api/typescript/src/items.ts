/** Items: rows of the database, each read through the cache. */

const CACHE_SECONDS = 60;
const NOW = "strftime('%Y-%m-%dT%H:%M:%fZ')";

/** What a client may set of an item. */
export interface Fields {
  name: string;
  description: string;
  price_cents: number;
}

/** A row of the table `items`. */
export interface Item extends Fields {
  id: number;
  created_at: string;
  updated_at: string;
}

/** Each field's check, and what it demands. */
const FIELDS: Record<keyof Fields, [accepts: (value: unknown) => boolean, wanted: string]> = {
  name: [
    (value) => isText(value, 100) && value.trim() !== "",
    "text of 1 to 100 characters",
  ],
  description: [(value) => isText(value, 2000), "text of at most 2000 characters"],
  price_cents: [
    (value) => Number.isSafeInteger(value) && (value as number) >= 0,
    "a whole number, 0 or more",
  ],
};
const NAMES = Object.keys(FIELDS) as (keyof Fields)[];
const OPTIONAL = { description: "" };

/** `fields` says of each wrong field what it must be. */
export class InvalidItemError extends Error {
  constructor(readonly fields: Record<string, string>) {
    super(Object.keys(fields).join(", "));
  }
}

/** All fields of an item from what a client sent. Throws `InvalidItemError`. */
export function whole(data: unknown): Fields {
  const given = { ...OPTIONAL, ...asObject(data) };
  const missing = NAMES.filter((name) => !Object.hasOwn(given, name));
  return checked(given, missing) as Fields;
}

/** Some fields of an item from what a client sent. Throws `InvalidItemError`. */
export function partial(data: unknown): Partial<Fields> {
  return checked(asObject(data), []);
}

function checked(given: Record<string, unknown>, missing: string[]): Partial<Fields> {
  const wrong: Record<string, string> = {};
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(FIELDS, name)) wrong[name] = "is unknown";
  }
  for (const name of NAMES) {
    const [accepts, wanted] = FIELDS[name];
    if (missing.includes(name)) wrong[name] = "is missing";
    else if (Object.hasOwn(given, name) && !accepts(given[name])) wrong[name] = `must be ${wanted}`;
  }
  if (Object.keys(wrong).length) throw new InvalidItemError(wrong);
  return given;
}

/** Up to `limit` items with ids above `after`, and the id to go on from. */
export async function page(
  env: Env,
  limit: number,
  after: number,
): Promise<{ items: Item[]; cursor: number | null }> {
  const { results } = await env.DB.prepare("SELECT * FROM items WHERE id > ? ORDER BY id LIMIT ?")
    .bind(after, limit + 1)
    .all<Item>();
  const items = results.slice(0, limit);
  return { items, cursor: results.length > limit ? items[limit - 1].id : null };
}

export async function create(env: Env, fields: Fields): Promise<Item> {
  const sql = "INSERT INTO items (name, description, price_cents) VALUES (?, ?, ?) RETURNING *";
  const item = await env.DB.prepare(sql)
    .bind(fields.name, fields.description, fields.price_cents)
    .first<Item>();
  return item!;
}

/** The item, and whether it came from the cache. */
export async function read(env: Env, id: number): Promise<{ item: Item | null; cached: boolean }> {
  const known = await env.CACHE.get<Item>(keyOf(id), "json");
  if (known) return { item: known, cached: true };
  const item = await env.DB.prepare("SELECT * FROM items WHERE id = ?").bind(id).first<Item>();
  if (item) {
    await env.CACHE.put(keyOf(id), JSON.stringify(item), { expirationTtl: CACHE_SECONDS });
  }
  return { item, cached: false };
}

export async function update(
  env: Env,
  id: number,
  fields: Partial<Fields>,
): Promise<Item | null> {
  const changes = Object.keys(fields).map((name) => `${name} = ?, `).join("");
  const sql = `UPDATE items SET ${changes}updated_at = ${NOW} WHERE id = ? RETURNING *`;
  const item = await env.DB.prepare(sql).bind(...Object.values(fields), id).first<Item>();
  await env.CACHE.delete(keyOf(id));
  return item;
}

export async function remove(env: Env, id: number): Promise<Item | null> {
  const item = await env.DB.prepare("DELETE FROM items WHERE id = ? RETURNING *")
    .bind(id)
    .first<Item>();
  await env.CACHE.delete(keyOf(id));
  return item;
}

function keyOf(id: number): string {
  return `item:${id}`;
}

function asObject(data: unknown): Record<string, unknown> {
  if (typeof data !== "object" || data === null || Array.isArray(data)) {
    throw new InvalidItemError({ "": "must be an object" });
  }
  return data as Record<string, unknown>;
}

function isText(value: unknown, longest: number): value is string {
  return typeof value === "string" && value.length <= longest;
}
