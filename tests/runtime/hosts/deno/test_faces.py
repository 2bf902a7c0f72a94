"""The other bindings in TypeScript: storage, vectors, models."""

from __future__ import annotations

import pytest

from aerostack_dev.bindings.kinds import KINDS

pytestmark = pytest.mark.asyncio(loop_scope="module")

needs = {
    name: pytest.mark.skipif(name not in KINDS, reason=f"the room {name} is not registered")
    for name in ("storage", "vectorize", "ai")
}


async def value(function, code):
    answer = await function.run(code)
    assert "error" not in answer, answer
    return answer["value"]


@needs["storage"]
@pytest.mark.spec("storage 1.11.1")
@pytest.mark.spec("storage 1.11.2")
@pytest.mark.spec("storage 1.11.28")
async def test_objects(function):
    code = """
        const put = await env.STORAGE.put("k", "value", {
          httpMetadata: { contentType: "text/x", cacheExpiry: new Date(5000) },
          customMetadata: { a: 1 },
        });
        const head = await env.STORAGE.head("k");
        const got = await env.STORAGE.get("k", { range: { offset: 1, length: 2 } });
        const before = got.bodyUsed, text = await got.text(), after = got.bodyUsed;
        const again = await got.text().catch((error) => error.message);
        const headers = new Headers();
        got.writeHttpMetadata(headers);
        return [put.size, head.etag, "body" in head, text, got.range, before, after, again,
                [...headers], head.uploaded instanceof Date, got.customMetadata,
                JSON.parse(JSON.stringify(head.checksums)), await env.STORAGE.head("none")];
    """
    etag = "2063c1608d6e0baf80249c42e2be5804"
    used = (
        "Body has already been used. It can only be used once. Use tee() first if you need to "
        "read it twice."
    )
    headers = [["content-type", "text/x"], ["expires", "Thu, 01 Jan 1970 00:00:05 GMT"]]
    assert await value(function, code) == [
        5, etag, False, "al", {"offset": 1, "length": 2}, False, True, used, headers, True,
        {"a": "1"}, {"md5": etag}, None,
    ]  # fmt: skip


@needs["storage"]
@pytest.mark.spec("storage 1.11.5")
@pytest.mark.spec("storage 1.11.6")
@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("put('k')", "parameter 2 is not of type 'ReadableStream or"),
        ("put('k', 5)", "parameter 2 is not of type 'ReadableStream or"),
        ("put('k', {})", "parameter 2 is not of type 'ReadableStream or"),
        ("put('k', new TransformStream().readable)", "must have a known length"),
        ("put('k', '', {onlyIf: {uploadedBefore: 'x'}})", "is not of type 'date'"),
        ("put('k', '', {md5: 'ff', sha1: 'ff'})", "multiple hashing algorithms"),
    ],
)
async def test_refused_objects(function, call, text):
    name, message = (await function.run(f"return env.STORAGE.{call}"))["error"]
    assert name == "TypeError"
    assert text in message


@needs["storage"]
@pytest.mark.spec("storage 1.11.6")
@pytest.mark.spec("storage 1.11.8")
async def test_streams_of_known_length_are_stored(function):
    code = """
        const { readable, writable } = new FixedLengthStream(2);
        const writer = writable.getWriter();
        writer.write(new TextEncoder().encode("ok")); writer.close();
        const fixed = await env.STORAGE.put("f", readable);
        const blob = await env.STORAGE.put("b", new Blob(["blob"], { type: "text/x" }), {
          httpMetadata: new Headers({ expires: "Thu, 01 Jan 1970 00:00:05 GMT", "x-a": "y" }) });
        const copied = await env.STORAGE.put("c", (await env.STORAGE.get("b")).body);
        const page = await env.STORAGE.list({ limit: 1 });
        return [fixed.size, blob.size, blob.httpMetadata.cacheExpiry.getTime(), copied.size,
                page.objects.map((each) => each.key), page.truncated, typeof page.cursor];
    """
    assert await value(function, code) == [2, 4, 5000, 4, ["b"], True, "string"]


@needs["storage"]
async def test_an_upload_in_parts(function):
    code = """
        const begun = await env.STORAGE.createMultipartUpload("parts");
        const upload = env.STORAGE.resumeMultipartUpload("parts", begun.uploadId);
        const part = await upload.uploadPart(1, new Uint8Array(10));
        const object = await upload.complete([part]);
        await env.STORAGE.delete(["parts"]);
        const refused = await upload.uploadPart(0, "x").catch((error) => error.message);
        return [object.size, await env.STORAGE.head("parts"), refused];
    """
    size, gone, refused = await value(function, code)
    assert (size, gone) == (10, None)
    assert refused.startswith("Part number must be between 1 and 10000")


@needs["vectorize"]
async def test_vectors(function):
    code = """
        await env.VECTORIZE.upsert([
          { id: "a", values: new Float32Array([1, 0]), metadata: { n: 1 } },
          { id: "b", values: [0, 1] }]);
        const options = { topK: 1, returnMetadata: true };
        const { matches, count } = await env.VECTORIZE.query(new Float64Array([1, 0]), options);
        const [one] = await env.VECTORIZE.getByIds(["b"]);
        return [matches, count, options.returnMetadata, one.values];
    """
    matches, count, shown, values = await value(function, code)
    assert (matches[0]["id"], matches[0]["metadata"]) == ("a", {"n": 1})
    assert (count, shown, values) == (1, "all", [0, 1])


@needs["ai"]
async def test_models(function):
    code = """
        const model = "@cf/meta/llama-3.1-8b-instruct";
        const missing = await env.AI.run(model).catch((error) => error.name);
        const unknown = await env.AI.run("@cf/none", { prompt: "x" }).catch((error) => error.name);
        return [missing, unknown, typeof env.AI.lastRequestId, await env.AI.getLogs()];
    """
    assert await value(function, code) == ["TypeError", "InferenceUpstreamError", "string", []]
