/**
 * Send the documents of documents.json to the running server.
 *
 *     deno task seed http://127.0.0.1:8788
 */
import documents from "../documents.json" with { type: "json" };

function fail(message: string, code = 1): never {
  console.error(message);
  Deno.exit(code);
}

const [base = ""] = Deno.args;
if (!URL.canParse(base)) fail("name the URL of the server", 2);
const url = new URL("/documents", base);
for (const document of documents) {
  const response = await fetch(url, { method: "POST", body: JSON.stringify(document) })
    .catch((error) => fail(`${url} cannot be reached: ${error.message}`));
  const answer = await response.text();
  if (!response.ok) fail(`${document.title}: ${response.status} ${answer}`);
}
console.log(`${documents.length} documents sent`);
