/** What the crons do: one function each, and one case in `taskOf`. */

const DAY = 24 * 60 * 60 * 1000;
const KEPT = 30 * DAY;
const WEEK = 7 * DAY;

/** A task: its name, and what it does at the time `now` (ms); the result is kept. */
interface Task {
  name: string;
  run(now: number, env: Env): Promise<Record<string, number>>;
}

/** Delete the events that nobody will ask for any more. */
async function cleanUp(now: number, env: Env): Promise<Record<string, number>> {
  const { meta } = await env.DB.prepare("DELETE FROM events WHERE at < ?").bind(now - KEPT).run();
  return { deleted: meta.changes };
}

/** Count the events of the past seven days, by name. */
async function report(now: number, env: Env): Promise<Record<string, number>> {
  const { results } = await env.DB.prepare(
    `SELECT name, count(*) AS count FROM events WHERE at >= ? AND at < ?
     GROUP BY name ORDER BY name`,
  ).bind(now - WEEK, now).all<{ name: string; count: number }>();
  return Object.fromEntries(results.map(({ name, count }) => [name, count]));
}

export function taskOf(cron: string): Task {
  switch (cron) {
    case "30 3 * * *":
      return { name: "clean_up", run: cleanUp };
    case "0 9 * * MON":
      return { name: "report", run: report };
  }
  throw new Error(`no task for the cron ${cron}`);
}
