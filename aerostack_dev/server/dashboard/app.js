// The control page. Everything that comes from the server is inserted as text, never as
// markup. The token arrives in the URL fragment, which no server and no log ever sees.

const SHOWN = 200;
const REFRESH_MS = 5000;
const RETRY_MS = 1500;
const TOKEN = "aerostack-token";

const byId = (id) => document.getElementById(id);

/** An element with attributes, properties that begin with "on", and children (text is text). */
function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== null && value !== false) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== ""));
  return made;
}

/* ---- the connection ---- */

function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem(TOKEN, given);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem(TOKEN) ?? "";
}

let token = takeToken();

class Refused extends Error {}

async function call(path, body, signal) {
  const changing = body !== undefined;
  const response = await fetch(path, {
    method: changing ? "POST" : "GET",
    headers: {
      authorization: `Bearer ${token}`,
      ...(changing ? { "content-type": "application/json" } : {}),
    },
    body: changing ? JSON.stringify(body) : undefined,
    signal,
  });
  if (response.ok) return response;
  if (response.status === 401) throw new Refused();
  const { error } = await response.json();
  throw new Error(error.hint ? `${error.message} (${error.hint})` : error.message);
}

const get = async (path) => (await call(path)).json();
const post = async (path, body) => (await call(path, body)).json();

function connection(text, state) {
  byId("connection").textContent = text;
  byId("connection").className = `chip ${state}`;
}

function notice(text) {
  byId("notice").textContent = text;
  byId("notice").hidden = !text;
}

/** Run an action of the user; what goes wrong is said on the page. */
async function attempt(action, button) {
  button.disabled = true;
  notice("");
  try {
    await action();
  } catch (error) {
    notice(error instanceof Refused ? LOCKED : error.message);
  } finally {
    button.disabled = false;
  }
}

const LOCKED =
  "This page has no valid key. Open the address that `aerostack dev` printed, or press d in its terminal.";

/* ---- the function, its bindings, crons and queues ---- */

function row(...cells) {
  return el("tr", {}, ...cells.map((cell) => el("td", {}, cell)));
}

/** Replace the children only if they would look different, so that nothing flickers. */
function update(target, children) {
  const draft = target.cloneNode(false);
  draft.append(...children);
  if (!target.isEqualNode(draft)) target.replaceChildren(...draft.childNodes);
}

function showStatus(status) {
  document.title = `${status.name || "function"} · aerostack dev`;
  byId("name").textContent = status.name || "aerostack dev";
  byId("url").textContent = status.url.replace(/^http:\/\//, "");
  if (/^http:\/\//.test(status.url)) byId("url").href = status.url;
  update(byId("handlers"), status.handlers.map((name) => el("span", { class: "chip" }, name)));
  showFailure(status.failure);
  update(byId("bindings"), status.bindings.map((binding) =>
    row(
      el("b", {}, binding.name),
      el("span", {}, binding.resource, el("small", {}, binding.title)),
      el("small", { title: binding.where }, binding.backend),
    )));
  showCrons(status.crons);
}

function showFailure(failure) {
  byId("failure").hidden = failure === null;
  if (failure === null) return;
  update(byId("failure"), [
    el("h2", {}, "The function does not load"),
    el("p", {}, el("b", {}, failure.type), ` ${failure.message}`),
    el("pre", {}, failure.stack),
  ]);
}

function showCrons(crons) {
  const children = crons.map(({ cron, next }) =>
    el("div", { class: "cron" },
      el("div", {},
        el("code", {}, cron),
        el("small", { title: next.join("\n") }, next.length ? upcoming(next[0]) : "never fires"),
      ),
      el("button", { type: "button", "data-cron": cron }, "Run"),
    ));
  update(byId("crons"), children.length ? children : [el("p", { class: "empty" }, "None configured.")]);
}

async function runCron(event) {
  const button = event.target.closest("button[data-cron]");
  if (!button) return;
  await attempt(async () => {
    const run = await post("/api/crons/run", { cron: button.dataset.cron });
    if (run.error) notice(`${run.cron} failed: ${run.error}`);
  }, button);
}

function showQueues(queues) {
  const head = el("tr", {}, ...["queue", "ready", "delayed", "in flight"].map((name) => el("th", {}, name)));
  const rows = queues.map((queue) =>
    row(
      el("span", {}, el("b", {}, queue.queue), queue.consumer ? "" : el("small", {}, "no consumer")),
      ...[queue.ready, queue.delayed, queue.inFlight].map((depth) =>
        el("span", { class: depth ? "depth" : "depth none" }, String(depth))),
    ));
  update(byId("queues"), rows.length ? [head, ...rows] : [row(el("span", { class: "empty" }, "None yet."))]);
}

function showClock({ now, aheadMs }) {
  byId("time").hidden = !aheadMs;
  byId("time").textContent = `time was moved: ${now.slice(0, 16).replace("T", " ")} UTC`;
}

async function refresh() {
  showStatus(await get("/api/status"));
  showClock(await get("/api/clock"));
  const answer = await post("/api/invoke", { target: "queue", operation: "list", arguments: [] });
  showQueues(answer.result);
}

/* ---- invocations ---- */

const clockTime = (iso) => new Date(iso).toLocaleTimeString([], { hour12: false });

function upcoming(iso) {
  const when = new Date(iso);
  const day = when.toLocaleDateString([], { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
  return `next ${day}, ${iso.slice(11, 16)} UTC`;
}

function duration(ms) {
  if (ms === null) return "…";
  if (ms >= 10000) return `${(ms / 1000).toFixed(1)} s`;
  return ms >= 100 ? `${Math.round(ms)} ms` : `${ms.toFixed(1)} ms`;
}

function result(invocation) {
  if (invocation.kind === "fetch" && invocation.status) return String(invocation.status);
  if (invocation.kind === "queue" && "total" in invocation.detail) {
    return `${invocation.detail.acked ?? 0}/${invocation.detail.total}`;
  }
  return invocation.outcome;
}

function health(invocation) {
  if (invocation.outcome !== "ok" || invocation.status >= 500) return "bad";
  return invocation.status >= 400 ? "odd" : "good";
}

/** The name of a run; a service's begins with its own, and an arrow when it was called. */
function titled({ name, service, parent }) {
  const own = service ? `${service} ${name}` : name;
  return parent ? `↳ ${own}` : own;
}

function invocationRow(invocation) {
  const calls = Object.entries(invocation.calls).map(([name, count]) => `${name} ${count}`).join(" · ");
  const details = el("details", { class: `invocation ${health(invocation)}` },
    el("summary", {},
      el("time", { title: invocation.when }, clockTime(invocation.when)),
      el("span", { class: `kind ${invocation.kind}` }, invocation.kind),
      el("span", { class: "what", title: invocation.name }, titled(invocation)),
      el("small", { class: "calls" }, calls),
      el("span", { class: "result" }, result(invocation)),
      el("span", { class: "took" }, duration(invocation.durationMs)),
    ));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(inside(invocation));
  });
  return details;
}

function inside(invocation) {
  const parts = [];
  if (invocation.failure) parts.push(el("pre", { class: "trace" }, invocation.failure.stack));
  if (invocation.spans.length) parts.push(waterfall(invocation));
  if (invocation.logs.length) {
    parts.push(el("pre", {}, ...invocation.logs.map((log) =>
      el("span", { class: `log ${log.level.toLowerCase()}` }, `${log.message.replace(/\n$/, "")}\n`))));
  }
  if (!parts.length) parts.push(el("p", { class: "empty" }, "No binding was called and nothing was printed."));
  const caller = invocation.parent ? `, called by ${invocation.parent}` : "";
  return el("div", { class: "inside" }, ...parts, el("small", {}, `request ${invocation.id}${caller}`));
}

function waterfall(invocation) {
  const ends = invocation.spans.map((span) => span.startMs + (span.durationMs ?? 0));
  const total = Math.max(invocation.durationMs ?? 0, ...ends, 0.001);
  const percent = (ms) => `${Math.min(100, Math.max(0, (100 * ms) / total))}%`;
  return el("div", { class: "waterfall" }, ...invocation.spans.map((span) => {
    const bar = el("i", { class: span.error ? "bad" : "" });
    bar.style.marginLeft = percent(span.startMs);
    bar.style.width = percent(span.durationMs ?? total - span.startMs);
    return el("div", { title: span.error ?? span.subject },
      el("span", { class: "call" }, el("b", {}, span.binding), `.${span.operation} `, el("small", {}, span.subject)),
      el("span", { class: "lane" }, bar),
      el("span", { class: "took" }, duration(span.durationMs)),
    );
  }));
}

let total = 0;

function addInvocations(newestLast) {
  const list = byId("invocations");
  if (!newestLast.length) return;
  list.querySelector(".empty:only-child")?.remove();
  for (const invocation of newestLast) list.prepend(invocationRow(invocation));
  while (list.children.length > SHOWN) list.lastElementChild.remove();
  total += newestLast.length;
  byId("count").textContent = total > SHOWN ? `the last ${SHOWN}` : String(total);
}

/* ---- live events: server-sent, read by fetch because only fetch can send the key ---- */

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s)));
      if (fields.data) yield { name: fields.event, data: JSON.parse(fields.data) };
    }
  }
}

let refreshing;

function refreshSoon() {
  refreshing ??= setTimeout(() => {
    refreshing = undefined;
    refresh().catch(() => {}); // the stream of events notices a lost server by itself
  }, 250);
}

async function follow() {
  const stream = await call("/api/events");
  const recent = await get(`/api/invocations?limit=${SHOWN}`);
  byId("invocations").replaceChildren();
  total = 0;
  addInvocations(recent.reverse());
  if (!recent.length) byId("invocations").append(el("p", { class: "empty" }, "Nothing has run yet. Send a request and it appears here."));
  const known = new Set(recent.map((invocation) => invocation.id));
  await refresh();
  connection("live", "good");
  notice("");
  for await (const { name, data } of events(stream.body)) {
    if (name === "missed") notice(`${data.missed} invocations went by too fast to show.`);
    else if (!known.has(data.id)) addInvocations([data]);
    refreshSoon();
  }
}

async function stayConnected() {
  for (;;) {
    try {
      await follow();
    } catch (error) {
      if (error instanceof Refused) {
        connection("locked", "bad");
        notice(LOCKED);
        return;
      }
    }
    connection("offline", "bad");
    await new Promise((resume) => setTimeout(resume, RETRY_MS));
  }
}

byId("crons").addEventListener("click", runCron);
byId("reload").addEventListener("click", (event) =>
  attempt(async () => showStatus(await post("/api/reload", {})), event.currentTarget));
addEventListener("hashchange", () => {
  token = takeToken();
  location.reload();
});
setInterval(() => document.hidden || refreshSoon(), REFRESH_MS);
stayConnected();
