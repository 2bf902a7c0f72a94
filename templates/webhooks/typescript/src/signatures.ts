/**
 * Who really sent a webhook: an HMAC-SHA256 of the body, as it came, with a shared secret.
 *
 * Stripe signs the time with the body, GitHub the body alone. `crypto.subtle.verify` compares in
 * constant time, so that the time of an answer tells nothing about the right signature.
 */

/** Seconds that Stripe's time may be away from ours; an older request may be a replay. */
const STRIPE_WINDOW = 300;

const HMAC = { name: "HMAC", hash: "SHA-256" };
const encoder = new TextEncoder();

/** The request is not, or not provably, the provider's. */
export class SignatureError extends Error {}

/**
 * Check `Stripe-Signature: t=<s since the epoch>,v1=<hex>[,v1=<hex>…]` at the time `now` (s).
 *
 * There are several v1 while a secret is being rolled; one of them must be right. Rejects with a
 * `SignatureError`.
 */
export async function verifyStripe(
  body: Uint8Array,
  header: string | null,
  secret: string,
  now: number,
): Promise<void> {
  const fields = (header ?? "").split(",").map((field) => field.trim().split("=", 2));
  const values = (wanted: string) =>
    fields.filter(([name]) => name === wanted).map(([, value = ""]) => value);
  const [time, ...more] = values("t");
  const signatures = values("v1");
  if (!/^[0-9]{1,12}$/.test(time ?? "") || more.length || !signatures.length) {
    throw new SignatureError("Stripe-Signature must be t=…,v1=…");
  }
  const signed = joined(encoder.encode(`${time}.`), body);
  const right = await Promise.all(signatures.map((one) => matches(one, signed, secret)));
  if (!right.includes(true)) throw new SignatureError("Stripe-Signature does not match");
  if (Math.abs(now - Number(time)) > STRIPE_WINDOW) {
    throw new SignatureError(`Stripe-Signature is not of the last ${STRIPE_WINDOW} s`);
  }
}

/** Check `X-Hub-Signature-256: sha256=<hex>`. Rejects with a `SignatureError`. */
export async function verifyGithub(
  body: Uint8Array,
  header: string | null,
  secret: string,
): Promise<void> {
  if (header === null) throw new SignatureError("X-Hub-Signature-256 is missing");
  const [scheme, signature] = header.split("=", 2);
  if (scheme !== "sha256" || !await matches(signature, body, secret)) {
    throw new SignatureError("X-Hub-Signature-256 does not match");
  }
}

/** The signature of `message`, in hex. */
export async function sign(message: Uint8Array, secret: string): Promise<string> {
  const digest = await crypto.subtle.sign(HMAC, await keyOf(secret), new Uint8Array(message));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array {
  const whole = new Uint8Array(head.length + tail.length);
  whole.set(head);
  whole.set(tail, head.length);
  return whole;
}

async function matches(
  signature: string | undefined,
  message: Uint8Array,
  secret: string,
): Promise<boolean> {
  if (!/^[0-9a-f]{64}$/.test(signature ?? "")) return false;
  const bytes = Uint8Array.from(signature!.match(/../g)!, (pair) => parseInt(pair, 16));
  return await crypto.subtle.verify(HMAC, await keyOf(secret), bytes, new Uint8Array(message));
}

async function keyOf(secret: string): Promise<CryptoKey> {
  const raw = encoder.encode(secret);
  return await crypto.subtle.importKey("raw", raw, HMAC, false, ["sign", "verify"]);
}
