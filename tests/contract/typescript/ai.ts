/** `env.AI` (storage-vectorize-ai.md §3.8), and JavaScript's part (§3.1 to §3.3). */
import assert from "node:assert/strict";
import { type Cases, failure, promised, refusal } from "./stage.ts";

const LLAMA = "@cf/meta/llama-3.2-3b-instruct";
const BGE = "@cf/baai/bge-base-en-v1.5";
const FLUX = "@cf/black-forest-labs/flux-1-schnell";
const SDXL = "@cf/stabilityai/stable-diffusion-xl-base-1.0";
const WHISPER = "@cf/openai/whisper";
const TURBO = "@cf/openai/whisper-large-v3-turbo";
const NOVA = "@cf/deepgram/nova-3";
const RERANKER = "@cf/baai/bge-reranker-base";
const DISTILBERT = "@cf/huggingface/distilbert-sst-2-int8";
const SOUND = new TextEncoder().encode("ID3 a sound");

/** The events of a stream, as an author reads them. */
async function frames(stream: ReadableStream<BufferSource>): Promise<string[]> {
  let text = "";
  for await (const piece of stream.pipeThrough(new TextDecoderStream())) text += piece;
  assert.ok(text.endsWith("\n\n"));
  return text.trimEnd().split("\n\n").map((frame) => frame.replace(/^data: /, ""));
}

const piped = (...pieces: Uint8Array[]) => ReadableStream.from(pieces);

export default {
  "3.8.1 a prompt is answered with text and usage": async ({ AI }) => {
    const answer = await AI.run(LLAMA, { prompt: "hi" });
    assert.equal(typeof answer.response, "string");
    const { prompt_tokens, completion_tokens, total_tokens } = answer.usage;
    assert.equal(total_tokens, prompt_tokens + completion_tokens);
  },

  "3.8.2 a streamed answer ends with done": async ({ AI }) => {
    const stream = await AI.run(LLAMA, { prompt: "hi", stream: true });
    assert.ok(stream instanceof ReadableStream);
    const found = await frames(stream);
    assert.equal(found.at(-1), "[DONE]");
    const last = JSON.parse(found.at(-2)!);
    assert.equal(last.response, "");
    assert.ok(last.usage.total_tokens > 0);
  },

  "3.8.3 the parts of a stream are the whole answer": async ({ AI }) => {
    const messages = [{ role: "user", content: "What? The sea is blue — très bleu 🌊." }];
    const whole = await AI.run(LLAMA, { messages, seed: 1 });
    const found = await frames(await AI.run(LLAMA, { messages, seed: 1, stream: true }));
    const parts = found.slice(0, -1).map((frame) => JSON.parse(frame).response);
    assert.ok(parts.length > 2);
    assert.equal(parts.join(""), whole.response);
  },

  "3.8.4, 3.8.5 embeddings": async ({ AI }) => {
    const one = await AI.run(BGE, { text: "a" });
    assert.deepEqual([one.shape, one.data.length, one.data[0].length], [[1, 768], 1, 768]);
    const two = await AI.run(BGE, { text: ["bcd", "a"] });
    assert.deepEqual([two.shape, two.data[1]], [[2, 768], one.data[0]]);
  },

  "3.8.6, 3.8.7, 3.8.8 inputs that are refused": async ({ AI }) => {
    const many = Array.from({ length: 101 }, () => "a");
    for (const text of [many, "", ["a", ""]]) {
      const [name, message] = await refusal(() => AI.run(BGE, { text }));
      assert.deepEqual([name, message.slice(0, 13)], ["AiError", "5006: Error: "]);
    }
    const missing = await failure(() => promised(() => AI.run(BGE, {})));
    assert.ok(missing instanceof Error);
    assert.equal(missing.message, "5006: Error: required properties at '/' are 'text'");
    const [, neither] = await refusal(() => AI.run(LLAMA, { prompt: undefined }));
    assert.match(neither, /^5006: Error: oneOf at '\/' not met, 0 matches: /);
  },

  "3.8.9 an unknown model": async ({ AI }) => {
    assert.deepEqual(await refusal(() => AI.run("@cf/x/y", { prompt: "hi" })), [
      "InferenceUpstreamError",
      "5007: No such model @cf/x/y or task",
    ]);
    assert.deepEqual([AI.lastRequestHttpStatusCode, AI.lastRequestInternalStatusCode], [400, 5007]);
  },

  "3.8.10 a raw response of a refusal": async ({ AI }) => {
    const response = await AI.run("@cf/x/y", { prompt: "hi" }, { returnRawResponse: true });
    assert.ok(response instanceof Response);
    assert.equal(response.status, 400);
    const { errors } = await response.json();
    assert.deepEqual(errors, [{ code: 5007, message: "No such model @cf/x/y or task" }]);
  },

  "3.8.11 JSON mode answers an object": async ({ AI }) => {
    const json_schema = {
      type: "object",
      properties: { capital: { type: "string" } },
      required: ["capital"],
    };
    const answer = await AI.run(LLAMA, {
      prompt: "The capital is Paris. Which capital?",
      response_format: { type: "json_schema", json_schema },
    });
    assert.equal(typeof answer.response, "object");
    assert.equal(typeof answer.response.capital, "string");
  },

  "3.8.12 the arguments of a tool call are an object": async ({ AI }) => {
    const parameters = {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
    };
    const asked = {
      messages: [{ role: "user", content: "What is the weather in Paris?" }],
      tools: [{ name: "get_weather", description: "Weather of a city", parameters }],
    };
    const { tool_calls } = await AI.run(LLAMA, asked);
    assert.deepEqual(tool_calls, [{ name: "get_weather", arguments: { city: "Paris" } }]);
  },

  "3.8.13 flux answers base64, SDXL a stream": async ({ AI }) => {
    const flux = await AI.run(FLUX, { prompt: "a cat" });
    assert.deepEqual(Object.keys(flux), ["image"]);
    const picture = Uint8Array.fromBase64(flux.image);
    const stream = await AI.run(SDXL, { prompt: "a cat", width: 512 });
    assert.ok(stream instanceof ReadableStream);
    assert.deepEqual(await new Response(stream).bytes(), picture);
    const raw = await AI.run(SDXL, { prompt: "a cat" }, { returnRawResponse: true });
    assert.equal(raw.headers.get("content-type"), "image/png");
    assert.deepEqual(await raw.bytes(), picture);
  },

  "3.8.14 flux takes no other keys": async ({ AI }) => {
    const [, message] = await refusal(() => AI.run(FLUX, { prompt: "a cat", num_steps: 4 }));
    const text = "Additional or unevaluated properties '/num_steps' at '/' not allowed";
    assert.equal(message, `5006: Error: ${text}`);
  },

  "3.8.15 whisper hears numbers, and no typed array": async ({ AI }) => {
    const heard = await AI.run(WHISPER, { audio: [...SOUND] });
    assert.deepEqual([heard.text, heard.word_count], ["good day", 2]);
    for (const audio of [SOUND, SOUND.buffer, new Float32Array(1), new DataView(SOUND.buffer)]) {
      const [, message] = await refusal(() => AI.run(WHISPER, { audio }));
      assert.match(message, /^5006: Error: Type mismatch of '\/audio', 'object' not in/);
    }
  },

  "3.8.16 turbo hears base64 only": async ({ AI }) => {
    const [, message] = await refusal(() => AI.run(TURBO, { audio: [...SOUND] }));
    assert.match(message, /^5006: Error: Type mismatch of '\/audio', 'array' not in/);
    const heard = await AI.run(TURBO, { audio: SOUND.toBase64() });
    assert.equal(typeof heard.text, "string");
  },

  "3.8.17 the reranker tells the best by their positions": async ({ AI }) => {
    const texts = ["rain", "the sea is blue and deep and wide", "wind", "sea water is blue", "sun"];
    const asked = { query: "sea blue deep wide", contexts: texts.map((text) => ({ text })) };
    const { response } = await AI.run(RERANKER, { ...asked, top_k: 2 });
    assert.deepEqual(response.map(({ id }: { id: number }) => id), [1, 3]);
  },

  "3.8.18 sentiment is a bare list of both labels": async ({ AI }) => {
    const found = await AI.run(DISTILBERT, { text: "I love this wonderful thing" });
    assert.ok(Array.isArray(found));
    assert.deepEqual(found.map(({ label }) => label), ["NEGATIVE", "POSITIVE"]);
  },

  "3.8.19, 3.8.22 what the last request was": async ({ AI }) => {
    const response = await AI.run(BGE, { text: "a" }, { returnRawResponse: true });
    assert.equal(response.headers.get("content-type"), "application/json");
    assert.deepEqual((await response.json()).shape, [1, 768]);
    assert.equal(AI.lastRequestHttpStatusCode, 200);
    assert.equal(AI.lastRequestId, response.headers.get("cf-ai-req-id"));
    assert.deepEqual([AI.lastRequestInternalStatusCode, AI.aiGatewayLogId], [null, null]);
    const before = AI.lastRequestId;
    await AI.run(BGE, { text: "a" });
    assert.notEqual(AI.lastRequestId, before);
  },

  "3.8.20 two streams are refused": async ({ AI }) => {
    const audio = { body: piped(SOUND), contentType: "audio/mpeg" };
    assert.deepEqual(await refusal(() => AI.run(WHISPER, { a: audio, b: piped(SOUND) })), [
      "AiInternalError",
      "Multiple ReadableStreams are not supported. Found streams in keys: [a, b]",
    ]);
    const [, untyped] = await refusal(() => AI.run(WHISPER, { audio: { body: piped(SOUND) } }));
    assert.match(untyped, /^Content-Type is required with ReadableStream inputs/);
  },

  "3.8.21 without inputs": async ({ AI }) => {
    for (const given of [[], [undefined], [null]]) {
      assert.deepEqual(await refusal(() => promised(() => AI.run("m", ...given))), [
        "TypeError",
        "Cannot convert undefined or null to object",
      ]);
    }
  },

  "3.8.23 a file that cannot be converted spoils nothing": async ({ AI }) => {
    const page = new Blob(["<h1>Hello</h1><p>World</p>"], { type: "text/html" });
    const pdf = new Blob(["%PDF"], { type: "application/pdf" });
    const files = [{ name: "a.html", blob: page }, { name: "b.pdf", blob: pdf }];
    const found = await AI.toMarkdown(files);
    assert.deepEqual(found.map(({ format }: { format: string }) => format), ["markdown", "error"]);
    assert.equal(found[0].data, "# Hello\n\nWorld");
    const one = await AI.toMarkdown(files[0]);
    assert.deepEqual([one.name, one.mimeType], ["a.html", "text/html"]);
    assert.equal((await AI.toMarkdown().transform(files)).length, 2);
    assert.ok((await AI.toMarkdown().supported()).length > 0);
    assert.ok(await failure(() => promised(() => AI.toMarkdown({}))) instanceof TypeError);
  },

  "3.8.24 a queued request": async ({ AI }) => {
    const requests = [{ text: "a", external_reference: "first" }];
    const queued = await AI.run(BGE, { requests }, { queueRequest: true });
    assert.deepEqual(Object.keys(queued).toSorted(), ["model", "request_id", "status"]);
    assert.equal(queued.status, "queued");
    let found = await AI.run(BGE, { request_id: queued.request_id });
    while (!found.responses) found = await AI.run(BGE, { request_id: queued.request_id });
    const [first] = found.responses;
    assert.deepEqual([first.external_reference, first.result.shape], ["first", [1, 768]]);
  },

  "3.8.25 an aborted signal": async ({ AI }) => {
    const before = AbortSignal.abort();
    const [name] = await refusal(() =>
      promised(() => AI.run(BGE, { text: "a" }, { signal: before }))
    );
    assert.equal(name, "AbortError");
    const controller = new AbortController();
    const { signal } = controller;
    const stream = await AI.run(LLAMA, { prompt: "hi", stream: true }, { signal });
    const reader = stream.getReader();
    assert.ok((await reader.read()).value instanceof Uint8Array);
    const call = AI.run(BGE, { text: "a" }, { signal });
    controller.abort();
    assert.equal((await failure(() => reader.read())).name, "AbortError");
    assert.equal((await failure(() => call)).name, "AbortError");
    const reason = new RangeError("of the author's");
    const own = AI.run(BGE, { text: "a" }, { signal: AbortSignal.abort(reason) });
    assert.equal(await failure(() => own), reason);
    assert.ok(await failure(() => AI.run(BGE, { text: "a" }, { signal: 5 })) instanceof TypeError);
  },

  "a signal that stays silent changes nothing": async ({ AI }) => {
    const { signal } = new AbortController();
    assert.deepEqual((await AI.run(BGE, { text: "a" }, { signal })).shape, [1, 768]);
    const found = await frames(await AI.run(LLAMA, { prompt: "hi", stream: true }, { signal }));
    assert.equal(found.at(-1), "[DONE]");
  },

  "a stream is heard with its type": async ({ AI }) => {
    const body = piped(SOUND.subarray(0, 3), SOUND.subarray(3));
    const heard = await AI.run(NOVA, { audio: { body, contentType: "audio/mpeg" } });
    assert.equal(heard.results.channels[0].alternatives[0].transcript, "good day");
  },

  "a stream that nobody reads to its end": async ({ AI }) => {
    const stream = await AI.run(LLAMA, { prompt: "hi", stream: true });
    await stream.cancel();
    const raw = await AI.run(LLAMA, { prompt: "hi", stream: true }, { returnRawResponse: true });
    assert.match(raw.headers.get("content-type"), /^text\/event-stream/);
    assert.equal((await frames(raw.body)).at(-1), "[DONE]");
  },

  "what is not on this machine": async ({ AI }) => {
    assert.deepEqual(await AI.getLogs(), []);
    for (const name of ["gateway", "autorag", "aiSearch", "fetch"]) {
      assert.ok(await failure(() => AI[name]("x")) instanceof Error);
    }
    const [model] = await AI.models({ search: "bge-base" });
    assert.equal(model.name, BGE);
  },
} satisfies Cases;
