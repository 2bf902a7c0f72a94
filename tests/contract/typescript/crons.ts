// deno-lint-ignore-file no-explicit-any
/** The `scheduled` handler (queue-cron-dev.md §2.5). */
import assert from "node:assert/strict";
import type { Cases } from "./stage.ts";

const HALF_PAST_NINE = 90 * 60; // a case begins on a Friday at eight

export default {
  "2.5.20, 2.5.21 two crons that are due at once are two runs": async (_, stage) => {
    const seen: any[] = [];
    stage.onScheduled((controller) => void seen.push(controller));
    const runs = await stage.advance(HALF_PAST_NINE);
    assert.deepEqual(
      seen.map(({ cron, scheduledTime, type }) => [cron, new Date(scheduledTime).toJSON(), type]),
      [
        ["*/30 9 * * *", "2027-01-15T09:00:00.000Z", "scheduled"],
        ["30 9 * * Fri", "2027-01-15T09:30:00.000Z", "scheduled"],
        ["*/30 9 * * *", "2027-01-15T09:30:00.000Z", "scheduled"],
      ],
    );
    assert.deepEqual(runs.map(({ at }) => at), [3600, 5400, 5400]);
  },

  "2.5.22 a run by hand has its own time": async (_, stage) => {
    let seen: any;
    stage.onScheduled((controller) => seen = controller);
    const done = await stage.scheduled("* * * * *", 1_700_000_000_000);
    assert.deepEqual(done, { outcome: "ok", noRetry: false });
    assert.deepEqual([seen.cron, seen.scheduledTime], ["* * * * *", 1_700_000_000_000]);
  },

  "without a time it is now": async (_, stage) => {
    let seen: any;
    stage.onScheduled((controller) => seen = controller);
    await stage.scheduled("");
    assert.deepEqual([seen.cron, seen.scheduledTime], ["", Date.now()]);
  },

  "2.5.24, 2.5.25 a handler that throws": async (_, stage) => {
    stage.onScheduled(() => {
      throw new Error("boom");
    });
    assert.deepEqual(await stage.scheduled("x"), { outcome: "exception", noRetry: false });
    stage.onScheduled((controller) => {
      assert.equal(controller.noRetry(), undefined);
      throw new Error("boom");
    });
    assert.deepEqual(await stage.scheduled("x"), { outcome: "exception", noRetry: true });
  },

  "2.5.26 background work that fails": async (_, stage) => {
    let done = false;
    stage.onScheduled((_, ctx) => {
      const work = new Promise<void>((_, reject) => setTimeout(reject, 20, new Error("late")));
      ctx.waitUntil(work.finally(() => done = true));
    });
    const { outcome } = await stage.scheduled("x");
    assert.deepEqual([outcome, done], ["exception", true]);
  },

  "2.5.29 a minute comes once": async (_, stage) => {
    assert.equal((await stage.advance(HALF_PAST_NINE)).length, 3);
    assert.equal((await stage.advance(30)).length, 0);
    assert.equal((await stage.advance(600)).length, 0);
  },
} satisfies Cases;
