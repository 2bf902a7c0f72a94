// deno-lint-ignore-file no-explicit-any
/**
 * The function that the contract's cases run in. `POST /<room>/<case>` begins a case; it
 * ends, or asks something of the test, which answers with `POST /answer`.
 */
import ai from "./ai.ts";
import cache from "./cache.ts";
import crons from "./crons.ts";
import database from "./database.ts";
import queue from "./queue.ts";
import { type Cases, Stage } from "./stage.ts";
import storage from "./storage.ts";
import vectorize from "./vectorize.ts";

const ROOMS: Record<string, Cases> = { ai, cache, crons, database, queue, storage, vectorize };

let stage: Stage;
let ended: Promise<unknown> = Promise.resolve();

async function begin(room: string, name: string, request: Request, env: any): Promise<void> {
  stage = new Stage(request);
  await ROOMS[room][name](env, stage);
}

export default {
  async fetch(request: Request, env: any): Promise<Response> {
    const [, room, name] = new URL(request.url).pathname.split("/").map(decodeURIComponent);
    if (!room) {
      const named = Object.entries(ROOMS).map(([each, cases]) => [each, Object.keys(cases)]);
      return Response.json(Object.fromEntries(named));
    }
    if (room === "answer") {
      stage.answer((await request.json()).value);
    } else {
      ended = begin(room, name, request, env).then(() => ({ ended: true }));
      ended.catch(() => {}); // it is told below
    }
    return Response.json(await Promise.race([ended, stage.asked]) ?? null);
  },

  queue: (batch: any, _env: any, ctx: any) => stage.deliver(batch, ctx),

  scheduled: (controller: any, _env: any, ctx: any) => stage.fire(controller, ctx),
};
