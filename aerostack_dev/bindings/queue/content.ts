/** The content types of a message: between a value and the bytes of its body (§1.1). */
import { deserialize, serialize } from "node:v8";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** `value` as a body. Throws for a type that does not exist or cannot hold it. */
export function encode(value: unknown, contentType: unknown): Uint8Array {
  switch (contentType) {
    case "json":
      return encoder.encode(JSON.stringify(value) ?? "null");
    case "text":
      if (typeof value !== "string") throw mismatch("text", "string", value);
      return encoder.encode(value);
    case "bytes":
      if (!ArrayBuffer.isView(value)) {
        throw mismatch("bytes", "ArrayBufferView", value);
      }
      return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
        .slice();
    case "v8":
      return cloned(value);
    default:
      throw new TypeError(
        `Unsupported queue message content type: ${contentType}`,
      );
  }
}

/** The value of a body. Throws when it is damaged or of another language. */
export function decode(body: Uint8Array, contentType: string): unknown {
  switch (contentType) {
    case "json":
      return JSON.parse(decoder.decode(body));
    case "text":
      return decoder.decode(body);
    case "bytes":
      return body.slice();
    case "v8":
      return deserialize(body);
    default:
      throw new TypeError(
        `unknown content type of a stored message: ${contentType}`,
      );
  }
}

function cloned(value: unknown): Uint8Array {
  try {
    return new Uint8Array(serialize(value));
  } catch (error) {
    throw new DOMException((error as Error).message, "DataCloneError");
  }
}

function mismatch(type: string, wanted: string, value: unknown): TypeError {
  return new TypeError(
    `Content Type "${type}" requires a value of type ${wanted}, ` +
      `but received: ${typeof value}`,
  );
}
