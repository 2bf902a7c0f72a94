// miniflare through its API, without wrangler: node miniflare.mjs PORT index.js STATE
import { Miniflare } from "miniflare";

const [port, script, state] = process.argv.slice(2);

const miniflare = new Miniflare({
  host: "127.0.0.1",
  port: Number(port),
  modules: true,
  scriptPath: script,
  compatibilityDate: "2026-01-01",
  d1Databases: ["DB"],
  d1Persist: `${state}/d1`,
  kvNamespaces: ["CACHE"],
  kvPersist: `${state}/kv`,
  r2Buckets: ["STORAGE"],
  r2Persist: `${state}/r2`,
  queueProducers: { QUEUE: "bench" },
  queueConsumers: { bench: { maxBatchSize: 100, maxBatchTimeout: 0 } },
});

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, async () => {
    await miniflare.dispose();
    process.exit(0);
  });
}
await miniflare.ready;
