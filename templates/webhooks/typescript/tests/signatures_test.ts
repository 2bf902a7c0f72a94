import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { sign, SignatureError, verifyGithub, verifyStripe } from "../src/signatures.ts";

const SECRET = "whsec_of_the_tests";
const NOW = 1_700_000_000;
const BODY = new TextEncoder().encode('{"id": "evt_é"}');

function stripe(at: number, secret = SECRET, body = BODY): string {
  return createHmac("sha256", secret).update(`${at}.`).update(body).digest("hex");
}

async function refused(check: Promise<void>, message: RegExp): Promise<void> {
  await assert.rejects(check, (error) => {
    assert.ok(error instanceof SignatureError);
    assert.match(error.message, message);
    return true;
  });
}

Deno.test("Stripe's signatures count for five minutes, to the second", async () => {
  const header = `t=${NOW},v1=${stripe(NOW)}`;
  for (const age of [0, 300, -300]) await verifyStripe(BODY, header, SECRET, NOW + age);
  for (const age of [301, -301]) {
    await refused(verifyStripe(BODY, header, SECRET, NOW + age), /not of the last 300 s/);
  }
});

Deno.test("one right signature of several will do", async () => {
  const old = stripe(NOW, "the old secret");
  await verifyStripe(BODY, `t=${NOW},v1=${old},v1=${stripe(NOW)},v0=${old}`, SECRET, NOW);
  const wrong = `t=${NOW},v1=${old},v0=${stripe(NOW)}`;
  await refused(verifyStripe(BODY, wrong, SECRET, NOW), /does not match/);
});

Deno.test("what is no signature is refused", async () => {
  const right = stripe(NOW);
  for (
    const header of [
      null,
      "",
      "t=1",
      "v1=00",
      `t=x,v1=${right}`,
      "t=,v1=",
      `t=${NOW},t=${NOW},v1=${right}`,
      `t=${NOW},v1=${right.toUpperCase()}`,
      `t=${NOW},v1=${right.slice(1)}`,
      `t=${NOW},v1`,
    ]
  ) {
    await refused(verifyStripe(BODY, header, SECRET, NOW), /Stripe-Signature/);
  }
});

Deno.test("the bytes are signed, not their meaning", async () => {
  const spaced = new TextEncoder().encode('{"id":"evt_é"}');
  const header = `t=${NOW},v1=${stripe(NOW)}`;
  await refused(verifyStripe(spaced, header, SECRET, NOW), /does not match/);
});

Deno.test("GitHub documents an example, and it holds", async () => {
  const body = new TextEncoder().encode("Hello, World!");
  const secret = "It's a Secret to Everybody";
  const right = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
  await verifyGithub(body, `sha256=${right}`, secret);
  assert.equal(await sign(body, secret), right);
  for (const wrong of [right, `sha256=${right.slice(0, -1)}8`, `sha1=${right}`, "sha256", ""]) {
    await refused(verifyGithub(body, wrong, secret), /does not match/);
  }
  await refused(verifyGithub(body, null, secret), /is missing/);
});
